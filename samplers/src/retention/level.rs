//! The outlier threshold: what is configured, and what memory adds to it.

use super::RANGE;
use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, acquire};

/// How much of all traces is recorded for retention, as one threshold that whoever starts a local root reads.
///
/// It rises where memory runs out, and then all that is buffered below it goes: so every part has been subject to
/// one threshold, the highest of its life, and its count is right. It falls when there is room again, for the
/// parts that start from then on.
#[derive(Debug)]
pub(super) struct Level {
    /// In bits; `base <= threshold < 2^56`, or 2^56 for ever where nothing is recorded.
    threshold: AtomicU64,
    /// How often it was raised. A shard that was swept for the last one has nothing below the threshold.
    raises: AtomicU64,
    /// What is configured.
    base: u64,
    /// Held while it changes.
    changing: Mutex<()>,
}

/// The highest a threshold rises: one trace in 2^20 is still looked at.
const CEILING: u64 = RANGE - (RANGE >> 20);

impl Level {
    pub(super) fn new(base: u64) -> Self {
        Self {
            threshold: AtomicU64::new(base),
            raises: AtomicU64::new(0),
            base,
            changing: Mutex::new(()),
        }
    }

    /// Nothing is recorded but what the head samples.
    pub(super) fn never(&self) -> bool {
        self.base >= RANGE
    }

    pub(super) fn threshold(&self) -> u64 {
        self.threshold.load(Ordering::Relaxed)
    }

    pub(super) fn raises(&self) -> u64 {
        // Pairs with `raise`: who sees the number sees the threshold.
        self.raises.load(Ordering::Acquire)
    }

    pub(super) fn is_raised(&self) -> bool {
        self.threshold() > self.base
    }

    /// Who holds this changes the threshold; raising and falling never overlap.
    pub(super) fn changing(&self) -> Changing<'_> {
        Changing {
            level: self,
            _guard: acquire(&self.changing),
        }
    }
}

/// The right to change the level.
pub(super) struct Changing<'a> {
    level: &'a Level,
    _guard: MutexGuard<'a, ()>,
}

impl Changing<'_> {
    /// Rejects this share of what is not rejected yet, in `0.0..1.0`. Whether it could.
    pub(super) fn raise(&self, share: f64) -> bool {
        let old = self.level.threshold();
        let left = RANGE.saturating_sub(old);
        let new = (old + (left as f64 * share) as u64)
            .max(old + 1)
            .min(CEILING);
        if new <= old {
            return false;
        }
        self.level.threshold.store(new, Ordering::Relaxed);
        self.level.raises.fetch_add(1, Ordering::Release);
        true
    }

    /// Records this many times as much, more than 1. Every shard was swept for the last raise.
    pub(super) fn fall(&self, factor: f64) {
        let old = self.level.threshold();
        let left = (RANGE.saturating_sub(old) as f64 * factor) as u64;
        let new = RANGE.saturating_sub(left);
        // A thousandth more is no step worth taking, and the last ones would never end.
        let base = self.level.base;
        let new = if new <= base + (RANGE >> 10) {
            base
        } else {
            new
        };
        self.level.threshold.store(new, Ordering::Relaxed);
    }
}
