//! Which traces are worth holding longest, and why.

use std::collections::HashMap;

use crate::data::TraceId;

/// How many reasons there are to pin a trace.
const REASONS: usize = 3;

/// Why a trace is pinned; the later, the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It is among the slowest of its operation, so an exemplar may come to point at it.
    Slow,
    /// A kept exemplar points at it.
    Exemplar,
    /// A kept exemplar points at it that is among the largest of its series.
    Outlier,
}

/// A change: one reason more, or one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) trace: TraceId,
    pub(super) reason: Reason,
    pub(super) holds: bool,
}

/// How many reasons of each kind pin a trace. Bounded by the exemplars kept and the slowest lists.
#[derive(Debug, Default)]
pub(super) struct Pins(HashMap<TraceId, [u32; REASONS]>);

impl Pins {
    pub(super) fn apply(&mut self, pin: Pin) {
        let counts = self.0.entry(pin.trace).or_default();
        let count = &mut counts[pin.reason as usize];
        if pin.holds {
            *count += 1;
        } else {
            *count = count.saturating_sub(1);
        }
        if *counts == [0; REASONS] {
            self.0.remove(&pin.trace);
        }
    }

    /// 0 for a trace that nothing pins, else 1 for the weakest reason to 3 for the strongest.
    pub(super) fn rank(&self, trace: TraceId) -> u8 {
        let Some(counts) = self.0.get(&trace) else {
            return 0;
        };
        let strongest = counts.iter().rposition(|count| *count > 0);
        strongest.map_or(0, |reason| reason as u8 + 1)
    }
}
