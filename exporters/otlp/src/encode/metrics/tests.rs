use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};

use super::*;

fn point(value: Number) -> NumberPoint {
    NumberPoint {
        attributes: Attributes::default(),
        start: UNIX_EPOCH + Duration::from_secs(1),
        time: UNIX_EPOCH + Duration::new(2, 3),
        value,
        exemplars: vec![],
    }
}

fn encoded(value: Number) -> proto::number_data_point::Value {
    number_point(&point(value)).value.unwrap()
}

#[test]
fn integers_stay_integers_and_what_is_too_large_becomes_a_double() {
    use proto::number_data_point::Value::{AsDouble, AsInt};
    assert_eq!(encoded(Number::U64(7)), AsInt(7));
    assert_eq!(encoded(Number::U64(i64::MAX as u64)), AsInt(i64::MAX));
    let above = i64::MAX as u64 + 1;
    assert_eq!(
        encoded(Number::U64(above)),
        AsDouble(9_223_372_036_854_775_808.0)
    );
    assert_eq!(encoded(Number::U64(u64::MAX)), AsDouble(u64::MAX as f64));
    assert_eq!(encoded(Number::I64(-7)), AsInt(-7));
    assert_eq!(encoded(Number::F64(0.5)), AsDouble(0.5));
}

#[test]
fn times_are_nanoseconds_and_what_cannot_be_said_is_clamped() {
    let encoded = number_point(&point(Number::I64(0)));
    assert_eq!(encoded.start_time_unix_nano, 1_000_000_000);
    assert_eq!(encoded.time_unix_nano, 2_000_000_003);
    assert_eq!(nanos(UNIX_EPOCH - Duration::from_secs(1)), 0);
    assert_eq!(nanos(UNIX_EPOCH + Duration::from_secs(1 << 40)), u64::MAX);
}

/// `metrics.proto`, "Exemplar": ids are optional.
#[test]
fn an_exemplar_outside_of_a_span_has_empty_ids() {
    let exemplar = |span| Exemplar {
        filtered_attributes: vec![KeyValue::new("order.id", "o-1")],
        time: UNIX_EPOCH,
        value: Number::F64(0.5),
        span,
    };
    let inside = exemplar(Some((TraceId::from(1), SpanId::from(2))));
    let encoded = exemplars(&[inside, exemplar(None)]);
    assert_eq!(encoded[0].trace_id.len(), 16);
    assert_eq!(encoded[0].span_id, [0, 0, 0, 0, 0, 0, 0, 2]);
    assert!(encoded[1].trace_id.is_empty() && encoded[1].span_id.is_empty());
    assert_eq!(encoded[1].filtered_attributes[0].key, "order.id");
}

#[test]
fn the_count_of_a_histogram_is_the_sum_of_its_buckets() {
    let encoded = histogram_point(&HistogramPoint {
        attributes: Attributes::default(),
        start: UNIX_EPOCH,
        time: UNIX_EPOCH,
        bounds: [1.0, 2.0].into(),
        counts: vec![1, 0, 4],
        sum: 17.5,
        min: None,
        max: Some(9.0),
        exemplars: vec![],
    });
    assert_eq!(encoded.count, 5);
    assert_eq!(encoded.bucket_counts, [1, 0, 4]);
    assert_eq!(encoded.explicit_bounds, [1.0, 2.0]);
    assert_eq!(
        (encoded.sum, encoded.min, encoded.max),
        (Some(17.5), None, Some(9.0))
    );
}
