use std::time::UNIX_EPOCH;

use super::*;

#[test]
fn the_count_of_a_histogram_stops_at_the_largest_number() {
    let mut point = HistogramPoint {
        attributes: Attributes::default(),
        start: UNIX_EPOCH,
        time: UNIX_EPOCH,
        bounds: [1.0, 2.0].into(),
        counts: vec![1, 2, 4],
        sum: 0.0,
        min: None,
        max: None,
        exemplars: vec![],
    };
    assert_eq!(point.count(), 7);
    point.counts = vec![u64::MAX, 2, u64::MAX];
    assert_eq!(point.count(), u64::MAX);
}

#[test]
fn the_count_of_an_exponential_histogram_stops_at_the_largest_number() {
    let buckets = |counts| ExponentialBuckets { offset: 0, counts };
    let mut point = ExponentialHistogramPoint {
        attributes: Attributes::default(),
        start: UNIX_EPOCH,
        time: UNIX_EPOCH,
        scale: 0,
        zero_count: 1,
        zero_threshold: 0.0,
        positive: buckets(vec![2, 4]),
        negative: buckets(vec![8]),
        sum: 0.0,
        min: None,
        max: None,
        exemplars: vec![],
    };
    assert_eq!(point.count(), 15);
    for full in [
        (u64::MAX, vec![2, 4], vec![8]),
        (1, vec![u64::MAX, u64::MAX], vec![8]),
        (1, vec![2, 4], vec![8, u64::MAX]),
    ] {
        point.zero_count = full.0;
        point.positive = buckets(full.1);
        point.negative = buckets(full.2);
        assert_eq!(point.count(), u64::MAX);
    }
}
