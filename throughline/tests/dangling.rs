//! No exemplar dangles: a million measurements on the real engine before the real retention buffer, with too little
//! memory, a queue that is too short, and collectors that refuse, are slow or never answer.
//!
//! Nothing here waits for time to pass: a collector is slow because a gate before it is closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use throughline::opentelemetry::metrics::{Histogram, MeterProvider as _};
use throughline::opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use throughline::opentelemetry::{Context, KeyValue};
use throughline_engine::{
    ExemplarFilter, MeterProvider, Outliers, Reader, Selector, TemporalityPreference,
};
use throughline_model::{Data, Exemplar, Random, SelfMeter, Snapshot};
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::probability::{ComposableProbability, CompositeSampler};
use throughline_samplers::{Retention, RetentionBuffer};
use throughline_testkit::{InMemoryReader, SeededRandom};
use tokio::sync::watch;

/// Of five cases.
const MEASUREMENTS: u64 = 1_000_000 / 5;
const THREADS: u64 = 4;
/// Spans of the parts of a trace: whoever calls the service, calls it twice.
const PARTS: [u64; 2] = [3, 2];
/// In each span.
const EACH: u64 = 10;
const TRACES: u64 = MEASUREMENTS / (THREADS * (PARTS[0] + PARTS[1]) * EACH);
/// How many traces of a thread lie between two collections.
const ROUND: u64 = TRACES / 25;
/// Longer than any machine takes.
const LONG: Duration = Duration::from_secs(600);
/// Values are below this, those above the second are outliers, and one thing is measured that is above both.
const VALUES: u64 = 2_000;
const OUTLIER: f64 = 1_998.5;
const LAST: f64 = 5_000.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Collector {
    Accepts,
    /// Every third batch.
    Refuses,
    /// Answers now and then.
    Slow,
    /// Answers once the service shuts down.
    Stalled,
    /// Never answers.
    Gone,
}

#[test]
fn with_a_collector_that_accepts() {
    let outcome = run(Collector::Accepts);
    assert!(outcome.last_is_published);
    assert_eq!(outcome.failed, 0);
}

#[test]
fn with_a_collector_that_refuses() {
    assert!(run(Collector::Refuses).failed > 0);
}

#[test]
fn with_a_collector_that_is_slow() {
    assert!(run(Collector::Slow).last_is_published);
}

#[test]
fn with_a_collector_that_is_stalled_until_the_shutdown() {
    let outcome = run(Collector::Stalled);
    assert!(outcome.last_is_published && outcome.evicted > 0);
}

#[test]
fn with_a_collector_that_never_answers() {
    let outcome = run(Collector::Gone);
    assert_eq!(outcome.published, 0);
    assert!(outcome.abandoned > 0);
}

/// What shows that a case was none in which nothing can go wrong.
struct Outcome {
    published: u64,
    /// The exemplar of a measurement whose trace nothing but the collector can lose.
    last_is_published: bool,
    evicted: u64,
    failed: u64,
    abandoned: u64,
}

fn run(collector: Collector) -> Outcome {
    let service = Service::new(collector);
    let mut found = Found::default();
    thread::scope(|scope| {
        for thread in 1..THREADS {
            let service = &service;
            scope.spawn(move || service.work(thread, || ()));
        }
        // This one collects besides, so that it does not depend on the machine how often that is.
        let mut round = 0;
        service.work(0, || {
            round += 1;
            if round % 3 == 0 {
                service.deliver();
            }
            service.collect(&mut found);
        });
    });
    service.ask_for_the_last();
    service.shut_down();
    for _ in 0..3 {
        service.collect(&mut found);
    }
    assert_eq!(found.dangling, [], "{collector:?}");
    assert_eq!(service.measured(), MEASUREMENTS + 1);
    let (counts, queue) = (service.buffer.counts(), service.buffer.queue_counts());
    assert_eq!(counts.buffered, 0);
    Outcome {
        published: found.published,
        last_is_published: found.last,
        evicted: counts.evicted,
        failed: queue.failed,
        abandoned: counts.abandoned + queue.lost(),
    }
}

/// What was published.
#[derive(Default)]
struct Found {
    published: u64,
    dangling: Vec<Exemplar>,
    last: bool,
}

/// A service with its engine, its buffer and the thread that delivers.
struct Service {
    tracer: SdkTracer,
    buffer: RetentionBuffer,
    exporter: Scripted,
    histogram: Histogram<f64>,
    readers: [InMemoryReader; 2],
    delivery: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Service {
    fn new(collector: Collector) -> Self {
        let batches = BatchSettings {
            max_queue_size: 64,
            max_export_batch_size: 16,
            export_timeout: LONG,
            ..BatchSettings::spans()
        };
        // Some 300 spans.
        let (buffer, worker) = Retention::new()
            .max_bytes(200_000)
            .remembered(2_000)
            .build(batches, &SelfMeter::new())
            .unwrap();
        let exporter = Scripted::new(collector);
        let delivered = exporter.clone();
        let delivery = thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().build().unwrap();
            runtime.block_on(worker.run(delivered));
        });
        let head = CompositeSampler::new(ComposableProbability::new(0.02).unwrap());
        let spans = SdkTracerProvider::builder()
            .with_sampler(buffer.sampler(head))
            .with_span_processor(buffer.clone())
            .build();
        let readers = [
            TemporalityPreference::Cumulative,
            TemporalityPreference::Delta,
        ];
        let readers = readers.map(|preference| Reader::builder().temporality(preference).build());
        let metrics = MeterProvider::builder()
            .reader(readers[0].clone())
            .reader(readers[1].clone())
            .exemplar_filter(ExemplarFilter::Resolvable)
            .trace_keeper(Arc::new(buffer.clone()))
            .outliers(Selector::name("work.*"), Outliers::above(OUTLIER))
            .build()
            .unwrap();
        Self {
            tracer: spans.tracer("test"),
            buffer,
            exporter,
            histogram: metrics.meter("test").f64_histogram("work.size").build(),
            readers: readers.map(InMemoryReader::new),
            delivery: Mutex::new(Some(delivery)),
        }
    }

    /// Makes traces of which some fail and some have an outlier, and does something else now and then.
    fn work(&self, thread: u64, mut now_and_then: impl FnMut()) {
        let random = SeededRandom::new(thread);
        for at in 0..TRACES {
            let trace = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            for spans in PARTS {
                self.serve(trace, spans, &random);
            }
            if at % ROUND == 0 {
                now_and_then();
            }
        }
    }

    /// Makes a local root and its children.
    fn serve(&self, trace: u128, spans: u64, random: &SeededRandom) {
        let root = self.root(trace);
        self.measure(&root, random);
        for _ in 1..spans {
            let child = self.tracer.start_with_context("child", &root);
            let child = root.with_span(child);
            self.measure(&child, random);
            if one_of(100, random) {
                child.span().set_status(Status::error("no"));
            }
        }
        if one_of(100, random) {
            // It never ends.
            std::mem::forget(root);
        }
    }

    /// A local root whose caller is elsewhere.
    fn root(&self, trace: u128) -> Context {
        let caller = SpanContext::new(
            TraceId::from(trace),
            SpanId::from(1),
            TraceFlags::default(),
            true,
            TraceState::NONE,
        );
        let caller = Context::new().with_remote_span_context(caller);
        let root = self.tracer.start_with_context("root", &caller);
        Context::new().with_span(root)
    }

    fn measure(&self, span: &Context, random: &SeededRandom) {
        let _current = span.clone().attach();
        for _ in 0..EACH {
            let value = random.next_u64() % VALUES;
            let set = [KeyValue::new("k", (value % 3) as i64)];
            self.histogram.record(value as f64, &set);
        }
    }

    /// An outlier in a trace of the highest randomness, alone in its series.
    fn ask_for_the_last(&self) {
        let root = self.root(u128::MAX);
        let _current = root.clone().attach();
        self.histogram.record(LAST, &[KeyValue::new("k", "last")]);
        root.span().end();
    }

    /// Has everything sent that is decided, where the collector lets it.
    fn deliver(&self) {
        match self.exporter.collector {
            Collector::Stalled | Collector::Gone => {}
            Collector::Accepts => self.buffer.force_flush(LONG).unwrap(),
            Collector::Refuses => {
                // Says which batches were refused.
                let _ = self.buffer.force_flush(LONG);
            }
            Collector::Slow => {
                self.exporter.gate.send_replace(true);
                self.buffer.force_flush(LONG).unwrap();
                self.exporter.gate.send_replace(false);
            }
        }
    }

    fn collect(&self, found: &mut Found) {
        for reader in &self.readers {
            let snapshot = reader.collect();
            let acknowledged = self.exporter.acknowledged.lock().unwrap();
            for exemplar in exemplars(&snapshot) {
                let (_, span) = exemplar.span.expect("made in a span");
                found.published += 1;
                found.last |= exemplar.value.as_f64() == LAST;
                if !acknowledged.contains(&span) {
                    found.dangling.push(exemplar.clone());
                }
            }
        }
    }

    fn shut_down(&self) {
        if self.exporter.collector == Collector::Gone {
            self.buffer.shutdown(Duration::from_millis(50)).unwrap_err();
        } else {
            self.exporter.gate.send_replace(true);
            // Says which batches were refused.
            let _ = self.buffer.shutdown(LONG);
        }
        let delivery = self.delivery.lock().unwrap().take();
        delivery.unwrap().join().unwrap();
    }

    fn measured(&self) -> u64 {
        let snapshot = self.readers[0].collect();
        let Data::Histogram(data) = &snapshot.metric("work.size").unwrap().data else {
            panic!("no histogram")
        };
        data.points.iter().map(|point| point.count()).sum()
    }
}

fn one_of(many: u64, random: &SeededRandom) -> bool {
    random.next_u64().is_multiple_of(many)
}

fn exemplars(snapshot: &Snapshot) -> impl Iterator<Item = &Exemplar> {
    let metrics = snapshot.scopes.iter().flat_map(|scope| &scope.metrics);
    metrics
        .filter_map(|metric| match &metric.data {
            Data::Histogram(data) => Some(&data.points),
            _ => None,
        })
        .flatten()
        .flat_map(|point| &point.exemplars)
}

/// What the collector does with each batch is written down before; what it acknowledged is the truth.
#[derive(Clone, Debug)]
struct Scripted {
    collector: Collector,
    batches: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<HashSet<SpanId>>>,
    gate: watch::Sender<bool>,
}

impl Scripted {
    fn new(collector: Collector) -> Self {
        let open = matches!(collector, Collector::Accepts | Collector::Refuses);
        Self {
            collector,
            batches: Arc::default(),
            acknowledged: Arc::default(),
            gate: watch::Sender::new(open),
        }
    }
}

impl SpanExporter for Scripted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // The sender lives as long as this does.
        let _ = self.gate.subscribe().wait_for(|open| *open).await;
        let at = self.batches.fetch_add(1, Ordering::Relaxed);
        if self.collector == Collector::Refuses && at % 3 == 1 {
            return Err(OTelSdkError::InternalFailure("away".to_owned()));
        }
        let spans = batch.iter().map(|span| span.span_context.span_id());
        self.acknowledged.lock().unwrap().extend(spans);
        Ok(())
    }
}
