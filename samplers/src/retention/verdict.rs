//! From what is known of a part to what becomes of it.

use throughline_model::KeepReason;

use super::RANGE;
use super::findings::Findings;
use super::pinned::outlier_threshold;
use super::policies::Rates;
use super::reasons::Reasons;
use super::shard::Taken;
use crate::probability::{NO_PARENT, OtelTraceState, Threshold};

/// What becomes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep {
        /// What it leaves with as `th`, in bits. `None` where its count is not known.
        threshold: Option<u64>,
        /// What else than the head keeps it.
        reasons: Reasons,
    },
    Drop,
}

/// What the decision goes by: all of it but the randomness is independent of the randomness, so that counts are
/// right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// R, in bits.
    pub(super) randomness: u64,
    /// The head chose it.
    pub(super) sampled: bool,
    /// With this threshold, if it said so.
    pub(super) head: Option<u64>,
    /// The highest outlier threshold that it was subject to.
    pub(super) out: u64,
    /// What applies to it, of policies and wishes.
    pub(super) found: Reasons,
    /// The lowest threshold of the rules that match.
    pub(super) rule: u64,
    /// The threshold that an earlier part of the trace was kept with.
    pub(super) before: Option<u64>,
}

impl Case {
    pub(super) fn of(taken: &Taken, found: Findings, wishes: Findings) -> Self {
        let part = &taken.part;
        let first = part.spans.first();
        let state = first.map_or(NO_PARENT.trace_state(), |span| {
            span.span_context.trace_state()
        });
        let found = found.and(wishes);
        let head = part.sampled.then(|| OtelTraceState::of(state).threshold());
        let before = taken.before;
        Self {
            randomness: taken.randomness,
            sampled: part.sampled,
            head: head.flatten().map(Threshold::bits),
            out: outlier_threshold(state).max(part.floor),
            found: before.map_or(found.reasons, |before| found.reasons.and(before.reasons)),
            rule: found.rule,
            before: before.and_then(|before| before.threshold),
        }
    }

    /// Of several thresholds the lowest counts, since whatever it chooses is kept; none is lower than that for
    /// outliers, since what is below was not there to be chosen; the head's stands beside them.
    pub(super) fn verdict(&self, rates: &Rates) -> Verdict {
        let mut lowest = self.before.unwrap_or(RANGE);
        let mut reasons = self.found.uncounted();
        for reason in self.found.counted().iter() {
            let threshold = match reason {
                KeepReason::Error => rates.errors,
                KeepReason::Slow => rates.slow,
                KeepReason::Outlier => rates.outliers,
                _ => self.rule,
            };
            lowest = lowest.min(threshold);
            if self.randomness >= threshold.max(self.out) {
                reasons = reasons.and(Reasons::of(reason));
            }
        }
        let retained = lowest.max(self.out);
        let chosen = self.randomness >= retained;
        if !(self.sampled || chosen || !self.found.uncounted().is_empty()) {
            return Verdict::Drop;
        }
        let threshold = match self.head.filter(|_| self.sampled) {
            Some(head) => Some(head.min(retained)),
            None => chosen.then_some(retained),
        };
        Verdict::Keep { threshold, reasons }
    }
}
