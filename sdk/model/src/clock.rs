//! Time as an argument.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// Where a part reads the time. Parts take one as an argument, so that tests set it by hand.
///
/// The hot path never reads a clock; collections, exemplars and windows do.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use throughline_model::Clock;
///
/// /// A clock that stands still.
/// #[derive(Debug)]
/// struct Stopped;
///
/// impl Clock for Stopped {
///     fn now(&self) -> SystemTime {
///         SystemTime::UNIX_EPOCH
///     }
///
///     fn monotonic(&self) -> Duration {
///         Duration::ZERO
///     }
/// }
///
/// let clock: Box<dyn Clock> = Box::new(Stopped);
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH);
/// assert_eq!(clock.monotonic(), Duration::ZERO);
/// ```
pub trait Clock: Send + Sync + Debug {
    /// The wall clock. It may jump in either direction.
    fn now(&self) -> SystemTime;

    /// Time since an arbitrary origin that stays the same for the life of the clock. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
///
/// ```
/// use throughline_model::{Clock, SystemClock};
///
/// let before = SystemClock.monotonic();
/// assert!(SystemClock.monotonic() >= before);
/// ```
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
