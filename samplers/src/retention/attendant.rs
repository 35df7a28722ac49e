//! The asynchronous shell on the delivery thread: when to decide, who waits for what.

use std::fmt;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;
use tokio::time::{Instant, sleep, sleep_until};

use super::control::Request;
use super::core::Core;
use super::decider::Decider;
use crate::Error;
use crate::batch::{Export, Failure, Worker};

/// Decides on the delivery thread, beside the worker that exports. Dropping it ends the buffer.
#[derive(Debug)]
pub(crate) struct Attendant {
    core: Arc<Core>,
    decider: Decider,
    flushes: Vec<Flush>,
    closing: Option<Closing>,
}

/// Someone waits until everything that had ended is sent.
struct Flush {
    request: Request,
    /// Everything that had ended was looked at once there were so many rounds.
    rounds: u64,
    deadline: Instant,
}

struct Closing {
    /// Open spans are waited for until then.
    wait: Instant,
    /// Whatever is not with the queue by then is lost.
    deadline: Instant,
    /// Everything is decided.
    decided: bool,
    /// The queue is closed, and answers whoever waits.
    handed_on: bool,
    waiters: Vec<Request>,
}

/// How long what is ripe may wait for more.
const GATHER: Duration = Duration::from_millis(50);
/// How often the age of what is open is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often the end of a shutdown's wait is looked for.
const CLOSING: Duration = Duration::from_millis(5);
/// The longest that a shutdown waits for open spans; at most half of its time.
const WAIT_FOR_OPEN: Duration = Duration::from_secs(1);
/// Longer than anyone waits, and short enough that no instant overflows by it.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl Attendant {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            decider: Decider::new(Arc::clone(&core)),
            core,
            flushes: Vec::new(),
            closing: None,
        }
    }

    /// Runs the worker, and decides beside it until it ends.
    pub(crate) async fn run(mut self, worker: Worker<SpanData>, exporter: impl Export<SpanData>) {
        let core = Arc::clone(&self.core);
        let mut worker = pin!(worker.run(Acknowledged {
            exporter,
            core: Arc::clone(&core),
        }));
        loop {
            let next = self.work();
            tokio::select! {
                biased;
                () = &mut worker => return,
                () = woken(&core, next) => {}
            }
        }
    }

    /// Does what there is to do, and says when to look again, unless woken.
    fn work(&mut self) -> Option<Instant> {
        let now = Instant::now();
        self.hear(now);
        let time = self.core.clock.monotonic();
        if let Some(closing) = &mut self.closing
            && !closing.decided
            && (now >= closing.wait || self.core.room.traces() == 0)
        {
            closing.decided = true;
            self.decider.decide_all(time);
        }
        let empty = self.decider.step(time);
        self.flush(now, empty);
        self.close(now, empty);
        match &self.closing {
            Some(closing) if !closing.handed_on => Some(now + CLOSING),
            _ if self.decider.is_busy() || !self.flushes.is_empty() => Some(now + TICK),
            _ => None,
        }
    }

    fn hear(&mut self, now: Instant) {
        let asked = self.core.control.take();
        for request in asked.flushes {
            self.flushes.push(Flush {
                rounds: self.decider.rounds_to_see_all(),
                deadline: now + request.timeout.min(FAR),
                request,
            });
        }
        for request in asked.close {
            let timeout = request.timeout.min(FAR);
            let closing = self.closing.get_or_insert_with(|| Closing {
                wait: now + (timeout / 2).min(WAIT_FOR_OPEN),
                deadline: now + timeout,
                decided: false,
                handed_on: false,
                waiters: Vec::new(),
            });
            if closing.handed_on {
                self.core.queue.close_then(request.timeout, request.waiter);
            } else {
                closing.waiters.push(request);
            }
        }
    }

    fn flush(&mut self, now: Instant, empty: bool) {
        for flush in std::mem::take(&mut self.flushes) {
            let left = flush.deadline.saturating_duration_since(now);
            if empty && self.decider.rounds >= flush.rounds {
                self.core.queue.flush_then(left, flush.request.waiter);
            } else if left.is_zero() {
                let timeout = flush.request.timeout;
                flush.request.tell(Err(Error::Timeout(timeout)));
            } else {
                self.flushes.push(flush);
            }
        }
    }

    fn close(&mut self, now: Instant, empty: bool) {
        let Some(closing) = &mut self.closing else {
            return;
        };
        let over = now >= closing.deadline;
        if closing.handed_on || !closing.decided || !(empty || over) {
            return;
        }
        closing.handed_on = true;
        self.decider.abandon();
        let left = closing.deadline.saturating_duration_since(now);
        for request in std::mem::take(&mut closing.waiters) {
            let (timeout, waiter) = (request.timeout, request.waiter);
            let lost = if empty {
                Ok(())
            } else {
                Err(Error::Timeout(timeout))
            };
            let tell = move |result: Result<(), Error>| waiter(result.and(lost));
            self.core.queue.close_then(left, Box::new(tell));
        }
    }
}

/// The worker is gone, or about to go: whoever waits hears from the queue what that means.
impl Drop for Attendant {
    fn drop(&mut self) {
        self.decider.abandon();
        let left = self.core.control.end();
        let flushes = self.flushes.drain(..).map(|flush| flush.request);
        for request in flushes.chain(left.flushes) {
            self.core.queue.flush_then(request.timeout, request.waiter);
        }
        let closing = self.closing.take().map_or(Vec::new(), |it| it.waiters);
        for request in closing.into_iter().chain(left.close) {
            self.core.queue.close_then(request.timeout, request.waiter);
        }
    }
}

impl fmt::Debug for Flush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flush").finish_non_exhaustive()
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}

async fn woken(core: &Core, next: Option<Instant>) {
    let stirred = async {
        core.control.stir.notified().await;
        // What ends together is decided together.
        sleep(GATHER).await;
    };
    let due = async {
        match next {
            Some(next) => sleep_until(next).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = core.control.hurry.notified() => {}
        () = due => {}
        () = stirred => {}
    }
}

/// An exporter whose outcomes are remembered for each trace.
struct Acknowledged<E> {
    exporter: E,
    core: Arc<Core>,
}

impl<E: Export<SpanData>> Export<SpanData> for Acknowledged<E> {
    async fn export(&mut self, batch: Vec<SpanData>) -> Result<(), Failure> {
        // The batch has left the queue: there is room for what is kept.
        self.core.control.hurry();
        let mut arrival = Arrival::of(&batch, &self.core);
        let result = self.exporter.export(batch).await;
        // Of a batch that is lost in part, nobody knows which part.
        arrival.delivered = result.is_ok();
        result
    }

    fn flush(&mut self) -> Result<(), String> {
        self.exporter.flush()
    }

    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        self.exporter.shutdown(timeout)
    }
}

/// A batch on its way: unless it is acknowledged, it is lost, also where the export is given up.
struct Arrival<'a> {
    core: &'a Core,
    traces: Vec<(TraceId, u32)>,
    delivered: bool,
}

impl<'a> Arrival<'a> {
    fn of(batch: &[SpanData], core: &'a Core) -> Self {
        let mut traces: Vec<(TraceId, u32)> = Vec::new();
        for span in batch {
            let id = span.span_context.trace_id();
            match traces.last_mut() {
                Some((last, spans)) if *last == id => *spans += 1,
                _ => traces.push((id, 1)),
            }
        }
        Self {
            core,
            traces,
            delivered: false,
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        for (trace, spans) in self.traces.drain(..) {
            self.core.arrived(trace, spans, self.delivered);
        }
    }
}
