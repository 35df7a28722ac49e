//! What became of the items.

use std::fmt;

/// What became of every item that was offered to a queue.
///
/// At any moment `accepted() = queued + in_flight + delivered + failed + abandoned`, and
/// `offered() = accepted() + queue_full + already_shutdown`: nothing is counted twice or not at all.
///
/// ```
/// use throughline_model::SelfMeter;
/// use throughline_samplers::batch::{self, BatchSettings, Items};
///
/// let room_for_two = BatchSettings { max_queue_size: 2, max_export_batch_size: 2, ..BatchSettings::spans() };
/// let (queue, _worker) = batch::queue(Items::Spans, room_for_two, String::len, &SelfMeter::new())?;
/// let refused = ["a", "b", "c"].map(|item| queue.push(item.to_string()).is_err());
/// assert_eq!(refused, [false, false, true]);
///
/// let counts = queue.counts();
/// assert_eq!((counts.offered(), counts.accepted(), counts.queue_full), (3, 2, 1));
/// assert_eq!((counts.submitted(), counts.lost()), (0, 1));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Waiting to be sent.
    pub queued: u64,
    /// With the exporter.
    pub in_flight: u64,
    /// Acknowledged.
    pub delivered: u64,
    /// Sent, and not acknowledged: refused, timed out, or the exporter panicked.
    pub failed: u64,
    /// Dropped because the queue was full ([`DropCause::QueueFull`]).
    pub queue_full: u64,
    /// Dropped because the queue was shut down ([`DropCause::AlreadyShutdown`]).
    pub already_shutdown: u64,
    /// Accepted, but the shutdown's time ran out, or the worker was dropped, before they were sent.
    pub abandoned: u64,
}

impl Counts {
    /// How many items were pushed.
    pub fn offered(&self) -> u64 {
        self.accepted() + self.queue_full + self.already_shutdown
    }

    /// How many items were taken into the queue.
    pub fn accepted(&self) -> u64 {
        self.queued + self.submitted() + self.abandoned
    }

    /// How many items were handed to the exporter.
    pub fn submitted(&self) -> u64 {
        self.in_flight + self.finished()
    }

    /// How many items were exported, with whatever outcome.
    pub(crate) fn finished(&self) -> u64 {
        self.delivered + self.failed
    }

    /// How many items were lost.
    pub fn lost(&self) -> u64 {
        self.failed + self.queue_full + self.already_shutdown + self.abandoned
    }
}

/// Why an item was not taken into the queue.
///
/// ```
/// use throughline_model::SelfMeter;
/// use throughline_samplers::batch::{self, BatchSettings, DropCause, Items};
///
/// let tiny = BatchSettings { max_queue_bytes: 4, max_export_batch_bytes: 4, ..BatchSettings::spans() };
/// let (queue, _worker) = batch::queue(Items::Spans, tiny, String::len, &SelfMeter::new())?;
/// assert_eq!(queue.push("hello".to_string()), Err(DropCause::QueueFull));
/// assert_eq!(DropCause::QueueFull.error_type(), "queue_full");
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropCause {
    /// As many items, or bytes, as may wait are waiting; or the item alone is larger than that.
    QueueFull,
    /// The queue was shut down.
    AlreadyShutdown,
}

impl DropCause {
    /// The value of `error.type` (semantic conventions, `otel.sdk.processor.span.processed`).
    pub fn error_type(self) -> &'static str {
        match self {
            DropCause::QueueFull => "queue_full",
            DropCause::AlreadyShutdown => "already_shutdown",
        }
    }
}

impl fmt::Display for DropCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.error_type())
    }
}
