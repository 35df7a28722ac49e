//! What the tests send, and where to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    LogBatch, LogExporter as _, LogProcessor, SdkLogRecord, SdkLoggerProvider,
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use throughline_model::{
    Attributes, Data, Exemplar, Metric, Number, NumberPoint, Random, Resource, ScopeMetrics,
    Snapshot, Sum, Temporality,
};
use throughline_otlp::{Endpoint, LogExporter, MetricExporter, Protocol, Signal, SpanExporter};
use throughline_testkit::otlp_sink::OtlpSink;

pub(crate) const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::HttpProtobuf];

pub(crate) fn endpoint(protocol: Protocol, sink: &OtlpSink, signal: Signal) -> Endpoint {
    Endpoint::base(protocol, &sink.url(), signal).unwrap()
}

/// Retries without a wait: every draw is the smallest.
#[derive(Debug)]
pub(crate) struct AtOnce;

impl Random for AtOnce {
    fn next_u64(&self) -> u64 {
        0
    }
}

pub(crate) fn metrics(protocol: Protocol, sink: &OtlpSink) -> MetricExporter {
    MetricExporter::new(endpoint(protocol, sink, Signal::Metrics))
        .unwrap()
        .with_random(Arc::new(AtOnce))
}

pub(crate) fn spans(protocol: Protocol, sink: &OtlpSink) -> SpanExporter {
    SpanExporter::new(endpoint(protocol, sink, Signal::Traces))
        .unwrap()
        .with_random(Arc::new(AtOnce))
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
        incomplete: None,
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

/// Keeps what a logger emits.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<(SdkLogRecord, InstrumentationScope)>>>);

impl LogProcessor for Kept {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.0.lock().unwrap().push((record.clone(), scope.clone()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends one record, made inside of span 9 of trace 7.
pub(crate) async fn export_log(exporter: &LogExporter, body: &'static str) -> OTelSdkResult {
    let kept = Kept::default();
    let provider = SdkLoggerProvider::builder()
        .with_log_processor(kept.clone())
        .build();
    let logger = provider.logger("shop");
    let mut record = logger.create_log_record();
    record.set_body(body.into());
    record.set_severity_number(Severity::Warn);
    record.set_timestamp(at(2));
    record.set_observed_timestamp(at(3));
    record.add_attribute("order.id", "o-1");
    record.set_trace_context(TraceId::from(7), SpanId::from(9), Some(TraceFlags::SAMPLED));
    logger.emit(record);
    let records = kept.0.lock().unwrap().clone();
    let borrowed: Vec<_> = records
        .iter()
        .map(|(record, scope)| (record, scope))
        .collect();
    exporter.export(LogBatch::new(&borrowed)).await
}

/// Reads the first connection and never answers it, nor closes it; the others reach the sink.
pub(crate) async fn first_connection_is_dead(sink: &OtlpSink) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let address = sink.address();
    tokio::spawn(async move {
        let mut dead = listener.accept().await.unwrap().0;
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut dead, &mut tokio::io::sink()).await;
            std::future::pending::<()>().await;
        });
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = tokio::net::TcpStream::connect(address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    url
}
