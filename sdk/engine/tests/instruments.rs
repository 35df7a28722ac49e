//! Every synchronous instrument records what it should (specification: `metrics/api.md`, "Instrument";
//! `metrics/sdk.md`, "Default Aggregation").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::bench;
use opentelemetry::KeyValue;
use throughline_model::{Data, Number};
use throughline_testkit::{NONE, Seen};

#[test]
fn counters_of_both_types_add_up_over_threads_and_orders() {
    let bench = bench();
    let integers = bench.meter.u64_counter("integers").build();
    let floats = bench.meter.f64_counter("floats").build();
    let (a, b) = (KeyValue::new("a", 1), KeyValue::new("b", "x"));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..100 {
                    integers.add(1, &[a.clone(), b.clone()]);
                    integers.add(1, &[b.clone(), a.clone()]);
                    floats.add(0.5, &[]);
                }
            });
        }
    });
    let snapshot = bench.cumulative.collect();
    let point = snapshot.number_point(
        "integers",
        [("a", 1.into()), ("b", opentelemetry::Value::from("x"))],
    );
    assert_eq!(point.value, Number::U64(600));
    assert_eq!(snapshot.number("floats", NONE), Number::F64(150.0));
    for name in ["integers", "floats"] {
        assert!(matches!(&snapshot.seen(name).data, Data::Sum(sum) if sum.monotonic));
    }
}

#[test]
fn up_down_counters_go_both_ways_and_are_not_monotonic() {
    let bench = bench();
    let integers = bench.meter.i64_up_down_counter("integers").build();
    let floats = bench.meter.f64_up_down_counter("floats").build();
    integers.add(5, &[]);
    integers.add(-8, &[]);
    floats.add(-0.25, &[]);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("integers", NONE), Number::I64(-3));
    assert_eq!(snapshot.number("floats", NONE), Number::F64(-0.25));
    assert!(matches!(&snapshot.seen("integers").data, Data::Sum(sum) if !sum.monotonic));
}

#[test]
fn gauges_of_all_types_keep_the_last_value_of_any_thread() {
    let bench = bench();
    let unsigned = bench.meter.u64_gauge("unsigned").build();
    let signed = bench.meter.i64_gauge("signed").build();
    let float = bench.meter.f64_gauge("float").build();
    unsigned.record(3, &[]);
    std::thread::scope(|scope| {
        scope.spawn(|| unsigned.record(u64::MAX, &[]));
    });
    signed.record(-7, &[]);
    float.record(2.5, &[]);
    float.record(1.5, &[]);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("unsigned", NONE), Number::U64(u64::MAX));
    assert_eq!(snapshot.number("signed", NONE), Number::I64(-7));
    assert_eq!(snapshot.number("float", NONE), Number::F64(1.5));
    assert!(matches!(&snapshot.seen("float").data, Data::Gauge(_)));
}

#[test]
fn histograms_use_the_boundaries_of_the_advice_upper_bounds_inclusive() {
    let bench = bench();
    let floats = bench
        .meter
        .f64_histogram("floats")
        .with_boundaries(vec![1.0, 2.0])
        .build();
    let integers = bench.meter.u64_histogram("integers").build();
    for value in [0.5, 1.0, 1.5, 2.0, 2.5, -1.0] {
        floats.record(value, &[]);
    }
    integers.record(7, &[]);
    for reader in [&bench.cumulative, &bench.delta] {
        let snapshot = reader.collect();
        let point = snapshot.histogram("floats", NONE);
        assert_eq!(*point.bounds, [1.0, 2.0]);
        assert_eq!(point.counts, [3, 2, 1]);
        assert_eq!(
            (point.sum, point.min, point.max),
            (6.5, Some(-1.0), Some(2.5))
        );
        let point = snapshot.histogram("integers", NONE);
        assert_eq!(point.counts.len(), 16);
        assert_eq!((point.sum, point.counts[2]), (7.0, 1));
    }
}

#[test]
fn a_histogram_with_no_boundaries_has_one_bucket() {
    let bench = bench();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![])
        .build();
    histogram.record(-3.0, &[]);
    histogram.record(9.0, &[]);
    let snapshot = bench.cumulative.collect();
    let point = snapshot.histogram("h", NONE);
    assert_eq!((point.counts.as_slice(), point.sum), (&[2][..], 6.0));
}

#[test]
fn a_histogram_with_a_thousand_boundaries_loses_nothing() {
    let bench = bench();
    let bounds: Vec<f64> = (0..1000).map(f64::from).collect();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(bounds)
        .build();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..1001).for_each(|value| histogram.record(f64::from(value), &[])));
        }
    });
    let snapshot = bench.cumulative.collect();
    let point = snapshot.histogram("h", NONE);
    assert!(point.counts.iter().all(|count| *count == 2), "{point:?}");
    assert_eq!((point.min, point.max), (Some(0.0), Some(1000.0)));
}

#[test]
fn a_bound_instrument_is_the_same_series_as_an_unbound_one() {
    let bench = bench();
    let attributes = [KeyValue::new("k", "v")];
    let counter = bench.meter.u64_counter("c").build();
    let gauge = bench.meter.i64_gauge("g").build();
    let histogram = bench.meter.f64_histogram("h").build();
    let (bound_counter, bound_gauge, bound_histogram) = (
        counter.bind(&attributes),
        gauge.bind(&attributes),
        histogram.bind(&attributes),
    );
    // Bound is not measured: there is no point yet (specification: `metrics/sdk.md`, "MetricReader").
    assert!(bench.cumulative.collect().is_empty());
    counter.add(1, &attributes);
    bound_counter.add(2);
    bound_gauge.record(4);
    bound_histogram.record(1.0);
    histogram.record(1.0, &attributes);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", [("k", "v")]), Number::U64(3));
    assert_eq!(snapshot.number("g", [("k", "v")]), Number::I64(4));
    assert_eq!(snapshot.histogram("h", [("k", "v")]).count(), 2);
    assert_eq!(snapshot.point_count(), 3);
}

#[test]
fn handles_outlive_their_provider() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let bound = counter.bind(&[]);
    drop(bench);
    counter.add(1, &[]);
    bound.add(1);
}
