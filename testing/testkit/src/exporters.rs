//! Exporters that keep what they are given, or refuse it when told to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use throughline_model::{Push, PushError, PushFuture, Snapshot};

/// A [`Push`] that keeps every snapshot. Clones share what was kept.
///
/// ```
/// use throughline_model::{Push, PushError, Snapshot};
/// use throughline_testkit::CollectingPush;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let push = CollectingPush::new();
/// push.push(&Snapshot::default()).await.unwrap();
/// push.refuse_with(Some(PushError::Shutdown));
/// assert!(push.push(&Snapshot::default()).await.is_err());
/// assert_eq!(push.snapshots().len(), 1);
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct CollectingPush(Arc<Mutex<Pushed>>);

#[derive(Debug, Default)]
struct Pushed {
    snapshots: Vec<Snapshot>,
    refusal: Option<PushError>,
}

impl CollectingPush {
    /// One that accepts everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every push fails with this error; `None` accepts again.
    pub fn refuse_with(&self, refusal: Option<PushError>) {
        lock(&self.0).refusal = refusal;
    }

    /// What was accepted so far, oldest first.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        lock(&self.0).snapshots.clone()
    }
}

impl Push for CollectingPush {
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
        Box::pin(async move {
            let mut pushed = lock(&self.0);
            if let Some(refusal) = &pushed.refusal {
                return Err(refusal.clone());
            }
            pushed.snapshots.push(snapshot.clone());
            Ok(())
        })
    }
}

/// A [`SpanExporter`] that keeps every span. Clones share what was kept.
///
/// ```
/// use opentelemetry::trace::{Span, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_testkit::CollectingSpanExporter;
///
/// let exporter = CollectingSpanExporter::new();
/// let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
/// provider.tracer("shop").start("checkout").end();
/// exporter.refuse_with(Some("disk full"));
/// provider.tracer("shop").start("refund").end(); // refused
/// assert_eq!(exporter.spans()[0].name, "checkout");
/// assert_eq!(exporter.batch_sizes(), [1]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CollectingSpanExporter(Arc<Mutex<Exported>>);

#[derive(Debug, Default)]
struct Exported {
    batches: Vec<Vec<SpanData>>,
    refusal: Option<String>,
}

impl CollectingSpanExporter {
    /// One that accepts everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every export fails with this message; `None` accepts again.
    pub fn refuse_with(&self, message: Option<&str>) {
        lock(&self.0).refusal = message.map(str::to_owned);
    }

    /// The accepted spans, in the order they were exported.
    pub fn spans(&self) -> Vec<SpanData> {
        lock(&self.0).batches.concat()
    }

    /// How many spans each accepted batch had.
    pub fn batch_sizes(&self) -> Vec<usize> {
        lock(&self.0).batches.iter().map(Vec::len).collect()
    }
}

impl SpanExporter for CollectingSpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut exported = lock(&self.0);
        if let Some(message) = &exported.refusal {
            return Err(OTelSdkError::InternalFailure(message.clone()));
        }
        exported.batches.push(batch);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
