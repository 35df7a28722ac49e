//! How a stream differs from the instrument it comes from.

use std::borrow::Cow;

use opentelemetry::{Key, KeyValue};

use crate::exemplar::Factory;
use crate::select::{Candidate, Selector};
use crate::{Aggregation, Error, ExemplarReservoir, Outliers};

/// Shapes the streams of the instruments that its [`Selector`] picks (specification: `metrics/sdk.md`, "View").
///
/// Each view that matches an instrument makes a stream of its own; an instrument that no view matches has one
/// default stream. What a view leaves open comes from the instrument and from the reader.
///
/// ```
/// use throughline_engine::{Aggregation, Selector, View};
/// # use opentelemetry::{KeyValue, metrics::MeterProvider as _};
/// # use throughline_engine::{MeterProvider, Reader};
/// # use throughline_model::Collect;
///
/// let durations = View::select(Selector::name("request.duration"))
///     .rename("http.server.request.duration")
///     .describe("How long requests took")
///     .keep(["http.route", "http.request.method"])
///     .aggregation(Aggregation::exponential())
///     .cardinality_limit(500);
/// let nameless = View::select(Selector::any().scope_name("shop")).drop(["user.id"]);
/// # let reader = Reader::default();
/// # let provider = MeterProvider::builder()
/// #     .reader(reader.clone())
/// #     .view(durations)
/// #     .view(nameless)
/// #     .build()?;
/// # let meter = provider.meter("http");
/// # meter.f64_histogram("request.duration").build().record(0.2, &[]);
/// # let orders = provider.meter("shop").u64_counter("orders").build();
/// # orders.add(1, &[KeyValue::new("user.id", 7)]);
/// # orders.add(1, &[KeyValue::new("user.id", 8)]);
/// # let snapshot = reader.collect(std::time::Duration::from_secs(1))?;
/// # assert!(snapshot.metric("http.server.request.duration").is_some());
/// # assert_eq!(snapshot.metric("orders").map(|orders| orders.data.len()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub(crate) selector: Selector,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) description: Option<Cow<'static, str>>,
    pub(crate) attributes: AttributeFilter,
    pub(crate) aggregation: Aggregation,
    pub(crate) cardinality_limit: Option<usize>,
    pub(crate) reservoir: Option<Factory>,
    pub(crate) outliers: Option<Outliers>,
}

impl View {
    /// A view on what `selector` picks, which changes nothing yet.
    pub fn select(selector: Selector) -> Self {
        Self {
            selector,
            name: None,
            description: None,
            attributes: AttributeFilter::All,
            aggregation: Aggregation::Default,
            cardinality_limit: None,
            reservoir: None,
            outliers: None,
        }
    }

    /// Names the stream, in any characters. Only for selectors that pick one name, since two streams of one
    /// name would conflict.
    pub fn rename(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Describes the stream.
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Keeps these attributes alone. The last of `keep` and `drop` holds.
    ///
    /// Exemplars carry the others: where an attribute must not leave the process, choose
    /// [`ExemplarFilter::AlwaysOff`](crate::ExemplarFilter::AlwaysOff), or do not measure with it.
    pub fn keep<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.attributes = AttributeFilter::Keep(sorted(keys));
        self
    }

    /// Drops these attributes and keeps the others. The last of `keep` and `drop` holds. Exemplars carry what is
    /// dropped, as with [`keep`](Self::keep).
    pub fn drop<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.attributes = AttributeFilter::Drop(sorted(keys));
        self
    }

    /// Chooses how the stream aggregates. It beats the instrument's advice.
    pub fn aggregation(mut self, aggregation: Aggregation) -> Self {
        self.aggregation = aggregation;
        self
    }

    /// How many attribute sets the stream tells apart, at least 1; what is over goes to
    /// `otel.metric.overflow=true`. The default is the reader's.
    pub fn cardinality_limit(mut self, limit: usize) -> Self {
        self.cardinality_limit = Some(limit);
        self
    }

    /// Has `make` make the reservoirs of exemplars, one for each series and reader. The default suits the aggregation: one
    /// exemplar per bucket of an explicit histogram, 20 of an exponential one, one per CPU of others. Observable
    /// instruments keep their own.
    ///
    /// # Example
    /// See [`ExemplarReservoir`].
    pub fn exemplar_reservoir<R: ExemplarReservoir + 'static>(
        mut self,
        make: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        self.reservoir = Some(Factory::new(make));
        self
    }

    /// Chooses which measurements of the stream are outliers, if it is a histogram. The default is the
    /// [provider's](crate::MeterProviderBuilder::outliers).
    ///
    /// # Example
    /// See [`Outliers`].
    pub fn outliers(mut self, outliers: Outliers) -> Self {
        self.outliers = Some(outliers);
        self
    }

    pub(crate) fn matches(&self, candidate: Candidate<'_>) -> bool {
        self.selector.matches(candidate)
    }

    /// Whether it can be used at all.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let (Some(name), true) = (&self.name, self.selector.is_wide()) {
            return Err(Error::invalid(
                "view.name",
                name,
                "a selector without wildcards where a view renames: several streams would get one name",
            ));
        }
        if self.cardinality_limit == Some(0) {
            return Err(Error::invalid("view.cardinality_limit", 0, "at least 1"));
        }
        self.outliers.map_or(Ok(()), Outliers::check)?;
        self.aggregation.check()
    }
}

/// Sorted and each once, so that equal filters are equal.
fn sorted<K: Into<Key>>(keys: impl IntoIterator<Item = K>) -> Box<[Key]> {
    let mut keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
    keys.sort();
    keys.dedup();
    keys.into()
}

/// Lists are short: comparing lengths first is faster than any tree.
#[inline]
fn has(keys: &[Key], key: &Key) -> bool {
    keys.iter().any(|k| k.as_str() == key.as_str())
}

/// Which attributes a stream keeps.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum AttributeFilter {
    /// All.
    #[default]
    All,
    /// These alone.
    Keep(Box<[Key]>),
    /// All but these.
    Drop(Box<[Key]>),
}

impl AttributeFilter {
    #[inline]
    pub(crate) fn keeps(&self, pair: &KeyValue) -> bool {
        match self {
            Self::All => true,
            Self::Keep(keys) => has(keys, &pair.key),
            Self::Drop(keys) => !has(keys, &pair.key),
        }
    }
}
