//! How an operation is declared.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SdkTracer;
use throughline_model::Clock;

use super::{DURATION_BOUNDARIES, Inner, Operation};
use crate::AttributeSet;
use crate::series::Series;

/// Declares an [`Operation`]. Made by [`Telemetry::operation`](crate::Telemetry::operation).
///
/// # Example
/// ```
/// use throughline::opentelemetry::trace::SpanKind;
///
/// throughline::attributes! { struct Charge { retried: bool => "card.retried" } }
///
/// # let telemetry = throughline::Telemetry::disabled();
/// let charge = telemetry
///     .operation("charge card")
///     .attributes::<Charge>()
///     .metric_name("shop.charge") // shop.charge.duration, .calls, .active
///     .kind(SpanKind::Client)
///     .description("A card is charged at its provider")
///     .boundaries([0.05, 0.1, 0.2, 0.4, 0.8])
///     .error_type(|error: &std::io::Error| match error.kind() {
///         std::io::ErrorKind::TimedOut => "timeout",
///         _ => "io",
///     })
///     .build();
/// charge.with(Charge { retried: false }).run(|| "paid");
/// ```
#[must_use = "a builder declares nothing before `build`"]
pub struct OperationBuilder<S = ()> {
    scope: Scope,
    name: Cow<'static, str>,
    metric_name: Option<Cow<'static, str>>,
    description: Cow<'static, str>,
    kind: SpanKind,
    boundaries: Vec<f64>,
    error_types: Vec<(TypeId, ErrorType)>,
    attributes: PhantomData<fn() -> S>,
}

/// What operations and instruments are made from.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) meter: Meter,
    /// `None` where nothing is traced: operations then leave the context as it is.
    pub(crate) tracer: Option<SdkTracer>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A `Box<dyn Fn(&E) -> Cow<'static, str>>` behind [`Any`], found by the type id of `E`.
type ErrorType = Box<dyn Any + Send + Sync>;

type ErrorTypeOf<E> = Box<dyn Fn(&E) -> Cow<'static, str> + Send + Sync>;

impl OperationBuilder {
    pub(crate) fn new(scope: Scope, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            scope,
            name: name.into(),
            metric_name: None,
            description: Cow::Borrowed(""),
            kind: SpanKind::Internal,
            boundaries: DURATION_BOUNDARIES.to_vec(),
            error_types: Vec::new(),
            attributes: PhantomData,
        }
    }
}

impl<S: AttributeSet> OperationBuilder<S> {
    /// The declared attributes ([`attributes!`](crate::attributes)), which metrics and span carry.
    /// Default: `()`, none.
    pub fn attributes<T: AttributeSet>(self) -> OperationBuilder<T> {
        OperationBuilder {
            scope: self.scope,
            name: self.name,
            metric_name: self.metric_name,
            description: self.description,
            kind: self.kind,
            boundaries: self.boundaries,
            error_types: self.error_types,
            attributes: PhantomData,
        }
    }

    /// What the metrics' names begin with. Default: the name in lower case, with `_` for everything that
    /// is no letter, digit or `.`: `charge card` gives `charge_card.duration`.
    pub fn metric_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.metric_name = Some(name.into());
        self
    }

    /// What the operation does, for people: the description of its metrics. Default: none.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// The span's kind. Default: [`SpanKind::Internal`].
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// The upper bounds of the duration's buckets, in seconds, strictly increasing.
    /// Default: those of the semantic conventions, 0.005 to 10.
    pub fn boundaries(mut self, seconds: impl Into<Vec<f64>>) -> Self {
        self.boundaries = seconds.into();
        self
    }

    /// How errors of type `E` are called in `error.type`: few names, since each is a series. May be given
    /// once for each type; the last wins. Default: the name of the type, such as `std::io::error::Error`.
    pub fn error_type<E: 'static, R: Into<Cow<'static, str>>>(
        mut self,
        name: impl Fn(&E) -> R + Send + Sync + 'static,
    ) -> Self {
        let name: ErrorTypeOf<E> = Box::new(move |error| name(error).into());
        self.error_types
            .retain(|(of_type, _)| *of_type != TypeId::of::<E>());
        self.error_types.push((TypeId::of::<E>(), Box::new(name)));
        self
    }

    /// Builds the operation. The same name gives the same metrics again, from wherever it is built.
    pub fn build(self) -> Operation<S> {
        let prefix = self
            .metric_name
            .unwrap_or_else(|| metric_prefix(&self.name).into());
        if prefix.is_empty() {
            tracing::warn!(
                operation = %self.name,
                "the operation's name has no letter that a metric's name may have, so it gives no \
                 metrics: name them with `.metric_name(..)`"
            );
        }
        let meter = self.scope.meter;
        let declaration = Declaration {
            duration: meter
                .f64_histogram(format!("{prefix}.duration"))
                .with_unit("s")
                .with_description(self.description.clone())
                .with_boundaries(self.boundaries)
                .build(),
            calls: meter
                .u64_counter(format!("{prefix}.calls"))
                .with_unit("{call}")
                .with_description(self.description.clone())
                .build(),
            active: meter
                .i64_up_down_counter(format!("{prefix}.active"))
                .with_unit("{call}")
                .with_description(self.description)
                .build(),
            name: self.name,
            kind: self.kind,
            tracer: self.scope.tracer,
            clock: self.scope.clock,
            error_types: self.error_types,
            meter,
        };
        Operation {
            inner: Arc::new(Inner {
                declaration: Arc::new(declaration),
                calls: Series::new(),
            }),
        }
    }
}

impl<S> fmt::Debug for OperationBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationBuilder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What all calls of an operation share.
pub(super) struct Declaration {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    pub(super) meter: Meter,
    pub(super) tracer: Option<SdkTracer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) duration: Histogram<f64>,
    pub(super) calls: Counter<u64>,
    pub(super) active: UpDownCounter<i64>,
    error_types: Vec<(TypeId, ErrorType)>,
}

impl Declaration {
    /// The `error.type` of an error.
    pub(super) fn error_type<E: 'static>(&self, error: &E) -> Cow<'static, str> {
        self.error_types
            .iter()
            .find(|(of_type, _)| *of_type == TypeId::of::<E>())
            .and_then(|(_, name)| name.downcast_ref::<ErrorTypeOf<E>>())
            .map_or_else(|| std::any::type_name::<E>().into(), |name| name(error))
    }
}

/// The beginning of the metrics' names: what the specification's instrument syntax allows (`metrics/api.md`,
/// "Instrument name syntax"), runs of anything else become one `_`.
fn metric_prefix(name: &str) -> String {
    let mut prefix = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() || letter == '.' {
            prefix.push(letter.to_ascii_lowercase());
        } else if !prefix.ends_with('_') {
            prefix.push('_');
        }
    }
    // An instrument's name begins with a letter.
    prefix
        .trim_matches(|letter: char| matches!(letter, '_' | '.'))
        .trim_start_matches(|letter: char| !letter.is_ascii_alphabetic())
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::metric_prefix;

    #[test]
    fn names_become_what_an_instrument_may_be_called() {
        assert_eq!(metric_prefix("charge card"), "charge_card");
        assert_eq!(metric_prefix("POST /orders/{id}"), "post_orders_id");
        assert_eq!(metric_prefix("shop.checkout"), "shop.checkout");
        assert_eq!(metric_prefix("  2nd -- try "), "nd_try");
        assert_eq!(metric_prefix("日本"), "");
    }
}
