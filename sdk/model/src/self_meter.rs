//! How the parts report on themselves without knowing the engine.

use std::fmt;
use std::sync::{Arc, OnceLock};

use opentelemetry::metrics::Meter;

/// A meter that is bound late: exporters and queues are built before the engine that will count for them.
///
/// Clones share the binding. The face binds it once, after everything is built.
///
/// ```
/// use opentelemetry::metrics::{Counter, MeterProvider, noop::NoopMeterProvider};
/// use throughline_model::SelfMeter;
///
/// let meter = SelfMeter::new();
/// let dropped = meter.late(|meter| meter.u64_counter("dropped").build());
/// assert!(dropped.get().is_none());
///
/// meter.bind(NoopMeterProvider::new().meter("throughline"));
/// dropped.get().expect("bound").add(1, &[]);
/// ```
#[derive(Clone, Default)]
pub struct SelfMeter(Arc<OnceLock<Meter>>);

impl SelfMeter {
    /// A meter that is not bound yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds it. A second call changes nothing: instruments may have been built already.
    pub fn bind(&self, meter: Meter) {
        self.0.get_or_init(|| meter);
    }

    /// Instruments that `build` makes once the meter is bound.
    pub fn late<T>(&self, build: fn(&Meter) -> T) -> Late<T> {
        Late {
            meter: self.clone(),
            built: OnceLock::new(),
            build,
        }
    }
}

impl fmt::Debug for SelfMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SelfMeter")
            .field(&self.0.get().is_some())
            .finish()
    }
}

/// Instruments that come to life when their [`SelfMeter`] is bound.
pub struct Late<T> {
    meter: SelfMeter,
    built: OnceLock<T>,
    build: fn(&Meter) -> T,
}

impl<T> Late<T> {
    /// The instruments; `None` before the meter is bound.
    pub fn get(&self) -> Option<&T> {
        if let Some(built) = self.built.get() {
            return Some(built);
        }
        let meter = self.meter.0.get()?;
        Some(self.built.get_or_init(|| (self.build)(meter)))
    }
}

impl<T> fmt::Debug for Late<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late")
            .field("bound", &self.built.get().is_some())
            .finish_non_exhaustive()
    }
}
