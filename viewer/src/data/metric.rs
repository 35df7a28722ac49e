//! Metrics: the points that arrive, and the totals that are kept.

use std::sync::Arc;

use super::{Attributes, BLOCK, Footprint, Origin, SpanId, Time, TraceId};

/// What makes two points belong to the same series: the sender, the stream and the attributes.
///
/// ```
/// use std::sync::Arc;
/// use throughline_viewer::{Kind, Origin, SeriesId, Value};
///
/// let gold = SeriesId {
///     origin: Arc::new(Origin::default()),
///     name: "orders".into(),
///     unit: "{order}".into(),
///     kind: Kind::Sum { monotonic: true },
///     attributes: [("tier", Value::from("gold"))].into_iter().collect(),
/// };
/// let silver = [("tier", Value::from("silver"))].into_iter().collect();
/// assert_ne!(gold, SeriesId { attributes: silver, ..gold.clone() });
/// ```
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
///
/// ```
/// use throughline_viewer::Kind;
///
/// let has_buckets = |kind| matches!(kind, Kind::Histogram | Kind::ExponentialHistogram);
/// assert!(has_buckets(Kind::Histogram) && !has_buckets(Kind::Sum { monotonic: true }));
/// ```
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
///
/// ```
/// # use std::sync::Arc;
/// # use throughline_viewer::*;
/// # let orders = |temporality, from: u64, to: u64, value| Point {
/// #     series: SeriesId {
/// #         origin: Arc::default(), name: "orders".into(), unit: "".into(),
/// #         kind: Kind::Sum { monotonic: true }, attributes: Attributes::default(),
/// #     },
/// #     description: "".into(), start: Time::from_nanos(from), time: Time::from_nanos(to), temporality,
/// #     value: Total::Number(Number::Int(value)), exemplars: vec![],
/// # };
/// let total = |points: [Point; 2]| {
///     let store = Store::new(Limits::default());
///     store.add_points(points);
///     store.series()[0].total.clone()
/// };
/// // From when, until when, how many:
/// let since_start = [orders(Temporality::Cumulative, 1, 2, 3), orders(Temporality::Cumulative, 1, 3, 7)];
/// let since_before = [orders(Temporality::Delta, 1, 2, 3), orders(Temporality::Delta, 2, 3, 4)];
/// assert_eq!(total(since_start), total(since_before));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// Since the start.
    Cumulative,
    /// Since the point before.
    Delta,
}

/// One point as it arrives.
///
/// ```
/// use std::sync::Arc;
/// use throughline_viewer::*;
///
/// let point = Point {
///     series: SeriesId {
///         origin: Arc::new(Origin::default()),
///         name: "queue.size".into(),
///         unit: "{order}".into(),
///         kind: Kind::Gauge,
///         attributes: Attributes::default(),
///     },
///     description: "orders that wait".into(),
///     start: Time::UNKNOWN,
///     time: Time::from_nanos(1_700_000_000_000_000_000),
///     temporality: Temporality::Cumulative,
///     value: Total::Number(Number::Int(12)),
///     exemplars: vec![],
/// };
/// let store = Store::new(Limits::default());
/// store.add_points([point.clone()]);
/// assert_eq!(store.series()[0].total, point.value);
/// ```
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
///
/// ```
/// use throughline_viewer::{Number, Total};
///
/// let count = |total: &Total| match total {
///     Total::Histogram(histogram) => Some(histogram.count),
///     Total::Exponential(histogram) => Some(histogram.count),
///     Total::Summary(summary) => Some(summary.count),
///     Total::Number(_) => None,
/// };
/// assert_eq!(count(&Total::Number(Number::Int(7))), None);
/// ```
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
///
/// ```
/// use throughline_viewer::Number;
///
/// assert_eq!(Number::Int(3).as_f64(), 3.0);
/// assert_ne!(Number::Int(3), Number::Double(3.0)); // as sent
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
}

impl Number {
    /// The number as a float; whole numbers past 2^53 lose their lowest bits.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(number) => number as f64,
            Number::Double(number) => number,
        }
    }
}

/// A histogram with given bounds.
///
/// ```
/// use throughline_viewer::Histogram;
///
/// let histogram = Histogram {
///     count: 4,
///     sum: Some(0.031),
///     min: None,
///     max: Some(0.012),
///     bounds: [0.005, 0.01].into(), // up to 5 ms, up to 10 ms, above
///     counts: vec![1, 2, 1],
/// };
/// assert_eq!(histogram.counts.len(), histogram.bounds.len() + 1);
/// ```
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
///
/// ```
/// use throughline_viewer::{ExponentialBuckets, ExponentialHistogram};
///
/// let histogram = ExponentialHistogram {
///     count: 4,
///     sum: Some(25.0),
///     min: Some(0.0),
///     max: Some(12.0),
///     scale: 0, // each bound is twice the one before
///     zero_count: 1,
///     zero_threshold: 0.0,
///     positive: ExponentialBuckets { offset: 2, counts: vec![2, 1] }, // (4, 8] and (8, 16]
///     negative: ExponentialBuckets::default(),
/// };
/// let buckets = histogram.positive.counts.iter().sum::<u64>();
/// assert_eq!(histogram.count, histogram.zero_count + buckets);
/// ```
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
///
/// ```
/// use throughline_viewer::ExponentialBuckets;
///
/// let buckets = ExponentialBuckets { offset: -1, counts: vec![5, 0, 3] };
/// let first_above_one = usize::try_from(-buckets.offset).unwrap();
/// assert_eq!(buckets.counts[first_above_one..], [0, 3]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExponentialBuckets {
    /// The index of the first bucket.
    pub offset: i32,
    /// Measurements per bucket.
    pub counts: Vec<u64>,
}

/// Quantiles worked out by the sender; they cannot be merged.
///
/// ```
/// use throughline_viewer::Summary;
///
/// let summary = Summary { count: 200, sum: 3.0, quantiles: vec![(0.5, 0.012), (0.99, 0.06)] };
/// assert_eq!(summary.quantiles.last(), Some(&(0.99, 0.06))); // one in a hundred is above 60 ms
/// ```
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
///
/// ```
/// use throughline_viewer::{Attributes, Exemplar, SpanId, Time, TraceId};
///
/// let slow = Exemplar {
///     time: Time::from_nanos(1_700_000_000_000_000_000),
///     value: 0.4,
///     trace: TraceId::from_bytes(&[1; 16]),
///     span: SpanId::from_bytes(&[2; 8]),
///     attributes: Attributes::default(),
/// };
/// assert!(slow.trace.is_some() && slow.span.is_some());
/// ```
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
