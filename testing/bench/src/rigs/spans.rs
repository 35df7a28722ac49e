//! Ways out for spans: what they end in counts them, and they lose none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter, SpanProcessor,
};
use throughline_model::SelfMeter;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Retention, SpanQueue, SpanWorker};
use tokio::runtime;

/// What the spans that count are called.
pub(crate) const NAME: &str = "bench";

/// How many spans may wait: more than a round makes, so that nobody is fast because it drops them.
const ROOM: usize = 1 << 18;

/// How many bytes of spans may wait.
const BYTES: usize = 1 << 30;

/// How often a flush is tried.
const FLUSHES: usize = 20;

/// How many spans called [`NAME`] have come out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived(Arc<AtomicU64>);

impl Arrived {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, spans: u64) {
        self.0.fetch_add(spans, Ordering::Relaxed);
    }
}

/// Takes batches of spans.
impl SpanExporter for Arrived {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.add(batch.iter().filter(|span| span.name == NAME).count() as u64);
        Ok(())
    }
}

/// Takes spans as they end: what the SDK costs by itself.
impl SpanProcessor for Arrived {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.add(u64::from(span.name == NAME));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Takes `fastrace`'s.
impl Reporter for Arrived {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.add(spans.iter().filter(|span| span.name == NAME).count() as u64);
    }
}

/// Which processor the spans of `opentelemetry_sdk` meet when they end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exit {
    /// None that does anything but count.
    Counted,
    /// The SDK's batches.
    SdkBatch,
    /// Our queue and batches.
    Queue,
    /// Our retention buffer, then the queue.
    Retention,
}

/// A tracer provider of `opentelemetry_sdk`, shared by clones.
#[derive(Clone)]
pub(crate) struct Spans {
    provider: SdkTracerProvider,
    arrived: Arrived,
}

impl Spans {
    pub(crate) fn new(exit: Exit, sampler: Sampler) -> Self {
        let arrived = Arrived::default();
        let builder = SdkTracerProvider::builder();
        let provider = match exit {
            Exit::Counted => builder
                .with_sampler(sampler)
                .with_span_processor(arrived.clone()),
            Exit::SdkBatch => {
                let config = BatchConfigBuilder::default().with_max_queue_size(ROOM);
                let batches = BatchSpanProcessor::builder(arrived.clone());
                let batches = batches.with_batch_config(config.build()).build();
                builder.with_sampler(sampler).with_span_processor(batches)
            }
            Exit::Queue => {
                let queue = SpanQueue::new(batches(), &SelfMeter::new());
                let (queue, worker) = queue.expect("settings that make sense");
                deliver(worker, arrived.clone());
                builder.with_sampler(sampler).with_span_processor(queue)
            }
            Exit::Retention => {
                let buffer = roomy().build(batches(), &SelfMeter::new());
                let (buffer, worker) = buffer.expect("settings that make sense");
                deliver(worker, arrived.clone());
                builder
                    .with_sampler(buffer.sampler(sampler))
                    .with_span_processor(buffer)
            }
        };
        Self {
            provider: provider.build(),
            arrived,
        }
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("bench")
    }

    /// How many spans have come out, all that ended among them.
    pub(crate) fn arrived(&self) -> u64 {
        // A flush gives up after some seconds, which is little under valgrind.
        let flushed = (0..FLUSHES).any(|_| self.provider.force_flush().is_ok());
        assert!(flushed, "the exporter takes everything");
        self.arrived.count()
    }
}

/// A buffer that no round fills.
pub(crate) fn roomy() -> Retention {
    let buffer = Retention::new().max_bytes(BYTES).max_spans(ROOM);
    buffer.max_traces(ROOM).max_spans_per_trace(ROOM)
}

fn batches() -> BatchSettings {
    BatchSettings {
        max_queue_size: ROOM,
        max_queue_bytes: BYTES,
        ..BatchSettings::spans()
    }
}

/// Exports on a thread of its own until the provider is gone.
fn deliver(worker: SpanWorker, exporter: Arrived) {
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("the system has room for a runtime");
        runtime.block_on(worker.run(exporter));
    });
}

/// What `fastrace` has reported of this thread's spans. A process has one reporter.
pub(crate) fn fastrace_arrived() -> u64 {
    let arrived = fastrace_reporter();
    loop {
        let before = arrived.count();
        // What found no room in the thread's ring waits for the next span that ends.
        drop(fastrace::Span::root("next", SpanContext::random()));
        fastrace::flush();
        if arrived.count() == before {
            return before;
        }
    }
}

/// Where `fastrace` reports to, from now on.
pub(crate) fn fastrace_reporter() -> &'static Arrived {
    static ARRIVED: OnceLock<Arrived> = OnceLock::new();
    ARRIVED.get_or_init(|| {
        let arrived = Arrived::default();
        fastrace::set_reporter(arrived.clone(), Config::default());
        arrived
    })
}
