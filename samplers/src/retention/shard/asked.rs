//! What others ask of a trace.

use opentelemetry::trace::SpanId;
use throughline_model::{Fate, KeepReason};

use super::super::findings::Findings;
use super::super::part::Mode;
use super::{Shard, find};

/// What is known of a trace that is not decided.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Known {
    /// R in bits, where a part of it is here.
    pub(in super::super) randomness: Option<u64>,
    pub(in super::super) wishes: Findings,
    /// A part that may still be kept has a span with an error status.
    pub(in super::super) failed: bool,
    /// The highest threshold that any of its parts survived.
    pub(in super::super) floor: u64,
    /// The head chose it, or an earlier part of it was kept.
    pub(in super::super) kept: bool,
}

/// How many spans of a shard may be about to start. They start at once, so there are hardly ever two.
const FORESEEN: usize = 64;

impl Shard {
    /// Asks that what is here of this trace be kept, and what comes later.
    pub(in super::super) fn keep(&mut self, hash: u64, id: u128, reason: KeepReason) {
        let wish = Findings::of(reason);
        if !self.hear(hash, id, wish) {
            // Someone counts on a trace that is gone: whatever of it comes later, the whole is lost.
            self.tally.keeps_too_late += 1;
            let record = self.remembered.record(hash, id);
            record.reasons = record.reasons.and(wish.reasons);
            record.torn = true;
        }
    }

    /// A span of this trace is about to start, and this speaks for the trace. Where nothing of it is here, the part
    /// that the span opens takes it over.
    pub(in super::super) fn foresee(&mut self, hash: u64, id: u128, found: Findings) {
        self.hear(hash, id, found);
        if find(&mut self.traces, hash, id).is_some() {
            return;
        }
        if self.foreseen.len() == FORESEEN {
            // No span came of it: someone else's sampler had the last word.
            self.foreseen.remove(0);
        }
        self.foreseen.push((id, found));
    }

    /// Tells whoever has something of this trace. `false` if nobody has.
    fn hear(&mut self, hash: u64, id: u128, wish: Findings) -> bool {
        let mut heard = false;
        if let Some(trace) = find(&mut self.traces, hash, id) {
            trace.wishes = trace.wishes.and(wish);
            heard = trace.parts.iter().any(|part| part.mode != Mode::Evicted);
        }
        for (_, wishes) in self.deciding.iter_mut().filter(|(trace, _)| *trace == id) {
            *wishes = wishes.and(wish);
            heard = true;
        }
        if let Some(record) = self.remembered.get_mut(hash, id) {
            record.reasons = record.reasons.and(wish.reasons);
            heard |= record.kept;
        }
        heard
    }

    pub(in super::super) fn fate(&mut self, hash: u64, id: u128, span: SpanId) -> Fate {
        let here = find(&mut self.traces, hash, id);
        if here.is_some_and(|trace| {
            let live = |part: &&_| is_live(part);
            trace.parts.iter().filter(live).any(|part| part.holds(span))
        }) || self.deciding.iter().any(|(trace, _)| *trace == id)
        {
            return Fate::Pending;
        }
        match self.remembered.get(hash, id) {
            Some(record) if record.torn || !record.has(span) => Fate::Lost,
            Some(record) if record.outstanding > 0 => Fate::Pending,
            Some(_) => Fate::Delivered,
            None => Fate::Lost,
        }
    }

    pub(in super::super) fn known(&mut self, hash: u64, id: u128) -> Known {
        let mut known = Known::default();
        if let Some(trace) = find(&mut self.traces, hash, id) {
            known.randomness = Some(trace.randomness);
            known.wishes = trace.wishes;
            for part in trace.parts.iter().filter(is_live) {
                known.failed |= part.failed;
                known.kept |= part.sampled;
                known.floor = known.floor.max(part.floor);
            }
        }
        if let Some(record) = self.remembered.get(hash, id) {
            known.kept |= record.kept;
            known.wishes.reasons = known.wishes.reasons.and(record.reasons);
        }
        known
    }
}

fn is_live(part: &&super::super::part::Part) -> bool {
    part.mode != Mode::Evicted
}
