//! Metrics: the points that arrive, and the totals that are kept.

use std::sync::Arc;

use super::{Attributes, BLOCK, Footprint, Origin, SpanId, Time, TraceId};

/// What makes two points belong to the same series: the sender, the stream and the attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesId {
    /// Who sent it.
    pub origin: Arc<Origin>,
    /// The metric's name.
    pub name: Arc<str>,
    /// The unit, as UCUM writes it (`s`, `By`, `{order}`); may be empty.
    pub unit: Arc<str>,
    /// What the points are.
    pub kind: Kind,
    /// The attributes of the point.
    pub attributes: Attributes,
}

/// The kind of a metric's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A value of which the newest counts.
    Gauge,
    /// A sum.
    Sum {
        /// Whether it can only grow: a counter.
        monotonic: bool,
    },
    /// A histogram with given bounds.
    Histogram,
    /// A base-2 exponential histogram.
    ExponentialHistogram,
    /// Quantiles worked out by the sender.
    Summary,
}

/// Whether points cover all time since a start, or the time since the point before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// Since the start.
    Cumulative,
    /// Since the point before.
    Delta,
}

/// One point as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The series it belongs to.
    pub series: SeriesId,
    /// What the metric measures, in words.
    pub description: Arc<str>,
    /// When what it covers began; unknown for most gauges.
    pub start: Time,
    /// When it was taken.
    pub time: Time,
    /// What `value` covers. Gauges and summaries count as cumulative.
    pub temporality: Temporality,
    /// The value.
    pub value: Total,
    /// Measurements that it holds, each with the span it was made in.
    pub exemplars: Vec<Exemplar>,
}

/// A value of a point, or the total of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Total {
    /// Of a sum or a gauge.
    Number(Number),
    /// Of a histogram with given bounds.
    Histogram(Histogram),
    /// Of an exponential histogram.
    Exponential(ExponentialHistogram),
    /// Of a summary.
    Summary(Summary),
}

/// A number, of the type that was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
}

impl Number {
    /// The number as a float; whole numbers past 2^53 lose their lowest bits.
    ///
    /// ```
    /// assert_eq!(throughline_viewer::Number::Int(3).as_f64(), 3.0);
    /// ```
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(number) => number as f64,
            Number::Double(number) => number,
        }
    }
}

/// A histogram with given bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// How many measurements.
    pub count: u64,
    /// Their sum, in the metric's unit, where it was sent.
    pub sum: Option<f64>,
    /// The smallest of them, where every part of the total knew it.
    pub min: Option<f64>,
    /// The largest of them, where every part of the total knew it.
    pub max: Option<f64>,
    /// Upper bounds, inclusive, finite, strictly increasing.
    pub bounds: Arc<[f64]>,
    /// Measurements per bucket: one more than there are bounds, or none at all if only the count is known.
    pub counts: Vec<u64>,
}

/// A base-2 exponential histogram (specification: `metrics/data-model.md`, "ExponentialHistogram").
///
/// With `base = 2^(2^-scale)`, bucket `i` holds values in `(base^i, base^(i+1)]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogram {
    /// How many measurements.
    pub count: u64,
    /// Their sum, in the metric's unit, where it was sent.
    pub sum: Option<f64>,
    /// The smallest of them, where every part of the total knew it.
    pub min: Option<f64>,
    /// The largest of them, where every part of the total knew it.
    pub max: Option<f64>,
    /// The resolution, -10 to 20.
    pub scale: i32,
    /// Measurements of a magnitude of `zero_threshold` at most.
    pub zero_count: u64,
    /// The width of the zero bucket, 0 or more.
    pub zero_threshold: f64,
    /// Positive measurements.
    pub positive: ExponentialBuckets,
    /// Negative measurements, by magnitude.
    pub negative: ExponentialBuckets,
}

/// A run of buckets of an exponential histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExponentialBuckets {
    /// The index of the first bucket.
    pub offset: i32,
    /// Measurements per bucket.
    pub counts: Vec<u64>,
}

/// Quantiles worked out by the sender; they cannot be merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many measurements.
    pub count: u64,
    /// Their sum, in the metric's unit.
    pub sum: f64,
    /// Pairs of a quantile (0 to 1) and its value.
    pub quantiles: Vec<(f64, f64)>,
}

/// A single measurement, kept as an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// When it was made.
    pub time: Time,
    /// What was measured, in the metric's unit.
    pub value: f64,
    /// The trace in which it was made.
    pub trace: Option<TraceId>,
    /// The span in which it was made.
    pub span: Option<SpanId>,
    /// Attributes that the point does not have.
    pub attributes: Attributes,
}

impl Footprint for SeriesId {
    fn footprint(&self) -> usize {
        size_of::<Self>() - size_of::<Attributes>()
            + self.attributes.footprint()
            + self.name.footprint()
            + self.unit.footprint()
    }
}

impl Footprint for Total {
    fn footprint(&self) -> usize {
        size_of::<Self>()
            + match self {
                Total::Number(_) => 0,
                Total::Histogram(h) => 8 * (h.bounds.len() + h.counts.capacity()) + 2 * BLOCK,
                Total::Exponential(h) => {
                    8 * (h.positive.counts.capacity() + h.negative.counts.capacity()) + 2 * BLOCK
                }
                Total::Summary(summary) => 16 * summary.quantiles.capacity() + BLOCK,
            }
    }
}

impl Footprint for Exemplar {
    fn footprint(&self) -> usize {
        size_of::<Self>() - size_of::<Attributes>() + self.attributes.footprint()
    }
}
