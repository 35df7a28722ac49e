use super::*;
use std::time::SystemTime;
use throughline_model::{Attributes, ExponentialBuckets};

fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramPoint {
    ExponentialHistogramPoint {
        attributes: Attributes::default(),
        start: SystemTime::UNIX_EPOCH,
        time: SystemTime::UNIX_EPOCH,
        scale,
        zero_count: 0,
        zero_threshold: 0.0,
        positive: buckets(offset, counts),
        negative: ExponentialBuckets::default(),
        sum: 0.0,
        min: None,
        max: None,
        exemplars: vec![],
    }
}

fn buckets(offset: i32, counts: &[u64]) -> ExponentialBuckets {
    ExponentialBuckets {
        offset,
        counts: counts.to_vec(),
    }
}

/// The populated buckets as (upper bound, count); infinity for the last.
fn laid_out(layout: &Layout, point: &ExponentialHistogramPoint) -> Vec<(f64, u64)> {
    let mut counts = Vec::new();
    layout.counts(point, &mut counts);
    assert_eq!(counts.len(), layout.bounds().len() + 1);
    assert!(layout.bounds().windows(2).all(|pair| pair[0] < pair[1]));
    assert!(layout.bounds().iter().all(|bound| bound.is_finite()));
    let bounds = layout.bounds().iter().copied().chain([f64::INFINITY]);
    bounds.zip(counts).filter(|(_, count)| *count > 0).collect()
}

fn alone(point: &ExponentialHistogramPoint) -> (Layout, Vec<(f64, u64)>) {
    let layout = Layout::new([point].into_iter());
    let laid_out = laid_out(&layout, point);
    (layout, laid_out)
}

#[test]
fn powers_of_two_keep_their_buckets() {
    let (layout, counts) = alone(&point(0, 0, &[1, 2, 3]));
    assert_eq!(counts, [(2.0, 1), (4.0, 2), (8.0, 3)]);
    assert_eq!(layout.bounds(), [1.0, 2.0, 4.0, 8.0, 16.0]);
}

#[test]
fn a_finer_scale_is_merged_into_powers_of_two() {
    // Scale 2 has four buckets a doubling: indices 3..=8 are one bucket to 2, four to 4, one to 8.
    let (_, counts) = alone(&point(2, 3, &[1, 2, 3, 4, 5, 6]));
    assert_eq!(counts, [(2.0, 1), (4.0, 14), (8.0, 6)]);
    let (_, counts) = alone(&point(20, -1, &[7]));
    assert_eq!(counts, [(1.0, 7)]);
}

#[test]
fn a_coarser_scale_keeps_its_buckets() {
    // Scale -1 has bounds 1, 4, 16.
    let (layout, counts) = alone(&point(-1, 0, &[1, 2]));
    assert_eq!(counts, [(4.0, 1), (16.0, 2)]);
    assert_eq!(layout.bounds(), [1.0, 4.0, 16.0]);
}

#[test]
fn all_points_of_a_family_have_the_same_bounds() {
    let (small, large) = (point(3, -80, &[1]), point(-1, 4, &[9]));
    let layout = Layout::new([&small, &large].into_iter());
    assert_eq!(laid_out(&layout, &small), [(4f64.powi(-4), 1)]);
    assert_eq!(laid_out(&layout, &large), [(4f64.powi(5), 9)]);
}

#[test]
fn the_bounds_stay_while_measurements_stay_within_the_block() {
    let before = Layout::new([&point(4, 0, &[1])].into_iter());
    let after = Layout::new([&point(2, 0, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])].into_iter());
    assert_eq!(before.bounds(), after.bounds());
}

#[test]
fn latencies_from_a_millisecond_to_ten_seconds_take_17_bounds() {
    let mut counts = vec![0; 14];
    (counts[0], counts[13]) = (1, 1);
    let (layout, _) = alone(&point(0, -10, &counts));
    assert_eq!(layout.bounds().len(), 17);
    assert_eq!(layout.bounds().first(), Some(&2f64.powi(-12)));
    assert_eq!(layout.bounds().last(), Some(&16.0));
}

#[test]
fn a_range_that_is_too_wide_gets_a_coarser_scale_with_bounds_among_the_finer_ones() {
    let mut counts = vec![0; 200];
    (counts[0], counts[199]) = (3, 4);
    let (layout, placed) = alone(&point(0, -100, &counts));
    assert!(layout.bounds().len() <= 64);
    assert_eq!(layout.step(), 4);
    assert_eq!(placed, [(2f64.powi(-96), 3), (2f64.powi(100), 4)]);
    assert!(
        layout
            .bounds()
            .iter()
            .all(|bound| bound.log2() % 4.0 == 0.0)
    );
}

#[test]
fn negative_buckets_are_mirrored_and_zeros_have_the_bound_zero() {
    let mut point = point(0, 0, &[1]);
    point.negative = buckets(0, &[10, 20]);
    point.zero_count = 5;
    let (layout, counts) = alone(&point);
    // [-2, -1) is below -1, [-4, -2) below -2, zeros at 0, (1, 2] up to 2.
    assert_eq!(counts, [(-2.0, 20), (-1.0, 10), (0.0, 5), (2.0, 1)]);
    let bounds = [-16.0, -8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0];
    assert_eq!(layout.bounds(), bounds);
}

#[test]
fn no_bound_cuts_through_a_wide_zero_bucket() {
    let mut point = point(0, -3, &[1, 1, 1, 1, 1]);
    point.negative = buckets(-1, &[4, 6]);
    point.zero_count = 100;
    point.zero_threshold = 0.3;
    let (layout, counts) = alone(&point);
    assert!(layout.bounds().iter().all(|bound| bound.abs() >= 0.3));
    // Up to 0.5: all negatives that reach -0.5, the zeros, and the positive ones up to there.
    assert_eq!(
        counts,
        [
            (-1.0, 6),
            (-0.5, 4),
            (0.5, 102),
            (1.0, 1),
            (2.0, 1),
            (4.0, 1)
        ]
    );
}

#[test]
fn zeros_alone_have_one_bound() {
    let mut zeros = point(0, 0, &[]);
    zeros.zero_count = 3;
    let (layout, counts) = alone(&zeros);
    assert_eq!(
        (layout.bounds(), &counts[..]),
        (&[0.0][..], &[(0.0, 3)][..])
    );
    zeros.zero_threshold = 1e-3;
    let (_, counts) = alone(&zeros);
    assert_eq!(counts, [(2f64.powi(-9), 3)]);
}

#[test]
fn a_point_without_measurements_has_the_last_bucket_alone() {
    let (layout, counts) = alone(&point(20, 5, &[0, 0]));
    assert!(layout.bounds().is_empty() && counts.is_empty());
}

#[test]
fn the_ends_of_what_a_float_holds_are_exact() {
    for (scale, offset) in [
        (0, -1075),
        (0, -1074),
        (0, 1022),
        (0, 1023),
        (-10, -2),
        (-10, 0),
    ] {
        let (_, counts) = alone(&point(scale, offset, &[1]));
        let upper = ExponentialHistogramPoint::upper_bound(scale, offset);
        let (bound, _) = counts[0];
        assert!(bound >= upper, "{scale} {offset}: {bound} {upper}");
    }
    let mut wide = vec![1; 2000];
    wide[1999] = 2;
    let (layout, counts) = alone(&point(0, -1000, &wide));
    assert!(layout.bounds().len() <= 64);
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 2001);
}

#[test]
fn points_outside_of_the_data_model_are_told() {
    assert!(is_valid(&point(20, 0, &[1])));
    assert!(!is_valid(&point(21, 0, &[1])));
    assert!(!is_valid(&point(-11, 0, &[1])));
    let mut negative_width = point(0, 0, &[1]);
    negative_width.zero_threshold = -1.0;
    assert!(!is_valid(&negative_width));
    negative_width.zero_threshold = f64::NAN;
    assert!(!is_valid(&negative_width));
}

#[test]
fn exponents_and_powers_of_two_are_exact() {
    for exponent in [-1074, -1073, -1023, -1022, -1, 0, 1, 52, 1023] {
        let power = power_of_two(exponent);
        assert_eq!(exponent_above(power), exponent);
        assert_eq!(exponent_above(power.next_up()), exponent + 1);
    }
    assert_eq!(power_of_two(-1), 0.5);
    assert_eq!(power_of_two(-1074), f64::from_bits(1));
}
