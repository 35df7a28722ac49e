//! How a stream tells its outliers from the rest.
//!
//! ```text
//! value > watched?  ── no ──► recorded, as ever                 (one compare on the hot path)
//!       │ yes
//!       ▼
//! Watch::sees ── a bound: watched is the bound, so it is an outlier
//!             └─ a quantile: watched is −∞; count it for the window (a histogram of the stream, in cells), which for one
//!                that is far below is an addition, else compare it with the bound that the last tick made of the window
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use throughline_cells::{Blocks, Collection};
use throughline_model::Attributes;

use crate::Outliers;
use crate::aggregate::{Aggregate, Exponential, Recorded};
use crate::exemplar;
use crate::outliers::Rule;
use crate::rolling::Rolling;
use crate::series::{NO_STREAM, Series};

/// How a stream tells its outliers from the rest.
#[derive(Debug)]
pub(crate) enum Watch {
    /// There are none.
    Nothing,
    /// What is above this.
    Above(f64),
    /// What is above the quantile of a rolling window.
    Quantile(Box<Quantile>),
}

/// The stream's own measurements of late, and the bound that follows from them.
#[derive(Debug)]
pub(crate) struct Quantile {
    /// The bits of a float, +∞ until enough was seen.
    bound: AtomicU64,
    /// The bits of a float that is not above the bound: up to it, values are not told apart.
    low: AtomicU64,
    /// What was measured, of all series, since the stream was made. `seen` is where.
    histogram: Exponential<f64>,
    seen: Series,
    rolling: Mutex<Rolling>,
}

/// 16 buckets to a power of two, each 4.4 % wide.
const SCALE: i8 = 4;
/// Smallest and largest value may differ by a factor of 2^64 at this scale.
pub(crate) const SIZE: usize = 1024;

impl Watch {
    pub(crate) fn new(outliers: Option<Outliers>, created: SystemTime) -> Self {
        match outliers.map_or(Rule::None, Outliers::rule) {
            Rule::None => Self::Nothing,
            Rule::Above(bound) => Self::Above(bound),
            Rule::Quantile(quantile) => Self::Quantile(Box::new(Quantile {
                bound: AtomicU64::new(f64::INFINITY.to_bits()),
                low: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
                histogram: Exponential::new(SIZE, SCALE, false, &[]),
                // It belongs to no stream's table, and no look-up ever finds it.
                seen: Series::new(
                    NO_STREAM,
                    Attributes::default(),
                    created,
                    None,
                    Blocks::new(),
                    None,
                ),
                rolling: Mutex::new(Rolling::new(quantile, SCALE)),
            })),
        }
    }

    /// What is above this is shown to [`sees`](Self::sees): of a quantile all.
    pub(crate) fn watched(&self) -> f64 {
        match self {
            Self::Nothing => f64::INFINITY,
            Self::Above(bound) => *bound,
            Self::Quantile(_) => f64::NEG_INFINITY,
        }
    }

    /// Up to this a value is plain to a bound instrument, which asks about a quantile [by itself](Self::counts_low).
    pub(crate) fn plain_up_to(&self) -> f64 {
        match self {
            Self::Nothing | Self::Quantile(_) => f64::INFINITY,
            Self::Above(bound) => *bound,
        }
    }

    /// Takes note of a value above `watched`, and says whether it is an outlier.
    pub(crate) fn sees(&self, value: f64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Above(bound) => value > *bound,
            Self::Quantile(quantile) => quantile.sees(value),
        }
    }

    pub(crate) fn is_of_quantile(&self) -> bool {
        matches!(self, Self::Quantile(_))
    }

    /// Counts a value for the quantile, if it is so far below that this is all there is to it.
    #[inline(always)]
    pub(crate) fn counts_low(&self, value: f64) -> bool {
        matches!(self, Self::Quantile(quantile) if quantile.counts_low(value))
    }

    /// Brings the bound up to date.
    pub(crate) fn tick(&self, cells: &Collection, now: Duration) {
        if let Self::Quantile(quantile) = self {
            quantile.tick(cells, now);
        }
    }
}

impl Quantile {
    #[inline(always)]
    fn counts_low(&self, value: f64) -> bool {
        // Relaxed: a thread that sees the new one late tells more values apart, or fewer.
        let low = f64::from_bits(self.low.load(Ordering::Relaxed));
        // What is below 0 may be refused.
        (0.0..=low).contains(&value) && self.histogram.record_zero(&self.seen)
    }

    fn sees(&self, value: f64) -> bool {
        if self.counts_low(value) {
            return false;
        }
        match self.histogram.record(&self.seen, value, exemplar::NONE) {
            Recorded::Untouched => self.sees_first(value),
            Recorded::Done | Recorded::Due | Recorded::Offer => {}
        }
        // Relaxed: a thread that sees the new bound late keeps by the old one.
        value > f64::from_bits(self.bound.load(Ordering::Relaxed))
    }

    #[cold]
    fn sees_first(&self, value: f64) {
        let recorded = self
            .histogram
            .record_first(&self.seen, value, exemplar::NONE);
        if recorded == Recorded::Untouched {
            self.histogram.record_shared(&self.seen, value);
        }
    }

    fn tick(&self, cells: &Collection, now: Duration) {
        let total = self.histogram.total(&self.seen, cells);
        let mut rolling = self.rolling.lock().unwrap_or_else(PoisonError::into_inner);
        let bound = rolling.tick(total, now).unwrap_or(f64::INFINITY);
        self.bound.store(bound.to_bits(), Ordering::Relaxed);
        self.low.store(rolling.low().to_bits(), Ordering::Relaxed);
    }
}
