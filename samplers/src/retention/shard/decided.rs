//! What the delivery thread takes, and what becomes of it.

use std::time::Duration;

use super::super::findings::Findings;
use super::super::part::{Mode, Part};
use super::super::remembered::{Before, Record};
use super::super::room::Room;
use super::super::verdict::Verdict;
use super::{Shard, find};

/// What the delivery thread decides about.
#[derive(Debug)]
pub(in super::super) struct Taken {
    pub(in super::super) hash: u64,
    trace: u128,
    /// R, in bits.
    pub(in super::super) randomness: u64,
    /// How the trace was kept before, if it was.
    pub(in super::super) before: Option<Before>,
    /// Its spans and what is known of them; what is open of it is still in the shard.
    pub(in super::super) part: Part,
    /// How many spans it had when it was taken.
    pub(in super::super) spans: usize,
    wishes: Findings,
}

impl Shard {
    /// Looks at the age of all parts: those that are older are ripe.
    pub(in super::super) fn age(&mut self, now: Duration, max_age: Duration, room: &Room) {
        let Self {
            traces,
            ripe,
            remembered,
            ..
        } = self;
        traces.retain(|trace| {
            let (hash, id, wanted) = (trace.hash, trace.id, !trace.wishes.is_empty());
            trace.parts.retain_mut(|part| {
                let since = *part.since.get_or_insert(now);
                if now.saturating_sub(since) < max_age || part.open.is_empty() {
                    return true;
                }
                part.since = Some(now);
                match part.mode {
                    Mode::Passing => true,
                    Mode::Evicted => false,
                    Mode::Buffering if part.spans.is_empty() => {
                        // Most likely a span that nobody will end. If someone does, it is a part of its own.
                        let forgotten = std::mem::replace(&mut part.idle, true) && !wanted;
                        if forgotten && part.sampled {
                            remembered.record(hash, id).torn = true;
                        }
                        !forgotten
                    }
                    Mode::Buffering => {
                        part.idle = false;
                        part.expired = true;
                        part.notable = true;
                        ripe.push((hash, id));
                        true
                    }
                }
            });
            trace.settle(room)
        });
    }

    /// Takes everything, open or not, for the last time.
    pub(in super::super) fn take_all(&mut self, room: &Room, to: &mut Vec<Taken>) {
        self.closed = true;
        for trace in self.traces.iter_mut() {
            for part in &mut trace.parts {
                part.expired = true;
            }
            self.ripe.push((trace.hash, trace.id));
        }
        self.take(usize::MAX, room, to);
        // What is left has nothing but spans that are open.
        for mut trace in self.traces.drain() {
            trace.parts.clear();
            trace.settle(room);
        }
    }

    /// Whether something can be taken.
    pub(in super::super) fn has_ripe(&self) -> bool {
        !self.ripe.is_empty()
    }

    /// Takes ripe parts until there are as many spans, at least one part. Each is to be settled.
    pub(in super::super) fn take(&mut self, spans: usize, room: &Room, to: &mut Vec<Taken>) {
        let mut taken = 0;
        while taken < spans
            && let Some((hash, id)) = self.ripe.pop()
        {
            let Some(trace) = find(&mut self.traces, hash, id) else {
                continue;
            };
            let before = self.remembered.get(hash, id).and_then(Record::before);
            let mut at = 0;
            while let Some(part) = trace.parts.get_mut(at) {
                if !part.is_ripe() {
                    at += 1;
                    continue;
                }
                let part = if part.open.is_empty() {
                    trace.parts.swap_remove(at)
                } else {
                    at += 1;
                    part.split()
                };
                let spans = part.spans.len();
                taken += spans;
                self.deciding.push((id, Findings::NONE));
                to.push(Taken {
                    hash,
                    trace: id,
                    randomness: trace.randomness,
                    before,
                    part,
                    spans,
                    wishes: trace.wishes,
                });
            }
            self.forget_if_empty(hash, id, room);
        }
    }

    /// Remembers what becomes of a part, once what was asked for meanwhile is known. What is kept is on its way
    /// from now on.
    pub(in super::super) fn settle(
        &mut self,
        taken: &Taken,
        decide: impl FnOnce(Findings) -> Verdict,
    ) -> Verdict {
        let mut wishes = taken.wishes;
        if let Some(at) = self.deciding.iter().position(|(id, _)| *id == taken.trace) {
            wishes = wishes.and(self.deciding.swap_remove(at).1);
        }
        let spans = taken.spans as u64;
        let verdict = decide(wishes);
        self.tally.buffered -= spans;
        match &verdict {
            Verdict::Keep { threshold, reasons } => {
                self.tally.part_kept(*reasons);
                let record = self.remembered.record(taken.hash, taken.trace);
                record.threshold = match (record.kept, record.threshold, *threshold) {
                    (true, Some(earlier), Some(now)) => Some(earlier.min(now)),
                    (true, earlier, now) => earlier.or(now),
                    (false, _, now) => now,
                };
                record.kept = true;
                record.reasons = record.reasons.and(*reasons);
                record.torn |= taken.part.torn;
                for span in &taken.part.spans {
                    record.hand_on(span.span_context.span_id());
                }
            }
            Verdict::Drop => {
                self.tally.unselected += spans;
                self.tally.parts_unselected += 1;
                if !wishes.is_empty() {
                    self.remembered.record(taken.hash, taken.trace).torn = true;
                }
            }
        }
        verdict
    }

    /// Spans of this trace were acknowledged, or lost.
    pub(in super::super) fn arrived(&mut self, hash: u64, id: u128, spans: u32, delivered: bool) {
        if let Some(record) = self.remembered.get_mut(hash, id) {
            record.outstanding = record.outstanding.saturating_sub(spans);
            record.torn |= !delivered;
        }
    }
}
