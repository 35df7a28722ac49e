//! Exporters of one's own, also such that panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use throughline::model::{PushFuture, Snapshot};
use throughline::opentelemetry::logs::AnyValue;
use throughline::opentelemetry_sdk::Resource;
use throughline::opentelemetry_sdk::error::OTelSdkResult;
use throughline::opentelemetry_sdk::logs::{LogBatch, LogExporter};
use throughline::opentelemetry_sdk::trace::{Sampler, SpanData, SpanExporter};
use throughline::tracing::{self, info};
use throughline::{Push, Telemetry};
use throughline_testkit::{CollectingPush, CollectingSpanExporter};
use tracing_subscriber::layer::SubscriberExt;

const LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
struct CollectingLogs(Arc<Mutex<Vec<String>>>, Arc<Mutex<Option<Resource>>>);

impl LogExporter for CollectingLogs {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        for (record, _) in batch.iter() {
            if let Some(AnyValue::String(body)) = record.body() {
                self.0.lock().unwrap().push(body.to_string());
            }
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        *self.1.lock().unwrap() = Some(resource.clone());
    }
}

/// Panics while it is told to, then does as the other does.
#[derive(Debug)]
struct Panics<E> {
    exporter: E,
    panics: Arc<AtomicBool>,
}

impl<E> Panics<E> {
    fn now(&self) {
        assert!(!self.panics.load(Ordering::SeqCst), "on purpose");
    }
}

impl<E: SpanExporter> SpanExporter for Panics<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.now();
        self.exporter.export(batch).await
    }
}

impl<E: LogExporter> LogExporter for Panics<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.now();
        self.exporter.export(batch).await
    }
}

impl<E: Push> Push for Panics<E> {
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
        self.now();
        self.exporter.push(snapshot)
    }
}

#[test]
fn every_signal_can_leave_through_an_exporter_of_ones_own() {
    let (spans, metrics, logs) = (
        CollectingSpanExporter::new(),
        CollectingPush::new(),
        CollectingLogs::default(),
    );
    let telemetry = Telemetry::builder("shop")
        .environment(|_| None)
        .span_exporter(spans.clone())
        .metric_exporter(metrics.clone())
        .log_exporter(logs.clone())
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::with_default(subscriber, || {
        telemetry.operation("work").build().run(|| info!("hello"));
    });
    telemetry.shutdown(LIMIT).unwrap();
    assert_eq!(spans.spans()[0].name, "work");
    assert!(
        metrics
            .snapshots()
            .last()
            .unwrap()
            .metric("work.calls")
            .is_some()
    );
    assert_eq!(*logs.0.lock().unwrap(), ["hello"]);
    let resource = logs.1.lock().unwrap().clone().unwrap();
    assert_eq!(
        resource.get(&"service.name".into()).unwrap().to_string(),
        "shop"
    );
}

#[test]
fn an_exporter_that_panics_loses_its_batch_and_nothing_else() {
    let panics = Arc::new(AtomicBool::new(true));
    let (spans, metrics, logs) = (
        CollectingSpanExporter::new(),
        CollectingPush::new(),
        CollectingLogs::default(),
    );
    let telemetry = Telemetry::builder("shop")
        // Nothing leaves before it is asked for.
        .environment(|name| {
            name.ends_with("SCHEDULE_DELAY")
                .then(|| "600000".to_owned())
        })
        .span_exporter(Panics {
            exporter: spans.clone(),
            panics: Arc::clone(&panics),
        })
        .metric_exporter(Panics {
            exporter: metrics.clone(),
            panics: Arc::clone(&panics),
        })
        .log_exporter(Panics {
            exporter: logs.clone(),
            panics: Arc::clone(&panics),
        })
        .build()
        .unwrap();
    let work = telemetry.operation("work").build();
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    let record = || {
        tracing::subscriber::with_default(subscriber, || {
            work.run(|| info!("lost"));
            let said = telemetry.force_flush(LIMIT).unwrap_err().to_string();
            for signal in ["spans", "log records", "metrics"] {
                assert!(said.contains(signal), "{said}");
            }
            assert!(said.contains("panicked"), "{said}");
            panics.store(false, Ordering::SeqCst);
            work.run(|| info!("kept"));
        });
    };
    record();
    telemetry.shutdown(LIMIT).unwrap();

    assert_eq!(spans.spans().len(), 1);
    assert_eq!(*logs.0.lock().unwrap(), ["kept"]);
    // What is counted is not lost with a push, and the loss of the span is counted by its cause.
    let snapshot = metrics.snapshots().pop().unwrap();
    for metric in ["span", "log", "metric_data_point"] {
        let exported = snapshot.metric(&format!("otel.sdk.exporter.{metric}.exported"));
        let exported = format!("{:?}", exported.unwrap());
        assert!(exported.contains("\"panic\""), "{exported}");
        assert!(exported.contains("exporters::Panics<"), "{exported}");
    }
    assert!(format!("{:?}", snapshot.metric("work.calls")).contains("U64(2)"));
}

#[test]
fn a_batch_that_hangs_never_blocks_recording() {
    hanging(None, "otel.sdk.processor.span.processed", "queue_full");
}

#[test]
fn a_batch_that_hangs_never_blocks_what_waits_for_a_decision() {
    // Sampled by a sampler that says no threshold, so that retention has something to decide.
    let processed = "otel.sdk.processor.span.retention.processed";
    hanging(Some(Sampler::AlwaysOn), processed, "abandoned");
}

/// What is lost stands in this metric for this reason.
fn hanging(sampler: Option<Sampler>, metric: &str, reason: &str) {
    /// Never answers.
    #[derive(Debug)]
    struct Hangs(Arc<AtomicUsize>);
    impl SpanExporter for Hangs {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
    }
    let batches = Arc::new(AtomicUsize::new(0));
    let metrics = CollectingPush::new();
    let mut builder = Telemetry::builder("shop")
        .environment(|name| (name == "OTEL_BSP_MAX_QUEUE_SIZE").then(|| "8".to_owned()))
        .span_exporter(Hangs(Arc::clone(&batches)))
        .metric_exporter(metrics.clone());
    if let Some(sampler) = sampler {
        builder = builder.sampler(sampler);
    }
    let telemetry = builder.build().unwrap();
    let work = telemetry.operation("work").build();
    // Far more than the queue holds, each in the time that a push into a full queue takes.
    for _ in 0..1000 {
        work.run(|| ());
    }
    let error = telemetry.shutdown(Duration::from_secs(5)).unwrap_err();
    assert!(error.to_string().contains("spans"), "{error}");
    // The metrics got through all the same, and say what was lost.
    let snapshot = metrics.snapshots().pop().unwrap();
    assert!(format!("{:?}", snapshot.metric("work.calls")).contains("U64(1000)"));
    let processed = format!("{:?}", snapshot.metric(metric));
    assert!(processed.contains(reason), "{processed}");
}
