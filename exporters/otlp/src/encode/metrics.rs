//! A snapshot's parts as `metrics.proto` has them.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::metrics::v1::{self as proto, metric};
use opentelemetry_proto::tonic::resource::v1 as proto_resource;
use throughline_model::{
    Attributes, Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint,
    Metric, Number, NumberPoint, Resource, ScopeMetrics, Temporality,
};

/// The resource; its schema URL stands beside it in the message.
pub(crate) fn resource(resource: &Resource) -> proto_resource::Resource {
    proto_resource::Resource {
        attributes: attributes(&resource.attributes),
        ..Default::default()
    }
}

/// An absent schema URL is the empty string.
pub(crate) fn schema_url(url: Option<&str>) -> String {
    url.unwrap_or_default().to_owned()
}

/// The scope without its metrics.
pub(crate) fn scope(scope: &ScopeMetrics) -> proto::ScopeMetrics {
    let scope = &scope.scope;
    proto::ScopeMetrics {
        scope: Some(common::InstrumentationScope {
            name: scope.name().to_owned(),
            version: scope.version().unwrap_or_default().to_owned(),
            attributes: scope.attributes().map(common::KeyValue::from).collect(),
            ..Default::default()
        }),
        metrics: Vec::new(),
        schema_url: schema_url(scope.schema_url()),
    }
}

/// The metric without its points.
pub(crate) fn metric(metric: &Metric) -> proto::Metric {
    let data = match &metric.data {
        Data::Sum(sum) => metric::Data::Sum(proto::Sum {
            data_points: Vec::new(),
            aggregation_temporality: temporality(sum.temporality),
            is_monotonic: sum.monotonic,
        }),
        Data::Gauge(_) => metric::Data::Gauge(proto::Gauge::default()),
        Data::Histogram(histogram) => metric::Data::Histogram(proto::Histogram {
            data_points: Vec::new(),
            aggregation_temporality: temporality(histogram.temporality),
        }),
        Data::ExponentialHistogram(histogram) => {
            metric::Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points: Vec::new(),
                aggregation_temporality: temporality(histogram.temporality),
            })
        }
    };
    proto::Metric {
        name: metric.name.to_string(),
        description: metric.description.to_string(),
        unit: metric.unit.to_string(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

/// A point of a sum or a gauge.
pub(crate) fn number_point(point: &NumberPoint) -> proto::NumberDataPoint {
    use proto::number_data_point::Value;
    proto::NumberDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: nanos(point.start),
        time_unix_nano: nanos(point.time),
        exemplars: exemplars(&point.exemplars),
        flags: 0,
        value: Some(match wire(point.value) {
            Wire::Int(value) => Value::AsInt(value),
            Wire::Double(value) => Value::AsDouble(value),
        }),
    }
}

/// A point of a histogram with given bounds.
pub(crate) fn histogram_point(point: &HistogramPoint) -> proto::HistogramDataPoint {
    proto::HistogramDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: nanos(point.start),
        time_unix_nano: nanos(point.time),
        count: point.count(),
        sum: Some(point.sum),
        bucket_counts: point.counts.clone(),
        explicit_bounds: point.bounds.to_vec(),
        exemplars: exemplars(&point.exemplars),
        flags: 0,
        min: point.min,
        max: point.max,
    }
}

/// A point of an exponential histogram.
pub(crate) fn exponential_point(
    point: &ExponentialHistogramPoint,
) -> proto::ExponentialHistogramDataPoint {
    proto::ExponentialHistogramDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: nanos(point.start),
        time_unix_nano: nanos(point.time),
        count: point.count(),
        sum: Some(point.sum),
        scale: point.scale,
        zero_count: point.zero_count,
        positive: Some(buckets(&point.positive)),
        negative: Some(buckets(&point.negative)),
        flags: 0,
        exemplars: exemplars(&point.exemplars),
        min: point.min,
        max: point.max,
        zero_threshold: point.zero_threshold,
    }
}

fn buckets(buckets: &ExponentialBuckets) -> proto::exponential_histogram_data_point::Buckets {
    proto::exponential_histogram_data_point::Buckets {
        offset: buckets.offset,
        bucket_counts: buckets.counts.clone(),
    }
}

fn exemplars(exemplars: &[Exemplar]) -> Vec<proto::Exemplar> {
    use proto::exemplar::Value;
    let exemplar = |exemplar: &Exemplar| {
        // Absent ids are empty, never sixteen zeros (`metrics.proto`, "Exemplar").
        let (trace_id, span_id) = match exemplar.span {
            Some((trace, span)) => (trace.to_bytes().to_vec(), span.to_bytes().to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        proto::Exemplar {
            filtered_attributes: exemplar
                .filtered_attributes
                .iter()
                .map(common::KeyValue::from)
                .collect(),
            time_unix_nano: nanos(exemplar.time),
            span_id,
            trace_id,
            value: Some(match wire(exemplar.value) {
                Wire::Int(value) => Value::AsInt(value),
                Wire::Double(value) => Value::AsDouble(value),
            }),
        }
    };
    exemplars.iter().map(exemplar).collect()
}

/// A number as OTLP can carry it.
enum Wire {
    Int(i64),
    Double(f64),
}

/// OTLP's integers are signed: what a `u64` has above `i64::MAX` travels as a double, which is off by at
/// most one part in 2^53, and not as 0.
fn wire(value: Number) -> Wire {
    match value {
        Number::U64(value) => match i64::try_from(value) {
            Ok(value) => Wire::Int(value),
            Err(_) => Wire::Double(value as f64),
        },
        Number::I64(value) => Wire::Int(value),
        Number::F64(value) => Wire::Double(value),
    }
}

fn attributes(attributes: &Attributes) -> Vec<common::KeyValue> {
    attributes.iter().map(common::KeyValue::from).collect()
}

fn temporality(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Cumulative => proto::AggregationTemporality::Cumulative.into(),
        Temporality::Delta => proto::AggregationTemporality::Delta.into(),
    }
}

/// Nanoseconds since 1970. Earlier is 0, which OTLP reads as unknown; later than the year 2554 is the end.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
