use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::data::{ExponentialHistogram, Histogram};

fn explicit(bounds: &[f64], values: &[f64], extremes: bool) -> Total {
    let mut counts = vec![0; bounds.len() + 1];
    for value in values {
        counts[bounds.partition_point(|bound| bound < value)] += 1;
    }
    Total::Histogram(Histogram {
        count: values.len() as u64,
        sum: None,
        min: extremes.then(|| values.iter().copied().fold(f64::INFINITY, f64::min)),
        max: extremes.then(|| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        bounds: Arc::from(bounds),
        counts,
    })
}

/// All positive.
fn exponential_of(scale: i32, values: &[f64]) -> Total {
    let index = |value: f64| (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1;
    let offset = values.iter().copied().map(index).min().unwrap_or(0);
    let mut counts = Vec::new();
    for value in values {
        let place = (index(*value) - offset) as usize;
        counts.resize(counts.len().max(place + 1), 0);
        counts[place] += 1;
    }
    Total::Exponential(ExponentialHistogram {
        count: values.len() as u64,
        sum: None,
        min: None,
        max: None,
        scale,
        zero_count: 0,
        zero_threshold: 0.0,
        positive: ExponentialBuckets { offset, counts },
        negative: ExponentialBuckets::default(),
    })
}

fn quantile(totals: &[Total], share: f64) -> Option<Quantile> {
    let mut distribution = Distribution::default();
    totals.iter().for_each(|total| distribution.add(total, 1.0));
    distribution.quantile(share)
}

/// The smallest value that at least `share` of the values do not pass.
fn exact(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.max(1) - 1]
}

const BOUNDS: [f64; 6] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0];

#[test]
fn a_median_is_interpolated_in_its_bucket() {
    // Four values in (1, 2.5]: the second of them is half way.
    let total = explicit(&BOUNDS, &[1.2, 1.4, 1.6, 1.8], false);
    let expected = Quantile {
        seconds: 1.75,
        at_least: false,
    };
    assert_eq!(quantile(&[total], 0.5), Some(expected));
}

#[test]
fn past_the_last_bound_the_estimate_is_a_lower_bound_unless_the_largest_is_known() {
    let values = [20.0, 30.0];
    let blind = quantile(&[explicit(&BOUNDS, &values, false)], 0.99).unwrap();
    assert_eq!(
        blind,
        Quantile {
            seconds: 10.0,
            at_least: true
        }
    );
    let seeing = quantile(&[explicit(&BOUNDS, &values, true)], 1.0).unwrap();
    assert_eq!(
        seeing,
        Quantile {
            seconds: 30.0,
            at_least: false
        }
    );
}

#[test]
fn nothing_has_no_quantile_and_one_value_is_its_own() {
    assert_eq!(quantile(&[explicit(&BOUNDS, &[], false)], 0.5), None);
    let one = quantile(&[explicit(&BOUNDS, &[0.7], true)], 0.5).unwrap();
    assert_eq!(
        one,
        Quantile {
            seconds: 0.7,
            at_least: false
        }
    );
}

#[test]
fn zero_and_negative_values_stand_below_the_others() {
    let Total::Exponential(mut histogram) = exponential_of(0, &[3.0]) else {
        panic!()
    };
    histogram.zero_count = 2;
    histogram.negative = ExponentialBuckets {
        offset: 1,
        counts: vec![1],
    };
    let totals = [Total::Exponential(histogram)];
    // One in [-4, -2), two at zero, one in (2, 4].
    let at = |share| quantile(&totals, share).unwrap().seconds;
    assert!((-4.0..=-2.0).contains(&at(0.25)), "{}", at(0.25));
    assert_eq!(at(0.5), 0.0);
    assert!((2.0..=4.0).contains(&at(1.0)));
}

proptest! {
    #[test]
    fn an_explicit_estimate_lies_in_the_bucket_of_the_true_value(
        values in proptest::collection::vec(0.001..9.9_f64, 1..300),
        share in prop_oneof![Just(0.5), Just(0.99), Just(0.999), 0.01..1.0_f64],
        extremes in any::<bool>(),
    ) {
        let estimate = quantile(&[explicit(&BOUNDS, &values, extremes)], share).unwrap().seconds;
        let exact = exact(&values, share);
        let bucket = BOUNDS.partition_point(|bound| *bound < exact);
        let low = if bucket == 0 { 0.0 } else { BOUNDS[bucket - 1] };
        prop_assert!(estimate >= low - 1e-9 && estimate <= BOUNDS[bucket] + 1e-9,
            "{estimate} for {exact}");
    }

    #[test]
    fn an_exponential_estimate_is_within_the_error_of_its_scale(
        values in proptest::collection::vec(1e-6..1e3_f64, 1..300),
        scale in 0..8_i32,
        share in 0.01..1.0_f64,
    ) {
        let estimate = quantile(&[exponential_of(scale, &values)], share).unwrap().seconds;
        let exact = exact(&values, share);
        let base = f64::from(-scale).exp2().exp2();
        prop_assert!(estimate >= exact / base * (1.0 - 1e-9) && estimate <= exact * base * (1.0 + 1e-9),
            "{estimate} for {exact} with base {base}");
    }

    #[test]
    fn histograms_of_different_shapes_merge(
        a in proptest::collection::vec(0.01..9.9_f64, 1..100),
        b in proptest::collection::vec(0.01..9.9_f64, 1..100),
        share in 0.01..1.0_f64,
    ) {
        let totals = [explicit(&BOUNDS, &a, true), exponential_of(5, &b)];
        let estimate = quantile(&totals, share).unwrap().seconds;
        let all: Vec<f64> = a.iter().chain(&b).copied().collect();
        // As many values lie below as should, give or take those of the explicit bucket it lies in.
        let bucket = BOUNDS.partition_point(|bound| *bound < estimate);
        let inside = |value: &&f64| BOUNDS.partition_point(|bound| *bound < **value) == bucket;
        let slack = a.iter().filter(inside).count() as f64
            + b.iter().filter(|value| (*value / estimate).log2().abs() < 1.0 / 16.0).count() as f64;
        let below = all.iter().filter(|value| **value <= estimate).count() as f64;
        prop_assert!((below - share * all.len() as f64).abs() <= slack + 1.0);
    }
}
