//! What the thread does.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use opentelemetry::Context;
use throughline_engine::MeterProvider;
use throughline_model::SelfMeter;
use throughline_samplers::{RetentionBuffer, SpanWorker};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::metrics::{Metrics, Pusher};
use super::spans::SpanSink;
use super::task::spawn;
use super::{Command, Ended, Outcome};
use crate::Error;

/// What leaves, and how.
pub(crate) struct Plan {
    pub(crate) resource: opentelemetry_sdk::Resource,
    pub(crate) meter: SelfMeter,
    pub(crate) spans: Option<(RetentionBuffer, SpanWorker, SpanSink)>,
    #[cfg(feature = "logs")]
    pub(crate) logs: Option<(super::LogQueue, super::logs::LogWorker, super::LogSink)>,
    pub(crate) metrics: Option<Pusher>,
    /// Whose outliers are brought up to date.
    pub(crate) provider: MeterProvider,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<throughline_prometheus::Server>,
    /// Closes what admits spans and events; the first thing a shutdown does.
    pub(crate) close: Box<dyn FnOnce() + Send>,
    /// Shuts the providers down; the last thing. It drops users' callbacks, so it may block.
    pub(crate) end: Box<dyn FnOnce() + Send>,
}

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a flush and a shutdown talk to.
#[derive(Clone)]
struct Parts {
    spans: Option<RetentionBuffer>,
    #[cfg(feature = "logs")]
    logs: Option<super::LogQueue>,
    metrics: Option<Metrics>,
}

pub(super) fn run(
    plan: Plan,
    commands: mpsc::UnboundedReceiver<Command>,
    ready: &std_mpsc::SyncSender<Result<(), Error>>,
    ended: &Arc<Ended>,
) {
    // Said even where something below panics; an outcome that stands already is kept.
    let _ended = SayEnded(Arc::clone(ended));
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(Error::thread(error)));
            return;
        }
    };
    // What exporting says about itself is never exported (otherwise it would feed itself).
    let _quiet = Context::enter_telemetry_suppressed_scope();
    runtime.block_on(async {
        match start(plan) {
            Ok(started) => {
                let _ = ready.send(Ok(()));
                serve(started, commands, ended).await;
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    });
    // A callback that hangs keeps its blocking thread, not this one.
    runtime.shutdown_background();
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .thread_name("throughline-blocking")
        .max_blocking_threads(8)
        .build()
}

struct Started {
    parts: Parts,
    /// Serves `/metrics`.
    #[cfg(feature = "prometheus")]
    scrapes: Option<tokio::task::JoinHandle<()>>,
    close: Box<dyn FnOnce() + Send>,
    end: Box<dyn FnOnce() + Send>,
}

/// Spawns the workers; a panic of one is said and leaves the others alone.
fn start(plan: Plan) -> Result<Started, Error> {
    let spans = plan.spans.map(|(queue, worker, sink)| {
        spawn("the delivery of spans", sink.run(worker, &plan.meter));
        queue
    });
    #[cfg(feature = "logs")]
    let logs = match plan.logs {
        Some((queue, worker, sink)) => {
            let work = sink.run(worker, &plan.resource, &plan.meter)?;
            spawn("the delivery of log records", work);
            Some(queue)
        }
        None => None,
    };
    #[cfg(not(feature = "logs"))]
    let _ = plan.resource;
    let metrics = plan.metrics.map(|pusher| pusher.spawn(spans.clone()));
    spawn("the search for outliers", tick(plan.provider));
    #[cfg(feature = "prometheus")]
    let scrapes = plan.prometheus.map(|server| {
        tokio::spawn(async move {
            if let Err(error) = server.serve().await {
                tracing::warn!(target: "throughline", "/metrics is not served any more: {error}");
            }
        })
    });
    Ok(Started {
        parts: Parts {
            spans,
            #[cfg(feature = "logs")]
            logs,
            metrics,
        },
        #[cfg(feature = "prometheus")]
        scrapes,
        close: plan.close,
        end: plan.end,
    })
}

async fn serve(
    started: Started,
    mut commands: mpsc::UnboundedReceiver<Command>,
    ended: &Arc<Ended>,
) {
    let Started {
        parts,
        #[cfg(feature = "prometheus")]
        scrapes,
        close,
        end,
    } = started;
    while let Some(command) = commands.recv().await {
        match command {
            Command::Flush { timeout, reply } => {
                let parts = parts.clone();
                tokio::spawn(async move {
                    // Whoever waited may have given up.
                    let _ = reply.try_send(parts.deliver(Ask::Flush, timeout).await);
                });
            }
            Command::Shutdown { timeout } => {
                let deadline = after(timeout);
                close();
                let outcome = parts.deliver(Ask::Shutdown, timeout).await;
                #[cfg(feature = "prometheus")]
                if let Some(scrapes) = scrapes {
                    // The port is free when the shutdown returns. An aborted task ends at its next await.
                    scrapes.abort();
                    let _ = scrapes.await;
                }
                // Best effort: callbacks that hang are left behind.
                let _ = timeout_at(deadline, tokio::task::spawn_blocking(end)).await;
                ended.set(outcome);
                return;
            }
        }
    }
}

/// Brings up to date what outliers are measured against, until the runtime ends.
async fn tick(provider: MeterProvider) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        provider.tick();
    }
}

/// What is asked of the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Flush,
    Shutdown,
}

impl Parts {
    /// Spans and log records first, at the same time; metrics last, so that what they say about the others
    /// is in them.
    async fn deliver(&self, ask: Ask, timeout: Duration) -> Outcome {
        let (first, deadline) = budget(timeout);
        let spans = async {
            let queue = self.spans.as_ref()?;
            let result = match ask {
                Ask::Flush => queue.force_flush_async(first).await,
                Ask::Shutdown => queue.shutdown_async(first).await,
            };
            said("spans", result)
        };
        #[cfg(feature = "logs")]
        let logs = async {
            let queue = self.logs.as_ref()?;
            let result = match ask {
                Ask::Flush => queue.force_flush_async(first).await,
                Ask::Shutdown => queue.shutdown_async(first).await,
            };
            said("log records", result)
        };
        #[cfg(not(feature = "logs"))]
        let logs = std::future::ready(None);
        let (spans, logs) = tokio::join!(spans, logs);
        let metrics = self.push_metrics(deadline).await;
        let lost: Vec<String> = [spans, logs, metrics].into_iter().flatten().collect();
        if lost.is_empty() { Ok(()) } else { Err(lost) }
    }

    async fn push_metrics(&self, deadline: Instant) -> Option<String> {
        let error = self.metrics.as_ref()?.push(deadline).await.err()?;
        Some(format!("metrics: {error}"))
    }
}

/// The time for spans and log records, and the end of it all: a collector that does not answer must not use
/// up the time of the final metrics. A little is kept back, so that who waits hears what was lost.
fn budget(timeout: Duration) -> (Duration, Instant) {
    let spare = (timeout / 10).min(Duration::from_millis(100));
    let usable = (timeout - spare).min(FAR);
    (usable * 6 / 10, after(usable))
}

/// Longer than anyone waits, and short enough that no instant overflows by it.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// This long from now. "No limit" is far away.
pub(super) fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(FAR)
}

fn said(what: &str, result: Result<(), throughline_samplers::Error>) -> Option<String> {
    result.err().map(|error| format!("{what}: {error}"))
}

struct SayEnded(Arc<Ended>);

impl Drop for SayEnded {
    fn drop(&mut self) {
        let cause = "the delivery thread ended before it was told to".to_owned();
        self.0.set(Err(vec![cause]));
    }
}
