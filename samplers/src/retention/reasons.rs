//! A set of reasons.

use std::fmt;

use throughline_model::KeepReason;

/// Why a trace is kept: any of [`KeepReason`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reasons(u8);

impl Reasons {
    pub(super) const NONE: Self = Self(0);

    /// Wishes that do not depend on the randomness at all: what is kept for them alone counts for nothing.
    const UNCOUNTED: Self = Self(bit(KeepReason::Explicit) | bit(KeepReason::Neighbour));

    pub(super) const fn of(reason: KeepReason) -> Self {
        Self(bit(reason))
    }

    #[must_use]
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn has(self, reason: KeepReason) -> bool {
        self.0 & bit(reason) != 0
    }

    /// Those that keep a trace whatever its randomness.
    pub(super) const fn uncounted(self) -> Self {
        Self(self.0 & Self::UNCOUNTED.0)
    }

    /// Those that keep a trace by its randomness.
    pub(super) const fn counted(self) -> Self {
        Self(self.0 & !Self::UNCOUNTED.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = KeepReason> {
        KeepReason::ALL
            .into_iter()
            .filter(move |reason| self.has(*reason))
    }
}

const fn bit(reason: KeepReason) -> u8 {
    1 << reason as u8
}

/// As `sampling.retained` says it: `error,slow`.
impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, reason) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            f.write_str(reason.as_str())?;
        }
        Ok(())
    }
}
