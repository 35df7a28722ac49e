//! The asynchronous shell: does what the core says, with tokio's time.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::batcher::{Step, Told};
use super::queue::Shared;
use super::{Export, Failure};
use crate::Error;

/// The end of a queue that sends. Dropping it, or the future it runs in, ends the queue: what is left is
/// counted as abandoned, whoever waits is told.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::batch::{self, BatchSettings, Export, Failure, Items};
///
/// struct Refuse;
/// impl Export<String> for Refuse {
///     async fn export(&mut self, _: Vec<String>) -> Result<(), Failure> {
///         Err(Failure::new("400", "nothing is good enough"))
///     }
/// }
///
/// let settings = BatchSettings::log_records();
/// let (queue, worker) = batch::queue(Items::LogRecords, settings, String::len, &SelfMeter::new())?;
/// let delivery = std::thread::spawn(move || {
///     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
///     runtime.block_on(worker.run(Refuse));
/// });
/// queue.push("hello".to_string()).expect("there is room");
/// assert!(queue.shutdown(Duration::from_secs(5)).is_err());
/// assert_eq!(queue.counts().failed, 1);
/// # delivery.join().unwrap();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
pub struct Worker<T: Send + 'static> {
    shared: Arc<Shared<T>>,
}

impl<T: Send + 'static> Worker<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends batches until the queue is shut down. It belongs on a runtime whose threads nobody blocks,
    /// best a current-thread one on a thread of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub async fn run(self, exporter: impl Export<T>) {
        let shared = Arc::clone(&self.shared);
        let mut work = pin!(self.work(exporter));
        poll_fn(|context| {
            shared.polled_by(Some(thread::current().id()));
            let polled = work.as_mut().poll(context);
            if polled.is_ready() {
                shared.polled_by(None);
            }
            polled
        })
        .await;
    }

    async fn work(self, mut exporter: impl Export<T>) {
        let clock = Elapsed::start();
        loop {
            let step = self.shared.core().next(clock.now());
            match step {
                Step::Export(batch) => {
                    let result = self.export(&mut exporter, batch, clock).await;
                    self.shared.core().finish(result);
                    // An exporter that is never pending must not starve its neighbours on the thread.
                    tokio::task::yield_now().await;
                }
                Step::Flushed(told) => tell(told, &quietly(|| exporter.flush())),
                Step::WaitUntil(time) => {
                    let woken = self.shared.wake.notified();
                    // Whether woken or late, the core says what that means.
                    let _ = timeout_at(clock.at(time), woken).await;
                }
                Step::Idle => self.shared.wake.notified().await,
                Step::Stop(left, timeout) => {
                    drop(left);
                    let result = quietly(|| exporter.shutdown(timeout));
                    let told = self.shared.core().stop(result);
                    return tell(told, &Ok(()));
                }
            }
        }
    }

    /// Sends one batch within its time, or that of a shutdown if it is shorter.
    async fn export(
        &self,
        exporter: &mut impl Export<T>,
        batch: Vec<T>,
        clock: Elapsed,
    ) -> Result<(), Failure> {
        let started = clock.now();
        let mut export = pin!(guarded(|| exporter.export(batch)));
        loop {
            let watch = self.shared.core().watch(clock.now(), started);
            tell(watch.expired, &Ok(()));
            if watch.over {
                let took = clock.now().saturating_sub(started);
                let message = format!("the batch was not acknowledged within {took:?}");
                return Err(Failure::new("timeout", message));
            }
            tokio::select! {
                biased;
                result = &mut export => return result.unwrap_or_else(Err),
                () = sleep_until(clock.at(watch.until)) => {}
                () = self.shared.wake.notified() => {}
            }
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Drop for Worker<T> {
    fn drop(&mut self) {
        self.shared.polled_by(None);
        let (left, told) = self.shared.core().worker_gone();
        drop(left);
        tell(told, &Ok(()));
    }
}

fn tell(told: Vec<Told>, unless_bad: &Result<(), Error>) {
    for told in told {
        told.tell(unless_bad.clone());
    }
}

/// Polls with telemetry suppressed; a panic ends it with a failure instead.
async fn guarded<F: Future>(export: impl FnOnce() -> F) -> Result<F::Output, Failure> {
    let mut future = pin!(suppressed(export)?);
    poll_fn(
        |context| match suppressed(|| future.as_mut().poll(context)) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(failure) => Poll::Ready(Err(failure)),
        },
    )
    .await
}

/// Calls with telemetry suppressed; a panic is an error.
fn quietly(call: impl FnOnce() -> Result<(), String>) -> Result<(), Error> {
    let failed = |message| Error::Exporter { message };
    match suppressed(call) {
        Ok(result) => result.map_err(failed),
        Err(panicked) => Err(failed(panicked.message)),
    }
}

fn suppressed<R>(call: impl FnOnce() -> R) -> Result<R, Failure> {
    // What is left behind by a panic is the exporter's own: whatever it does next, it cannot harm us.
    catch_unwind(AssertUnwindSafe(|| {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        call()
    }))
    .map_err(|panic| {
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let said = said.unwrap_or("no message");
        Failure::new("panic", format!("the exporter panicked: {said}"))
    })
}

/// Time since the worker started.
#[derive(Clone, Copy)]
struct Elapsed(Instant);

impl Elapsed {
    /// Later than anyone waits, and early enough to be added to any instant.
    const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

    fn start() -> Self {
        Self(Instant::now())
    }

    fn now(self) -> Duration {
        self.0.elapsed()
    }

    fn at(self, time: Duration) -> Instant {
        self.0 + time.min(self.now() + Self::FAR)
    }
}
