//! The way out of metrics: a push each interval, and when asked.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use throughline_model::{Collect, CollectError, Push, SelfMeter, Snapshot};
use throughline_samplers::RetentionBuffer;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

use super::thread::after;
use super::watch::{Items, Watch};

/// Collects and pushes.
#[derive(Debug)]
pub(crate) struct Pusher {
    pub(crate) collect: Arc<dyn Collect>,
    pub(crate) sink: MetricSink,
    /// From one push to the next.
    pub(crate) interval: Duration,
    /// How long one may take, the collection included.
    pub(crate) timeout: Duration,
}

/// An exporter of metrics and who counts for it.
#[derive(Debug)]
pub(crate) struct MetricSink {
    push: Box<dyn Push>,
    watch: Watch,
}

impl MetricSink {
    /// One of the user's; `component` is the name of its type.
    pub(crate) fn new(push: Box<dyn Push>, component: &'static str, meter: &SelfMeter) -> Self {
        Self {
            push,
            watch: Watch::counting(Items::DataPoints, component, meter),
        }
    }

    /// Ours, which counts for itself.
    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(exporter: throughline_otlp::MetricExporter) -> Self {
        Self {
            push: Box::new(exporter),
            watch: Watch::new(Items::DataPoints),
        }
    }

    async fn push(&self, snapshot: &Snapshot, deadline: Instant) -> Result<(), String> {
        if snapshot.is_empty() {
            return Ok(());
        }
        let attempt = self.watch.attempt(snapshot.point_count() as u64);
        let late = "the push was not acknowledged in time";
        let (result, error_type) =
            match timeout_at(deadline, unpanicked(|| self.push.push(snapshot))).await {
                Ok(Ok(Ok(()))) => (Ok(()), String::new()),
                Ok(Ok(Err(error))) => (Err(error.to_string()), error.error_type().to_owned()),
                Ok(Err(panic)) => (Err(panic), "panic".to_owned()),
                Err(_) => (Err(late.to_owned()), "timeout".to_owned()),
            };
        attempt.end(&result, |_| error_type.into());
        result
    }
}

/// Asks the pusher for a push now.
#[derive(Clone)]
pub(super) struct Metrics(mpsc::UnboundedSender<Request>);

struct Request {
    deadline: Instant,
    reply: oneshot::Sender<Result<(), String>>,
}

impl Metrics {
    /// Pushes now, after a push that is under way.
    pub(super) async fn push(&self, deadline: Instant) -> Result<(), String> {
        let (reply, replied) = oneshot::channel();
        let request = Request { deadline, reply };
        if self.0.send(request).is_err() {
            return Err("the pusher is gone".to_owned());
        }
        match timeout_at(deadline, replied).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the pusher is gone".to_owned()),
            Err(_) => Err("no time was left for the last push".to_owned()),
        }
    }
}

impl Pusher {
    /// Pushes until all [`Metrics`] are gone. Must be called on the runtime.
    pub(super) fn spawn(self, spans: Option<RetentionBuffer>) -> Metrics {
        let (send, requests) = mpsc::unbounded_channel();
        super::task::spawn("the push of metrics", self.run(requests, spans));
        Metrics(send)
    }

    async fn run(
        self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        spans: Option<RetentionBuffer>,
    ) {
        // A collection that took longer than its push had time for.
        let mut late = None;
        let mut ticks = interval_at(after(self.interval), self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let request = tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                _ = ticks.tick() => None,
            };
            let deadline = match &request {
                Some(request) => request.deadline,
                None => {
                    // An exemplar is published once its trace was delivered: those that are decided go first.
                    if let Some(spans) = &spans {
                        let limit = FLUSH_BEFORE.min(self.timeout / 4);
                        // What is not delivered by then waits for the next push, which says so.
                        let _ = spans.force_flush_async(limit).await;
                    }
                    after(self.timeout)
                }
            };
            let result = self.collect_and_push(&mut late, deadline).await;
            if let Some(request) = request {
                // Whoever waited may have given up.
                let _ = request.reply.send(result);
            }
        }
    }

    async fn collect_and_push(
        &self,
        late: &mut Option<Collection>,
        deadline: Instant,
    ) -> Result<(), String> {
        // What a collection took from a delta reader must not be lost because it was late.
        if let Some(collection) = late.take() {
            let pushed = self.finish_and_push(collection, late, deadline).await;
            // It is said; what went wrong with it is no reason to wait for the next turn.
            if late.is_some() || Instant::now() >= deadline {
                return pushed;
            }
        }
        // Half of the time for callbacks, half for the way.
        let (collect, limit) = (Arc::clone(&self.collect), (deadline - Instant::now()) / 2);
        let collection = tokio::task::spawn_blocking(move || collect.collect(limit));
        self.finish_and_push(collection, late, deadline).await
    }

    async fn finish_and_push(
        &self,
        collection: Collection,
        late: &mut Option<Collection>,
        deadline: Instant,
    ) -> Result<(), String> {
        let snapshot = self.finish(collection, late, deadline).await?;
        self.sink.push(&snapshot, deadline).await
    }

    /// Waits for a collection, and says if there is none.
    async fn finish(
        &self,
        collection: Collection,
        late: &mut Option<Collection>,
        deadline: Instant,
    ) -> Result<Snapshot, String> {
        let finished = finish(collection, late, deadline).await;
        if let Err(error) = &finished {
            self.sink.watch.say_failure(error);
        }
        finished
    }
}

/// How long a push waits for the spans that are decided.
const FLUSH_BEFORE: Duration = Duration::from_secs(1);

type Collection = JoinHandle<Result<Snapshot, CollectError>>;

/// Waits for a collection; one that is late is kept for the next push.
async fn finish(
    mut collection: Collection,
    late: &mut Option<Collection>,
    deadline: Instant,
) -> Result<Snapshot, String> {
    match timeout_at(deadline, &mut collection).await {
        Ok(Ok(collected)) => collected.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err("the collection panicked".to_owned()),
        Err(_) => {
            *late = Some(collection);
            Err("the collection is not finished: a callback takes long or hangs".to_owned())
        }
    }
}

/// Polls the future that `start` gives; a panic of either is an error.
async fn unpanicked<F: Future>(start: impl FnOnce() -> F) -> Result<F::Output, String> {
    let said = |_| "the exporter panicked".to_owned();
    // What a panic leaves behind is the exporter's own: whatever it does next, it cannot harm us.
    let mut future = pin!(catch_unwind(AssertUnwindSafe(start)).map_err(said)?);
    poll_fn(
        |task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(said(panic))),
        },
    )
    .await
}

#[cfg(test)]
mod tests;
