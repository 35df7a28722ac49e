//! Time as an argument.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// Where a part reads the time. Parts take one as an argument, so that tests set it by hand.
///
/// The hot path never reads a clock; collections, exemplars and windows do.
///
/// ```
/// use throughline_model::{Clock, SystemClock};
///
/// let before = SystemClock.monotonic();
/// assert!(SystemClock.monotonic() >= before);
/// ```
pub trait Clock: Send + Sync + Debug {
    /// The wall clock. It may jump in either direction.
    fn now(&self) -> SystemTime;

    /// Time since an arbitrary origin that stays the same for the life of the clock. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed()
    }
}
