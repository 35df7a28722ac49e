//! The quantile of a rolling window.
//!
//! ```text
//!          closed slots, 6 at most             the open one
//! [ ≥ 10 s ][ ≥ 10 s ] … [ ≥ 10 s ]  [ since the last one closed ]
//! ```
//!
//! A slot closes at a tick when it is 10 s old and has seen a sixth of what the quantile needs. So the window is the
//! last minute where that is enough, and as much longer as it takes where little is measured.
//!
//! Not `throughline_hdr::RollingQuantile`: it records by itself, here the cells of the metric have counted already.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aggregate::Dense;
use crate::watch::SIZE;

const SLOTS: usize = 6;
const SLOT: Duration = Duration::from_secs(10);

/// The quantile of a rolling window.
#[derive(Debug)]
pub(crate) struct Rolling {
    quantile: f64,
    /// How many measurements it takes.
    needed: u64,
    /// What each closed slot saw, the oldest first.
    closed: VecDeque<Dense>,
    /// When the open slot was opened; `None` before the first tick.
    opened: Option<Duration>,
    /// What had been seen by then.
    before: Dense,
}

impl Rolling {
    pub(crate) fn new(quantile: f64, scale: i8) -> Self {
        Self {
            quantile,
            needed: ((1.0 / (1.0 - quantile)).round() as u64).max(100),
            closed: VecDeque::with_capacity(SLOTS + 1),
            opened: None,
            before: Dense::new(scale.into()),
        }
    }

    /// The bound that no more than a share of `1 − quantile` of the window is above, if enough was seen. `total` is what
    /// was seen since ever, `now` on a clock that does not go back.
    pub(crate) fn tick(&mut self, total: Dense, now: Duration) -> Option<f64> {
        let open = total.since(&self.before);
        let mut window = open.clone();
        for slot in &self.closed {
            window.merge(slot.clone(), SIZE);
        }
        let opened = *self.opened.get_or_insert(now);
        let old_enough = now.saturating_sub(opened) >= SLOT;
        if old_enough && open.count() >= self.needed.div_ceil(SLOTS as u64) {
            self.closed.push_back(open);
            if self.closed.len() > SLOTS {
                self.closed.pop_front();
            }
            self.opened = Some(now);
            self.before = total;
        }
        let count = window.count();
        let above = ((1.0 - self.quantile) * count as f64) as u64;
        (count >= self.needed).then(|| window.bound(above))
    }
}

#[cfg(test)]
mod tests;
