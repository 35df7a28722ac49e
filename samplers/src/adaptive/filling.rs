//! Water-filling: a budget shared so that no one gets more while another who wants it has less.

/// How high the water stands when `budget` is poured over these demands: who wants less than the level gets
/// all of it, who wants more gets the level. Infinite if there is enough for all.
///
/// So the sum of `min(demand, level)` is the budget, or the sum of the demands where that is less. Demands
/// are not negative. The slice is put in order.
pub(super) fn level(budget: f64, demands: &mut [f64]) -> f64 {
    demands.sort_unstable_by(f64::total_cmp);
    let mut left = budget;
    let mut waiting = demands.len();
    for demand in demands {
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
        let level = level(budget, &mut demands.to_vec());
        demands.iter().map(|demand| demand.min(level)).collect()
    }

    #[test]
    fn the_small_get_all_and_the_large_get_the_same() {
        assert_eq!(shares(10.0, &[1.0, 100.0, 6.0, 2.0]), [1.0, 3.5, 3.5, 2.0]);
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

        /// The floor: an equal share is everyone's, unless they want less.
        #[test]
        fn no_one_is_below_the_floor(budget in 0.0..1e4f64, demands in demands()) {
            let floor = budget / demands.len() as f64;
            for (share, demand) in shares(budget, &demands).iter().zip(&demands) {
                prop_assert!(*share >= demand.min(floor) * (1.0 - 1e-9));
                prop_assert!(share <= demand);
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
            prop_assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        }
    }
}
