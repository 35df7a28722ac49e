//! Reservoirs of users' own.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};
use throughline_model::{Exemplar, Number};

use crate::guard::guarded;
use crate::parts::Parts;

/// Chooses the exemplars of one series for one reader (specification: `metrics/sdk.md`, "Custom ExemplarReservoir").
///
/// [`View::exemplar_reservoir`](crate::View::exemplar_reservoir) makes one for each series and reader. It sees every
/// measurement that the filter lets pass, but for those that come while another thread is offering to the same
/// series: a measurement never waits. The engine's own reservoirs cost a measurement next to nothing; this costs
/// a mutex and a look at the clock each time.
///
/// Its methods run while the engine holds locks: they must not measure, not collect from any reader and not
/// [`tick`](crate::MeterProvider::tick), or they wait for themselves. A panic is caught and counted.
///
/// ```
/// use throughline_engine::{ExemplarReservoir, Measurement, Selector, View};
/// use throughline_model::Exemplar;
///
/// /// Keeps the largest measurement.
/// #[derive(Default)]
/// struct Largest(Option<Exemplar>);
///
/// impl ExemplarReservoir for Largest {
///     fn offer(&mut self, measurement: &Measurement<'_>) {
///         let largest = self.0.as_ref().map(|e| e.value.as_f64());
///         if largest.is_none_or(|largest| measurement.value.as_f64() > largest) {
///             self.0 = Some(measurement.to_exemplar());
///         }
///     }
///
///     fn collect(&mut self) -> Vec<Exemplar> {
///         self.0.take().into_iter().collect()
///     }
/// }
///
/// let view = View::select(Selector::name("latency")).exemplar_reservoir(Largest::default);
/// # let _ = view;
/// ```
pub trait ExemplarReservoir: Send {
    /// Takes note of a measurement, or not.
    fn offer(&mut self, measurement: &Measurement<'_>);

    /// The exemplars since the last call, which begins anew. Times are brought within the point's `start..=time`.
    fn collect(&mut self) -> Vec<Exemplar>;
}

/// A measurement that may become an exemplar.
///
/// ```
/// use throughline_engine::{ExemplarReservoir, Measurement};
/// use throughline_model::Exemplar;
///
/// /// Keeps the first measurement of an error that was made in a span.
/// #[derive(Default)]
/// struct FirstError(Option<Exemplar>);
///
/// impl ExemplarReservoir for FirstError {
///     fn offer(&mut self, measurement: &Measurement<'_>) {
///         let failed = measurement.filtered_attributes.iter().any(|a| a.key.as_str() == "error.type");
///         if self.0.is_none() && failed && measurement.span.is_some() {
///             self.0 = Some(measurement.to_exemplar());
///         }
///     }
///
///     fn collect(&mut self) -> Vec<Exemplar> {
///         self.0.take().into_iter().collect()
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measurement<'a> {
    /// What was measured.
    pub value: Number,
    /// When.
    pub time: SystemTime,
    /// The trace and the span that were current; `None` where there was no span.
    pub span: Option<(TraceId, SpanId)>,
    /// The attributes that the point does not carry.
    pub filtered_attributes: &'a [KeyValue],
}

impl Measurement<'_> {
    /// As an exemplar.
    pub fn to_exemplar(&self) -> Exemplar {
        Exemplar {
            filtered_attributes: self.filtered_attributes.to_vec(),
            time: self.time,
            value: self.value,
            span: self.span,
        }
    }
}

/// Makes reservoirs.
#[derive(Clone)]
pub(crate) struct Factory(Arc<dyn Fn() -> Box<dyn ExemplarReservoir> + Send + Sync>);

impl Factory {
    pub(crate) fn new<R: ExemplarReservoir + 'static>(
        make: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || Box::new(make())))
    }
}

impl PartialEq for Factory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factory").finish_non_exhaustive()
    }
}

/// The reservoirs of one series, by feed.
pub(crate) struct Custom {
    feeds: Vec<Box<dyn ExemplarReservoir>>,
    parts: Arc<Parts>,
}

impl Custom {
    /// Makes them; none if making them panics.
    pub(crate) fn new(factory: &Factory, feeds: usize, parts: &Arc<Parts>) -> Self {
        let make = || (0..feeds).map(|_| (factory.0)()).collect();
        Self {
            feeds: guarded(&parts.tally, make).unwrap_or_default(),
            parts: Arc::clone(parts),
        }
    }

    pub(crate) fn offer(&mut self, measurement: &Measurement<'_>) {
        for reservoir in &mut self.feeds {
            guarded(&self.parts.tally, || reservoir.offer(measurement));
        }
    }

    pub(crate) fn collect(&mut self, feed: usize) -> Vec<Exemplar> {
        let reservoir = self.feeds.get_mut(feed);
        let exemplars = reservoir.and_then(|r| guarded(&self.parts.tally, || r.collect()));
        exemplars.unwrap_or_default()
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").finish_non_exhaustive()
    }
}
