//! What holds the volume down until the rates are known.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::ladder::{HALVING, Ladder, RungId};

/// One sampled trace, in the unit that costs are counted in.
pub(super) const ONE: u64 = 1 << 16;

/// Counts what the decisions of the last second cost, and lowers probabilities once it is too much.
///
/// The cost of a decision is its probability: what is sampled on average, whether this one was or not. So a
/// probability depends on which calls came before, never on a trace's randomness, and counts stay unbiased.
///
/// With m traces a second as the budget: beyond m + max(15 %, 1.5 √m) the probability is halved per further
/// max(10 %, √m). The roots are what chance does to a small count. What has to be seen is given three
/// halvings' start.
#[derive(Debug)]
pub(super) struct Guard {
    /// All costs so far.
    spent: AtomicU64,
    /// Beyond this sum it is too much.
    from: AtomicU64,
    /// At least 1: by how much more until the probability is halved.
    halving: AtomicU64,
}

/// How many halvings later the guard sets in for what has to be seen.
const PATIENCE: u64 = 3;

impl Guard {
    /// One that has nothing to say until it is set.
    pub(super) fn new() -> Self {
        Self {
            spent: AtomicU64::new(0),
            from: AtomicU64::new(u64::MAX),
            halving: AtomicU64::new(ONE),
        }
    }

    #[inline]
    pub(super) fn spend(&self, cost: u64) {
        self.spent.fetch_add(cost, Ordering::Relaxed);
    }

    pub(super) fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// The rung that is left of this one.
    #[inline]
    pub(super) fn lowered(&self, ladder: &Ladder, rung: RungId, patient: bool) -> RungId {
        let from = self.from.load(Ordering::Relaxed);
        match self.spent().saturating_sub(from) {
            0 => rung,
            excess => ladder.down(rung, self.rungs(excess, patient)),
        }
    }

    fn rungs(&self, excess: u64, patient: bool) -> u64 {
        let halving = self.halving.load(Ordering::Relaxed);
        let patience = if patient { PATIENCE * halving } else { 0 };
        let excess = excess.saturating_sub(patience);
        excess.saturating_mul(u64::from(HALVING)) / halving
    }

    /// From now on so many traces a second are right, of which `before` had been spent when the second began.
    pub(super) fn set(&self, before: u64, budget: f64) {
        let slack = (0.15 * budget).max(1.5 * budget.sqrt());
        let halving = (0.1 * budget).max(budget.sqrt());
        // Both words are good enough with either's other one.
        let from = before.saturating_add(cost(budget + slack));
        self.from.store(from, Ordering::Relaxed);
        self.halving.store(cost(halving).max(1), Ordering::Relaxed);
    }
}

fn cost(traces: f64) -> u64 {
    (traces * ONE as f64) as u64
}

/// What was spent when, to know what was spent a second ago.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<(Duration, u64)>);

impl Window {
    /// A tenth short of a second, since up to a tenth comes before the next look.
    const LENGTH: Duration = Duration::from_millis(900);

    /// Now so much has been spent; how much it was when the window began.
    pub(super) fn slide(&mut self, now: Duration, spent: u64) -> u64 {
        self.0.push_back((now, spent));
        let begin = now.saturating_sub(Self::LENGTH);
        while self.0.get(1).is_some_and(|(time, _)| *time <= begin) {
            self.0.pop_front();
        }
        self.0.front().map_or(spent, |(_, before)| *before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much is left of a half after so many traces were spent within a second, where 100 are right.
    fn left_after(traces: u64, patient: bool) -> f64 {
        let (guard, ladder) = (Guard::new(), Ladder::new());
        guard.spend(7 * ONE);
        guard.set(guard.spent(), 100.0);
        guard.spend(traces * ONE);
        let half = RungId::nearest(0.5);
        ladder.rate(guard.lowered(&ladder, half, patient)) / 0.5
    }

    #[test]
    fn it_halves_per_tenth_beyond_the_slack() {
        let left = [0, 115, 125, 135, 145, 165].map(|traces| left_after(traces, false));
        for (left, expected) in left.into_iter().zip([1.0, 1.0, 0.5, 0.25, 0.125, 0.031_25]) {
            assert!(
                (left / expected - 1.0).abs() < 0.001,
                "{left} for {expected}"
            );
        }
    }

    #[test]
    fn it_has_patience_with_what_has_to_be_seen() {
        let left = [145, 155].map(|traces| left_after(traces, true));
        assert_eq!(left[0], 1.0);
        assert!((left[1] - 0.5).abs() < 0.001);
    }

    #[test]
    fn nothing_is_held_down_before_it_is_set() {
        let (guard, ladder) = (Guard::new(), Ladder::new());
        guard.spend(u64::MAX / 2);
        assert_eq!(
            guard.lowered(&ladder, RungId::ALWAYS, false),
            RungId::ALWAYS
        );
    }

    #[test]
    fn the_window_forgets() {
        let mut window = Window::default();
        let at = |tenths: u32| Duration::from_millis(100) * tenths;
        let begins: Vec<u64> = (0..20)
            .map(|tenth| window.slide(at(tenth), u64::from(tenth)))
            .collect();
        assert_eq!(begins[..10], [0; 10]);
        assert_eq!(begins[19], 10);
        // What came since the last look may have come just now.
        assert_eq!(window.slide(at(1_000), 1_000), 19);
        assert_eq!(window.slide(at(1_010), 1_001), 1_000);
    }
}
