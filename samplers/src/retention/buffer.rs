//! The span processor that retains.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanContext, SpanId, TraceContextExt, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{ShouldSample, Span, SpanData, SpanProcessor};
use throughline_model::{Clock, Fate, KeepReason, SelfMeter, SoFar, TraceKeeper};

use super::attendant::Attendant;
use super::control::Request;
use super::core::Core;
use super::counts::RetentionCounts;
use super::pinned::outlier_threshold;
use super::policies::Policies;
use super::sampler::{RetainingSampler, randomness};
use super::settings::Bounds;
use super::{RANGE, self_observed};
use crate::batch::{BatchSettings, Counts, Waiter, wait_async};
use crate::probability::Threshold;
use crate::{Error, SpanQueue, SpanWorker};

/// Holds what is recorded until it is known whether it is kept, and hands on what is: a `SpanProcessor`, and the
/// [`TraceKeeper`] that histograms and propagators ask. Clones are the same buffer.
///
/// Made by [`Retention::build`](super::Retention::build), together with the worker that decides, exports and is told
/// what arrived.
///
/// ```
/// use std::time::Duration;
/// use opentelemetry::trace::{Span, Status, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{Retention, batch::BatchSettings};
/// # use throughline_testkit::CollectingSpanExporter;
///
/// # let exporter = CollectingSpanExporter::new();
/// # let delivered = exporter.clone();
/// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
/// # let delivery = std::thread::spawn(move || {
/// #     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// #     runtime.block_on(worker.run(exporter));
/// # });
/// let provider = SdkTracerProvider::builder()
///     .with_sampler(buffer.sampler(Sampler::AlwaysOff))
///     .with_span_processor(buffer.clone())
///     .build();
/// let tracer = provider.tracer("shop");
///
/// tracer.start("goes well").end();
/// let mut span = tracer.start("fails");
/// span.set_status(Status::error("out of stock"));
/// span.end();
///
/// buffer.shutdown(Duration::from_secs(5))?;
/// let counts = buffer.counts();
/// assert_eq!((counts.kept, counts.unselected), (1, 1));
/// # assert_eq!(delivered.spans()[0].name, "fails");
/// # delivery.join().unwrap();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone)]
pub struct RetentionBuffer {
    handle: Arc<Handle>,
    queue: SpanQueue,
}

/// What all clones share; the last one shuts the buffer down without anyone waiting.
struct Handle {
    core: Arc<Core>,
}

/// What it holds is not shown: it may be a hundred thousand spans, with what stands in them.
impl fmt::Debug for RetentionBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetentionBuffer")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let timeout = self.core.queue.settings().export_timeout;
        let waiter = Box::new(|_| ());
        close(&self.core, Request { timeout, waiter });
    }
}

impl RetentionBuffer {
    pub(super) fn new(
        policies: Policies,
        bounds: Bounds,
        base: u64,
        clock: Arc<dyn Clock>,
        batch: BatchSettings,
        meter: &SelfMeter,
    ) -> Result<(Self, SpanWorker), Error> {
        let (queue, mut worker) = SpanQueue::uncounted(batch, meter)?;
        let core = Core::new(policies, bounds, base, clock, queue.queue.clone());
        let core = Arc::new(core);
        self_observed::observe(&core, meter);
        worker.attendant = Some(Attendant::new(Arc::clone(&core)));
        let handle = Arc::new(Handle { core });
        Ok((Self { handle, queue }, worker))
    }

    /// The sampler that records what this buffer may keep: `head` decides about local roots, and what it does not
    /// choose is recorded all the same.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::Sampler;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    ///
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// let sampler = buffer.sampler(Sampler::AlwaysOff);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn sampler(&self, head: impl Into<Box<dyn ShouldSample>>) -> RetainingSampler {
        RetainingSampler::new(head.into(), Arc::clone(self.core()))
    }

    /// Asks that the trace of the current span be kept, whatever else is found: a developer's wish, so it counts for
    /// nothing in estimated totals. The attribute `sampling.keep=true` on any span of it does the same: at once where the
    /// span starts with it, else when it has ended.
    ///
    /// ```
    /// use opentelemetry::trace::{Tracer, TracerProvider};
    /// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    ///
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// let provider = SdkTracerProvider::builder()
    ///     .with_sampler(buffer.sampler(Sampler::AlwaysOff))
    ///     .with_span_processor(buffer.clone())
    ///     .build();
    /// provider.tracer("shop").in_span("checkout", |_| buffer.keep_current());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn keep_current(&self) {
        Context::map_current(|context| {
            let span = context.span();
            let span = span.span_context();
            if span.is_valid() {
                self.keep(span.trace_id(), span.span_id(), KeepReason::Explicit);
            }
        });
    }

    /// Whether the trace of this span would be kept if its local root ended as it is: what a response's head can say.
    /// Of rules, and of attributes that ask for it, it knows what a span started with; the rest is looked at in the end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use opentelemetry::trace::{Span, Tracer, TracerProvider};
    /// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    /// use throughline_model::{SelfMeter, SoFar};
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    ///
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// let provider = SdkTracerProvider::builder()
    ///     .with_sampler(buffer.sampler(Sampler::AlwaysOff))
    ///     .with_span_processor(buffer.clone())
    ///     .build();
    /// let span = provider.tracer("shop").start("GET /orders");
    /// let so_far = SoFar { name: "GET /orders", elapsed: Duration::ZERO, failed: false };
    /// assert!(!buffer.would_keep(span.span_context(), so_far));
    /// assert!(buffer.would_keep(span.span_context(), SoFar { failed: true, ..so_far }));
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn would_keep(&self, span: &SpanContext, so_far: SoFar<'_>) -> bool {
        if span.is_sampled() {
            return true;
        }
        let policies = &self.core().policies;
        let mut lowest = RANGE;
        if so_far.failed {
            lowest = lowest.min(policies.rates.errors);
        }
        if policies.rates.slow < lowest && policies.is_slow_by_now(so_far.name, so_far.elapsed) {
            lowest = policies.rates.slow;
        }
        let state = span.trace_state();
        let r = randomness(state, span.trace_id());
        self.would_keep_with(span.trace_id(), Some(r), outlier_threshold(state), lowest)
    }

    fn would_keep_with(&self, trace: TraceId, r: Option<u64>, out: u64, lowest: u64) -> bool {
        let known = self.core().known(trace);
        if known.kept || !known.wishes.reasons.uncounted().is_empty() {
            return true;
        }
        let rates = &self.core().policies.rates;
        let mut lowest = lowest;
        if known.failed {
            lowest = lowest.min(rates.errors);
        }
        for wish in known.wishes.reasons.iter() {
            lowest = lowest.min(match wish {
                KeepReason::Error => rates.errors,
                KeepReason::Slow => rates.slow,
                KeepReason::Outlier => rates.outliers,
                _ => known.wishes.rule,
            });
        }
        let r = known.randomness.or(r);
        r.is_some_and(|r| r >= lowest.max(known.floor).max(out))
    }

    /// The share of traces that is recorded at the moment, 0 to 1: what [`Retention::share`](super::Retention::share)
    /// says, or less while memory is short.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    ///
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// assert_eq!(buffer.probability(), 1.0);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn probability(&self) -> f64 {
        let threshold = Threshold::from_bits(self.core().level.threshold());
        threshold.map_or(0.0, Threshold::probability)
    }

    /// What became of the spans so far.
    pub fn counts(&self) -> RetentionCounts {
        self.core().counts()
    }

    /// How many bytes wait at the moment, as [`Retention::max_bytes`](super::Retention::max_bytes) counts them.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    ///
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// assert_eq!(buffer.bytes(), 0);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn bytes(&self) -> usize {
        self.core().bytes()
    }

    /// What became of the spans that were handed to the queue.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    ///
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// assert_eq!(buffer.queue_counts().offered(), buffer.counts().handed_on());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn queue_counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Waits until what is kept of the parts that have ended is sent, at most `timeout`. Parts that are open stay so:
    /// nothing is decided that is not ripe. From any thread, inside a runtime or not.
    ///
    /// # Errors
    /// As [`SpanQueue::force_flush`].
    pub fn force_flush(&self, timeout: Duration) -> Result<(), Error> {
        let ask = |waiter| self.flush_then(timeout, waiter);
        self.queue.queue.wait(timeout, ask)
    }

    /// As [`force_flush`](Self::force_flush), without blocking, on any runtime. The worker keeps the time.
    ///
    /// # Errors
    /// As [`SpanQueue::force_flush_async`].
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    /// # use throughline_testkit::CollectingSpanExporter;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), throughline_samplers::Error> {
    /// # let exporter = CollectingSpanExporter::new();
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// tokio::spawn(worker.run(exporter));
    /// buffer.force_flush_async(Duration::from_secs(5)).await?;
    /// # Ok(()) }
    /// ```
    pub async fn force_flush_async(&self, timeout: Duration) -> Result<(), Error> {
        wait_async(|waiter| self.flush_then(timeout, waiter)).await
    }

    /// Admits no part from now on, waits for what is open (at most half of the time, and at most a second), decides
    /// what there is, sends what is kept, shuts the exporter down, at most `timeout`. What is not sent by then is lost
    /// and counted. A second call waits for the first and gets the same result.
    ///
    /// # Errors
    /// As [`SpanQueue::shutdown`].
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        if self.queue.queue.is_delivery_thread() {
            let waiter = Box::new(|_| ());
            close(self.core(), Request { timeout, waiter });
        }
        let ask = |waiter| close(self.core(), Request { timeout, waiter });
        self.queue.queue.wait(timeout, ask)
    }

    /// As [`shutdown`](Self::shutdown), without blocking, on any runtime. The worker keeps the time.
    ///
    /// # Errors
    /// As [`SpanQueue::shutdown_async`].
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Retention, batch::BatchSettings};
    /// # use throughline_testkit::CollectingSpanExporter;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), throughline_samplers::Error> {
    /// # let exporter = CollectingSpanExporter::new();
    /// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
    /// tokio::spawn(worker.run(exporter));
    /// buffer.shutdown_async(Duration::from_secs(5)).await?;
    /// assert_eq!(buffer.counts().lost(), 0);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown_async(&self, timeout: Duration) -> Result<(), Error> {
        wait_async(|waiter| close(self.core(), Request { timeout, waiter })).await
    }

    fn flush_then(&self, timeout: Duration, waiter: Waiter) {
        if let Err(request) = self.core().control.flush(Request { timeout, waiter }) {
            let queue = &self.core().queue;
            queue.flush_then(request.timeout, request.waiter);
        }
    }

    fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }
}

fn close(core: &Core, request: Request) {
    if let Err(request) = core.control.close(request) {
        core.queue.close_then(request.timeout, request.waiter);
    }
}

impl SpanProcessor for RetentionBuffer {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        let own = span.span_context();
        let parent = parent.span();
        let parent = parent.span_context();
        let is_local = parent.is_valid() && !parent.is_remote();
        self.core().started(own, is_local.then(|| parent.span_id()));
    }

    fn on_end(&self, span: SpanData) {
        self.core().ended(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(self.force_flush(SpanQueue::FLUSH_TIMEOUT)?)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        Ok(self.shutdown(timeout)?)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// ```
/// use opentelemetry::trace::{SpanId, TraceId};
/// use throughline_model::{Fate, SelfMeter, TraceKeeper};
/// use throughline_samplers::{Retention, batch::BatchSettings};
///
/// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
/// assert_eq!(buffer.fate(TraceId::from(1), SpanId::from(1)), Fate::Lost, "it is not known");
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
impl TraceKeeper for RetentionBuffer {
    fn candidate(&self, span: &SpanContext) -> bool {
        let state = span.trace_state();
        span.is_sampled()
            || !self.core().level.never()
                && randomness(state, span.trace_id())
                    >= outlier_threshold(state).max(self.core().level.threshold())
    }

    fn keep(&self, trace: TraceId, _: SpanId, why: KeepReason) {
        self.core().keep(trace, why);
    }

    fn fate(&self, trace: TraceId, span: SpanId) -> Fate {
        self.core().fate(trace, span)
    }

    /// What the head chose is kept too. What memory may do to it is not foreseen, nor which rules match in the end
    /// that did not when a span started.
    fn is_kept(&self, trace: TraceId) -> bool {
        self.would_keep_with(trace, None, 0, RANGE)
    }

    /// As [`would_keep`](RetentionBuffer::would_keep). Where an operation's quantile decides, which moves, what was
    /// slow when it was asked stays slow.
    fn ending(&self, root: &SpanContext, so_far: SoFar<'_>) -> bool {
        let policies = &self.core().policies;
        let r = || randomness(root.trace_state(), root.trace_id());
        if !root.is_sampled()
            && self.candidate(root)
            && policies.is_slow_by_now(so_far.name, so_far.elapsed)
            && r() >= policies.rates.slow
        {
            self.core().keep(root.trace_id(), KeepReason::Slow);
        }
        self.would_keep(root, so_far)
    }
}
