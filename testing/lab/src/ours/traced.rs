//! A whole pipeline as a candidate: real spans, from the tracer to the exporter.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanId, SpanKind, Status, TraceContextExt, TraceId, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    IdGenerator, SdkTracer, SdkTracerProvider, ShouldSample, Span, SpanData, SpanExporter,
    SpanProcessor,
};
use throughline_model::Clock;
use throughline_samplers::SpanWorker;
use throughline_samplers::probability::OtelTraceState;
use throughline_testkit::ManualClock;
use tokio::runtime::Runtime;

use crate::candidate::{Candidate, Footprint, Setup};
use crate::recording::Recording;
use crate::request::Request;
use crate::run::TICK;

/// A tracer provider with a sampler, a processor and a worker, under the simulation's clock. Each request is a
/// root span with [`CHILDREN`] children one after the other; one that fails fails in the last of them. What
/// counts as kept is what arrives at the exporter, with the count that its `tracestate` tells.
pub struct Traced {
    name: &'static str,
    operations: Arc<[String]>,
    /// Runs the worker, in virtual time. It goes before the provider, whose end would wait for a worker that stands still.
    runtime: Runtime,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    ids: Arc<Ids>,
    clock: ManualClock,
    began: SystemTime,
    /// Where the clock stands.
    now: Duration,
    exported: Exported,
    /// Every request so far: the high half of a trace id is an index.
    requests: Vec<Request>,
    /// The traces that are open, by when their next span ends.
    open: BinaryHeap<Reverse<(Duration, usize)>>,
    /// What these indices stand for.
    traces: Vec<Option<Open>>,
    free: Vec<usize>,
    arrived: Arrived,
    /// Which requests arrived, by index.
    kept: Vec<bool>,
    holding: Box<dyn Holding>,
    peak_bytes: u64,
    least_share: f64,
}

/// What a processor holds back.
pub trait Holding {
    /// Bytes that wait at the moment.
    fn bytes(&self) -> u64 {
        0
    }

    /// Spans that were given up so far.
    fn evicted(&self) -> u64 {
        0
    }

    /// The share of all traces that is recorded at the moment, 0 to 1.
    fn share(&self) -> f64 {
        1.0
    }
}

/// A processor that decides nothing holds nothing back.
impl Holding for () {}

/// How many children a root has.
pub const CHILDREN: u32 = 3;

/// How many seconds the worker has at the end: more than any of its timers.
const CLOSING: u32 = 90;

/// What arrived at the exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Roots.
    pub roots: u64,
    /// All spans.
    pub spans: u64,
}

/// A trace whose root has not ended.
struct Open {
    request: Request,
    root: Span,
    child: Span,
    /// How many children have ended.
    ended: u32,
}

impl Traced {
    /// These parts, put together. `holding` tells what the processor holds back.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no runtime.
    pub fn new(
        name: &'static str,
        setup: &Setup,
        clock: ManualClock,
        sampler: impl ShouldSample + 'static,
        processor: impl SpanProcessor + 'static,
        worker: SpanWorker,
        holding: impl Holding + 'static,
    ) -> std::io::Result<Self> {
        let ids = Arc::new(Ids::default());
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_id_generator(SharedIds(ids.clone()))
            .with_span_processor(processor)
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let exported = Exported::default();
        runtime.spawn(worker.run(exported.clone()));
        Ok(Self {
            name,
            operations: setup.operations.clone(),
            tracer: provider.tracer("lab"),
            provider,
            ids,
            began: clock.now(),
            clock,
            now: Duration::ZERO,
            runtime,
            exported,
            requests: Vec::new(),
            open: BinaryHeap::new(),
            traces: Vec::new(),
            free: Vec::new(),
            arrived: Arrived::default(),
            kept: Vec::new(),
            holding: Box::new(holding),
            peak_bytes: 0,
            least_share: 1.0,
        })
    }

    /// What arrived at the exporter so far.
    pub fn arrived(&self) -> Arrived {
        self.arrived
    }

    /// Every request, and whether its root arrived.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Request, bool)> {
        self.requests.iter().zip(self.kept.iter().copied())
    }

    /// The smallest share of all traces that was seen to be recorded, after a span or a tick. Within one tick the
    /// worker may have sunk it and doubled it again, so half of it is what was recorded at any time: traces with
    /// randomness in that half were never at risk.
    pub fn least_share(&self) -> f64 {
        self.least_share
    }

    fn start(&mut self, request: &Request) {
        let index = self.requests.len() as u64;
        self.requests.push(*request);
        self.kept.push(false);
        self.ids.trace.store(index, Ordering::Relaxed);
        self.ids
            .randomness
            .store(request.randomness, Ordering::Relaxed);
        let name = self.operations[request.operation as usize].clone();
        let root = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_start_time(self.began + request.at)
            .start_with_context(&self.tracer, &Context::new());
        if !root.is_recording() {
            return;
        }
        let child = self.child(&root, request.at);
        let open = Open {
            request: *request,
            root,
            child,
            ended: 0,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.traces.push(None);
            self.traces.len() - 1
        });
        let next = open.next_end();
        self.traces[place] = Some(open);
        self.open.push(Reverse((next, place)));
    }

    fn child(&self, root: &Span, at: Duration) -> Span {
        let parent = Context::new().with_remote_span_context(root.span_context().clone());
        let attributes = [
            KeyValue::new("db.system.name", "sqlite"),
            KeyValue::new("db.query.summary", "SELECT orders"),
            KeyValue::new("db.response.returned_rows", 12),
            KeyValue::new("server.address", "orders.internal"),
        ];
        SpanBuilder::from_name("SELECT orders")
            .with_kind(SpanKind::Client)
            .with_start_time(self.began + at)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent)
    }

    /// Ends the spans that end until then, in order.
    fn end_until(&mut self, now: Duration) {
        while let Some(Reverse((at, place))) = self.open.peek().copied()
            && at <= now
        {
            self.open.pop();
            self.advance_to(at);
            let Some(mut open) = self.traces[place].take() else {
                continue;
            };
            open.ended += 1;
            let end = self.began + at;
            let last = open.ended == CHILDREN;
            if last && open.request.error {
                open.child.set_status(Status::error("disk I/O error"));
                open.root.set_status(Status::error("500"));
            }
            open.child.end_with_timestamp(end);
            if last {
                open.root.end_with_timestamp(end);
            }
            self.look();
            if last {
                self.free.push(place);
                continue;
            }
            open.child = self.child(&open.root, at);
            self.open.push(Reverse((open.next_end(), place)));
            self.traces[place] = Some(open);
        }
    }

    fn advance_to(&mut self, now: Duration) {
        self.clock.advance(now.saturating_sub(self.now));
        self.now = now.max(self.now);
    }

    /// Lets the worker do what it has to.
    fn work(&mut self, time: Duration, kept: &mut Recording) {
        self.runtime.block_on(tokio::time::advance(time));
        let spans = std::mem::take(&mut *self.exported.spans());
        self.arrived.spans += spans.len() as u64;
        for span in spans {
            if span.parent_span_id != SpanId::INVALID {
                continue;
            }
            self.arrived.roots += 1;
            let context = &span.span_context;
            let index = u128::from_be_bytes(context.trace_id().to_bytes()) >> 64;
            let threshold = OtelTraceState::of(context.trace_state()).threshold();
            let count = threshold.map_or(0.0, |threshold| threshold.adjusted_count());
            let index = index as usize - 1;
            self.kept[index] = true;
            kept.keep(&self.requests[index], count);
        }
        self.look();
    }

    /// What is held back is looked at after every span: between two ticks a buffer may give up much, and recover.
    fn look(&mut self) {
        self.peak_bytes = self.peak_bytes.max(self.holding.bytes());
        self.least_share = self.least_share.min(self.holding.share());
    }
}

impl Open {
    /// When the child that is open ends.
    fn next_end(&self) -> Duration {
        self.request.at + self.request.duration * (self.ended + 1) / CHILDREN
    }
}

impl Candidate for Traced {
    fn name(&self) -> &'static str {
        self.name
    }

    fn offer(&mut self, request: &Request, _: &mut Recording) {
        self.end_until(request.at);
        self.advance_to(request.at);
        self.start(request);
    }

    fn tick(&mut self, now: Duration, kept: &mut Recording) {
        self.end_until(now);
        self.advance_to(now);
        if !now.is_zero() {
            self.work(TICK, kept);
        }
    }

    fn finish(&mut self, kept: &mut Recording) {
        self.end_until(Duration::MAX);
        for _ in 0..CLOSING {
            let second = Duration::from_secs(1);
            self.advance_to(self.now + second);
            self.work(second, kept);
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint {
            peak_bytes: self.peak_bytes,
            evicted: self.holding.evicted(),
        }
    }
}

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced")
            .field("name", &self.name)
            .field("provider", &self.provider)
            .field("arrived", &self.arrived)
            .finish_non_exhaustive()
    }
}

/// Trace ids that say which request it is and carry its randomness.
#[derive(Debug, Default)]
struct Ids {
    /// Index of the request; ids have one more, since zero is no id.
    trace: AtomicU64,
    randomness: AtomicU64,
    span: AtomicU64,
}

#[derive(Clone, Debug)]
struct SharedIds(Arc<Ids>);

impl IdGenerator for SharedIds {
    fn new_trace_id(&self) -> TraceId {
        let index = u128::from(self.0.trace.load(Ordering::Relaxed) + 1);
        let randomness = u128::from(self.0.randomness.load(Ordering::Relaxed));
        TraceId::from(index << 64 | randomness)
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.0.span.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What the worker has handed over.
#[derive(Clone, Debug, Default)]
struct Exported(Arc<Mutex<Vec<SpanData>>>);

impl Exported {
    fn spans(&self) -> std::sync::MutexGuard<'_, Vec<SpanData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for Exported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans().extend(batch);
        Ok(())
    }
}
