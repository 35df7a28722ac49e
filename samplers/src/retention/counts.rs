//! What became of the spans that were recorded.

use throughline_model::KeepReason;

use super::reasons::Reasons;

/// What became of every span that ended in a [`RetentionBuffer`](super::RetentionBuffer).
///
/// At any moment `offered() = buffered + handed_on() + unselected + lost()`: nothing is counted twice or not at all.
/// What is handed on is counted from then on by the [queue](super::RetentionBuffer::queue_counts), whose
/// `offered()` is the same number.
///
/// ```
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{Retention, batch::BatchSettings};
///
/// let (buffer, _worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
/// assert_eq!(buffer.counts().offered(), 0);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetentionCounts {
    /// Spans that wait: for the decision, or, kept, for room in the queue.
    pub buffered: u64,
    /// Spans that went straight to the queue, because there was nothing to decide.
    pub passed: u64,
    /// Spans of parts that were kept, and handed to the queue.
    pub kept: u64,
    /// Spans of parts that neither the head nor a policy chose. This is no loss.
    pub unselected: u64,
    /// Lost: evicted, lowest randomness first, because a bound was near.
    pub evicted: u64,
    /// Lost: the trace had more spans than a trace may have.
    pub trace_full: u64,
    /// Lost: a bound was reached, and nothing could be evicted.
    pub buffer_full: u64,
    /// Lost: ended after the shutdown.
    pub already_shutdown: u64,
    /// Lost: kept, but the time of the shutdown ran out before the queue had room, or the worker was dropped.
    pub abandoned: u64,
    /// Parts that were started, decided to be kept, decided to be dropped, and evicted.
    pub parts: PartCounts,
    /// Wishes to keep a trace that came when it was gone.
    pub keeps_too_late: u64,
}

/// What became of the parts: a local root each, with what descends from it in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PartCounts {
    /// That started.
    pub started: u64,
    /// That were kept. One that takes long may be decided several times, a piece each.
    pub kept: u64,
    /// That were not.
    pub unselected: u64,
    /// That were evicted.
    pub evicted: u64,
    /// Why parts were kept, in the order of [`KeepReason::ALL`]; there may be several reasons or, for what the head
    /// chose alone, none.
    pub kept_by: [u64; KeepReason::ALL.len()],
}

impl RetentionCounts {
    /// How many spans ended.
    ///
    /// ```
    /// use throughline_samplers::RetentionCounts;
    ///
    /// assert_eq!(RetentionCounts::default().offered(), 0);
    /// ```
    pub fn offered(&self) -> u64 {
        self.buffered + self.handed_on() + self.unselected + self.lost()
    }

    /// How many spans were handed to the queue.
    ///
    /// ```
    /// use throughline_samplers::RetentionCounts;
    ///
    /// assert_eq!(RetentionCounts::default().handed_on(), 0);
    /// ```
    pub fn handed_on(&self) -> u64 {
        self.passed + self.kept
    }

    /// How many spans were lost before they came to the queue.
    ///
    /// ```
    /// use throughline_samplers::RetentionCounts;
    ///
    /// assert_eq!(RetentionCounts::default().lost(), 0);
    /// ```
    pub fn lost(&self) -> u64 {
        self.evicted + self.trace_full + self.buffer_full + self.already_shutdown + self.abandoned
    }
}

/// What one shard counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Spans that are open: recorded only, and sampled.
    pub(super) live: [i64; 2],
    pub(super) buffered: u64,
    pub(super) passed: u64,
    pub(super) unselected: u64,
    pub(super) evicted: u64,
    pub(super) trace_full: u64,
    pub(super) buffer_full: u64,
    pub(super) already_shutdown: u64,
    pub(super) parts_started: u64,
    pub(super) parts_unselected: u64,
    pub(super) parts_evicted: u64,
    pub(super) keeps_too_late: u64,
    parts_kept: u64,
    kept_by: [u64; KeepReason::ALL.len()],
}

impl Tally {
    pub(super) fn part_kept(&mut self, reasons: Reasons) {
        self.parts_kept += 1;
        for reason in reasons.iter() {
            self.kept_by[reason as usize] += 1;
        }
    }

    pub(super) fn add_to(&self, counts: &mut RetentionCounts) {
        counts.buffered += self.buffered;
        counts.passed += self.passed;
        counts.unselected += self.unselected;
        counts.evicted += self.evicted;
        counts.trace_full += self.trace_full;
        counts.buffer_full += self.buffer_full;
        counts.already_shutdown += self.already_shutdown;
        counts.keeps_too_late += self.keeps_too_late;
        let parts = &mut counts.parts;
        parts.started += self.parts_started;
        parts.unselected += self.parts_unselected;
        parts.evicted += self.parts_evicted;
        parts.kept += self.parts_kept;
        for (sum, count) in parts.kept_by.iter_mut().zip(self.kept_by) {
            *sum += count;
        }
    }
}
