//! Points of metrics.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as proto;
use proto::exponential_histogram_data_point::Buckets;

use super::Decoded;
use super::common::{attributes, origin};
use crate::data::{
    Exemplar, ExponentialBuckets, ExponentialHistogram, Histogram, Kind, Number, Origin, Point,
    SeriesId, SpanId, Summary, Temporality, Time, Total, TraceId,
};

/// A point with more buckets than this is refused: the specification's default for the exponential
/// histogram is 160, and a message can name millions in a few bytes.
const MOST_BUCKETS: usize = 10_000;

pub(crate) fn metrics(request: ExportMetricsServiceRequest) -> Decoded<Point> {
    let mut decoded = Decoded::new();
    for resource in request.resource_metrics {
        for scope in resource.scope_metrics {
            let origin = origin(&resource.resource, scope.scope);
            for sent in scope.metrics {
                metric(&origin, sent, &mut decoded);
            }
        }
    }
    decoded
}

/// What the points of one metric share.
struct Stream {
    origin: Arc<Origin>,
    name: Arc<str>,
    description: Arc<str>,
    unit: Arc<str>,
    kind: Kind,
    temporality: Temporality,
}

/// What every kind of point has.
struct Common {
    attributes: Vec<KeyValue>,
    start: u64,
    time: u64,
    flags: u32,
    exemplars: Vec<proto::Exemplar>,
}

fn metric(origin: &Arc<Origin>, sent: proto::Metric, decoded: &mut Decoded<Point>) {
    use proto::metric::Data;
    let (kind, temporality, points) = match &sent.data {
        Some(Data::Gauge(gauge)) => (Kind::Gauge, CUMULATIVE, gauge.data_points.len()),
        Some(Data::Sum(sum)) => {
            let kind = Kind::Sum {
                monotonic: sum.is_monotonic,
            };
            (kind, sum.aggregation_temporality, sum.data_points.len())
        }
        Some(Data::Histogram(sent)) => (
            Kind::Histogram,
            sent.aggregation_temporality,
            sent.data_points.len(),
        ),
        Some(Data::ExponentialHistogram(sent)) => (
            Kind::ExponentialHistogram,
            sent.aggregation_temporality,
            sent.data_points.len(),
        ),
        Some(Data::Summary(sent)) => (Kind::Summary, CUMULATIVE, sent.data_points.len()),
        None => return,
    };
    let refuse = |decoded: &mut Decoded<Point>, reason: &str| {
        for _ in 0..points {
            decoded.push(Err(format!("metric {:?}: {reason}", sent.name)));
        }
    };
    if sent.name.is_empty() {
        return refuse(decoded, "the name is empty");
    }
    let temporality = match temporality {
        CUMULATIVE => Temporality::Cumulative,
        DELTA => Temporality::Delta,
        _ => {
            let reason = "aggregation_temporality is unspecified, expected delta or cumulative";
            return refuse(decoded, reason);
        }
    };
    let stream = Stream {
        origin: Arc::clone(origin),
        name: sent.name.into(),
        description: sent.description.into(),
        unit: sent.unit.into(),
        kind,
        temporality,
    };
    match sent.data {
        Some(Data::Gauge(gauge)) => stream.numbers(gauge.data_points, decoded),
        Some(Data::Sum(sum)) => stream.numbers(sum.data_points, decoded),
        Some(Data::Histogram(sent)) => stream.histograms(sent.data_points, decoded),
        Some(Data::ExponentialHistogram(sent)) => stream.exponential(sent.data_points, decoded),
        Some(Data::Summary(sent)) => stream.summaries(sent.data_points, decoded),
        None => {}
    }
}

const DELTA: i32 = proto::AggregationTemporality::Delta as i32;
const CUMULATIVE: i32 = proto::AggregationTemporality::Cumulative as i32;

impl Stream {
    fn numbers(&self, points: Vec<proto::NumberDataPoint>, decoded: &mut Decoded<Point>) {
        use proto::number_data_point::Value;
        for sent in points {
            let value = match sent.value {
                Some(Value::AsInt(number)) => Ok(Number::Int(number)),
                Some(Value::AsDouble(number)) => Ok(Number::Double(number)),
                None => Err("a point has no value".to_owned()),
            };
            let common = Common {
                attributes: sent.attributes,
                start: sent.start_time_unix_nano,
                time: sent.time_unix_nano,
                flags: sent.flags,
                exemplars: sent.exemplars,
            };
            self.push(common, || value.map(Total::Number), decoded);
        }
    }

    fn histograms(&self, points: Vec<proto::HistogramDataPoint>, decoded: &mut Decoded<Point>) {
        for sent in points {
            let common = Common {
                attributes: sent.attributes,
                start: sent.start_time_unix_nano,
                time: sent.time_unix_nano,
                flags: sent.flags,
                exemplars: sent.exemplars,
            };
            let value = || {
                check_bounds(&sent.explicit_bounds, sent.bucket_counts.len())?;
                Ok(Total::Histogram(Histogram {
                    count: sent.count,
                    sum: sent.sum,
                    min: sent.min,
                    max: sent.max,
                    bounds: sent.explicit_bounds.into(),
                    counts: sent.bucket_counts,
                }))
            };
            self.push(common, value, decoded);
        }
    }

    fn exponential(
        &self,
        points: Vec<proto::ExponentialHistogramDataPoint>,
        decoded: &mut Decoded<Point>,
    ) {
        for sent in points {
            let common = Common {
                attributes: sent.attributes,
                start: sent.start_time_unix_nano,
                time: sent.time_unix_nano,
                flags: sent.flags,
                exemplars: sent.exemplars,
            };
            let value = || {
                if !(-10..=20).contains(&sent.scale) {
                    return Err(format!("scale is {}, expected -10 to 20", sent.scale));
                }
                if !(sent.zero_threshold >= 0.0 && sent.zero_threshold.is_finite()) {
                    let threshold = sent.zero_threshold;
                    return Err(format!("zero_threshold is {threshold}, expected 0 or more"));
                }
                Ok(Total::Exponential(ExponentialHistogram {
                    count: sent.count,
                    sum: sent.sum,
                    min: sent.min,
                    max: sent.max,
                    scale: sent.scale,
                    zero_count: sent.zero_count,
                    zero_threshold: sent.zero_threshold,
                    positive: buckets(sent.scale, sent.positive)?,
                    negative: buckets(sent.scale, sent.negative)?,
                }))
            };
            self.push(common, value, decoded);
        }
    }

    fn summaries(&self, points: Vec<proto::SummaryDataPoint>, decoded: &mut Decoded<Point>) {
        for sent in points {
            let common = Common {
                attributes: sent.attributes,
                start: sent.start_time_unix_nano,
                time: sent.time_unix_nano,
                flags: sent.flags,
                exemplars: Vec::new(),
            };
            let quantiles = sent.quantile_values.iter();
            let summary = Summary {
                count: sent.count,
                sum: sent.sum,
                quantiles: quantiles.map(|at| (at.quantile, at.value)).collect(),
            };
            self.push(common, || Ok(Total::Summary(summary)), decoded);
        }
    }

    fn push(
        &self,
        common: Common,
        value: impl FnOnce() -> Result<Total, String>,
        decoded: &mut Decoded<Point>,
    ) {
        // A marker that the series has ended carries no value, and is no fault.
        if common.flags & proto::DataPointFlags::NoRecordedValueMask as u32 != 0 {
            return;
        }
        let point = value().map(|value| Point {
            series: SeriesId {
                origin: Arc::clone(&self.origin),
                name: Arc::clone(&self.name),
                unit: Arc::clone(&self.unit),
                kind: self.kind,
                attributes: attributes(common.attributes),
            },
            description: Arc::clone(&self.description),
            start: Time::from_nanos(common.start),
            time: Time::from_nanos(common.time),
            temporality: self.temporality,
            value,
            exemplars: common.exemplars.into_iter().filter_map(exemplar).collect(),
        });
        decoded.push(point.map_err(|reason| format!("metric {:?}: {reason}", &*self.name)));
    }
}

fn check_bounds(bounds: &[f64], counts: usize) -> Result<(), String> {
    if counts > MOST_BUCKETS {
        return Err(format!("{counts} buckets, expected at most {MOST_BUCKETS}"));
    }
    // No buckets at all means that only count and sum are known.
    if !(counts == bounds.len() + 1 || counts == 0 && bounds.is_empty()) {
        let bounds = bounds.len();
        return Err(format!(
            "{counts} bucket_counts for {bounds} explicit_bounds, expected one more"
        ));
    }
    // The negation also catches NaN.
    if bounds.iter().any(|bound| !bound.is_finite())
        || !bounds.windows(2).all(|pair| pair[0] < pair[1])
    {
        return Err(format!(
            "explicit_bounds are {:?}, expected finite numbers that increase",
            &bounds[..bounds.len().min(16)]
        ));
    }
    Ok(())
}

fn buckets(scale: i32, sent: Option<Buckets>) -> Result<ExponentialBuckets, String> {
    let sent = sent.unwrap_or_default();
    let length = sent.bucket_counts.len();
    if length > MOST_BUCKETS {
        return Err(format!("{length} buckets, expected at most {MOST_BUCKETS}"));
    }
    // Doubles reach from 2^-1074 to 2^1024. Past that there is nothing to count, and merging two runs
    // that lie far apart would need all the buckets between them.
    let reach = (1_100.0 * f64::from(scale).exp2()).max(2.0) as i64;
    let (first, end) = (
        i64::from(sent.offset),
        i64::from(sent.offset) + length as i64,
    );
    if length > 0 && (first < -reach || end > reach) {
        return Err(format!(
            "buckets {first} to {end} at scale {scale} lie outside of what a double can hold"
        ));
    }
    Ok(ExponentialBuckets {
        offset: sent.offset,
        counts: sent.bucket_counts,
    })
}

/// An exemplar; one without a value says nothing.
fn exemplar(sent: proto::Exemplar) -> Option<Exemplar> {
    use proto::exemplar::Value;
    Some(Exemplar {
        time: Time::from_nanos(sent.time_unix_nano),
        value: match sent.value? {
            Value::AsDouble(number) => number,
            Value::AsInt(number) => number as f64,
        },
        trace: TraceId::from_bytes(&sent.trace_id),
        span: SpanId::from_bytes(&sent.span_id),
        attributes: attributes(sent.filtered_attributes),
    })
}
