use super::*;

/// Specification: `metrics/sdk.md`, "Maintain the ideal scale" and "Use the maximum scale for single measurements".
#[test]
fn the_scale_is_the_finest_that_fits() {
    let mut dense = Dense::new(20);
    dense.record(4.0, 4);
    assert_eq!(
        (dense.scale, dense.positive.low, &*dense.positive.counts),
        (20, (2 << 20) - 1, &[1][..])
    );
    dense.record(2.0, 4);
    dense.record(1.0, 4);
    // Buckets −1, 0, 1 at scale 0; at scale 1 they would be −1 … 3.
    assert_eq!(
        (dense.scale, dense.positive.low, &*dense.positive.counts),
        (0, -1, &[1, 1, 1][..])
    );
    dense.record(16.0, 4);
    // Base 4: (1/4, 1], (1, 4], (4, 16].
    assert_eq!(
        (dense.scale, dense.positive.low, &*dense.positive.counts),
        (-1, -1, &[1, 2, 1][..])
    );
}

#[test]
fn the_smallest_size_holds_the_whole_range() {
    let mut dense = Dense::new(20);
    for value in [
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        1.0,
        f64::MAX,
        -f64::MAX,
        -1e-300,
        0.0,
    ] {
        dense.record(value, 2);
    }
    assert_eq!(dense.scale, -10);
    assert_eq!(dense.count(), 7);
    assert_eq!(
        (dense.positive.len(), dense.negative.len(), dense.zeros),
        (2, 2, 1)
    );
}

#[test]
fn nothing_merged_keeps_the_scale() {
    let mut dense = Dense::new(20);
    dense.record(1.5, 160);
    let before = dense.scale;
    let mut zeros = Dense::new(3);
    zeros.record(0.0, 160);
    dense.merge(zeros, 160);
    assert_eq!((dense.scale, dense.zeros, dense.count()), (before, 1, 2));
}
