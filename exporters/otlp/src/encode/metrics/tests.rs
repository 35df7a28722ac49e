use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::StringValue;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::metrics::v1 as proto;
use prost::Message;
use throughline_model::Attributes;

use super::*;

/// What a receiver reads, which writes it back as it came: nothing is unknown to it, or in another order.
fn read<M: Message + Default + std::fmt::Debug>(append: impl FnOnce(&mut Out)) -> M {
    let mut out = Vec::new();
    append(&mut out);
    let message = M::decode(&out[..]).unwrap();
    assert_eq!(message.encode_to_vec(), out, "{message:?}");
    message
}

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
    read::<proto::NumberDataPoint>(|out| number_point(out, &point(value), &mut Shared::default()))
        .value
        .unwrap()
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
    let encoded: proto::NumberDataPoint =
        read(|out| number_point(out, &point(Number::I64(0)), &mut Shared::default()));
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
    let point = NumberPoint {
        exemplars: vec![inside, exemplar(None)],
        ..point(Number::I64(1))
    };
    let encoded =
        read::<proto::NumberDataPoint>(|out| number_point(out, &point, &mut Shared::default()))
            .exemplars;
    assert_eq!(encoded[0].trace_id.len(), 16);
    assert_eq!(encoded[0].span_id, [0, 0, 0, 0, 0, 0, 0, 2]);
    assert!(encoded[1].trace_id.is_empty() && encoded[1].span_id.is_empty());
    assert_eq!(encoded[1].filtered_attributes[0].key, "order.id");
}

#[test]
fn the_count_of_a_histogram_is_the_sum_of_its_buckets() {
    let point = HistogramPoint {
        attributes: Attributes::default(),
        start: UNIX_EPOCH,
        time: UNIX_EPOCH,
        bounds: [1.0, 2.0].into(),
        counts: vec![1, 0, 4],
        sum: 17.5,
        min: None,
        max: Some(9.0),
        exemplars: vec![],
    };
    let encoded: proto::HistogramDataPoint =
        read(|out| histogram_point(out, &point, &mut Shared::default()));
    assert_eq!(encoded.count, 5);
    assert_eq!(encoded.bucket_counts, [1, 0, 4]);
    assert_eq!(encoded.explicit_bounds, [1.0, 2.0]);
    assert_eq!(
        (encoded.sum, encoded.min, encoded.max),
        (Some(17.5), None, Some(9.0))
    );
}

#[test]
fn an_exponential_histogram_is_read_as_it_was() {
    let point = ExponentialHistogramPoint {
        attributes: Attributes::new([KeyValue::new("tier", "gold")]),
        start: UNIX_EPOCH,
        time: UNIX_EPOCH + Duration::from_secs(1),
        scale: -3,
        zero_count: 2,
        zero_threshold: 1e-9,
        positive: ExponentialBuckets {
            offset: -5,
            counts: vec![1, 0, 300],
        },
        negative: ExponentialBuckets {
            offset: 0,
            counts: vec![],
        },
        sum: 0.0,
        min: Some(0.0),
        max: None,
        exemplars: vec![],
    };
    let read: proto::ExponentialHistogramDataPoint =
        read(|out| exponential_point(out, &point, &mut Shared::default()));
    let positive = read.positive.unwrap();
    assert_eq!((read.scale, positive.offset), (-3, -5));
    assert_eq!(positive.bucket_counts, [1, 0, 300]);
    assert!(read.negative.unwrap().bucket_counts.is_empty());
    assert_eq!((read.count, read.zero_count), (303, 2));
    // Presence says something: the sum and the minimum are known to be 0.
    assert_eq!((read.sum, read.min, read.max), (Some(0.0), Some(0.0), None));
    assert_eq!(read.zero_threshold, 1e-9);
    assert_eq!(read.attributes[0].key, "tier");
}

/// `opentelemetry-proto`'s own mapping of attributes is the judge.
#[test]
fn every_kind_of_attribute_is_written_as_the_messages_have_it() {
    let strings = vec![StringValue::from(""), StringValue::from("b".repeat(200))];
    let pairs = [
        KeyValue::new("", ""),
        KeyValue::new("text", "ü".repeat(100)),
        KeyValue::new("no", false),
        KeyValue::new("yes", true),
        KeyValue::new("zero", 0),
        KeyValue::new("negative", i64::MIN),
        KeyValue::new("double", 0.0),
        KeyValue::new("bools", Value::Array(Array::Bool(vec![false, true]))),
        KeyValue::new("numbers", Value::Array(Array::I64(vec![0, -1, 1 << 40]))),
        KeyValue::new("doubles", Value::Array(Array::F64(vec![0.0, -1.5]))),
        KeyValue::new("texts", Value::Array(Array::String(strings))),
        KeyValue::new("none", Value::Array(Array::I64(vec![]))),
    ];
    let point = HistogramPoint {
        attributes: Attributes::new(pairs),
        start: UNIX_EPOCH,
        time: UNIX_EPOCH,
        bounds: [].into(),
        counts: vec![],
        sum: 0.0,
        min: None,
        max: None,
        exemplars: vec![],
    };
    let read: proto::HistogramDataPoint =
        read(|out| histogram_point(out, &point, &mut Shared::default()));
    let expected: Vec<_> = point
        .attributes
        .iter()
        .map(common::KeyValue::from)
        .collect();
    assert_eq!(read.attributes, expected);
}
