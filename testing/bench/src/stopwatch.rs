//! How long a single step takes, where a loop would only tell the mean.

use std::sync::LazyLock;

use hdrhistogram::Histogram;
use quanta::Clock;

static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::new);

/// What two readings of the clock take that follow each other, in ticks of the clock: the least of many.
static OVERHEAD: LazyLock<u64> = LazyLock::new(|| {
    let pairs = (0..100_000).map(|_| {
        let start = CLOCK.raw();
        CLOCK.raw() - start
    });
    pairs.min().unwrap_or_default()
});

/// Nanoseconds that are subtracted from each step: those of the stopwatch itself.
pub fn overhead() -> f64 {
    CLOCK.delta_as_nanos(0, *OVERHEAD * 1000) as f64 / 1000.0
}

/// Times steps by the processor's own counter, in picoseconds, and keeps the distribution.
#[derive(Debug)]
pub struct Stopwatch {
    took: Histogram<u64>,
}

impl Stopwatch {
    /// One that has timed nothing.
    pub(crate) fn new() -> Self {
        LazyLock::force(&OVERHEAD);
        let took = Histogram::new(3).expect("three digits are supported");
        Self { took }
    }

    /// Times a step.
    #[inline]
    pub(crate) fn time(&mut self, step: impl FnOnce()) {
        let start = CLOCK.raw();
        step();
        let ticks = CLOCK.raw() - start;
        let own = ticks.saturating_sub(*OVERHEAD);
        // A histogram that grows takes every value.
        let _ = self.took.record(CLOCK.delta_as_nanos(0, own * 1000));
    }

    /// The time that this share of the steps kept to, in nanoseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        self.took.value_at_quantile(share) as f64 / 1000.0
    }
}
