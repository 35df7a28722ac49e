//! How busy the process is.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use throughline_model::{Clock, SystemClock};

/// Says how busy something is: 0 is idle, 1 all that it can do. More is possible, and NaN says nothing.
///
/// It is asked once a second, on a thread that starts a span: it should take microseconds at most.
///
/// # Example
///
/// Any closure will do. The sampler goes by the highest of all that it watches.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use throughline_samplers::AdaptiveSampler;
///
/// let waiting = Arc::new(AtomicU64::new(0));
/// let sampler = AdaptiveSampler::builder().build()?;
/// sampler.watch(move || waiting.load(Ordering::Relaxed) as f64 / 2_048.0);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
pub trait LoadSignal: Send + Sync + 'static {
    /// How busy it is now.
    fn load(&self) -> f64;
}

impl<F: Fn() -> f64 + Send + Sync + 'static> LoadSignal for F {
    fn load(&self) -> f64 {
        self()
    }
}

/// The share of the processors' time that this process took since it was asked last: 1 if it kept all of them
/// busy that it may use. What an adaptive sampler watches unless it is told otherwise.
///
/// ```
/// use throughline_samplers::{CpuLoad, LoadSignal};
///
/// let load = CpuLoad::new();
/// assert!(load.load() >= 0.0);
/// ```
#[derive(Debug)]
pub struct CpuLoad {
    processors: f64,
    last: Mutex<Asked>,
}

#[derive(Debug)]
struct Asked {
    at: Duration,
    /// Processor time that the process had taken then.
    taken: Duration,
    load: f64,
}

/// Less time says little, since the kernel counts in ticks.
const SHORTEST: Duration = Duration::from_millis(100);

impl CpuLoad {
    /// The load from now on.
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, CpuLoad, LoadSignal};
    ///
    /// // Two thirds of the machine are all that this program should take.
    /// let cpu = CpuLoad::new();
    /// let sampler = AdaptiveSampler::builder().load_signal(move || cpu.load() * 1.5).build()?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            processors: thread::available_parallelism().map_or(1, usize::from) as f64,
            last: Mutex::new(Asked {
                at: SystemClock.monotonic(),
                taken: processor_time(),
                load: 0.0,
            }),
        }
    }
}

impl Default for CpuLoad {
    fn default() -> Self {
        Self::new()
    }
}

impl LoadSignal for CpuLoad {
    fn load(&self) -> f64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, taken) = (SystemClock.monotonic(), processor_time());
        let elapsed = at.saturating_sub(last.at);
        if elapsed >= SHORTEST {
            let busy = taken.saturating_sub(last.taken).as_secs_f64();
            let load = busy / (elapsed.as_secs_f64() * self.processors);
            *last = Asked { at, taken, load };
        }
        last.load
    }
}

#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// No one to ask: the process never seems busy.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    Duration::ZERO
}

/// Whether there is too much to do, from a load that goes up and down.
#[derive(Debug, Default)]
pub(super) struct Overload {
    load: f64,
    overloaded: bool,
}

impl Overload {
    /// Below this share of the threshold an overload is over: a load that hovers there would switch to and fro.
    const OVER: f64 = 0.9;

    pub(super) fn observe(&mut self, load: f64, threshold: f64) {
        if load.is_nan() {
            return;
        }
        self.load += (load.clamp(0.0, 1e3) - self.load) / 2.0;
        let threshold = if self.overloaded {
            Self::OVER * threshold
        } else {
            threshold
        };
        self.overloaded = self.load > threshold;
    }

    pub(super) fn load(&self) -> f64 {
        self.load
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.overloaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overload_begins_above_the_threshold_and_ends_well_below() {
        let mut overload = Overload::default();
        let mut after = |load: f64| {
            (0..20).for_each(|_| overload.observe(load, 0.8));
            overload.is_overloaded()
        };
        let loads = [
            0.5,
            0.79,
            0.9,
            0.79,
            0.73,
            0.71,
            f64::NAN,
            f64::INFINITY,
            -1.0,
        ];
        let expected = [false, false, true, true, true, false, false, true, false];
        assert_eq!(loads.map(&mut after), expected);
    }

    #[test]
    fn one_peak_is_no_overload() {
        let mut overload = Overload::default();
        overload.observe(1.0, 0.8);
        assert!(!overload.is_overloaded());
    }

    #[cfg(unix)]
    #[test]
    fn work_takes_processor_time() {
        let before = processor_time();
        while processor_time() == before {
            std::hint::black_box((0..10_000u64).sum::<u64>());
        }
        assert!(processor_time() > before);
    }
}
