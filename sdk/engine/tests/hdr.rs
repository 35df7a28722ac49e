//! HDR histograms, and what they become as exponential ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::{Bench, bench_with};
use opentelemetry::KeyValue;
use proptest::prelude::*;
use throughline_engine::{Aggregation, Error, ExemplarFilter, MeterProvider, Selector, View};
use throughline_model::{Data, ExponentialHistogramPoint, Number};
use throughline_testkit::{NONE, Seen};

/// Three digits, from a microsecond to an hour.
fn seconds() -> Aggregation {
    Aggregation::hdr(1e-6, 3600.0)
}

fn bench(aggregation: Aggregation) -> Bench {
    bench_with(|builder| {
        builder
            .self_telemetry(true)
            .view(View::select(Selector::name("h")).aggregation(aggregation))
    })
}

/// The bounds of a bucket, below exclusive.
fn bounds(scale: i32, index: i32) -> (f64, f64) {
    let upper = |index| ExponentialHistogramPoint::upper_bound(scale, index);
    (upper(index - 1), upper(index))
}

/// By index, without the empty ones.
fn buckets(point: &ExponentialHistogramPoint) -> BTreeMap<i32, u64> {
    let counts = (point.positive.offset..).zip(point.positive.counts.iter().copied());
    counts.filter(|(_, count)| *count > 0).collect()
}

/// A latency: any order of magnitude within the range.
fn latency() -> impl Strategy<Value = f64> {
    (-5.9..3.5f64).prop_map(|exponent| 10f64.powf(exponent))
}

#[test]
fn a_point_has_the_sum_and_the_extremes_of_its_measurements() {
    let bench = bench(seconds());
    let histogram = bench.meter.f64_histogram("h").build();
    [0.25, 0.125, 3.5, 0.0]
        .into_iter()
        .for_each(|value| histogram.record(value, &[]));
    let snapshot = bench.cumulative.collect();
    let point = snapshot.exponential("h", NONE);
    assert_eq!((point.count(), point.zero_count), (4, 1));
    assert_eq!(
        (point.sum, point.min, point.max),
        (3.875, Some(0.0), Some(3.5))
    );
    assert!(point.negative.counts.is_empty());
    // As many buckets per octave as there are slots, where they are few enough: 5 octaves do not fit at scale 9.
    assert_eq!(point.scale, 8);
}

#[test]
fn integers_are_measured_too() {
    let bench = bench(Aggregation::hdr(1.0, 1e12));
    let histogram = bench.meter.u64_histogram("h").build();
    (1..=1000).for_each(|bytes| histogram.record(bytes, &[]));
    let snapshot = bench.cumulative.collect();
    let point = snapshot.exponential("h", NONE);
    assert_eq!((point.count(), point.sum), (1000, 500_500.0));
    // 10 octaves: exact where slots are of one integer each.
    assert_eq!(point.scale, 7);
    for (index, count) in buckets(point) {
        let (lower, upper) = bounds(point.scale, index);
        let within = (1..=1000).filter(|n| f64::from(*n) > lower && f64::from(*n) <= upper);
        assert_eq!(count, within.count() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The stated error: a measurement's bucket holds a value within `10^-digits` of it, or within `lowest`.
    #[test]
    fn a_measurement_is_counted_in_its_bucket_or_one_as_near_as_its_digits_say(
        mut values in prop::collection::vec(latency(), 1..80), digits in 1u8..=4, max_size in 20usize..3000,
    ) {
        let bench = bench(Aggregation::Hdr {
            lowest: 1e-6, highest: 3600.0, digits, max_size, memory_limit: usize::MAX, record_min_max: true,
        });
        let histogram = bench.meter.f64_histogram("h").build();
        std::thread::scope(|scope| {
            for part in values.chunks(values.len().div_ceil(3)) {
                let histogram = &histogram;
                scope.spawn(move || part.iter().for_each(|value| histogram.record(*value, &[])));
            }
        });
        let snapshot = bench.cumulative.collect();
        let point = snapshot.exponential("h", NONE);
        prop_assert_eq!(point.count(), values.len() as u64);
        prop_assert!(point.positive.counts.len() <= max_size);
        // Order is kept, so that the n-th measurement is the n-th of the buckets.
        values.sort_by(f64::total_cmp);
        let zeros = std::iter::repeat_n((0.0, 5e-7), point.zero_count as usize);
        let counted = buckets(point).into_iter().flat_map(|(index, count)| {
            std::iter::repeat_n(bounds(point.scale, index), count as usize)
        });
        for (value, (lower, upper)) in values.iter().zip(zeros.chain(counted)) {
            let error = (value * 0.1f64.powi(digits.into())).max(1e-6) * (1.0 + 1e-9);
            prop_assert!(value + error >= lower && value - error <= upper, "{value} in {lower} to {upper}");
        }
        prop_assert_eq!(point.max, values.last().copied());
    }

    #[test]
    fn deltas_add_up_to_the_total(parts in prop::collection::vec(prop::collection::vec(latency(), 0..30), 1..5)) {
        let bench = bench(seconds());
        let histogram = bench.meter.f64_histogram("h").build();
        let (mut seen, mut sum) = (0, 0.0);
        for values in &parts {
            values.iter().for_each(|value| histogram.record(*value, &[]));
            let snapshot = bench.delta.collect();
            if values.is_empty() {
                prop_assert!(snapshot.metric("h").is_none());
                continue;
            }
            let delta = snapshot.exponential("h", NONE);
            prop_assert_eq!(delta.count(), values.len() as u64);
            prop_assert_eq!(delta.min, values.iter().copied().reduce(f64::min));
            prop_assert_eq!(delta.max, values.iter().copied().reduce(f64::max));
            seen += delta.count();
            sum += delta.sum;
            let snapshot = bench.cumulative.collect();
            let total = snapshot.exponential("h", NONE);
            prop_assert_eq!(total.count(), seen);
            prop_assert!((total.sum - sum).abs() <= 1e-9 * sum);
            prop_assert_eq!(total.scale, delta.scale);
        }
    }
}

#[test]
fn measurements_outside_the_range_are_clamped_and_counted() {
    let bench = bench(Aggregation::hdr(0.001, 10.0));
    let histogram = bench.meter.f64_histogram("h").build();
    let bound = histogram.bind(&[]);
    [-1.0, 5.0, 10.0]
        .into_iter()
        .for_each(|value| histogram.record(value, &[]));
    [100.0, 1e300]
        .into_iter()
        .for_each(|value| bound.record(value));
    [f64::NAN, f64::INFINITY]
        .into_iter()
        .for_each(|value| histogram.record(value, &[]));
    let snapshot = bench.cumulative.collect();
    let point = snapshot.exponential("h", NONE);
    assert_eq!((point.count(), point.zero_count), (5, 1));
    assert_eq!((point.min, point.max), (Some(-1.0), Some(1e300)));
    let (_, highest) = bounds(point.scale, *buckets(point).keys().last().unwrap());
    assert!((10.0..10.05).contains(&highest), "{highest}");
    let snapshot = bench.cumulative.collect();
    let counted = |name: &str| snapshot.number(name, NONE);
    assert_eq!(
        counted("throughline.engine.measurements.clamped"),
        Number::U64(3)
    );
    assert_eq!(
        snapshot.number(
            "throughline.engine.measurements.refused",
            [("error.type", "non_finite")]
        ),
        Number::U64(2)
    );
}

#[test]
fn beyond_its_memory_a_stream_falls_to_two_digits_and_loses_nothing() {
    let Aggregation::Hdr {
        lowest,
        highest,
        digits,
        max_size,
        record_min_max,
        ..
    } = seconds()
    else {
        panic!()
    };
    let bench = bench(Aggregation::Hdr {
        lowest,
        highest,
        digits,
        max_size,
        memory_limit: 8 << 10,
        record_min_max,
    });
    let histogram = bench.meter.f64_histogram("h").build();
    let coarse = |bench: &Bench| {
        let snapshot = bench.cumulative.collect();
        snapshot.number("throughline.engine.streams.coarse", NONE)
    };
    assert_eq!(coarse(&bench), Number::U64(0));
    let mut before: Option<ExponentialHistogramPoint> = None;
    // Latencies of three octaves, in an order without sense.
    for n in 1..=10_000u32 {
        histogram.record(
            0.010 + f64::from(n.wrapping_mul(2_654_435_761) % 80_000) * 1e-6,
            &[],
        );
        if n % 250 == 0 {
            let snapshot = bench.cumulative.collect();
            let point = snapshot.exponential("h", NONE).clone();
            assert_eq!(point.count(), u64::from(n));
            // A receiver takes a bucket that shrinks for a restart.
            if let Some(before) = before {
                let shift = before.scale - point.scale;
                assert!(shift >= 0);
                let mut rescaled = BTreeMap::new();
                for (index, count) in buckets(&before) {
                    *rescaled.entry(index >> shift).or_insert(0) += count;
                }
                let now = buckets(&point);
                for (index, count) in rescaled {
                    assert!(
                        now.get(&index).is_some_and(|now| *now >= count),
                        "bucket {index}"
                    );
                }
            }
            before = Some(point);
        }
    }
    // Counted by the collections before.
    assert_eq!(coarse(&bench), Number::U64(1));
}

#[test]
fn series_and_threads_are_counted_exactly() {
    let bench = bench(seconds());
    let histogram = bench.meter.f64_histogram("h").build();
    let (mut deltas, mut sum) = (0, 0.0);
    let mut read_delta = || {
        let snapshot = bench.delta.collect();
        if let Some(Data::ExponentialHistogram(it)) = snapshot.metric("h").map(|m| &m.data) {
            deltas += it
                .points
                .iter()
                .map(ExponentialHistogramPoint::count)
                .sum::<u64>();
            sum += it.points.iter().map(|point| point.sum).sum::<f64>();
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let histogram = &histogram;
            scope.spawn(move || {
                for n in 0..5_000u32 {
                    let series = [KeyValue::new("series", i64::from(n % 3))];
                    histogram.record(f64::from(n * 4 + thread) * 1e-5, &series);
                }
            });
        }
        for _ in 0..20 {
            bench.cumulative.collect();
            read_delta();
        }
    });
    read_delta();
    assert_eq!(deltas, 20_000);
    assert!((sum - 1999.9).abs() < 1e-6, "{sum}");
    let snapshot = bench.cumulative.collect();
    for (series, count) in [("0", 6668), ("1", 6668), ("2", 6664)] {
        let series: i64 = series.parse().unwrap();
        let point = snapshot.exponential("h", [("series", series)]);
        assert_eq!(point.count(), count);
    }
}

#[test]
fn exemplars_come_with_the_points() {
    let bench = bench_with(|builder| {
        builder
            .exemplar_filter(ExemplarFilter::AlwaysOn)
            .view(View::select(Selector::name("h")).aggregation(seconds()))
    });
    let histogram = bench.meter.f64_histogram("h").build();
    histogram.record(0.5, &[]);
    for reader in [&bench.cumulative, &bench.delta] {
        let snapshot = reader.collect();
        let values: Vec<_> = snapshot
            .exponential("h", NONE)
            .exemplars
            .iter()
            .map(|e| e.value)
            .collect();
        assert_eq!(values, [Number::F64(0.5)]);
    }
}

#[test]
fn a_stream_costs_a_thread_what_it_saw() {
    // 10,000 series of one value each stay within the default limit.
    let bench = bench_with(|builder| {
        builder.self_telemetry(true).view(
            View::select(Selector::name("h"))
                .aggregation(seconds())
                .cardinality_limit(10_001),
        )
    });
    let histogram = bench.meter.f64_histogram("h").build();
    for n in 0..10_000 {
        histogram.record(0.25, &[KeyValue::new("series", n)]);
    }
    bench.cumulative.collect();
    let snapshot = bench.cumulative.collect();
    assert_eq!(
        snapshot.number("throughline.engine.streams.coarse", NONE),
        Number::U64(0)
    );
}

#[test]
fn settings_out_of_range_are_errors_that_name_the_field() {
    let hdr = |lowest, highest, digits, max_size| Aggregation::Hdr {
        lowest,
        highest,
        digits,
        max_size,
        memory_limit: 0,
        record_min_max: false,
    };
    for (aggregation, expected) in [
        (
            hdr(0.0, 1.0, 3, 160),
            "aggregation.lowest is 0.0, expected a normal number above 0",
        ),
        (
            hdr(1.0, 1.0, 3, 160),
            "aggregation.highest is 1.0, expected at least twice aggregation.lowest, at most 2^53 times",
        ),
        (
            hdr(1.0, 10.0, 6, 160),
            "aggregation.digits is 6, expected 1 to 5",
        ),
        (
            hdr(1.0, 10.0, 3, 1),
            "aggregation.max_size is 1, expected 2 to 16384",
        ),
    ] {
        let view = View::select(Selector::any()).aggregation(aggregation);
        let error: Error = MeterProvider::builder().view(view).build().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
