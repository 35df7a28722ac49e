//! Readers: who takes the numbers, how often, and in which shape.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use throughline_model::{Collect, CollectError, Snapshot};

use crate::provider::Shared;
use crate::{Aggregation, Error, TemporalityPreference};

/// Takes snapshots from one provider, at its own pace and in its own temporality (specification:
/// `metrics/sdk.md`, "MetricReader").
///
/// Clones are the same reader. Readers do not see each other: a delta reader and a cumulative one stand side
/// by side on the same data. Collections of one reader wait for each other; one that a callback asks for from inside
/// another gives [`CollectError::Reentrant`].
///
/// ```
/// use std::time::Duration;
/// use opentelemetry::metrics::MeterProvider as _;
/// use throughline_engine::{MeterProvider, Reader};
/// use throughline_model::Collect;
///
/// let reader = Reader::default();
/// let provider = MeterProvider::builder().reader(reader.clone()).build()?;
/// provider.meter("shop").u64_counter("orders").build().add(3, &[]);
///
/// let snapshot = reader.collect(Duration::from_secs(1))?;
/// assert_eq!(snapshot.metric("orders").map(|orders| orders.data.len()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Reader(Arc<Core>);

struct Core {
    settings: ReaderSettings,
    seat: OnceLock<Seat>,
    /// Who collects, while a collection is under way.
    busy: Mutex<Option<ThreadId>>,
    /// Told when one has ended.
    idle: Condvar,
}

/// Where a reader sits: its provider, and which of the provider's readers it is.
struct Seat {
    provider: Arc<Shared>,
    index: usize,
}

/// What a reader wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReaderSettings {
    pub(crate) temporality: TemporalityPreference,
    pub(crate) histogram: Aggregation,
    pub(crate) cardinality_limit: usize,
    pub(crate) component_type: &'static str,
}

impl Default for ReaderSettings {
    fn default() -> Self {
        Self {
            temporality: TemporalityPreference::Cumulative,
            histogram: Aggregation::Default,
            cardinality_limit: ReaderBuilder::CARDINALITY_LIMIT,
            component_type: "throughline_reader",
        }
    }
}

impl ReaderSettings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.cardinality_limit == 0 {
            return Err(Error::invalid("reader.cardinality_limit", 0, "at least 1"));
        }
        match self.histogram {
            Aggregation::Default
            | Aggregation::ExplicitBuckets { .. }
            | Aggregation::Exponential { .. } => self.histogram.check(),
            ref other => Err(Error::invalid(
                "reader.default_histogram_aggregation",
                other,
                "Default, ExplicitBuckets or Exponential",
            )),
        }
    }
}

impl Reader {
    /// A reader to be set up.
    pub fn builder() -> ReaderBuilder {
        ReaderBuilder::default()
    }

    pub(crate) fn settings(&self) -> &ReaderSettings {
        &self.0.settings
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.0.seat.get().is_some()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Takes its seat; false if it has one already.
    pub(crate) fn sit(&self, provider: Arc<Shared>, index: usize) -> bool {
        self.0.seat.set(Seat { provider, index }).is_ok()
    }
}

impl Default for Reader {
    /// Cumulative, with the specification's defaults.
    fn default() -> Self {
        Self::builder().build()
    }
}

impl Collect for Reader {
    fn collect(&self, deadline: Duration) -> Result<Snapshot, CollectError> {
        let seat = self.0.seat.get().ok_or(CollectError::NotRegistered)?;
        let asked = Instant::now();
        let _turn = self.0.wait_for_turn(deadline)?;
        let left = deadline.saturating_sub(asked.elapsed());
        let mut snapshot = seat.provider.collect(seat.index, left)?;
        if let Some(CollectError::Timeout(after)) = &mut snapshot.incomplete {
            // The caller's deadline, not what was left of it.
            *after = deadline;
        }
        Ok(snapshot)
    }
}

impl Core {
    /// Waits until no other collection of this reader is under way. One that this thread is in the midst of is not waited
    /// for: a callback of it asks.
    fn wait_for_turn(&self, deadline: Duration) -> Result<Turn<'_>, CollectError> {
        let me = thread::current().id();
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if *busy == Some(me) {
            return Err(CollectError::Reentrant);
        }
        let (mut busy, _) = self
            .idle
            .wait_timeout_while(busy, deadline, |busy| busy.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        if busy.is_some() {
            return Err(CollectError::Timeout(deadline));
        }
        *busy = Some(me);
        Ok(Turn(self))
    }
}

/// The right to collect. Dropping it hands it on.
struct Turn<'a>(&'a Core);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.idle.notify_one();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("settings", &self.0.settings)
            .field("registered", &self.is_taken())
            .finish()
    }
}

/// Sets a [`Reader`] up. What is out of range is an error of
/// [`MeterProviderBuilder::build`](crate::MeterProviderBuilder::build).
///
/// ```
/// use throughline_engine::{Aggregation, Reader, TemporalityPreference};
///
/// let reader = Reader::builder()
///     .temporality(TemporalityPreference::Delta)
///     .default_histogram_aggregation(Aggregation::exponential())
///     .cardinality_limit(500)
///     .component_type("periodic_metric_reader")
///     .build();
/// # let provider = throughline_engine::MeterProvider::builder().reader(reader).build()?;
/// # Ok::<(), throughline_engine::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct ReaderBuilder(ReaderSettings);

impl ReaderBuilder {
    /// How many series a stream has where nobody says (specification: `metrics/sdk.md`, "Configuring cardinality limits").
    pub const CARDINALITY_LIMIT: usize = 2000;

    /// Which instruments it reports as deltas. The default is none.
    pub fn temporality(mut self, preference: TemporalityPreference) -> Self {
        self.0.temporality = preference;
        self
    }

    /// How histograms aggregate unless a view says otherwise: [`Aggregation::Default`] (explicit buckets, the
    /// instrument's advice honoured; the default), [`Aggregation::ExplicitBuckets`] (advice beats its bounds)
    /// or [`Aggregation::Exponential`].
    pub fn default_histogram_aggregation(mut self, aggregation: Aggregation) -> Self {
        self.0.histogram = aggregation;
        self
    }

    /// How many attribute sets a stream tells apart unless a view says otherwise, at least 1. The default is
    /// 2,000 (specification: `metrics/sdk.md`, "Cardinality limits").
    pub fn cardinality_limit(mut self, limit: usize) -> Self {
        self.0.cardinality_limit = limit;
        self
    }

    /// What it is in self-telemetry: the value of `otel.component.type`, such as `periodic_metric_reader` or
    /// `prometheus_http_text_metric_exporter`. The default is `throughline_reader`.
    pub fn component_type(mut self, name: &'static str) -> Self {
        self.0.component_type = name;
        self
    }

    /// The reader, which belongs to no provider yet.
    pub fn build(self) -> Reader {
        Reader(Arc::new(Core {
            settings: self.0,
            seat: OnceLock::new(),
            busy: Mutex::new(None),
            idle: Condvar::new(),
        }))
    }
}
