//! The one thread that everything leaves on.
//!
//! ```text
//! user threads ── spans ───► queue ─┐
//!              ── records ─► queue ─┤   thread "throughline", current-thread runtime
//!              ── commands ────────►├─► span worker │ log worker │ metric pushes │ /metrics
//!                                   │        telemetry suppressed throughout
//!              ◄── replies ─────────┘   users' callbacks run in blocking threads beside it
//! ```
//!
//! Connections are made, used and dropped here, so nothing depends on the caller's runtime and nothing can
//! deadlock with it: user threads send a command and wait on a channel of the standard library, with a
//! deadline. A thread is never joined, since that has none.

#[cfg(feature = "logs")]
mod logs;
mod metrics;
mod spans;
mod task;
mod thread;
mod value_length;
mod watch;

use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::Error;

#[cfg(feature = "logs")]
pub(crate) use logs::{LogQueue, LogSink, LogWorker};
pub(crate) use metrics::{MetricSink, Pusher};
pub(crate) use spans::SpanSink;
pub(crate) use thread::Plan;

/// What a flush or a shutdown came to: what was lost, each in a sentence.
type Outcome = Result<(), Vec<String>>;

enum Command {
    Flush {
        timeout: Duration,
        reply: std_mpsc::SyncSender<Outcome>,
    },
    Shutdown {
        timeout: Duration,
    },
}

/// The handle of the delivery thread. Dropping it ends the thread without anyone waiting.
#[derive(Debug)]
pub(crate) struct Delivery {
    commands: mpsc::UnboundedSender<Command>,
    ended: Arc<Ended>,
    thread: std::thread::ThreadId,
}

/// How the thread ended, once it has.
#[derive(Debug, Default)]
struct Ended {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether somebody asked for the shutdown.
    asked: bool,
    outcome: Option<Outcome>,
}

impl Delivery {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the thread, its runtime or an exporter cannot be made.
    pub(crate) fn start(plan: Plan) -> Result<Self, Error> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let ended = Arc::new(Ended::default());
        let (ready, is_ready) = std_mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("throughline".to_owned())
            .spawn({
                let ended = Arc::clone(&ended);
                move || thread::run(plan, receiver, &ready, &ended)
            })
            .map_err(Error::thread)?;
        match is_ready.recv() {
            Ok(Ok(())) => Ok(Self {
                commands,
                ended,
                thread: thread.thread().id(),
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::thread(std::io::Error::other(
                "it panicked at its start",
            ))),
        }
    }

    /// Delivers what was recorded so far.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), Error> {
        self.refuse_on_delivery_thread()?;
        let wait = Wait::new("the flush", timeout);
        let (reply, replied) = std_mpsc::sync_channel(1);
        // Should the thread be gone, there is no reply either.
        let _ = self.commands.send(Command::Flush { timeout, reply });
        match replied.recv_timeout(timeout) {
            Ok(outcome) => outcome.map_err(Error::undelivered),
            Err(std_mpsc::RecvTimeoutError::Timeout) => Err(wait.too_long()),
            // A shutdown came first, or the thread died. What became of it became of everything before.
            Err(std_mpsc::RecvTimeoutError::Disconnected) => self.ended.wait(wait),
        }
    }

    /// Delivers everything and ends the thread. Whoever comes second waits for the first.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        self.refuse_on_delivery_thread()?;
        let wait = Wait::new("the shutdown", timeout);
        if !std::mem::replace(&mut self.ended.lock().asked, true) {
            // Should the thread be gone, it has said how it ended.
            let _ = self.commands.send(Command::Shutdown { timeout });
        }
        self.ended.wait(wait)
    }

    /// Whether a shutdown was asked for.
    pub(crate) fn is_shut_down(&self) -> bool {
        let state = self.ended.lock();
        state.asked || state.outcome.is_some()
    }

    /// An exporter that is told to wait for itself would wait for ever.
    fn refuse_on_delivery_thread(&self) -> Result<(), Error> {
        if std::thread::current().id() == self.thread {
            let cause = "the delivery thread cannot wait for itself".to_owned();
            return Err(Error::undelivered(vec![cause]));
        }
        Ok(())
    }
}

impl Ended {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the thread has ended, and says how.
    fn wait(&self, wait: Wait) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.clone().map_err(Error::undelivered);
            }
            let left = wait.left();
            if left.is_zero() {
                return Err(wait.too_long());
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn set(&self, outcome: Outcome) {
        self.lock().outcome.get_or_insert(outcome);
        self.changed.notify_all();
    }
}

/// How long somebody waits for what.
#[derive(Clone, Copy)]
struct Wait {
    what: &'static str,
    timeout: Duration,
    /// `None` where it is further away than a clock can tell.
    deadline: Option<Instant>,
}

impl Wait {
    fn new(what: &'static str, timeout: Duration) -> Self {
        Self {
            what,
            timeout,
            deadline: Instant::now().checked_add(timeout),
        }
    }

    fn left(self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    fn too_long(self) -> Error {
        Error::timeout(self.what, self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The handle of a thread that has ended like this.
    fn ended(outcome: Outcome) -> Delivery {
        let ended = Ended::default();
        ended.set(outcome);
        Delivery {
            commands: mpsc::unbounded_channel().0,
            ended: Arc::new(ended),
            thread: std::thread::spawn(|| ()).thread().id(),
        }
    }

    #[test]
    fn a_flush_after_the_end_says_what_became_of_everything() {
        let limit = Duration::from_secs(60);
        assert!(ended(Ok(())).flush(limit).is_ok());
        let error = ended(Err(vec![
            "spans: the worker of the queue is gone".to_owned(),
        ]))
        .flush(limit)
        .unwrap_err();
        assert!(error.is_undelivered());
        assert!(error.to_string().contains("is gone"), "{error}");
    }
}
