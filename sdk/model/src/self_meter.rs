//! How the parts report on themselves without knowing the engine.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

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
pub struct SelfMeter(Arc<Binding>);

#[derive(Default)]
struct Binding {
    meter: OnceLock<Meter>,
    /// Who wants the meter. Empty once it is bound.
    waiting: Mutex<Vec<Waiting>>,
}

type Waiting = Box<dyn FnOnce(&Meter) + Send>;

impl SelfMeter {
    /// A meter that is not bound yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds it. A second call changes nothing: instruments may have been built already.
    pub fn bind(&self, meter: Meter) {
        let meter = self.0.meter.get_or_init(|| meter);
        let waiting = std::mem::take(&mut *self.waiting());
        for build in waiting {
            build(meter);
        }
    }

    /// Calls `build` with the meter when it is bound, at once if it is already: for observable
    /// instruments, whose callbacks report from then on without anyone asking for them.
    ///
    /// ```
    /// use opentelemetry::metrics::{MeterProvider, noop::NoopMeterProvider};
    /// use throughline_model::SelfMeter;
    ///
    /// let meter = SelfMeter::new();
    /// meter.when_bound(|meter| {
    ///     meter.u64_observable_counter("seen").with_callback(|seen| seen.observe(7, &[])).build();
    /// });
    /// meter.bind(NoopMeterProvider::new().meter("throughline"));
    /// ```
    pub fn when_bound(&self, build: impl FnOnce(&Meter) + Send + 'static) {
        let mut waiting = self.waiting();
        // Asked under the lock: `bind` sets the meter before it takes the list.
        match self.0.meter.get() {
            Some(meter) => {
                drop(waiting);
                build(meter);
            }
            None => waiting.push(Box::new(build)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
            .field(&self.0.meter.get().is_some())
            .finish()
    }
}

/// Instruments that come to life when their [`SelfMeter`] is bound.
///
/// ```
/// use opentelemetry::metrics::Counter;
/// use throughline_model::{Late, SelfMeter};
///
/// struct Queue {
///     dropped: Late<Counter<u64>>,
/// }
///
/// let meter = SelfMeter::new();
/// let queue = Queue { dropped: meter.late(|meter| meter.u64_counter("dropped").build()) };
/// if let Some(dropped) = queue.dropped.get() {
///     dropped.add(1, &[]);
/// }
/// ```
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
        let meter = self.meter.0.meter.get()?;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use opentelemetry::metrics::{MeterProvider, noop::NoopMeterProvider};

    use super::*;

    #[test]
    fn whoever_waits_for_the_meter_is_called_once() {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = || {
            let calls = Arc::clone(&calls);
            move |_: &Meter| {
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        let meter = SelfMeter::new();
        meter.when_bound(count());
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        meter.bind(NoopMeterProvider::new().meter("a"));
        meter.bind(NoopMeterProvider::new().meter("b"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        meter.when_bound(count());
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
