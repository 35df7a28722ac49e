//! The span processor that feeds the queue, and the worker that exports spans.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use throughline_model::SelfMeter;

use crate::Error;
use crate::batch::{self, BatchSettings, Counts, Export, Failure, Items, Queue, Worker};
use crate::retention::Attendant;
use crate::self_observed::LiveSpans;
use crate::span_weight::span_weight;

/// Queues sampled spans for export: a `SpanProcessor`. Clones are the same queue.
///
/// Spans that are recorded but not sampled are not exported. `on_end` runs under the span's own mutex,
/// so nothing here emits a `tracing` event, runs anyone else's code or touches a span beyond its context.
///
/// It reports `otel.sdk.span.live` besides what [`batch::queue`] reports.
///
/// ```
/// use std::time::Duration;
/// use opentelemetry::trace::{Span, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{SpanQueue, batch::BatchSettings};
/// # use throughline_testkit::CollectingSpanExporter;
///
/// # let exporter = CollectingSpanExporter::new();
/// let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
/// # let delivery = std::thread::spawn(move || {
/// #     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// #     runtime.block_on(worker.run(exporter));
/// # });
/// let provider = SdkTracerProvider::builder().with_span_processor(queue.clone()).build();
/// let tracer = provider.tracer("shop");
///
/// tracer.start("checkout").end();
/// queue.force_flush(Duration::from_secs(5))?;
/// assert_eq!(queue.counts().delivered, 1);
///
/// tracer.start("refund").end();
/// queue.shutdown(Duration::from_secs(5))?;
/// assert_eq!(queue.counts().delivered, 2);
/// # delivery.join().unwrap();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpanQueue {
    pub(crate) queue: Queue<SpanData>,
    /// `None` where someone else counts them.
    live: Option<Arc<LiveSpans>>,
    resource: Arc<Mutex<Option<Resource>>>,
}

impl SpanQueue {
    /// How long [`SpanProcessor::force_flush`] waits, which takes no time of its own.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{Error, SpanQueue, batch::BatchSettings};
    ///
    /// let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
    /// drop(worker);
    /// assert_eq!(queue.force_flush(SpanQueue::FLUSH_TIMEOUT), Err(Error::WorkerGone));
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

    /// A queue and its worker.
    ///
    /// # Errors
    /// [`Error::Setting`] names the setting that makes no sense.
    pub fn new(settings: BatchSettings, meter: &SelfMeter) -> Result<(Self, SpanWorker), Error> {
        let (mut queue, worker) = Self::uncounted(settings, meter)?;
        queue.live = Some(LiveSpans::new(meter));
        Ok((queue, worker))
    }

    /// The same for someone who counts the live spans.
    pub(crate) fn uncounted(
        settings: BatchSettings,
        meter: &SelfMeter,
    ) -> Result<(Self, SpanWorker), Error> {
        let (queue, worker) = batch::queue(Items::Spans, settings, span_weight, meter)?;
        let resource = Arc::new(Mutex::new(None));
        let processor = Self {
            queue,
            live: None,
            resource: Arc::clone(&resource),
        };
        let worker = SpanWorker {
            attendant: None,
            worker,
            resource,
        };
        Ok((processor, worker))
    }

    /// What became of the spans so far. Those that were not sampled are not among them.
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// As [`Queue::force_flush`].
    ///
    /// # Errors
    /// As [`Queue::force_flush`].
    pub fn force_flush(&self, timeout: Duration) -> Result<(), Error> {
        self.queue.force_flush(timeout)
    }

    /// As [`Queue::force_flush_async`].
    ///
    /// # Errors
    /// As [`Queue::force_flush_async`].
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use opentelemetry::trace::{Span, Tracer, TracerProvider};
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{SpanQueue, batch::BatchSettings};
    /// # use throughline_testkit::CollectingSpanExporter;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), throughline_samplers::Error> {
    /// # let exporter = CollectingSpanExporter::new();
    /// let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
    /// tokio::spawn(worker.run(exporter));
    ///
    /// let provider = SdkTracerProvider::builder().with_span_processor(queue.clone()).build();
    /// provider.tracer("shop").start("checkout").end();
    /// queue.force_flush_async(Duration::from_secs(5)).await?;
    /// assert_eq!(queue.counts().delivered, 1);
    /// # Ok(()) }
    /// ```
    pub async fn force_flush_async(&self, timeout: Duration) -> Result<(), Error> {
        self.queue.force_flush_async(timeout).await
    }

    /// As [`Queue::shutdown`].
    ///
    /// # Errors
    /// As [`Queue::shutdown`].
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        self.queue.shutdown(timeout)
    }

    /// As [`Queue::shutdown_async`].
    ///
    /// # Errors
    /// As [`Queue::shutdown_async`].
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use opentelemetry::trace::{Span, Tracer, TracerProvider};
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{SpanQueue, batch::BatchSettings};
    /// # use throughline_testkit::CollectingSpanExporter;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), throughline_samplers::Error> {
    /// # let exporter = CollectingSpanExporter::new();
    /// let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
    /// tokio::spawn(worker.run(exporter));
    ///
    /// let provider = SdkTracerProvider::builder().with_span_processor(queue.clone()).build();
    /// provider.tracer("shop").start("checkout").end();
    /// queue.shutdown_async(Duration::from_secs(5)).await?;
    /// assert_eq!(queue.counts().lost(), 0);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown_async(&self, timeout: Duration) -> Result<(), Error> {
        self.queue.shutdown_async(timeout).await
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, _parent: &Context) {
        if let Some(live) = &self.live {
            live.started(span.span_context().is_sampled());
        }
    }

    fn on_end(&self, span: SpanData) {
        let sampled = span.span_context.is_sampled();
        if let Some(live) = &self.live {
            live.ended(sampled);
        }
        if sampled {
            // A span that finds no room is counted by the queue, which is all that can be done here.
            let _ = self.queue.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(self.queue.force_flush(Self::FLUSH_TIMEOUT)?)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        Ok(self.queue.shutdown(timeout)?)
    }

    fn set_resource(&mut self, resource: &Resource) {
        *self.resource.lock().unwrap_or_else(PoisonError::into_inner) = Some(resource.clone());
    }
}

/// The end of a [`SpanQueue`], or of a [`RetentionBuffer`](crate::RetentionBuffer), that exports.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{SpanQueue, batch::BatchSettings};
/// # use throughline_testkit::CollectingSpanExporter;
///
/// # let exporter = CollectingSpanExporter::new();
/// let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
/// let delivery = std::thread::spawn(move || {
///     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
///     runtime.block_on(worker.run(exporter));
/// });
/// queue.shutdown(Duration::from_secs(5))?;
/// delivery.join().expect("it ends when the queue does");
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Debug)]
pub struct SpanWorker {
    /// Decides, where there is a retention buffer before the queue.
    pub(crate) attendant: Option<Attendant>,
    worker: Worker<SpanData>,
    resource: Arc<Mutex<Option<Resource>>>,
}

impl SpanWorker {
    /// Exports until the queue is shut down, as [`Worker::run`] does. The exporter gets the provider's
    /// resource before its first batch, and is shut down at the end.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub async fn run(self, exporter: impl SpanExporter) {
        let resource = Arc::clone(&self.resource);
        self.run_with(Exporter { exporter, resource }).await;
    }

    /// The same with an exporter that can say how much of a batch was lost, which `SpanExporter` cannot.
    /// Such an exporter has to know the resource already.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    ///
    /// # Example
    /// ```
    /// use opentelemetry_sdk::trace::SpanData;
    /// use throughline_model::{PushError, SelfMeter};
    /// use throughline_samplers::{SpanQueue, batch::{BatchSettings, Export, Failure}};
    ///
    /// struct Knowing;
    /// impl Export<SpanData> for Knowing {
    ///     async fn export(&mut self, batch: Vec<SpanData>) -> Result<(), Failure> {
    ///         let message = "one was too old".to_string();
    ///         Err(PushError::Rejected { items: 1, message }.into())
    ///     }
    /// }
    ///
    /// let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
    /// let delivery = worker.run_with(Knowing);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub async fn run_with(self, exporter: impl Export<SpanData>) {
        match self.attendant {
            Some(attendant) => attendant.run(self.worker, exporter).await,
            None => self.worker.run(exporter).await,
        }
    }
}

struct Exporter<E> {
    exporter: E,
    /// What the provider said last and the exporter does not know yet.
    resource: Arc<Mutex<Option<Resource>>>,
}

impl<E: SpanExporter> Export<SpanData> for Exporter<E> {
    async fn export(&mut self, batch: Vec<SpanData>) -> Result<(), Failure> {
        let news = self
            .resource
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(resource) = news {
            self.exporter.set_resource(&resource);
        }
        let result = self.exporter.export(batch).await;
        result.map_err(|error| failure(&error))
    }

    fn flush(&mut self) -> Result<(), String> {
        self.exporter.force_flush().map_err(|e| e.to_string())
    }

    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        let result = self.exporter.shutdown_with_timeout(timeout);
        result.map_err(|e| e.to_string())
    }
}

/// `SpanExporter` cannot say how much of a batch was lost: all of it, then.
fn failure(error: &OTelSdkError) -> Failure {
    let error_type = match error {
        OTelSdkError::AlreadyShutdown => "already_shutdown",
        OTelSdkError::Timeout(_) => "timeout",
        OTelSdkError::InternalFailure(_) => "_OTHER",
    };
    Failure::new(error_type, error.to_string())
}
