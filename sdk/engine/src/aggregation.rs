//! How measurements become points: the choice. The doing stands in [`aggregate`](crate::aggregate).

use throughline_hdr::Range;

use crate::{Error, InstrumentKind};

/// How a stream aggregates (specification: `metrics/sdk.md`, "Aggregation").
///
/// ```
/// use throughline_engine::Aggregation;
///
/// let seconds = Aggregation::explicit([0.005, 0.05, 0.5, 5.0]);
/// let exponential = Aggregation::exponential();
/// assert_ne!(seconds, exponential);
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Aggregation {
    /// What the instrument kind and its advice ask for.
    #[default]
    Default,
    /// Nothing is recorded.
    Drop,
    /// The sum. Fits counters, up-down counters, histograms.
    Sum,
    /// The value recorded last. Fits gauges.
    LastValue,
    /// A histogram over given bounds. Fits synchronous instruments.
    ExplicitBuckets {
        /// Inclusive upper bounds, finite, strictly increasing. Empty: one bucket.
        bounds: Vec<f64>,
        /// Whether points carry the smallest and the largest value.
        record_min_max: bool,
    },
    /// A base-2 exponential histogram, which chooses its resolution by itself. Fits synchronous instruments.
    Exponential {
        /// Buckets at most, for positive and for negative values each: 2 to 16,384. The default is 160.
        max_size: usize,
        /// The finest scale, −10 to 20. The default is 20.
        max_scale: i8,
        /// Whether points carry the smallest and the largest value.
        record_min_max: bool,
    },
    /// A histogram that tells values apart to so many significant digits over a wide range, and leaves as a base-2
    /// exponential one. Fits synchronous instruments.
    ///
    /// A measurement is counted in a bucket that holds a value within `10^-digits` of it, or within `lowest` of it. How
    /// wide the buckets of a point are is up to `max_size`. A measurement above `highest` counts as `highest`, one below 0
    /// as 0, and both are counted (`throughline.engine.measurements.clamped`); sum, minimum and maximum are those of the
    /// measurements as they were.
    Hdr {
        /// Measurements are rounded to multiples of this; what is rounded to 0 counts as 0. In the instrument's unit,
        /// above 0.
        lowest: f64,
        /// The largest measurement that is told from larger ones: 2 to 2^53 times `lowest`.
        highest: f64,
        /// Significant digits, 1 to 5. The default is 3.
        digits: u8,
        /// Buckets of a point at most, 2 to 16,384. The default is 2,048: 1.1 % wide where the largest measurement is a
        /// billion times the smallest, finer where it is less, down to what `digits` tell apart.
        max_size: usize,
        /// Bytes that the counts of all series and threads may take together. Beyond it, measurements that would take
        /// more are told apart to 2 digits (`throughline.engine.streams.coarse`). The default is 8 MiB.
        memory_limit: usize,
        /// Whether points carry the smallest and the largest value.
        record_min_max: bool,
    },
}

impl Aggregation {
    /// A histogram over `bounds`, with minimum and maximum.
    pub fn explicit(bounds: impl Into<Vec<f64>>) -> Self {
        Self::ExplicitBuckets {
            bounds: bounds.into(),
            record_min_max: true,
        }
    }

    /// An exponential histogram of at most 160 buckets from scale 20 downwards, with minimum and maximum.
    pub fn exponential() -> Self {
        Self::Exponential {
            max_size: 160,
            max_scale: 20,
            record_min_max: true,
        }
    }

    /// A histogram of three significant digits from `lowest` to `highest`, with minimum and maximum.
    ///
    /// ```
    /// use throughline_engine::{Aggregation, Selector, View};
    ///
    /// // Seconds, from a microsecond to an hour.
    /// let view = View::select(Selector::name("*.duration")).aggregation(Aggregation::hdr(1e-6, 3600.0));
    /// ```
    pub fn hdr(lowest: f64, highest: f64) -> Self {
        Self::Hdr {
            lowest,
            highest,
            digits: 3,
            max_size: 2048,
            memory_limit: 8 << 20,
            record_min_max: true,
        }
    }

    /// Whether it makes histograms.
    pub(crate) fn is_histogram(&self) -> bool {
        matches!(
            self,
            Self::ExplicitBuckets { .. } | Self::Exponential { .. } | Self::Hdr { .. }
        )
    }

    /// Whether its settings are within their ranges.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::ExplicitBuckets { bounds, .. } => check_bounds("aggregation.bounds", bounds),
            Self::Exponential { max_size, .. } if !(2..=16_384).contains(max_size) => Err(
                Error::invalid("aggregation.max_size", max_size, "2 to 16384"),
            ),
            Self::Exponential { max_scale, .. } if !(-10..=20).contains(max_scale) => Err(
                Error::invalid("aggregation.max_scale", max_scale, "-10 to 20"),
            ),
            Self::Hdr { max_size, .. } if !(2..=16_384).contains(max_size) => Err(Error::invalid(
                "aggregation.max_size",
                max_size,
                "2 to 16384",
            )),
            Self::Hdr {
                lowest,
                highest,
                digits,
                ..
            } => hdr_range(*lowest, *highest, *digits).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Whether it makes sense for `kind`. What does not is ignored with a warning (specification:
    /// `metrics/sdk.md`, "Measurement processing").
    pub(crate) fn fits(&self, kind: InstrumentKind) -> bool {
        use InstrumentKind::{Gauge, ObservableGauge};
        match self {
            Self::Default | Self::Drop => true,
            Self::Sum => !matches!(kind, Gauge | ObservableGauge),
            Self::LastValue => matches!(kind, Gauge | ObservableGauge),
            Self::ExplicitBuckets { .. } | Self::Exponential { .. } | Self::Hdr { .. } => {
                !kind.is_asynchronous()
            }
        }
    }

    /// What `Default` means for `kind` (specification: `metrics/sdk.md`, "Default Aggregation"), where
    /// `histogram` is the reader's choice and `advice` the instrument's.
    pub(crate) fn or_default(
        self,
        kind: InstrumentKind,
        histogram: &Aggregation,
        advice: Option<&[f64]>,
    ) -> Self {
        match (self, kind) {
            (Self::Default, InstrumentKind::Gauge | InstrumentKind::ObservableGauge) => {
                Self::LastValue
            }
            (Self::Default, InstrumentKind::Histogram) => match (histogram, advice) {
                (Self::Default, Some(bounds)) => Self::explicit(bounds),
                (Self::Default, None) => Self::explicit(DEFAULT_BOUNDS),
                // Advice speaks of bounds: it holds wherever the reader's choice has bounds.
                (Self::ExplicitBuckets { record_min_max, .. }, Some(bounds)) => {
                    Self::ExplicitBuckets {
                        bounds: bounds.to_vec(),
                        record_min_max: *record_min_max,
                    }
                }
                (chosen, _) => chosen.clone(),
            },
            (Self::Default, _) => Self::Sum,
            (chosen, _) => chosen,
        }
    }
}

/// What an HDR histogram tells apart.
pub(crate) fn hdr_range(lowest: f64, highest: f64, digits: u8) -> Result<Range, Error> {
    Range::floats(lowest, highest, digits).map_err(|error| match error {
        throughline_hdr::Error::Invalid {
            field,
            value,
            expected,
        } => Error::Invalid {
            field: match field {
                "range.low" => "aggregation.lowest",
                "range.high" => "aggregation.highest",
                _ => "aggregation.digits",
            },
            value,
            expected: match field {
                "range.high" => "at least twice aggregation.lowest, at most 2^53 times",
                _ => expected,
            },
        },
        // Not to be: a range is made, nothing is merged.
        other => Error::invalid("aggregation", other, "a range"),
    })
}

/// Finite and strictly increasing.
pub(crate) fn check_bounds(field: &'static str, bounds: &[f64]) -> Result<(), Error> {
    let finite = bounds.iter().all(|bound| bound.is_finite());
    if finite && bounds.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(Error::invalid(
            field,
            bounds,
            "finite numbers in strictly increasing order",
        ))
    }
}

/// Specification: `metrics/sdk.md`, "Explicit Bucket Histogram Aggregation". Made for milliseconds.
pub(crate) const DEFAULT_BOUNDS: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];
