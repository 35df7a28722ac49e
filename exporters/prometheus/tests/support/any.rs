//! Any snapshot: names, keys and values that collide, break rules, or are merely odd.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use throughline_model::*;

pub fn snapshot() -> impl Strategy<Value = Snapshot> {
    (vec(scope(), 0..4), attributes()).prop_map(|(scopes, resource)| Snapshot {
        resource: Resource::new(resource).into(),
        scopes,
        incomplete: None,
    })
}

fn scope() -> impl Strategy<Value = ScopeMetrics> {
    let metrics = vec(metric(), 0..6);
    (text(), text(), attributes(), metrics).prop_map(|(name, version, attributes, metrics)| {
        ScopeMetrics {
            scope: InstrumentationScope::builder(name)
                .with_version(version)
                .with_attributes(attributes)
                .build(),
            metrics,
        }
    })
}

fn metric() -> impl Strategy<Value = Metric> {
    (name(), text(), unit(), data()).prop_map(|(name, description, unit, data)| Metric {
        name,
        description: description.into(),
        unit,
        data,
    })
}

/// Mostly from a few names that collide with each other and with the suffixes.
fn name() -> impl Strategy<Value = Cow<'static, str>> {
    let known = select(vec![
        "foo",
        "foo.total",
        "foo_total",
        "foo_bucket",
        "foo_count",
        "foo.sum",
        "foo_created",
        "foo.seconds",
        "foo_seconds",
        "foo_info",
        "target",
        "target_info",
        "2foo",
        "foo_ratio",
        "@",
    ]);
    prop_oneof![
        4 => known.prop_map(Cow::Borrowed),
        1 => any::<String>().prop_map(Cow::Owned),
    ]
}

fn unit() -> impl Strategy<Value = Cow<'static, str>> {
    let known = select(vec![
        "", "s", "1", "By", "By/s", "1/s", "{x}", "m/{y}", "µs",
    ]);
    prop_oneof![
        4 => known.prop_map(Cow::Borrowed),
        1 => any::<String>().prop_map(Cow::Owned),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["", "[a-c]", "(\\PC|[\"\\\\\n\r\0]){0,8}"]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let keys = select(vec![
        "a",
        "a.b",
        "a_b",
        "a/b",
        "le",
        "otel.scope.name",
        "otel_scope_x",
        "name",
        "x",
        "trace_id",
        "__name__",
    ]);
    let key = prop_oneof![
        4 => keys.prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let pair = (key, value()).prop_map(|(key, value)| KeyValue::new(key, value));
    vec(pair, 0..4)
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        float().prop_map(Value::from),
        vec(text(), 0..3).prop_map(|texts| {
            Value::Array(Array::String(texts.into_iter().map(Into::into).collect()))
        }),
        vec(float(), 0..3).prop_map(|floats| Value::Array(Array::F64(floats))),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        select(vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            1e6,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY
        ]),
        any::<f64>(),
        any::<u64>().prop_map(f64::from_bits),
    ]
}

fn any_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::U64),
        any::<i64>().prop_map(Number::I64),
        float().prop_map(Number::F64),
    ]
}

fn time() -> impl Strategy<Value = SystemTime> {
    let around = -1_000_000_000_000i64..4_000_000_000_000_000_000;
    around.prop_map(|nanos| {
        let distance = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 {
            SystemTime::UNIX_EPOCH - distance
        } else {
            SystemTime::UNIX_EPOCH + distance
        }
    })
}

fn temporality() -> impl Strategy<Value = Temporality> {
    prop_oneof![9 => Just(Temporality::Cumulative), 1 => Just(Temporality::Delta)]
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        (temporality(), any::<bool>(), vec(number_point(), 0..4)).prop_map(
            |(temporality, monotonic, points)| Data::Sum(Sum {
                temporality,
                monotonic,
                points
            })
        ),
        vec(number_point(), 0..4).prop_map(|points| Data::Gauge(Gauge { points })),
        (temporality(), vec(histogram_point(), 0..4)).prop_map(|(temporality, points)| {
            Data::Histogram(Histogram {
                temporality,
                points,
            })
        }),
        (temporality(), vec(exponential_point(), 0..4)).prop_map(|(temporality, points)| {
            Data::ExponentialHistogram(ExponentialHistogram {
                temporality,
                points,
            })
        }),
    ]
}

fn number_point() -> impl Strategy<Value = NumberPoint> {
    (attributes(), time(), any_number(), exemplars()).prop_map(
        |(attributes, time, value, exemplars)| NumberPoint {
            attributes: Attributes::new(attributes),
            start: time,
            time,
            value,
            exemplars,
        },
    )
}

fn histogram_point() -> impl Strategy<Value = HistogramPoint> {
    let sound = vec(-100i32..100, 0..6).prop_flat_map(|mut bounds| {
        bounds.sort_unstable();
        bounds.dedup();
        let counts = vec(count(), bounds.len() + 1);
        let bounds: Vec<f64> = bounds.iter().map(|bound| f64::from(*bound) / 8.0).collect();
        (Just(bounds), counts)
    });
    let broken = (vec(float(), 0..4), vec(count(), 0..5));
    let buckets = prop_oneof![4 => sound, 1 => broken];
    (attributes(), time(), buckets, float(), exemplars()).prop_map(
        |(attributes, time, (bounds, counts), sum, exemplars)| HistogramPoint {
            attributes: Attributes::new(attributes),
            start: time,
            time,
            bounds: bounds.into(),
            counts,
            sum,
            min: None,
            max: None,
            exemplars,
        },
    )
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..5u64, 1 => any::<u64>()]
}

fn buckets() -> impl Strategy<Value = ExponentialBuckets> {
    let offset = prop_oneof![4 => -20..20i32, 1 => any::<i32>()];
    (offset, vec(count(), 0..20)).prop_map(|(offset, counts)| ExponentialBuckets { offset, counts })
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramPoint> {
    let scale = prop_oneof![6 => -10..=20i32, 1 => any::<i32>()];
    let threshold = prop_oneof![4 => Just(0.0), 1 => 0.0..10.0f64, 1 => float()];
    let zeros = (count(), threshold);
    (
        attributes(),
        time(),
        scale,
        zeros,
        (buckets(), buckets()),
        float(),
        exemplars(),
    )
        .prop_map(
            |(
                attributes,
                time,
                scale,
                (zero_count, zero_threshold),
                (positive, negative),
                sum,
                exemplars,
            )| {
                ExponentialHistogramPoint {
                    attributes: Attributes::new(attributes),
                    start: time,
                    time,
                    scale,
                    zero_count,
                    zero_threshold,
                    positive,
                    negative,
                    sum,
                    min: None,
                    max: None,
                    exemplars,
                }
            },
        )
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let ids = prop_oneof![
        any::<(u128, u64)>(),
        Just((0, 0)),
        any::<u64>().prop_map(|span| (0, span)),
    ];
    let span = proptest::option::of(ids);
    let value = prop_oneof![any_number(), (-20.0..20.0f64).prop_map(Number::F64)];
    let exemplar =
        (attributes(), time(), value, span).prop_map(|(filtered, time, value, span)| Exemplar {
            filtered_attributes: filtered,
            time,
            value,
            span: span.map(|(trace, span)| {
                let trace = TraceId::from_bytes(trace.to_be_bytes());
                (trace, SpanId::from_bytes(span.to_be_bytes()))
            }),
        });
    vec(exemplar, 0..4)
}
