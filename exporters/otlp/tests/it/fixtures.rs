//! Data with something in every field that OTLP has a place for.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use throughline_model::{
    Attributes, Data, Exemplar, ExponentialBuckets, ExponentialHistogram,
    ExponentialHistogramPoint, Gauge, Histogram, HistogramPoint, Metric, Number, NumberPoint,
    Resource, ScopeMetrics, Snapshot, Sum, Temporality,
};

use crate::support::{at, span};

/// The body of a log record.
pub(crate) const TEXT: &str = "paid \"5 €\"\n";

/// What the spans are about.
pub(crate) fn resource() -> opentelemetry_sdk::Resource {
    opentelemetry_sdk::Resource::builder_empty()
        .with_schema_url(
            [
                KeyValue::new("service.name", "checkout"),
                KeyValue::new("host.name", "one"),
            ],
            "https://opentelemetry.io/schemas/1.40.0",
        )
        .build()
}

fn exemplar(value: Number, span: Option<(u128, u64)>) -> Exemplar {
    Exemplar {
        filtered_attributes: vec![KeyValue::new("order.id", "o-1")],
        time: at(1_700_000_030),
        value,
        span: span.map(|(trace, span)| (TraceId::from(trace), SpanId::from(span))),
    }
}

const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const SPAN: u64 = 0xb7ad_6b71_6920_3331;

/// Every kind of metric.
pub(crate) fn every_kind() -> Snapshot {
    let (start, time) = (at(1_700_000_000), at(1_700_000_060));
    let visa = || Attributes::new([KeyValue::new("card.provider", "visa")]);
    let number = |attributes, value, exemplars| NumberPoint {
        attributes,
        start,
        time,
        value,
        exemplars,
    };
    let orders = vec![
        number(
            Attributes::new([
                KeyValue::new("text", "quotes \" and\nnewlines, ünïcödé"),
                KeyValue::new("yes", true),
                KeyValue::new("whole", i64::MIN),
                KeyValue::new("broken", 0.1),
                KeyValue::new("several", opentelemetry::Value::Array(vec![1i64, 2].into())),
            ]),
            Number::U64(7),
            vec![exemplar(Number::U64(1), Some((TRACE, SPAN)))],
        ),
        number(visa(), Number::U64(u64::MAX), vec![]),
    ];
    let latency = HistogramPoint {
        attributes: visa(),
        start,
        time,
        bounds: [0.005, 0.1, 1.0].into(),
        counts: vec![1, 20, 300, 4],
        sum: 123.5,
        min: Some(0.001),
        max: Some(7.25),
        exemplars: vec![
            exemplar(Number::F64(7.25), Some((TRACE, SPAN))),
            exemplar(Number::F64(0.5), None),
        ],
    };
    let sizes = ExponentialHistogramPoint {
        attributes: Attributes::default(),
        start,
        time,
        scale: 3,
        zero_count: 2,
        zero_threshold: 0.0,
        positive: ExponentialBuckets {
            offset: -7,
            counts: vec![1, 0, 3],
        },
        negative: ExponentialBuckets::default(),
        sum: 2.5,
        min: Some(0.0),
        max: Some(0.75),
        exemplars: vec![exemplar(Number::F64(0.75), Some((TRACE, SPAN)))],
    };
    let metric = |name: &'static str, unit: &'static str, data| Metric {
        name: name.into(),
        description: format!("About {name}").into(),
        unit: unit.into(),
        data,
    };
    Snapshot {
        resource: Arc::new(Resource {
            attributes: Attributes::new([KeyValue::new("service.name", "checkout")]),
            schema_url: Some("https://opentelemetry.io/schemas/1.40.0".into()),
        }),
        incomplete: None,
        scopes: vec![
            ScopeMetrics {
                scope: InstrumentationScope::builder("shop")
                    .with_version("1.2.3")
                    .with_schema_url("https://opentelemetry.io/schemas/1.39.0")
                    .with_attributes([KeyValue::new("team", "payments")])
                    .build(),
                metrics: vec![
                    metric(
                        "orders",
                        "{order}",
                        Data::Sum(Sum {
                            temporality: Temporality::Cumulative,
                            monotonic: true,
                            points: orders,
                        }),
                    ),
                    metric(
                        "queue",
                        "{item}",
                        Data::Sum(Sum {
                            temporality: Temporality::Delta,
                            monotonic: false,
                            points: vec![number(visa(), Number::I64(-3), vec![])],
                        }),
                    ),
                    metric(
                        "latency",
                        "s",
                        Data::Histogram(Histogram {
                            temporality: Temporality::Delta,
                            points: vec![latency],
                        }),
                    ),
                ],
            },
            ScopeMetrics {
                scope: InstrumentationScope::builder("pool").build(),
                metrics: vec![
                    metric(
                        "usage",
                        "1",
                        Data::Gauge(Gauge {
                            points: vec![number(Attributes::default(), Number::F64(0.25), vec![])],
                        }),
                    ),
                    metric(
                        "size",
                        "By",
                        Data::ExponentialHistogram(ExponentialHistogram {
                            temporality: Temporality::Cumulative,
                            points: vec![sizes],
                        }),
                    ),
                ],
            },
        ],
    }
}

pub(crate) fn full_span() -> opentelemetry_sdk::trace::SpanData {
    let context = |span, remote| {
        SpanContext::new(
            TraceId::from(TRACE),
            SpanId::from(span),
            TraceFlags::SAMPLED,
            remote,
            TraceState::from_key_value([("ot", "th:8")]).unwrap(),
        )
    };
    let mut full = span(1);
    full.span_context = context(SPAN, false);
    full.parent_span_id = SpanId::from(5);
    full.parent_span_is_remote = true;
    full.span_kind = SpanKind::Server;
    full.status = Status::error("declined");
    full.dropped_attributes_count = 1;
    full.events.events = vec![Event::new(
        "retry",
        at(1) + Duration::from_millis(1),
        vec![KeyValue::new("attempt", 2)],
        3,
    )];
    full.events.dropped_count = 4;
    let attributes = vec![KeyValue::new("why", "batch")];
    full.links.links = vec![Link::new(context(77, true), attributes, 5)];
    full.links.dropped_count = 6;
    full
}
