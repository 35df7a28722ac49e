//! Metric points, all kinds in one flat type.

use super::{Attributes, json};
use crate::Failure;

/// One point of one series in one export.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Attributes of the resource that sent it.
    pub resource: Attributes,
    /// The name of the instrumentation scope.
    pub scope: String,
    /// The name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The attributes of the series.
    pub attributes: Attributes,
    /// Nanoseconds since 1970; 0 for a gauge.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// What was measured.
    pub value: Value,
    /// The exemplars of this point.
    pub exemplars: Vec<Exemplar>,
}

/// What a point says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A sum.
    Sum {
        /// Integers as well.
        value: f64,
        /// Never decreases.
        monotonic: bool,
        /// Since when it counts.
        temporality: Temporality,
    },
    /// A last value.
    Gauge(f64),
    /// A histogram of either kind.
    Histogram {
        /// The distribution.
        histogram: Histogram,
        /// Since when it counts.
        temporality: Temporality,
    },
}

/// A histogram's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// How many measurements.
    pub count: u64,
    /// Their sum, where there is one.
    pub sum: Option<f64>,
    /// Upper bounds; empty for an exponential histogram.
    pub bounds: Vec<f64>,
    /// One more than there are bounds; empty for an exponential histogram.
    pub buckets: Vec<u64>,
}

/// Since when a point counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporality {
    /// Since the export before.
    Delta,
    /// Since the series began.
    Cumulative,
}

/// A measurement with the span in which it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// 32 hex digits; empty outside a trace.
    pub trace_id: String,
    /// 16 hex digits; empty outside a span.
    pub span_id: String,
    /// What was measured.
    pub value: f64,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Attributes that the series does not have.
    pub attributes: Attributes,
}

impl Value {
    /// The value of a sum or gauge, the count of a histogram.
    #[expect(clippy::cast_precision_loss, reason = "tests count far below 2^53")]
    pub fn count_or_value(&self) -> f64 {
        match self {
            Self::Sum { value, .. } | Self::Gauge(value) => *value,
            Self::Histogram { histogram, .. } => histogram.count as f64,
        }
    }
}

impl Point {
    /// Takes in a later point of the same series: a delta adds up, everything else replaces.
    pub(super) fn succeed_by(&mut self, later: &Self) {
        match (&mut self.value, &later.value) {
            (
                Value::Sum { value, .. },
                Value::Sum {
                    value: more,
                    temporality: Temporality::Delta,
                    ..
                },
            ) => *value += more,
            (
                Value::Histogram { histogram, .. },
                Value::Histogram {
                    histogram: more,
                    temporality: Temporality::Delta,
                },
            ) => histogram.add(more),
            _ if later.time >= self.time => {
                *self = later.clone();
                return;
            }
            _ => return,
        }
        self.time = self.time.max(later.time);
        self.exemplars.extend(later.exemplars.iter().cloned());
    }
}

impl Histogram {
    fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.sum = self.sum.zip(more.sum).map(|(one, other)| one + other);
        for (count, more) in self.buckets.iter_mut().zip(&more.buckets) {
            *count += more;
        }
    }
}

/// Appends the points of a metric.
pub(super) fn flatten(
    resource: &Attributes,
    scope: &str,
    metric: json::Metric,
    points: &mut Vec<Point>,
) -> Result<(), Failure> {
    let json::Metric {
        name,
        unit,
        sum,
        gauge,
        histogram,
        exponential_histogram,
    } = metric;
    let mut add =
        |data: json::Data,
         value: &dyn Fn(&json::DataPoint, &json::Data) -> Result<Value, Failure>| {
            let mut data = data;
            for mut point in std::mem::take(&mut data.data_points) {
                let value = value(&point, &data)
                    .map_err(|failure| Failure::new(format!("{name}: {failure}")))?;
                points.push(Point {
                    resource: resource.clone(),
                    scope: scope.to_owned(),
                    metric: name.clone(),
                    unit: unit.clone(),
                    attributes: json::attributes(std::mem::take(&mut point.attributes)),
                    start: point.start_time_unix_nano,
                    time: point.time_unix_nano,
                    value,
                    exemplars: point
                        .exemplars
                        .into_iter()
                        .map(exemplar)
                        .collect::<Result<_, _>>()?,
                });
            }
            Ok(())
        };
    match (sum, gauge, histogram.or(exponential_histogram)) {
        (Some(data), None, None) => add(data, &|point, data| {
            Ok(Value::Sum {
                value: number(point.as_int, point.as_double)?,
                monotonic: data.is_monotonic,
                temporality: temporality(data)?,
            })
        }),
        (None, Some(data), None) => add(data, &|point, _| {
            Ok(Value::Gauge(number(point.as_int, point.as_double)?))
        }),
        (None, None, Some(data)) => add(data, &|point, data| {
            let histogram = Histogram {
                count: point.count,
                sum: point.sum,
                bounds: point.explicit_bounds.clone(),
                buckets: point.bucket_counts.clone(),
            };
            Ok(Value::Histogram {
                histogram,
                temporality: temporality(data)?,
            })
        }),
        _ => Err(Failure::new(format!(
            "{name}: neither a sum nor a gauge nor a histogram"
        ))),
    }
}

fn exemplar(exemplar: json::Exemplar) -> Result<Exemplar, Failure> {
    Ok(Exemplar {
        value: number(exemplar.as_int, exemplar.as_double)?,
        trace_id: exemplar.trace_id,
        span_id: exemplar.span_id,
        time: exemplar.time_unix_nano,
        attributes: json::attributes(exemplar.filtered_attributes),
    })
}

#[expect(clippy::cast_precision_loss, reason = "tests count far below 2^53")]
fn number(integer: Option<i64>, double: Option<f64>) -> Result<f64, Failure> {
    let number = integer.map(|integer| integer as f64).or(double);
    number.ok_or_else(|| Failure::new("a point or exemplar without a value"))
}

fn temporality(data: &json::Data) -> Result<Temporality, Failure> {
    match data.aggregation_temporality {
        1 => Ok(Temporality::Delta),
        2 => Ok(Temporality::Cumulative),
        other => Err(Failure::new(format!("aggregation temporality {other}"))),
    }
}
