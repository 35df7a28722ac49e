//! Values at the edges (specification: `metrics/sdk.md`, "Numerical limits handling"; `metrics/api.md`, "Counter").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{Bench, bench, bench_with};
use throughline_engine::{Aggregation, InstrumentKind, Selector, View};
use throughline_model::{Data, Number, Random};
use throughline_testkit::{NONE, SeededRandom, Seen};

fn refused(bench: &Bench, cause: &'static str) -> Number {
    bench.cumulative.collect().number(
        "throughline.engine.measurements.refused",
        [("error.type", cause)],
    )
}

#[test]
fn what_is_not_finite_or_negative_in_a_counter_is_refused_and_counted_by_cause() {
    // Several streams of one instrument refuse once.
    let bench = bench_with(|builder| {
        builder
            .self_telemetry(true)
            .view(View::select(Selector::name("two")).rename("two.a"))
            .view(View::select(Selector::name("two")).rename("two.b"))
    });
    let meter = &bench.meter;
    let counter = meter.f64_counter("one").build();
    let twice = meter.f64_counter("two").build();
    let up_down = meter.f64_up_down_counter("ud").build();
    let gauge = meter.f64_gauge("g").build();
    let histogram = meter.f64_histogram("h").build();
    let _ = meter
        .f64_observable_counter("oc")
        .with_callback(|o| o.observe(-1.0, &[]))
        .build();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        counter.add(bad, &[]);
        twice.add(bad, &[]);
        up_down.add(bad, &[]);
        gauge.record(bad, &[]);
        histogram.record(bad, &[]);
        histogram.bind(&[]).record(bad);
    }
    counter.add(-1.0, &[]);
    counter.bind(&[]).add(-0.5);
    twice.bind(&[]).add(-0.5);
    up_down.add(-1.0, &[]);
    histogram.record(-1.0, &[]);
    assert_eq!(refused(&bench, "non_finite"), Number::U64(18));
    // Three synchronous ones; one observation in the collection above.
    assert_eq!(refused(&bench, "negative"), Number::U64(4));
    let snapshot = bench.cumulative.collect();
    for name in ["one", "two.a", "two.b", "g", "oc"] {
        assert!(snapshot.metric(name).is_none(), "{name}");
    }
    assert_eq!(snapshot.number("ud", NONE), Number::F64(-1.0));
    assert_eq!(snapshot.histogram("h", NONE).sum, -1.0);
}

#[test]
fn a_bound_histogram_records_and_refuses_what_an_unbound_one_does() {
    let kinds = [
        Aggregation::explicit([-1.0, 0.0, 5.0, 10.0]),
        Aggregation::exponential(),
        Aggregation::hdr(0.001, 1e6),
    ];
    for kind in kinds {
        let bench = bench_with(|builder| {
            let histograms = Selector::any().kind(InstrumentKind::Histogram);
            builder
                .self_telemetry(true)
                .view(View::select(histograms).aggregation(kind.clone()))
        });
        let unbound = bench.meter.f64_histogram("unbound").build();
        let bound = bench.meter.f64_histogram("bound").build().bind(&[]);
        let integers = bench.meter.u64_histogram("integers").build().bind(&[]);
        let edges = [
            f64::NEG_INFINITY,
            f64::MIN,
            -7.0,
            -0.0,
            0.0,
            f64::from_bits(1),
            f64::MIN_POSITIVE,
            7.0,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ];
        // In either order: what is not positive comes first to a thread, or later.
        for value in edges.into_iter().chain(edges.into_iter().rev()) {
            unbound.record(value, &[]);
            bound.record(value);
        }
        for value in [0, 7, 0, u64::MAX] {
            integers.record(value);
        }
        assert_eq!(refused(&bench, "non_finite"), Number::U64(12), "{kind:?}");
        for reader in [&bench.cumulative, &bench.delta] {
            let snapshot = reader.collect();
            let [bound, unbound, integers] = ["bound", "unbound", "integers"]
                .map(|name| point_of_any_histogram(&snapshot.seen(name).data));
            assert_eq!(bound, unbound, "{kind:?}");
            assert_eq!(bound.0, 16, "{kind:?}");
            assert_eq!(integers.0, 4, "{kind:?}");
        }
    }
}

/// Count, sum, minimum and maximum, and the buckets as they are shown.
fn point_of_any_histogram(data: &Data) -> (u64, f64, Option<f64>, Option<f64>, String) {
    match data {
        Data::Histogram(histogram) => {
            let p = &histogram.points[0];
            (p.count(), p.sum, p.min, p.max, format!("{:?}", p.counts))
        }
        Data::ExponentialHistogram(histogram) => {
            let p = &histogram.points[0];
            let buckets = format!(
                "{} {} {:?} {:?}",
                p.scale, p.zero_count, p.positive, p.negative
            );
            (p.count(), p.sum, p.min, p.max, buckets)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_histogram_seen_as_a_sum_does_not_go_down() {
    let bench = bench_with(|builder| {
        builder.self_telemetry(true).view(
            View::select(Selector::any().kind(InstrumentKind::Histogram))
                .aggregation(Aggregation::Sum),
        )
    });
    let histogram = bench.meter.f64_histogram("h").build();
    histogram.record(2.0, &[]);
    histogram.record(-1.0, &[]);
    assert_eq!(
        bench.cumulative.collect().number("h", NONE),
        Number::F64(2.0)
    );
    assert_eq!(refused(&bench, "negative"), Number::U64(1));
}

#[test]
fn sums_stay_finite() {
    let bench = bench();
    let up_down = bench.meter.f64_up_down_counter("ud").build();
    let histogram = bench.meter.f64_histogram("h").build();
    for sign in [1.0, -1.0] {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..2 {
                        up_down.add(sign * f64::MAX, &[]);
                        histogram.record(sign * f64::MAX, &[]);
                    }
                });
            }
        });
        for reader in [&bench.cumulative, &bench.delta] {
            let snapshot = reader.collect();
            assert!(snapshot.number("ud", NONE).as_f64().is_finite());
            let point = snapshot.histogram("h", NONE);
            assert!(point.sum.is_finite(), "{point:?}");
        }
    }
    assert_eq!(bench.cumulative.collect().histogram("h", NONE).count(), 8);
}

#[test]
fn integers_wrap_like_the_language_and_never_panic() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let up_down = bench.meter.i64_up_down_counter("ud").build();
    counter.add(u64::MAX, &[]);
    up_down.add(i64::MAX, &[]);
    assert_eq!(
        bench.delta.collect().number("c", NONE),
        Number::U64(u64::MAX)
    );
    std::thread::scope(|scope| {
        scope.spawn(|| {
            counter.add(3, &[]);
            up_down.add(2, &[]);
        });
    });
    assert_eq!(bench.delta.collect().number("c", NONE), Number::U64(3));
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", NONE), Number::U64(2));
    assert_eq!(snapshot.number("ud", NONE), Number::I64(i64::MIN + 1));
}

#[test]
fn adding_zero_makes_a_series() {
    let bench = bench();
    bench.meter.u64_counter("c").build().add(0, &[]);
    bench.meter.f64_counter("f").build().add(-0.0, &[]);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", NONE), Number::U64(0));
    assert_eq!(snapshot.number("f", NONE), Number::F64(0.0));
}

/// What a receiver adds up rounds in other places than the total does, and must not end up ahead of it for good.
#[test]
fn deltas_of_a_counter_never_go_below_zero_and_add_up() {
    let bench = bench();
    let counter = bench.meter.f64_counter("c").build();
    let random = SeededRandom::new(3);
    for k in 0..300 {
        let set = [opentelemetry::KeyValue::new("k", k)];
        let mut received = 0.0;
        for round in 0..6 {
            // Several additions in between, or there is nothing to round differently.
            for _ in 0..3 {
                let value = if round % 2 == 1 {
                    0.0
                } else {
                    random.open01().powi(4) * 1e3
                };
                counter.add(value, &set);
            }
            let delta = bench.delta.collect().number("c", [("k", k)]).as_f64();
            assert!(delta >= 0.0, "{delta}");
            received += delta;
        }
        let total = bench.cumulative.collect().number("c", [("k", k)]).as_f64();
        assert!(
            (received - total).abs() <= total * f64::EPSILON,
            "{received} {total}"
        );
    }
}
