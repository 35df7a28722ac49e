//! The points of a metric: one attribute set each, and the exemplars that explain them.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};

use crate::Attributes;

/// A measured value, of the type the instrument had.
///
/// ```
/// use throughline_model::Number;
///
/// assert_ne!(Number::U64(3), Number::F64(3.0)); // the type is part of the value
/// assert_eq!(Number::U64(3).as_f64(), Number::F64(3.0).as_f64());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// From a `u64` instrument. OTLP carries integers as `i64`: see the exporter for what is above.
    U64(u64),
    /// From an `i64` instrument.
    I64(i64),
    /// From an `f64` instrument. Always finite when it comes from our engine.
    F64(f64),
}

impl Number {
    /// The value as a float; integers above 2^53 lose their lowest bits.
    ///
    /// ```
    /// assert_eq!(throughline_model::Number::U64(3).as_f64(), 3.0);
    /// ```
    pub fn as_f64(self) -> f64 {
        match self {
            Number::U64(value) => value as f64,
            Number::I64(value) => value as f64,
            Number::F64(value) => value,
        }
    }
}

/// A point of a sum or a gauge.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use opentelemetry::KeyValue;
/// use throughline_model::{Attributes, Number, NumberPoint};
///
/// let start = SystemTime::UNIX_EPOCH;
/// let orders = NumberPoint {
///     attributes: Attributes::new([KeyValue::new("tier", "gold")]),
///     start,
///     time: start + Duration::from_secs(60),
///     value: Number::U64(120),
///     exemplars: vec![],
/// };
/// let seconds = orders.time.duration_since(orders.start)?.as_secs_f64();
/// assert_eq!(orders.value.as_f64() / seconds, 2.0);
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NumberPoint {
    /// The attribute set, after the view dropped what it does not keep.
    pub attributes: Attributes,
    /// When the interval that the point covers began. `start <= time`. For a gauge it says when the
    /// series began, and exporters may leave it out.
    pub start: SystemTime,
    /// When the point was collected.
    pub time: SystemTime,
    /// The sum, or the value seen last.
    pub value: Number,
    /// Measurements of the interval, each with the span it was made in.
    pub exemplars: Vec<Exemplar>,
}

/// A point of a histogram with given bounds.
///
/// ```
/// # use std::time::SystemTime;
/// # use throughline_model::{Attributes, HistogramPoint};
/// let latency = HistogramPoint {
///     bounds: [0.1, 1.0].into(),
///     counts: vec![2, 1, 1], // up to 0.1, up to 1, above
///     sum: 3.0,
///     min: Some(0.05),
///     max: Some(2.3),
///     // …
/// #   attributes: Attributes::default(),
/// #   start: SystemTime::UNIX_EPOCH,
/// #   time: SystemTime::UNIX_EPOCH,
/// #   exemplars: vec![],
/// };
/// assert_eq!(latency.count(), 4);
/// assert_eq!(latency.sum / latency.count() as f64, 0.75);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramPoint {
    /// The attribute set, after the view dropped what it does not keep.
    pub attributes: Attributes,
    /// When the interval that the point covers began. `start <= time`.
    pub start: SystemTime,
    /// When the point was collected.
    pub time: SystemTime,
    /// Upper bounds of the buckets, inclusive, strictly increasing, finite. Bucket `i` holds values in
    /// `(bounds[i-1], bounds[i]]`, the last one everything above the last bound. Empty: one bucket.
    pub bounds: Arc<[f64]>,
    /// Measurements per bucket. `counts.len() == bounds.len() + 1`.
    pub counts: Vec<u64>,
    /// The sum of the measurements, in the metric's unit.
    pub sum: f64,
    /// The smallest measurement of the interval; `None` where it is not known.
    pub min: Option<f64>,
    /// The largest measurement of the interval; `None` where it is not known.
    pub max: Option<f64>,
    /// Measurements of the interval, each with the span it was made in; at most one per bucket from
    /// the default reservoir.
    pub exemplars: Vec<Exemplar>,
}

impl HistogramPoint {
    /// How many measurements there were: the sum of the buckets, which is the only place they are counted.
    /// [`u64::MAX`] where they are more than that.
    pub fn count(&self) -> u64 {
        total(&self.counts)
    }
}

/// A point of a base-2 exponential histogram (specification: `metrics/data-model.md`, "ExponentialHistogram").
///
/// With `base = 2^(2^-scale)`, the positive bucket of index `i` holds values in `(base^i, base^(i+1)]`.
///
/// ```
/// # use std::time::SystemTime;
/// # use throughline_model::{Attributes, ExponentialBuckets, ExponentialHistogramPoint};
/// let latency = ExponentialHistogramPoint {
///     scale: 0, // the base is 2
///     zero_count: 1,
///     zero_threshold: 0.0,
///     positive: ExponentialBuckets { offset: 1, counts: vec![2, 3] }, // (2, 4] and (4, 8]
///     negative: ExponentialBuckets::default(),
///     // …
/// #   sum: 21.0,
/// #   min: Some(0.0),
/// #   max: Some(7.0),
/// #   attributes: Attributes::default(),
/// #   start: SystemTime::UNIX_EPOCH,
/// #   time: SystemTime::UNIX_EPOCH,
/// #   exemplars: vec![],
/// };
/// assert_eq!(latency.count(), 6);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogramPoint {
    /// The attribute set, after the view dropped what it does not keep.
    pub attributes: Attributes,
    /// When the interval that the point covers began. `start <= time`.
    pub start: SystemTime,
    /// When the point was collected.
    pub time: SystemTime,
    /// The resolution, −10 to 20: one more doubles the number of buckets per power of two.
    pub scale: i32,
    /// Measurements whose magnitude is at most `zero_threshold`.
    pub zero_count: u64,
    /// The width of the zero bucket, 0 or more.
    pub zero_threshold: f64,
    /// Buckets of positive measurements.
    pub positive: ExponentialBuckets,
    /// Buckets of the magnitudes of negative measurements.
    pub negative: ExponentialBuckets,
    /// The sum of the measurements, in the metric's unit.
    pub sum: f64,
    /// The smallest measurement of the interval; `None` where it is not known.
    pub min: Option<f64>,
    /// The largest measurement of the interval; `None` where it is not known.
    pub max: Option<f64>,
    /// Measurements of the interval, each with the span it was made in.
    pub exemplars: Vec<Exemplar>,
}

impl ExponentialHistogramPoint {
    /// How many measurements there were: the sum of all buckets. [`u64::MAX`] where they are more than that.
    pub fn count(&self) -> u64 {
        self.zero_count
            .saturating_add(total(&self.positive.counts))
            .saturating_add(total(&self.negative.counts))
    }

    /// The upper bound (lower, for negative values by magnitude) of bucket `index`: `base^(index + 1)`.
    ///
    /// ```
    /// use throughline_model::ExponentialHistogramPoint;
    ///
    /// assert_eq!(ExponentialHistogramPoint::upper_bound(0, 0), 2.0);
    /// assert_eq!(ExponentialHistogramPoint::upper_bound(1, 1), 2.0);
    /// assert_eq!(ExponentialHistogramPoint::upper_bound(-1, 0), 4.0);
    /// ```
    pub fn upper_bound(scale: i32, index: i32) -> f64 {
        ((f64::from(index) + 1.0) * f64::from(-scale).exp2()).exp2()
    }
}

/// A run of adjacent buckets.
///
/// ```
/// use throughline_model::{ExponentialBuckets, ExponentialHistogramPoint};
///
/// let buckets = ExponentialBuckets { offset: -1, counts: vec![5, 0, 2] };
/// let upper_bounds: Vec<f64> = (buckets.offset..)
///     .zip(&buckets.counts)
///     .map(|(index, _)| ExponentialHistogramPoint::upper_bound(0, index))
///     .collect();
/// assert_eq!(upper_bounds, [1.0, 2.0, 4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExponentialBuckets {
    /// The index of the first bucket in `counts`.
    pub offset: i32,
    /// Measurements per bucket, from `offset` upwards. Empty where there were none.
    pub counts: Vec<u64>,
}

/// A measurement that stands for others, with the span it was made in.
///
/// ```
/// use std::time::SystemTime;
/// use opentelemetry::{KeyValue, trace::{SpanId, TraceId}};
/// use throughline_model::{Exemplar, Number};
///
/// let slow = Exemplar {
///     filtered_attributes: vec![KeyValue::new("user.id", 7)],
///     time: SystemTime::UNIX_EPOCH,
///     value: Number::F64(2.3),
///     span: Some((TraceId::from(0x4bf9), SpanId::from(0x00f0))),
/// };
/// let trace = slow.span.map(|(trace, _)| trace.to_string());
/// assert_eq!(trace.as_deref(), Some("00000000000000000000000000004bf9"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The attributes the measurement had and the point has not, since a view dropped them.
    pub filtered_attributes: Vec<KeyValue>,
    /// When it was measured. Within the point's `start..=time`.
    pub time: SystemTime,
    /// What was measured.
    pub value: Number,
    /// The trace and the span that were current; `None` where there was no span.
    pub span: Option<(TraceId, SpanId)>,
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().copied().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
