//! The end of a queue that any thread pushes into, flushes and shuts down.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use throughline_model::SelfMeter;
use tokio::sync::{Notify, oneshot};

use super::batcher::{Batcher, Free, Told, Waiter};
use super::{BatchSettings, Counts, DropCause, Worker};
use crate::{Error, self_observed};

/// What a queue holds, which decides the names it reports under.
///
/// ```
/// use throughline_model::SelfMeter;
/// use throughline_samplers::batch::{self, BatchSettings, Items};
///
/// let (settings, meter) = (BatchSettings::log_records(), SelfMeter::new());
/// // Reports its capacity as `otel.sdk.processor.log.queue.capacity`.
/// let (queue, worker) = batch::queue(Items::LogRecords, settings, String::len, &meter)?;
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Items {
    /// `otel.sdk.processor.span.*`, of a `batching_span_processor`.
    Spans,
    /// `otel.sdk.processor.log.*` and `otel.sdk.log.created`, of a `batching_log_processor`.
    LogRecords,
}

/// A queue and the worker that empties it.
///
/// `weigh` estimates the bytes of an item. Once `meter` is bound, the queue reports its size, its
/// capacity and what became of its items, from callbacks: nothing is recorded where items are pushed.
///
/// # Errors
/// [`Error::Setting`] names the setting that makes no sense.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::batch::{self, BatchSettings, Export, Failure, Items};
///
/// struct Print;
/// impl Export<String> for Print {
///     async fn export(&mut self, batch: Vec<String>) -> Result<(), Failure> {
///         println!("{}", batch.join("\n"));
///         Ok(())
///     }
/// }
///
/// let settings = BatchSettings::log_records();
/// let (queue, worker) = batch::queue(Items::LogRecords, settings, String::len, &SelfMeter::new())?;
/// # let delivery =
/// std::thread::spawn(move || {
///     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
///     runtime.block_on(worker.run(Print));
/// });
/// queue.push("hello".to_string()).expect("there is room");
/// queue.force_flush(Duration::from_secs(5))?;
/// assert_eq!(queue.counts().delivered, 1);
/// # drop(queue);
/// # delivery.join().unwrap();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
pub fn queue<T: Send + 'static>(
    items: Items,
    settings: BatchSettings,
    weigh: fn(&T) -> usize,
    meter: &SelfMeter,
) -> Result<(Queue<T>, Worker<T>), Error> {
    let shared = Arc::new(Shared {
        core: Mutex::new(Batcher::new(settings.validate()?)),
        wake: Notify::new(),
        delivery_thread: Mutex::new(None),
    });
    self_observed::observe_queue(items, &shared, meter);
    let handle = Handle {
        shared: Arc::clone(&shared),
        weigh,
    };
    Ok((Queue(Arc::new(handle)), Worker::new(shared)))
}

/// The end of a queue that items are pushed into. Clones are the same queue; when the last one is
/// dropped, the queue shuts down without anyone waiting for it.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::batch::{self, BatchSettings, DropCause, Items};
/// # use throughline_samplers::batch::{Export, Failure};
///
/// # struct Print;
/// # impl Export<String> for Print {
/// #     async fn export(&mut self, batch: Vec<String>) -> Result<(), Failure> {
/// #         println!("{}", batch.join("\n"));
/// #         Ok(())
/// #     }
/// # }
/// let settings = BatchSettings::log_records();
/// let (queue, worker) = batch::queue(Items::LogRecords, settings, String::len, &SelfMeter::new())?;
/// assert_eq!(queue.settings(), settings);
/// # let delivery = std::thread::spawn(move || {
/// #     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// #     runtime.block_on(worker.run(Print));
/// # });
///
/// let same = queue.clone();
/// std::thread::spawn(move || same.push("hello".to_string())).join().unwrap().expect("there is room");
/// queue.force_flush(Duration::from_secs(5))?;
/// assert_eq!(queue.counts().delivered, 1);
///
/// queue.shutdown(Duration::from_secs(5))?;
/// assert_eq!(queue.push("too late".to_string()), Err(DropCause::AlreadyShutdown));
/// # delivery.join().unwrap();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
pub struct Queue<T: Send + 'static>(Arc<Handle<T>>);

struct Handle<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    weigh: fn(&T) -> usize,
}

/// What the queue and its worker share.
pub(crate) struct Shared<T> {
    core: Mutex<Batcher<T>>,
    pub(super) wake: Notify,
    /// The thread that polled the worker last.
    delivery_thread: Mutex<Option<ThreadId>>,
}

impl<T: Send + 'static> Queue<T> {
    /// Takes an item into the queue, or drops and counts it. Never waits for the exporter, runs no one
    /// else's code but the item's own destructor and estimate.
    ///
    /// # Errors
    /// Why it was dropped. It is counted; there is nothing to do about it.
    pub fn push(&self, item: T) -> Result<(), DropCause> {
        let bytes = (self.0.weigh)(&item);
        let pushed = self.0.shared.core().push(item, bytes);
        match pushed {
            Ok(wake) => {
                if wake {
                    self.0.shared.wake.notify_one();
                }
                Ok(())
            }
            // The item goes here, with no lock held.
            Err((_item, cause)) => Err(cause),
        }
    }

    /// What became of the items so far.
    pub fn counts(&self) -> Counts {
        self.0.shared.core().counts()
    }

    /// The settings it was built with.
    pub fn settings(&self) -> BatchSettings {
        self.0.shared.core().settings()
    }

    /// Waits until everything that was pushed before is sent, at most `timeout`. From any thread, inside
    /// a runtime or not.
    ///
    /// # Errors
    /// [`Error::Failed`] if something that was waited for failed, [`Error::Timeout`] (the delivery goes
    /// on), [`Error::AlreadyShutdown`], [`Error::WorkerGone`], and [`Error::DeliveryThread`] on the
    /// thread that polled the worker last, where waiting would be a deadlock.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), Error> {
        self.wait(timeout, |waiter| self.0.shared.flush(timeout, waiter))
    }

    /// As [`Queue::force_flush`], without blocking, on any runtime. The worker keeps the time: should an
    /// exporter block its thread, this waits as long as that.
    ///
    /// # Errors
    /// As [`Queue::force_flush`], but for [`Error::DeliveryThread`].
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::batch::{self, BatchSettings, Items};
    /// # use throughline_samplers::batch::{Export, Failure};
    ///
    /// # struct Print;
    /// # impl Export<String> for Print {
    /// #     async fn export(&mut self, batch: Vec<String>) -> Result<(), Failure> {
    /// #         println!("{}", batch.join("\n"));
    /// #         Ok(())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), throughline_samplers::Error> {
    /// let settings = BatchSettings::log_records();
    /// let (queue, worker) = batch::queue(Items::LogRecords, settings, String::len, &SelfMeter::new())?;
    /// tokio::spawn(worker.run(Print));
    ///
    /// queue.push("hello".to_string()).expect("there is room");
    /// queue.force_flush_async(Duration::from_secs(5)).await?;
    /// assert_eq!(queue.counts().delivered, 1);
    /// # Ok(()) }
    /// ```
    pub async fn force_flush_async(&self, timeout: Duration) -> Result<(), Error> {
        wait_async(|waiter| self.0.shared.flush(timeout, waiter)).await
    }

    /// Accepts nothing from now on, sends what is queued, shuts the exporter down, at most `timeout`.
    /// What is not sent by then is dropped and counted. A second call waits for the first and gets the
    /// same result; its own timeout bounds its wait alone.
    ///
    /// # Errors
    /// [`Error::Failed`] if batches failed meanwhile, [`Error::Timeout`] if items were dropped or the
    /// exporter did not let go, [`Error::WorkerGone`], and [`Error::DeliveryThread`] as for
    /// [`Queue::force_flush`]; even then nothing is accepted any more.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        if self.0.shared.is_delivery_thread() {
            self.0.shared.close(timeout, Box::new(|_| ()));
        }
        self.wait(timeout, |waiter| self.0.shared.close(timeout, waiter))
    }

    /// As [`Queue::shutdown`], without blocking, on any runtime. The worker keeps the time.
    ///
    /// # Errors
    /// As [`Queue::shutdown`], but for [`Error::DeliveryThread`].
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::batch::{self, BatchSettings, Items};
    /// # use throughline_samplers::batch::{Export, Failure};
    ///
    /// # struct Print;
    /// # impl Export<String> for Print {
    /// #     async fn export(&mut self, batch: Vec<String>) -> Result<(), Failure> {
    /// #         println!("{}", batch.join("\n"));
    /// #         Ok(())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), throughline_samplers::Error> {
    /// let settings = BatchSettings::log_records();
    /// let (queue, worker) = batch::queue(Items::LogRecords, settings, String::len, &SelfMeter::new())?;
    /// tokio::spawn(worker.run(Print));
    ///
    /// queue.push("hello".to_string()).expect("there is room");
    /// queue.shutdown_async(Duration::from_secs(5)).await?;
    /// assert_eq!(queue.counts().lost(), 0);
    /// # Ok(()) }
    /// ```
    pub async fn shutdown_async(&self, timeout: Duration) -> Result<(), Error> {
        wait_async(|waiter| self.0.shared.close(timeout, waiter)).await
    }

    /// How much more it takes at the moment.
    pub(crate) fn free(&self) -> Free {
        self.0.shared.core().free()
    }

    /// Tells `waiter` what [`Queue::force_flush`] would return.
    pub(crate) fn flush_then(&self, timeout: Duration, waiter: Waiter) {
        self.0.shared.flush(timeout, waiter);
    }

    /// Tells `waiter` what [`Queue::shutdown`] would return.
    pub(crate) fn close_then(&self, timeout: Duration, waiter: Waiter) {
        self.0.shared.close(timeout, waiter);
    }

    pub(crate) fn is_delivery_thread(&self) -> bool {
        self.0.shared.is_delivery_thread()
    }

    /// Asks, and waits for the answer, from any thread but the one that delivers.
    pub(crate) fn wait(&self, timeout: Duration, ask: impl FnOnce(Waiter)) -> Result<(), Error> {
        if self.0.shared.is_delivery_thread() {
            return Err(Error::DeliveryThread);
        }
        let (send, receive) = mpsc::sync_channel(1);
        ask(Box::new(move |result| {
            // Whoever waited may have given up.
            let _ = send.try_send(result);
        }));
        match receive.recv_timeout(timeout) {
            Ok(result) => result,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::Timeout(timeout)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Error::WorkerGone),
        }
    }
}

/// Asks, and waits for the answer without blocking.
pub(crate) async fn wait_async(ask: impl FnOnce(Waiter)) -> Result<(), Error> {
    let (send, receive) = oneshot::channel();
    ask(Box::new(move |result| {
        // Whoever waited may have given up.
        let _ = send.send(result);
    }));
    receive.await.unwrap_or(Err(Error::WorkerGone))
}

impl<T: Send + 'static> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Drop for Handle<T> {
    fn drop(&mut self) {
        let timeout = self.shared.core().settings().export_timeout;
        self.shared.close(timeout, Box::new(|_| ()));
    }
}

impl<T> Shared<T> {
    pub(crate) fn core(&self) -> MutexGuard<'_, Batcher<T>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush(&self, timeout: Duration, waiter: Waiter) {
        let told = self.core().flush(timeout, waiter);
        self.tell_or_wake(told);
    }

    fn close(&self, timeout: Duration, waiter: Waiter) {
        let told = self.core().close(timeout, waiter);
        self.tell_or_wake(told);
    }

    fn tell_or_wake(&self, told: Option<Told>) {
        match told {
            Some(told) => told.tell(Ok(())),
            None => self.wake.notify_one(),
        }
    }

    pub(super) fn polled_by(&self, thread: Option<ThreadId>) {
        *self
            .delivery_thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = thread;
    }

    fn is_delivery_thread(&self) -> bool {
        let delivery = self
            .delivery_thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *delivery == Some(thread::current().id())
    }
}
