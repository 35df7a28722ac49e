//! A snapshot's parts as `metrics.proto` has them, appended to a request. The numbers are the fields' own.

use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use throughline_model::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Number,
    NumberPoint, Resource, Temporality,
};

use super::shared::{Shared, nanos};
use super::wire::{bytes, double, fixed64, int, nested, packed64, sint32, text, varint};

type Out = Vec<u8>;

/// `ResourceMetrics.resource`; the schema URL stands beside it in the message.
pub(super) fn resource(out: &mut Out, resource: &Resource) {
    nested(out, 1, |out| {
        attributes(out, 1, resource.attributes.iter());
    });
}

/// `ResourceMetrics.schema_url` and `ScopeMetrics.schema_url`.
pub(super) fn schema_url(out: &mut Out, url: Option<&str>) {
    text_unless_empty(out, 3, url.unwrap_or_default());
}

/// `ScopeMetrics.scope`.
pub(super) fn scope(out: &mut Out, scope: &InstrumentationScope) {
    nested(out, 1, |out| {
        text_unless_empty(out, 1, scope.name());
        text_unless_empty(out, 2, scope.version().unwrap_or_default());
        attributes(out, 3, scope.attributes());
    });
}

/// `Metric` up to its data.
pub(super) fn metric(out: &mut Out, metric: &Metric) {
    text_unless_empty(out, 1, &metric.name);
    text_unless_empty(out, 2, &metric.description);
    text_unless_empty(out, 3, &metric.unit);
}

/// The field of `Metric` that has this kind of data.
pub(super) fn data_field(data: &Data) -> u8 {
    match data {
        Data::Gauge(_) => 5,
        Data::Sum(_) => 7,
        Data::Histogram(_) => 9,
        Data::ExponentialHistogram(_) => 10,
    }
}

/// The field that a metric's data has its points in.
pub(super) const POINTS: u8 = 1;

/// What stands beside the points.
pub(super) fn beside_points(out: &mut Out, data: &Data) {
    match data {
        Data::Gauge(_) => {}
        Data::Sum(sum) => {
            temporality(out, sum.temporality);
            if sum.monotonic {
                int(out, 3, 1);
            }
        }
        Data::Histogram(histogram) => temporality(out, histogram.temporality),
        Data::ExponentialHistogram(histogram) => temporality(out, histogram.temporality),
    }
}

/// `NumberDataPoint`: of a sum or a gauge.
pub(super) fn number_point<'a>(out: &mut Out, point: &'a NumberPoint, shared: &mut Shared<'a>) {
    fixed64_unless_0(out, 2, shared.start.of(point.start));
    fixed64_unless_0(out, 3, shared.time.of(point.time));
    number(out, 4, point.value);
    exemplars(out, 5, &point.exemplars);
    shared.attributes(out, 7, &point.attributes);
}

/// `HistogramDataPoint`: with given bounds.
pub(super) fn histogram_point<'a>(
    out: &mut Out,
    point: &'a HistogramPoint,
    shared: &mut Shared<'a>,
) {
    fixed64_unless_0(out, 2, shared.start.of(point.start));
    fixed64_unless_0(out, 3, shared.time.of(point.time));
    fixed64_unless_0(out, 4, point.count());
    double(out, 5, point.sum);
    packed64(out, 6, &point.counts, |count| *count);
    packed64(out, 7, &point.bounds, |bound| bound.to_bits());
    exemplars(out, 8, &point.exemplars);
    shared.attributes(out, 9, &point.attributes);
    min_max(out, 11, point.min, point.max);
}

/// `ExponentialHistogramDataPoint`.
pub(super) fn exponential_point<'a>(
    out: &mut Out,
    point: &'a ExponentialHistogramPoint,
    shared: &mut Shared<'a>,
) {
    shared.attributes(out, 1, &point.attributes);
    fixed64_unless_0(out, 2, shared.start.of(point.start));
    fixed64_unless_0(out, 3, shared.time.of(point.time));
    fixed64_unless_0(out, 4, point.count());
    double(out, 5, point.sum);
    sint32(out, 6, point.scale);
    fixed64_unless_0(out, 7, point.zero_count);
    buckets(out, 8, &point.positive);
    buckets(out, 9, &point.negative);
    exemplars(out, 11, &point.exemplars);
    min_max(out, 12, point.min, point.max);
    fixed64_unless_0(out, 14, point.zero_threshold.to_bits());
}

fn buckets(out: &mut Out, field: u8, buckets: &ExponentialBuckets) {
    nested(out, field, |out| {
        sint32(out, 1, buckets.offset);
        if !buckets.counts.is_empty() {
            nested(out, 2, |out| {
                buckets.counts.iter().for_each(|count| varint(out, *count));
            });
        }
    });
}

fn exemplars(out: &mut Out, field: u8, exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        nested(out, field, |out| {
            fixed64_unless_0(out, 2, nanos(exemplar.time));
            number(out, 3, exemplar.value);
            // Absent ids are empty, never sixteen zeros (`metrics.proto`, "Exemplar").
            if let Some((trace, span)) = exemplar.span {
                bytes(out, 4, &span.to_bytes());
                bytes(out, 5, &trace.to_bytes());
            }
            attributes(out, 7, exemplar.filtered_attributes.iter());
        });
    }
}

/// The value of a point or an exemplar: `as_double` has the field `double_field`, `as_int` always 6.
///
/// OTLP's integers are signed: what a `u64` has above `i64::MAX` travels as a double, which is off by at
/// most one part in 2^53, and not as 0.
fn number(out: &mut Out, double_field: u8, value: Number) {
    const AS_INT: u8 = 6;
    match value {
        Number::U64(value) if value <= i64::MAX as u64 => fixed64(out, AS_INT, value),
        Number::U64(value) => double(out, double_field, value as f64),
        Number::I64(value) => fixed64(out, AS_INT, value as u64),
        Number::F64(value) => double(out, double_field, value),
    }
}

fn min_max(out: &mut Out, min_field: u8, min: Option<f64>, max: Option<f64>) {
    if let Some(min) = min {
        double(out, min_field, min);
    }
    if let Some(max) = max {
        double(out, min_field + 1, max);
    }
}

fn temporality(out: &mut Out, temporality: Temporality) {
    let number = match temporality {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    };
    int(out, 2, number);
}

fn attributes<'a>(out: &mut Out, field: u8, pairs: impl Iterator<Item = &'a KeyValue>) {
    pairs.for_each(|pair| key_value(out, field, pair));
}

/// `common.proto`, "KeyValue".
pub(super) fn key_value(out: &mut Out, field: u8, pair: &KeyValue) {
    nested(out, field, |out| {
        text_unless_empty(out, 1, pair.key.as_str());
        nested(out, 2, |out| any_value(out, &pair.value));
    });
}

/// `common.proto`, "AnyValue": it has a value even where that is empty, 0 or false.
fn any_value(out: &mut Out, value: &Value) {
    match value {
        Value::String(value) => text(out, 1, value.as_str()),
        Value::Bool(value) => int(out, 2, i64::from(*value)),
        Value::I64(value) => int(out, 3, *value),
        Value::F64(value) => double(out, 4, *value),
        Value::Array(values) => nested(out, 5, |out| array_value(out, values)),
        // What a later version of the API may add has no value here, which OTLP allows.
        _ => {}
    }
}

fn array_value(out: &mut Out, values: &Array) {
    fn each<T>(out: &mut Out, values: &[T], append: impl Fn(&mut Out, &T)) {
        for value in values {
            nested(out, 1, |out| append(out, value));
        }
    }
    match values {
        Array::Bool(values) => each(out, values, |out, value| int(out, 2, i64::from(*value))),
        Array::I64(values) => each(out, values, |out, value| int(out, 3, *value)),
        Array::F64(values) => each(out, values, |out, value| double(out, 4, *value)),
        Array::String(values) => each(out, values, |out, value| text(out, 1, value.as_str())),
        _ => {}
    }
}

fn text_unless_empty(out: &mut Out, field: u8, value: &str) {
    if !value.is_empty() {
        text(out, field, value);
    }
}

fn fixed64_unless_0(out: &mut Out, field: u8, bits: u64) {
    if bits != 0 {
        fixed64(out, field, bits);
    }
}

#[cfg(test)]
mod tests;
