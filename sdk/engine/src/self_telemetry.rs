//! What the engine counts of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::number::Refusal;

/// What the engine counts of itself. Only cold paths touch it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    non_finite: AtomicU64,
    negative: AtomicU64,
}

impl Tally {
    #[cold]
    pub(crate) fn refused(&self, why: Refusal) {
        let counter = match why {
            Refusal::NonFinite => &self.non_finite,
            Refusal::Negative => &self.negative,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
