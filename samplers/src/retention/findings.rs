//! What speaks for a trace.

use throughline_model::KeepReason;

use super::RANGE;
use super::reasons::Reasons;

/// Why a trace should be kept, found by a policy or asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Findings {
    pub(super) reasons: Reasons,
    /// The lowest threshold of the rules among the reasons, in bits; 2^56 where none is.
    pub(super) rule: u64,
}

impl Findings {
    pub(super) const NONE: Self = Self {
        reasons: Reasons::NONE,
        rule: RANGE,
    };

    /// Somebody asks. Who does so by a rule of its own has looked at its own share.
    pub(super) fn of(reason: KeepReason) -> Self {
        Self {
            reasons: Reasons::of(reason),
            rule: if reason == KeepReason::Rule { 0 } else { RANGE },
        }
    }

    /// A rule matches that chooses from this threshold on, in bits.
    pub(super) fn of_rule(threshold: u64) -> Self {
        Self {
            reasons: Reasons::of(KeepReason::Rule),
            rule: threshold,
        }
    }

    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            reasons: self.reasons.and(other.reasons),
            rule: self.rule.min(other.rule),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.reasons.is_empty()
    }
}

impl Default for Findings {
    fn default() -> Self {
        Self::NONE
    }
}
