//! What the tests send, and where to.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use throughline_model::{
    Attributes, Data, Exemplar, Metric, Number, NumberPoint, Resource, ScopeMetrics, Snapshot, Sum,
    Temporality,
};
use throughline_otlp::{Endpoint, MetricExporter, Protocol, Signal, SpanExporter};
use throughline_testkit::otlp_sink::OtlpSink;

pub(crate) const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::HttpProtobuf];

pub(crate) fn endpoint(protocol: Protocol, sink: &OtlpSink, signal: Signal) -> Endpoint {
    Endpoint::base(protocol, &sink.url(), signal).unwrap()
}

pub(crate) fn metrics(protocol: Protocol, sink: &OtlpSink) -> MetricExporter {
    MetricExporter::new(endpoint(protocol, sink, Signal::Metrics)).unwrap()
}

pub(crate) fn spans(protocol: Protocol, sink: &OtlpSink) -> SpanExporter {
    SpanExporter::new(endpoint(protocol, sink, Signal::Traces)).unwrap()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A counter with `points` points, worth 0, 1, 2, …
pub(crate) fn snapshot(points: u64) -> Snapshot {
    let point = |value| NumberPoint {
        attributes: Attributes::new([KeyValue::new("point", value as i64)]),
        start: at(1),
        time: at(2),
        value: Number::U64(value),
        exemplars: vec![Exemplar {
            filtered_attributes: vec![KeyValue::new("order.id", "o-1")],
            time: at(2),
            value: Number::U64(1),
            span: Some((TraceId::from(7), SpanId::from(9))),
        }],
    };
    Snapshot {
        resource: Resource::new([KeyValue::new("service.name", "checkout")]).into(),
        scopes: vec![ScopeMetrics {
            scope: InstrumentationScope::builder("shop").build(),
            metrics: vec![Metric {
                name: "orders".into(),
                description: "Orders placed".into(),
                unit: "{order}".into(),
                data: Data::Sum(Sum {
                    temporality: Temporality::Cumulative,
                    monotonic: true,
                    points: (0..points).map(point).collect(),
                }),
            }],
        }],
    }
}

pub(crate) fn span(id: u64) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(7),
            SpanId::from(id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "charge card".into(),
        start_time: at(1),
        end_time: at(2),
        attributes: vec![KeyValue::new("card.provider", "visa")],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("shop").build(),
    }
}
