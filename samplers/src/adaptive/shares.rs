//! A budget shared: most of it evenly, some of it by demand.

/// How a budget that is short is shared.
///
/// [`EVENLY`] of it is poured like water: it rises over all demands alike, and no one is given more than they want.
/// What is left goes to those who want more, each in proportion to what they lack. So the many small are served
/// whole, a flood takes no more than the rest from them, and the large are sampled often enough that a total over
/// all is told by more than a few samples that stand for thousands each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// How high the water stands; infinite where there is enough for all.
    level: f64,
    /// Which part of what is above the level is met too.
    above: f64,
    /// What is used of the budget.
    spent: f64,
}

/// Poured wholly, totals over 500 operations scatter six times as much; by demand, the rare are not seen.
const EVENLY: f64 = 0.75;

impl Shares {
    /// Shares `budget` between these demands, which are not negative. They are put in order.
    pub(super) fn of_budget(budget: f64, demands: &mut [f64]) -> Self {
        let wanted: f64 = demands.iter().sum();
        if wanted <= budget {
            return Self {
                level: f64::INFINITY,
                above: 0.0,
                spent: wanted,
            };
        }
        let level = level(EVENLY * budget, demands);
        let even: f64 = demands.iter().map(|demand| demand.min(level)).sum();
        Self {
            level,
            above: (budget - even) / (wanted - even),
            spent: budget,
        }
    }

    /// What someone is given who wants so much; exactly that where it is met.
    pub(super) fn of(&self, demand: f64) -> f64 {
        let even = demand.min(self.level);
        even + self.above * (demand - even)
    }

    /// What of the budget is used.
    pub(super) fn spent(&self) -> f64 {
        self.spent
    }

    /// Whether more was wanted than there is.
    pub(super) fn are_short(&self) -> bool {
        self.level.is_finite()
    }
}

/// How high the water stands when `budget`, less than all want, is poured over these demands. They are put in order.
fn level(budget: f64, demands: &mut [f64]) -> f64 {
    demands.sort_unstable_by(f64::total_cmp);
    let mut left = budget;
    let mut waiting = demands.len();
    for demand in &*demands {
        let level = left / waiting as f64;
        if *demand > level {
            return level.max(0.0);
        }
        left -= *demand;
        waiting -= 1;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(budget: f64, demands: &[f64]) -> Vec<f64> {
        let shares = Shares::of_budget(budget, &mut demands.to_vec());
        demands.iter().map(|demand| shares.of(*demand)).collect()
    }

    #[test]
    fn the_small_get_all_and_the_large_the_same_and_by_what_they_lack() {
        // Of 10, 7.5 are poured: to 2.25. Of the 2.5 left the two large get in proportion to 97.75 and 3.75.
        let given = shares(10.0, &[1.0, 100.0, 6.0, 2.0]);
        assert_eq!((given[0], given[3]), (1.0, 2.0));
        assert!(
            (given[1] - (2.25 + 2.5 * 97.75 / 101.5)).abs() < 1e-12,
            "{given:?}"
        );
        assert!(
            (given[2] - (2.25 + 2.5 * 3.75 / 101.5)).abs() < 1e-12,
            "{given:?}"
        );
        assert_eq!(shares(10.0, &[]), [0.0; 0]);
        assert_eq!(shares(10.0, &[4.0, 6.0]), [4.0, 6.0]);
        assert_eq!(shares(0.0, &[4.0, 0.0]), [0.0, 0.0]);
    }

    fn demands() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![Just(0.0), 0.0..1.0, 0.0..1e6], 0..50)
    }

    proptest! {
        #[test]
        fn all_of_the_budget_is_shared(budget in 0.0..1e4f64, demands in demands()) {
            let wanted: f64 = demands.iter().sum();
            let shared: f64 = shares(budget, &demands).iter().sum();
            prop_assert!((shared - budget.min(wanted)).abs() <= 1e-9 * (1.0 + wanted));
        }

        /// The floor: this part of an equal share is everyone's, unless they want less.
        #[test]
        fn no_one_is_below_the_floor(budget in 0.0..1e4f64, demands in demands()) {
            let floor = EVENLY * budget / demands.len() as f64;
            for (share, demand) in shares(budget, &demands).iter().zip(&demands) {
                prop_assert!(*share >= demand.min(floor) * (1.0 - 1e-9));
                prop_assert!(*share <= demand * (1.0 + 1e-9));
            }
        }

        /// Who wants more gets no less; with more to share, no one gets less.
        #[test]
        fn it_is_monotone(budget in 0.0..1e4f64, more in 0.0..1e4f64, demands in demands()) {
            let (few, many) = (shares(budget, &demands), shares(budget + more, &demands));
            for (few, many) in few.iter().zip(&many) {
                prop_assert!(*many >= few * (1.0 - 1e-9));
            }
            let mut pairs: Vec<_> = demands.iter().zip(&few).collect();
            pairs.sort_by(|a, b| a.0.total_cmp(b.0));
            prop_assert!(pairs.windows(2).all(|pair| *pair[0].1 <= pair[1].1 * (1.0 + 1e-12)));
        }
    }
}
