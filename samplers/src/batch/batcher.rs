//! What to do next: the synchronous core, without a clock, a thread or a runtime.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use super::{BatchSettings, Counts, DropCause, Failure};
use crate::Error;

/// Told once how a flush or a shutdown ended.
pub(crate) type Waiter = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// The state of a queue. Time is a duration since an origin of the worker's choice, and never goes back.
pub(crate) struct Batcher<T> {
    settings: BatchSettings,
    /// Batches that are full, oldest first.
    full: VecDeque<Batch<T>>,
    /// The batch that is being filled: `open.items.len() < max_export_batch_size`.
    open: Batch<T>,
    /// When the worker first saw the open batch with something in it.
    open_since: Option<Duration>,
    /// The sum over all batches: `queued_bytes <= max_queue_bytes`.
    queued_bytes: usize,
    counts: Counts,
    last_failure: Option<Failure>,
    flushes: Vec<Flush>,
    phase: Phase,
}

struct Batch<T> {
    items: Vec<T>,
    bytes: usize,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            bytes: 0,
        }
    }
}

/// Someone waits until everything that was accepted before is finished.
struct Flush {
    /// How many items were accepted when it was asked for. Items leave in the order they came, so it is
    /// done when as many are finished.
    ticket: u64,
    /// How many items had failed by then.
    failed_before: u64,
    timeout: Duration,
    /// Set when the worker first sees it.
    deadline: Option<Duration>,
    waiter: Waiter,
}

enum Phase {
    Open,
    /// Nothing is accepted any more, what is queued is sent.
    Closing {
        timeout: Duration,
        /// Set when the worker first sees it.
        deadline: Option<Duration>,
        failed_before: u64,
        waiters: Vec<Waiter>,
    },
    /// The worker has ended, with this result.
    Stopped(Result<(), Error>),
}

/// What the worker does next.
pub(crate) enum Step<T> {
    /// Send this batch, then call [`Batcher::finish`].
    Export(Vec<T>),
    /// Flush the exporter, then tell those who wait.
    Flushed(Vec<Told>),
    /// Nothing before this time, unless woken.
    WaitUntil(Duration),
    /// Nothing, unless woken.
    Idle,
    /// Drop these, shut the exporter down within the time, call [`Batcher::stop`], end.
    Stop(Vec<Vec<T>>, Duration),
}

/// A waiter with what it is told.
pub(crate) struct Told {
    waiter: Waiter,
    result: Result<(), Error>,
}

impl Told {
    /// Tells it, unless what it is told is bad already, this result.
    pub(crate) fn tell(self, unless_bad: Result<(), Error>) {
        (self.waiter)(self.result.and(unless_bad));
    }
}

/// How much more a queue takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
    /// What the largest item may weigh.
    pub(crate) max_bytes: usize,
}

/// What happens while a batch is in flight.
pub(crate) struct Watch {
    /// When to look again, unless woken.
    pub(crate) until: Duration,
    /// Whether the batch's time is up.
    pub(crate) over: bool,
    /// Who waited long enough.
    pub(crate) expired: Vec<Told>,
}

impl<T> Batcher<T> {
    pub(crate) fn new(settings: BatchSettings) -> Self {
        Self {
            settings,
            full: VecDeque::new(),
            open: Batch::default(),
            open_since: None,
            queued_bytes: 0,
            counts: Counts::default(),
            last_failure: None,
            flushes: Vec::new(),
            phase: Phase::Open,
        }
    }

    pub(crate) fn settings(&self) -> BatchSettings {
        self.settings
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn free(&self) -> Free {
        let queued = usize::try_from(self.counts.queued).unwrap_or(usize::MAX);
        Free {
            items: self.settings.max_queue_size.saturating_sub(queued),
            bytes: self.settings.max_queue_bytes - self.queued_bytes,
            max_bytes: self.settings.max_queue_bytes,
        }
    }

    /// Takes an item of that weight into the queue. `Ok(true)` asks to wake the worker; a refused item is
    /// handed back, to be dropped when no lock is held.
    pub(crate) fn push(&mut self, item: T, bytes: usize) -> Result<bool, (T, DropCause)> {
        if !matches!(self.phase, Phase::Open) {
            self.counts.already_shutdown += 1;
            return Err((item, DropCause::AlreadyShutdown));
        }
        let was_empty = self.counts.queued == 0;
        if self.counts.queued >= self.settings.max_queue_size as u64
            || bytes > self.settings.max_queue_bytes - self.queued_bytes
        {
            self.counts.queue_full += 1;
            return Err((item, DropCause::QueueFull));
        }
        let mut filled = false;
        let together = self.open.bytes + bytes;
        if !self.open.items.is_empty() && together > self.settings.max_export_batch_bytes {
            self.close_open_batch();
            filled = true;
        }
        self.open.items.push(item);
        self.open.bytes += bytes;
        self.queued_bytes += bytes;
        self.counts.queued += 1;
        if self.open.items.len() >= self.settings.max_export_batch_size {
            self.close_open_batch();
            filled = true;
        }
        Ok(was_empty || filled)
    }

    fn close_open_batch(&mut self) {
        self.full.push_back(mem::take(&mut self.open));
        self.open_since = None;
    }

    /// Asks to be told when everything accepted so far is finished.
    pub(crate) fn flush(&mut self, timeout: Duration, waiter: Waiter) -> Option<Told> {
        let result = match &self.phase {
            Phase::Stopped(Err(Error::WorkerGone)) => Err(Error::WorkerGone),
            Phase::Stopped(_) => Err(Error::AlreadyShutdown),
            Phase::Open | Phase::Closing { .. } => {
                self.flushes.push(Flush {
                    ticket: self.counts.accepted(),
                    failed_before: self.counts.failed,
                    timeout,
                    deadline: None,
                    waiter,
                });
                return None;
            }
        };
        Some(Told { waiter, result })
    }

    /// Accepts nothing from now on, and asks to be told when what is queued is finished or the time is up.
    /// The first call's timeout holds.
    pub(crate) fn close(&mut self, timeout: Duration, waiter: Waiter) -> Option<Told> {
        match &mut self.phase {
            Phase::Open => {
                self.phase = Phase::Closing {
                    timeout,
                    deadline: None,
                    failed_before: self.counts.failed,
                    waiters: vec![waiter],
                };
                None
            }
            Phase::Closing { waiters, .. } => {
                waiters.push(waiter);
                None
            }
            Phase::Stopped(result) => Some(Told {
                waiter,
                result: result.clone(),
            }),
        }
    }

    /// What the worker does next. Nothing is in flight.
    pub(crate) fn next(&mut self, now: Duration) -> Step<T> {
        let done = self.take_flushes(|flush, counts| flush.ticket <= counts.finished());
        if !done.is_empty() {
            let told = done.into_iter().map(|flush| Told {
                result: self.outcome_since(flush.failed_before),
                waiter: flush.waiter,
            });
            return Step::Flushed(told.collect());
        }
        let closing = self.closing_deadline(now);
        if closing.is_some_and(|deadline| deadline <= now) {
            return Step::Stop(self.abandon(), Duration::ZERO);
        }
        if let Some(batch) = self.full.pop_front() {
            return self.submit(batch);
        }
        if self.open.items.is_empty() {
            return match closing {
                Some(deadline) => Step::Stop(Vec::new(), deadline.saturating_sub(now)),
                None => Step::Idle,
            };
        }
        let since = *self.open_since.get_or_insert(now);
        let due = since.saturating_add(self.settings.schedule_delay);
        // A flush that is not done yet waits for what is here.
        if closing.is_none() && self.flushes.is_empty() && now < due {
            return Step::WaitUntil(due);
        }
        self.open_since = None;
        let batch = mem::take(&mut self.open);
        self.submit(batch)
    }

    fn submit(&mut self, batch: Batch<T>) -> Step<T> {
        let items = batch.items.len() as u64;
        self.queued_bytes -= batch.bytes;
        self.counts.queued -= items;
        self.counts.in_flight = items;
        Step::Export(batch.items)
    }

    /// Looks after a batch that is in flight since `started`.
    pub(crate) fn watch(&mut self, now: Duration, started: Duration) -> Watch {
        let mut limit = started.saturating_add(self.settings.export_timeout);
        if let Some(deadline) = self.closing_deadline(now) {
            limit = limit.min(deadline);
        }
        let expired = self.expired_flushes(now);
        let deadlines = self.flushes.iter().filter_map(|flush| flush.deadline);
        Watch {
            until: deadlines.fold(limit, Duration::min),
            over: limit <= now,
            expired,
        }
    }

    fn expired_flushes(&mut self, now: Duration) -> Vec<Told> {
        for flush in &mut self.flushes {
            flush
                .deadline
                .get_or_insert(now.saturating_add(flush.timeout));
        }
        let over = |flush: &Flush| flush.deadline.is_some_and(|deadline| deadline <= now);
        let expired = self.take_flushes(|flush, _| over(flush));
        let told = expired.into_iter().map(|flush| Told {
            result: Err(Error::Timeout(flush.timeout)),
            waiter: flush.waiter,
        });
        told.collect()
    }

    /// The batch in flight is finished.
    pub(crate) fn finish(&mut self, result: Result<(), Failure>) {
        let items = mem::take(&mut self.counts.in_flight);
        let mut failed = 0;
        if let Err(failure) = result {
            failed = failure.items.map_or(items, |lost| lost.min(items));
            self.last_failure = Some(failure);
        }
        self.counts.failed += failed;
        self.counts.delivered += items - failed;
    }

    /// The worker has shut the exporter down with this result, and ends.
    pub(crate) fn stop(&mut self, exporter: Result<(), Error>) -> Vec<Told> {
        let result = match &self.phase {
            Phase::Closing { timeout, .. } if self.counts.abandoned > 0 => {
                Err(Error::Timeout(*timeout))
            }
            Phase::Closing { failed_before, .. } => self.outcome_since(*failed_before),
            Phase::Open | Phase::Stopped(_) => Ok(()),
        };
        self.end(&result.and(exporter), &Error::AlreadyShutdown)
    }

    /// The worker is dropped. Whether it had stopped before or not, nothing is sent any more.
    pub(crate) fn worker_gone(&mut self) -> (Vec<Vec<T>>, Vec<Told>) {
        if matches!(self.phase, Phase::Stopped(_)) {
            return (Vec::new(), Vec::new());
        }
        if self.counts.in_flight > 0 {
            self.finish(Err(Failure::new("worker_gone", "the worker was dropped")));
        }
        let left = self.abandon();
        (left, self.end(&Err(Error::WorkerGone), &Error::WorkerGone))
    }

    fn end(&mut self, result: &Result<(), Error>, flushes: &Error) -> Vec<Told> {
        let ended = mem::replace(&mut self.phase, Phase::Stopped(result.clone()));
        let waiters = match ended {
            Phase::Closing { waiters, .. } => waiters,
            Phase::Open | Phase::Stopped(_) => Vec::new(),
        };
        let stopped = waiters.into_iter().map(|waiter| Told {
            waiter,
            result: result.clone(),
        });
        let flushed = self.flushes.drain(..).map(|flush| Told {
            waiter: flush.waiter,
            result: Err(flushes.clone()),
        });
        stopped.chain(flushed).collect()
    }

    /// Empties the queue.
    fn abandon(&mut self) -> Vec<Vec<T>> {
        self.close_open_batch();
        self.queued_bytes = 0;
        self.counts.abandoned += mem::take(&mut self.counts.queued);
        self.full.drain(..).map(|batch| batch.items).collect()
    }

    fn closing_deadline(&mut self, now: Duration) -> Option<Duration> {
        match &mut self.phase {
            Phase::Closing {
                timeout, deadline, ..
            } => Some(*deadline.get_or_insert(now.saturating_add(*timeout))),
            Phase::Open | Phase::Stopped(_) => None,
        }
    }

    fn take_flushes(&mut self, which: impl Fn(&Flush, &Counts) -> bool) -> Vec<Flush> {
        let counts = self.counts;
        let (taken, kept) = mem::take(&mut self.flushes)
            .into_iter()
            .partition(|flush| which(flush, &counts));
        self.flushes = kept;
        taken
    }

    fn outcome_since(&self, failed_before: u64) -> Result<(), Error> {
        let items = self.counts.failed - failed_before;
        match &self.last_failure {
            Some(failure) if items > 0 => Err(Error::Failed {
                items,
                error_type: failure.error_type.clone(),
                message: failure.message.clone(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
