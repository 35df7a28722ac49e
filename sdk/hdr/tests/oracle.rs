//! Against `hdrhistogram`, which records the same values on one thread.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hdrhistogram::Histogram;
use proptest::prelude::*;
use throughline_hdr::{Counts, Range, Recorder};

fn oracle(range: &Range) -> Histogram<u64> {
    Histogram::new_with_bounds(range.low(), range.high(), range.digits()).unwrap()
}

fn ranges() -> impl Strategy<Value = Range> {
    let low = prop_oneof![Just(1), Just(1000), 1u64..1 << 20];
    let octaves = prop_oneof![1u32..4, 1u32..40];
    let digits = prop_oneof![3 => Just(3u8), 1 => 1u8..=4];
    (low, octaves, 0u64..1000, digits).prop_map(|(low, octaves, more, digits)| {
        Range::new(low, (low << octaves) + more, digits).unwrap()
    })
}

/// Values near and far, within the range and a little beyond.
fn values() -> impl Strategy<Value = Vec<u64>> {
    let value = prop_oneof![
        0u64..100,
        (0u32..63, 0u64..5000).prop_map(|(octave, more)| (1u64 << octave).saturating_add(more)),
        1_000_000u64..2_000_000,
        Just(u64::MAX),
    ];
    prop::collection::vec(value, 0..300)
}

/// Records what a histogram would say of the value: of values below `low` it knows the slot, and of its maximum more.
fn add(oracle: &mut Histogram<u64>, value: u64) {
    oracle.saturating_record(oracle.highest_equivalent(value.min(oracle.high())));
}

/// Records on as many threads as there are parts.
fn record(recorder: &Recorder, values: &[u64], threads: usize) {
    let part = values.len().div_ceil(threads).max(1);
    std::thread::scope(|s| {
        for part in values.chunks(part) {
            s.spawn(|| part.iter().for_each(|value| recorder.record(*value)));
        }
    });
}

fn assert_same(counts: &Counts, oracle: &Histogram<u64>) {
    let histogram = counts.histogram();
    assert!(&histogram == oracle, "the counts differ");
    assert_eq!(counts.len(), oracle.len());
    for q in [0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0] {
        let expected = (!oracle.is_empty()).then(|| oracle.value_at_quantile(q));
        assert_eq!(counts.quantile(q), expected, "the quantile {q}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn threads_count_what_one_histogram_counts(range in ranges(), values in values(), threads in 1usize..5) {
        let recorder = Recorder::new(range);
        record(&recorder, &values, threads);
        let mut oracle = oracle(&range);
        for value in &values {
            add(&mut oracle, *value);
        }
        assert_same(&recorder.collect(), &oracle);
        let above = values.iter().filter(|value| **value > range.high()).count();
        prop_assert_eq!(recorder.outside().above, above as u64);
    }

    #[test]
    fn what_an_interval_leaves_out_is_what_a_histogram_adds(
        value in 0u64..5_000_000, interval in prop_oneof![0u64..10, 1000u64..2_000_000], digits in 1u8..=4,
    ) {
        let value = if interval < 10 { value % 10_000 } else { value };
        let range = Range::new(1, 10_000_000, digits).unwrap();
        let recorder = Recorder::new(range);
        recorder.record_with_expected_interval(value, interval);
        let mut oracle = oracle(&range);
        oracle.record_correct(value, interval).unwrap();
        assert_same(&recorder.collect(), &oracle);
    }

    #[test]
    fn ranges_merge_to_what_both_tell_apart(
        ranges in (ranges(), ranges()), values in (values(), values()),
    ) {
        let mut parts = [(ranges.0, values.0), (ranges.1, values.1)].map(|(range, values)| {
            let recorder = Recorder::new(range);
            record(&recorder, &values, 1);
            let clamped: Vec<u64> = values.iter().map(|value| (*value).min(range.high())).collect();
            (recorder.collect(), clamped)
        });
        let [(ours, our_values), (theirs, their_values)] = &mut parts;
        ours.merge(theirs).unwrap();
        let mut oracle = oracle(ours.range());
        for value in our_values.iter().chain(their_values.iter()) {
            add(&mut oracle, *value);
        }
        assert_same(ours, &oracle);
        prop_assert_eq!(ours.range().digits(), ranges.0.digits().min(ranges.1.digits()));
    }

    #[test]
    fn quantiles_are_within_the_relative_error(
        mut values in prop::collection::vec(1_000u64..60_000_000_000, 1..400), digits in 1u8..=4,
    ) {
        let recorder = Recorder::new(Range::new(1, 3_600_000_000_000, digits).unwrap());
        record(&recorder, &values, 2);
        let counts = recorder.collect();
        values.sort_unstable();
        for q in [0.5, 0.75, 0.9, 0.99, 0.999, 0.9999] {
            let rank = ((q * values.len() as f64).ceil() as usize).max(1);
            let exact = values[rank - 1] as f64;
            let told = counts.quantile(q).unwrap() as f64;
            let error = (told - exact) / exact;
            prop_assert!((0.0..=0.1f64.powi(digits.into())).contains(&error), "{told} for {exact}");
        }
    }

    #[test]
    fn floats_are_within_the_relative_error(
        mut values in prop::collection::vec(1e-3..3000.0f64, 1..300), digits in 1u8..=3,
    ) {
        let recorder = Recorder::new(Range::floats(1e-9, 3600.0, digits).unwrap());
        values.iter().for_each(|value| recorder.record_f64(*value));
        let counts = recorder.collect();
        values.sort_by(f64::total_cmp);
        for q in [0.5, 0.99] {
            let exact = values[((q * values.len() as f64).ceil() as usize).max(1) - 1];
            let told = counts.quantile_f64(q).unwrap();
            let error = (told / exact - 1.0).abs();
            // Half a unit more, for rounding.
            prop_assert!(error <= 0.1f64.powi(digits.into()) + 1e-6, "{told} for {exact}");
        }
    }

    #[test]
    fn differences_add_up(before in values(), after in values()) {
        let range = Range::new(1, 1 << 40, 3).unwrap();
        let recorder = Recorder::new(range);
        record(&recorder, &before, 2);
        let first = recorder.collect();
        record(&recorder, &after, 3);
        let mut sum = first.clone();
        let total = recorder.collect();
        sum.merge(&total.since(&first)).unwrap();
        prop_assert!(sum.histogram() == total.histogram());
        prop_assert_eq!(total.since(&first).len(), after.len() as u64);
    }
}

#[test]
fn a_histogram_of_values_below_its_lowest_has_a_maximum_above_them() {
    let recorder = Recorder::new(Range::new(1000, 1_000_000, 3).unwrap());
    recorder.record(300);
    assert_eq!(recorder.collect().histogram().max(), 511);
}
