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
//! Only the values near the quantile and above have to be told apart. Where much is measured, what is far below, up to
//! [`low`](Rolling::low), is only to be counted: as zeros, which costs less. The last slot says where `low` is in the next
//! one: nowhere, if so little was above it that the quantile may come down to it. Until the slots that counted so have
//! left the window, the bound is not below their `low`.
//!
//! Not `throughline_hdr::RollingQuantile`: it records by itself, here the cells of the metric have counted already.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aggregate::Dense;
use crate::watch::SIZE;

const SLOTS: usize = 6;
const SLOT: Duration = Duration::from_secs(10);

/// How many times as many as are above the quantile are told apart.
const APART: f64 = 16.0;

/// The quantile of a rolling window.
#[derive(Debug)]
pub(crate) struct Rolling {
    /// The share of measurements that is above the quantile.
    above: f64,
    /// How many measurements it takes.
    needed: u64,
    /// The oldest first.
    closed: VecDeque<Slot>,
    /// When the open slot was opened; `None` before the first tick.
    opened: Option<Duration>,
    /// What had been seen by then.
    before: Dense,
    /// Up to where measurements are only to be counted.
    low: f64,
}

/// What was seen in some time.
#[derive(Debug)]
struct Slot {
    seen: Dense,
    /// Up to where it may have only been counted.
    low: f64,
}

impl Rolling {
    pub(crate) fn new(quantile: f64, scale: i8) -> Self {
        let above = 1.0 - quantile;
        Self {
            above,
            needed: ((1.0 / above).round() as u64).max(100),
            closed: VecDeque::with_capacity(SLOTS + 1),
            opened: None,
            before: Dense::new(scale.into()),
            low: f64::NEG_INFINITY,
        }
    }

    /// Measurements up to this are to be counted as zeros from now on; −∞ where none are.
    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    /// The bound that no more than a share of `1 − quantile` of the window is above, if enough was seen. `total` is what
    /// was seen since ever, `now` on a clock that does not go back.
    pub(crate) fn tick(&mut self, total: Dense, now: Duration) -> Option<f64> {
        let open = total.since(&self.before);
        let bound = self.bound(&open);
        let opened = *self.opened.get_or_insert(now);
        let old_enough = now.saturating_sub(opened) >= SLOT;
        if old_enough && open.count() >= self.needed.div_ceil(SLOTS as u64) {
            // What is above the bound is looked at, whatever this slot alone says.
            let low = self.next_low(&open).min(bound.unwrap_or(f64::NEG_INFINITY));
            self.closed.push_back(Slot {
                seen: open,
                low: std::mem::replace(&mut self.low, low),
            });
            if self.closed.len() > SLOTS {
                self.closed.pop_front();
            }
            self.opened = Some(now);
            self.before = total;
        }
        bound
    }

    /// That of the closed slots and the open one.
    fn bound(&self, open: &Dense) -> Option<f64> {
        let (mut window, mut low) = (open.clone(), self.low);
        for slot in &self.closed {
            window.merge(slot.seen.clone(), SIZE);
            low = low.max(slot.low);
        }
        let count = window.count();
        (count >= self.needed).then(|| window.bound(share(count, self.above)).max(low))
    }

    /// Where `low` is in the next slot, after this one.
    fn next_low(&self, open: &Dense) -> f64 {
        // Where little is measured, to tell all of it apart costs little.
        if open.count() < self.needed || APART * self.above > 0.5 {
            return f64::NEG_INFINITY;
        }
        let apart = share(open.count(), APART * self.above);
        let (least, most) = (apart / 2, apart * 2);
        if self.low > 0.0 && (least..=most).contains(&open.above_zero()) {
            return self.low;
        }
        // Zeros and what is below, whatever it was, say nothing.
        match open.bucket_of(apart) {
            Some((low, _)) if low > 0.0 => low,
            _ => f64::NEG_INFINITY,
        }
    }
}

fn share(count: u64, share: f64) -> u64 {
    (share * count as f64) as u64
}

#[cfg(test)]
mod tests;
