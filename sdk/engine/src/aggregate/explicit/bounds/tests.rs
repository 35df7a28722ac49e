use proptest::prelude::*;

use super::*;
use crate::aggregation::DEFAULT_BOUNDS;

/// Its bounds, their neighbours, what lies between them and what lies far from all.
fn values(bounds: &[f64]) -> Vec<f64> {
    let far = [-f64::MAX, -1.0, -0.0, 0.0, f64::MIN_POSITIVE, f64::MAX];
    let near = |bound: &f64| [bound.next_down(), *bound, bound.next_up(), bound * 1.1];
    bounds.iter().flat_map(near).chain(far).collect()
}

fn check(bounds: &[f64], value: f64) -> Result<(), TestCaseError> {
    let wanted = bounds.iter().filter(|bound| **bound < value).count();
    prop_assert_eq!(
        Bounds::new(bounds).bucket(value),
        wanted,
        "{} among {:?}",
        value,
        bounds
    );
    Ok(())
}

#[test]
fn usual_bounds_have_places_of_their_own() {
    let seconds = [
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    ];
    let bytes: Vec<f64> = (0..12).map(|at| 2f64.powi(8 + 2 * at)).collect();
    let percent: Vec<f64> = (0..=20).map(|at| 5.0 * f64::from(at)).collect();
    let signed = [-10.0, -1.0, 0.0, 1.0, 10.0];
    let far_apart = [f64::MIN_POSITIVE, 1e-100, 1.0, 1e100, f64::MAX];
    for bounds in [
        &DEFAULT_BOUNDS[..],
        &seconds,
        &bytes,
        &percent,
        &signed,
        &far_apart,
    ] {
        assert!(Bounds::new(bounds).places.floor == 0.0, "{bounds:?}");
        for value in values(bounds) {
            check(bounds, value).unwrap();
        }
    }
}

#[test]
fn bounds_without_places_of_their_own_are_searched() {
    for bounds in [
        &[][..],
        &[-2.0, -1.0, 0.0],
        &[1.0, 1.0f64.next_up(), 1e300],
        &[5e-324, 1e-323, f64::MAX],
    ] {
        assert!(Bounds::new(bounds).places.floor > 0.0, "{bounds:?}");
        for value in values(bounds) {
            check(bounds, value).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn a_bucket_has_as_many_bounds_below_it_as_values_of_it(
        mut bounds in prop::collection::vec(
            prop_oneof![-1e3..1e3f64, 0.0..20.0f64, prop::num::f64::NORMAL, (0..8u8).prop_map(f64::from)],
            0..40,
        ),
        value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
    ) {
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        check(&bounds, value)?;
        for value in values(&bounds) {
            check(&bounds, value)?;
        }
    }
}
