//! Spans from a provider to an exporter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{Link, Span, SpanKind, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, SpanData,
    SpanExporter,
};
use throughline_model::SelfMeter;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Error, SpanQueue, SpanWorker};
use throughline_testkit::CollectingSpanExporter;

const LONG: Duration = Duration::from_secs(60);

fn queue(settings: BatchSettings) -> (SpanQueue, SpanWorker) {
    SpanQueue::new(settings, &SelfMeter::new()).unwrap()
}

fn deliver(
    worker: SpanWorker,
    exporter: impl SpanExporter + 'static,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(worker.run(exporter));
    })
}

/// Decides by the span's name.
#[derive(Clone, Debug)]
struct ByName;

impl ShouldSample for ByName {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: match name {
                "sampled" => SamplingDecision::RecordAndSample,
                "recorded" => SamplingDecision::RecordOnly,
                _ => SamplingDecision::Drop,
            },
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

/// specification: `trace/sdk.md`, Sampling: exporters receive spans with the sampled flag alone.
#[test]
fn spans_that_are_recorded_but_not_sampled_are_not_exported() {
    let (queue, worker) = queue(BatchSettings::spans());
    let exporter = CollectingSpanExporter::new();
    let delivery = deliver(worker, exporter.clone());
    let provider = SdkTracerProvider::builder()
        .with_sampler(ByName)
        .with_span_processor(queue.clone())
        .build();
    let tracer = provider.tracer("test");
    for name in ["recorded", "sampled", "dropped"] {
        tracer.start(name).end();
    }
    provider.force_flush().unwrap();
    let names: Vec<_> = exporter.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["sampled"]);
    assert_eq!(queue.counts().offered(), 1);
    provider.shutdown().unwrap();
    delivery.join().unwrap();
}

#[test]
fn a_span_that_ends_after_the_shutdown_is_counted() {
    let (queue, worker) = queue(BatchSettings::spans());
    let delivery = deliver(worker, CollectingSpanExporter::new());
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue.clone())
        .build();
    let open = provider.tracer("test").start("open");
    queue.shutdown(LONG).unwrap();
    drop(open);
    assert_eq!(queue.counts().already_shutdown, 1);
    delivery.join().unwrap();
}

#[test]
fn a_provider_may_be_shut_down_twice_and_dropped() {
    let (queue, worker) = queue(BatchSettings::spans());
    let exporter = CollectingSpanExporter::new();
    let delivery = deliver(worker, exporter.clone());
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue)
        .build();
    provider.tracer("test").start("span").end();
    provider.shutdown().unwrap();
    assert!(matches!(
        provider.shutdown(),
        Err(OTelSdkError::AlreadyShutdown)
    ));
    drop(provider);
    delivery.join().unwrap();
    assert_eq!(exporter.spans().len(), 1);
}

/// A provider that is dropped and nothing else: what it had is delivered.
#[test]
fn dropping_the_provider_delivers() {
    let (queue, worker) = queue(BatchSettings::spans());
    let exporter = CollectingSpanExporter::new();
    let delivery = deliver(worker, exporter.clone());
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue)
        .build();
    provider.tracer("test").start("span").end();
    drop(provider);
    delivery.join().unwrap();
    assert_eq!(exporter.spans().len(), 1);
}

#[test]
fn a_failed_export_is_known_and_the_next_one_goes_through() {
    let (queue, worker) = queue(BatchSettings::spans());
    let exporter = CollectingSpanExporter::new();
    let delivery = deliver(worker, exporter.clone());
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue.clone())
        .build();
    let tracer = provider.tracer("test");
    exporter.refuse_with(Some("the collector is away"));
    tracer.start("lost").end();
    assert_eq!(
        queue.force_flush(LONG),
        Err(Error::Failed {
            items: 1,
            error_type: "_OTHER".into(),
            message: "Operation failed: the collector is away".into()
        })
    );
    exporter.refuse_with(None);
    tracer.start("kept").end();
    queue.force_flush(LONG).unwrap();
    let counts = queue.counts();
    assert_eq!((counts.delivered, counts.failed), (1, 1));
    queue.shutdown(LONG).unwrap();
    delivery.join().unwrap();
}

#[test]
fn the_exporter_gets_the_resource_before_its_first_batch_and_is_shut_down() {
    #[derive(Clone, Debug, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);
    impl SpanExporter for Log {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0
                .lock()
                .unwrap()
                .push(format!("export {}", batch[0].name));
            Ok(())
        }
        fn set_resource(&mut self, resource: &Resource) {
            let name = resource.get(&"service.name".into()).unwrap();
            self.0.lock().unwrap().push(format!("resource {name}"));
        }
        fn force_flush(&self) -> OTelSdkResult {
            self.0.lock().unwrap().push("flush".to_owned());
            Ok(())
        }
        fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
            assert!(timeout > Duration::ZERO && timeout <= LONG);
            self.0.lock().unwrap().push("shutdown".to_owned());
            Ok(())
        }
    }
    let (queue, worker) = queue(BatchSettings::spans());
    let log = Log::default();
    // The worker may run before there is a provider.
    let delivery = deliver(worker, log.clone());
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder_empty().with_service_name("shop").build())
        .with_span_processor(queue.clone())
        .build();
    provider.tracer("test").start("one").end();
    queue.force_flush(LONG).unwrap();
    provider.tracer("test").start("two").end();
    queue.shutdown(LONG).unwrap();
    delivery.join().unwrap();
    assert_eq!(
        *log.0.lock().unwrap(),
        [
            "resource shop",
            "export one",
            "flush",
            "export two",
            "shutdown"
        ]
    );
}

/// Bounded in bytes: attributes, events and links weigh.
#[test]
fn heavy_spans_fill_the_queue_before_its_count_does() {
    let megabyte = || Value::from("x".repeat(1 << 20));
    let fill: [fn(&mut opentelemetry_sdk::trace::Span, Value); 3] = [
        |span, value| span.set_attribute(KeyValue::new("body", value)),
        |span, value| span.add_event("event", vec![KeyValue::new("body", value)]),
        |span, value| {
            let linked = span.span_context().clone();
            span.add_link(linked, vec![KeyValue::new("body", value)]);
        },
    ];
    for fill in fill {
        let (queue, worker) = queue(BatchSettings {
            max_queue_bytes: 4 << 20,
            ..BatchSettings::spans()
        });
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue.clone())
            .with_sampler(Sampler::AlwaysOn)
            .build();
        for _ in 0..5 {
            let mut span = provider.tracer("test").start("heavy");
            fill(&mut span, megabyte());
        }
        let counts = queue.counts();
        assert_eq!((counts.queued, counts.queue_full), (3, 2));
        drop(worker);
    }
}
