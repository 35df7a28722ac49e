//! A clock that moves when the test says so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use throughline_model::Clock;

/// A clock that stands still until the test moves it. Clones show the same time.
///
/// It starts at 2026-01-01T00:00:00Z, so that timestamps in golden files are readable.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::Clock;
/// use throughline_testkit::ManualClock;
///
/// let clock = ManualClock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(60));
/// clock.jump_back(Duration::from_secs(5)); // an administrator sets the wall clock
/// assert_eq!(clock.now(), start + Duration::from_secs(55));
/// assert_eq!(clock.monotonic(), Duration::from_secs(60));
/// assert_eq!(ManualClock::at(start).now(), start);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Times>>);

#[derive(Debug)]
struct Times {
    wall: SystemTime,
    monotonic: Duration,
}

impl ManualClock {
    /// Seconds from the Unix epoch to 2026-01-01T00:00:00Z.
    const START: u64 = 1_767_225_600;

    /// A clock at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::at(SystemTime::UNIX_EPOCH + Duration::from_secs(Self::START))
    }

    /// A clock whose wall time starts at `wall`.
    pub fn at(wall: SystemTime) -> Self {
        let monotonic = Duration::ZERO;
        Self(Arc::new(Mutex::new(Times { wall, monotonic })))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.wall += by;
        times.monotonic += by;
    }

    /// Sets the wall clock back, as an administrator or a time server may; the monotonic one stays.
    pub fn jump_back(&self, by: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).wall -= by;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).wall
    }

    fn monotonic(&self) -> Duration {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .monotonic
    }
}
