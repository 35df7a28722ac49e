use proptest::prelude::*;

use super::*;

fn histogram(scale: i32, offset: i32, counts: Vec<u64>) -> ExponentialHistogram {
    ExponentialHistogram {
        count: counts.iter().sum(),
        sum: Some(1.0),
        min: None,
        max: None,
        scale,
        zero_count: 0,
        zero_threshold: 0.0,
        positive: ExponentialBuckets { offset, counts },
        negative: ExponentialBuckets::default(),
    }
}

/// How many measurements each bucket of `scale` holds, by index.
fn at_scale(histogram: &ExponentialHistogram, scale: i32) -> Vec<(i64, u64)> {
    let mut indexed = std::collections::BTreeMap::new();
    for (at, count) in histogram.positive.counts.iter().enumerate() {
        let index = i64::from(histogram.positive.offset) + at as i64;
        *indexed
            .entry(index >> (histogram.scale - scale))
            .or_insert(0) += count;
    }
    indexed
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[test]
fn whole_numbers_stay_whole_and_do_not_wrap() {
    let mut total = Total::Number(Number::Int(i64::MAX - 1));
    add(&mut total, Total::Number(Number::Int(5)));
    assert_eq!(total, Total::Number(Number::Int(i64::MAX)));
    add(&mut total, Total::Number(Number::Double(0.5)));
    assert!(matches!(total, Total::Number(Number::Double(_))));
}

#[test]
fn changed_bounds_keep_the_count_and_show_the_newest_shape() {
    let of = |bounds: &[f64], counts: &[u64]| {
        Total::Histogram(Histogram {
            count: counts.iter().sum(),
            sum: Some(2.0),
            min: Some(0.5),
            max: None,
            bounds: bounds.into(),
            counts: counts.to_vec(),
        })
    };
    let mut total = of(&[1.0], &[3, 4]);
    add(&mut total, of(&[1.0, 2.0], &[1, 1, 1]));
    let Total::Histogram(total) = total else {
        panic!("a histogram")
    };
    assert_eq!(
        (total.count, total.sum, total.min),
        (10, Some(4.0), Some(0.5))
    );
    assert_eq!(total.counts, [1, 1, 1]);
}

#[test]
fn far_apart_runs_merge_within_a_bounded_number_of_buckets() {
    let mut total = Total::Exponential(histogram(20, -1_000_000_000, vec![1; 160]));
    add(
        &mut total,
        Total::Exponential(histogram(20, 1_000_000_000, vec![1; 160])),
    );
    let Total::Exponential(total) = total else {
        panic!("an exponential histogram")
    };
    assert!(total.positive.counts.len() <= 640);
    assert_eq!(
        (total.count, total.positive.counts.iter().sum::<u64>()),
        (320, 320)
    );
}

proptest! {
    #[test]
    fn exponential_histograms_merge_exactly_at_the_coarser_scale(
        (a_scale, b_scale) in (-2..6_i32, -2..6_i32),
        (a_offset, b_offset) in (-200..200_i32, -200..200_i32),
        a_counts in proptest::collection::vec(0..9_u64, 0..40),
        b_counts in proptest::collection::vec(0..9_u64, 0..40),
    ) {
        let a = histogram(a_scale, a_offset, a_counts);
        let b = histogram(b_scale, b_offset, b_counts);
        let mut total = Total::Exponential(a.clone());
        add(&mut total, Total::Exponential(b.clone()));
        let Total::Exponential(total) = total else { panic!("an exponential histogram") };
        prop_assert!(total.scale <= a_scale.min(b_scale));
        let mut expected = std::collections::BTreeMap::new();
        for (index, count) in at_scale(&a, total.scale).into_iter().chain(at_scale(&b, total.scale)) {
            *expected.entry(index).or_insert(0) += count;
        }
        prop_assert_eq!(at_scale(&total, total.scale), expected.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(total.count, a.count + b.count);
    }
}
