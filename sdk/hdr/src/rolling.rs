//! One quantile of the last minutes, ready to be compared with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use throughline_cells::Collection;

use crate::{Counts, Error, Outside, Range, Recorder, Window};

/// A quantile of what was recorded lately: "slower than 99.9 % of the last minute".
///
/// Recording costs what [`Recorder`] costs, asking is one relaxed load. The quantile moves at a [`tick`](Self::tick),
/// which someone calls now and then, once a second say.
///
/// ```
/// use std::time::Duration;
/// use throughline_hdr::{Range, RollingQuantile};
///
/// let slow = RollingQuantile::new(Range::floats(1e-6, 60.0, 2)?, 0.99, Duration::from_secs(60))?;
/// assert_eq!(slow.bound(), f64::INFINITY); // nobody knows yet what is slow
/// (1..=1000).for_each(|ms| slow.record_f64(f64::from(ms) * 1e-3));
/// slow.tick(Duration::from_secs(1));
/// assert!((slow.bound() / 0.99 - 1.0).abs() < 0.01);
/// assert!(1.5 > slow.bound());
/// // Nothing was recorded for more than a minute.
/// slow.tick(Duration::from_secs(90));
/// assert_eq!(slow.bound(), f64::INFINITY);
/// # Ok::<(), throughline_hdr::Error>(())
/// ```
#[derive(Debug)]
pub struct RollingQuantile {
    recorder: Recorder,
    /// The bits of a float.
    bound: AtomicU64,
    quantile: f64,
    window: Mutex<Window>,
}

/// Steps that the window moves in.
const PARTS: u32 = 6;

impl RollingQuantile {
    /// The quantile `q` of the last `span`, which moves in sixths.
    ///
    /// # Errors
    ///
    /// Where `q` is not above 0 and below 1, or `span` is less than six nanoseconds.
    pub fn new(range: Range, q: f64, span: Duration) -> Result<Self, Error> {
        if !(q > 0.0 && q < 1.0) {
            return Err(Error::invalid("quantile", q, "above 0 and below 1"));
        }
        Ok(Self {
            recorder: Recorder::new(range),
            bound: AtomicU64::new(f64::INFINITY.to_bits()),
            quantile: q,
            window: Mutex::new(Window::new(range, span, PARTS)?),
        })
    }

    /// Records a value, in units of the range; see [`Recorder::record`].
    #[inline]
    pub fn record(&self, value: u64) {
        self.recorder.record(value);
    }

    /// Records a float; see [`Recorder::record_f64`].
    #[inline]
    pub fn record_f64(&self, value: f64) {
        self.recorder.record_f64(value);
    }

    /// The quantile as of the last tick, as a float. Infinite as long as the window holds fewer than `1 / (1 - q)` values:
    /// of so few, none need lie above it.
    #[inline]
    pub fn bound(&self) -> f64 {
        // Relaxed: a number alone.
        f64::from_bits(self.bound.load(Ordering::Relaxed))
    }

    /// Moves the window to `now` and the quantile with it. Waits for other collections, and so must not be called while
    /// the thread holds one: see [`tick_within`](Self::tick_within).
    pub fn tick(&self, now: Duration) {
        self.tick_within(&throughline_cells::lock(), now);
    }

    /// The same inside a collection.
    pub fn tick_within(&self, cells: &Collection, now: Duration) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.tick(now, self.recorder.collect_within(cells));
        let counts = window.counts();
        // Of fewer, all are at or below the quantile.
        let len = counts.len() as f64;
        let enough = (self.quantile * len).ceil() < len;
        let bound = counts.quantile_f64(self.quantile).filter(|_| enough);
        self.bound
            .store(bound.unwrap_or(f64::INFINITY).to_bits(), Ordering::Relaxed);
    }

    /// What the window holds, as of the last tick.
    pub fn counts(&self) -> Counts {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.counts()
    }

    /// Values that were not recorded as they are; see [`Recorder::outside`].
    pub fn outside(&self) -> Outside {
        self.recorder.outside()
    }
}
