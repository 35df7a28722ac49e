//! The limit on attribute sets, and what attributes may be (specification: `metrics/sdk.md`, "Cardinality limits";
//! `common/README.md`, "Attribute").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::HashMap;

use common::{Bench, bench, bench_with};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use throughline_engine::{MeterProvider, Reader, Selector, View};
use throughline_model::{Data, Number, Snapshot};
use throughline_testkit::{InMemoryReader, NONE, Seen};

const OVERFLOW: [(&str, bool); 1] = [("otel.metric.overflow", true)];

fn total(snapshot: &Snapshot, name: &str) -> u64 {
    let Data::Sum(sum) = &snapshot.seen(name).data else {
        panic!("not a sum")
    };
    let value = |number: Number| match number {
        Number::U64(value) => value,
        other => panic!("{other:?}"),
    };
    sum.points.iter().map(|point| value(point.value)).sum()
}

#[test]
fn exactly_the_limit_does_not_overflow_and_one_more_does() {
    let bench = bench_with(|b| b.view(View::select(Selector::any()).cardinality_limit(3)));
    let counter = bench.meter.u64_counter("c").build();
    (0..3).for_each(|k| counter.add(1, &[KeyValue::new("k", k)]));
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.seen("c").data.len(), 3);
    assert!((0..3).all(|k| snapshot.number("c", [("k", k)]) == Number::U64(1)));
    counter.add(10, &[KeyValue::new("k", 3)]);
    counter.add(20, &[KeyValue::new("k", 4)]);
    counter.add(1, &[KeyValue::new("k", 0)]);
    counter.bind(&[KeyValue::new("k", 5)]).add(40);
    // The empty set is a set like others: here it comes too late.
    counter.add(80, &[]);
    // Whoever measures under the overflow's own name means the overflow.
    counter.add(160, &[KeyValue::new("otel.metric.overflow", true)]);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", OVERFLOW), Number::U64(310));
    assert_eq!(snapshot.number("c", [("k", 0)]), Number::U64(2));
    assert_eq!(snapshot.seen("c").data.len(), 4);
    assert_eq!(total(&bench.delta.collect(), "c"), 314);
}

#[test]
fn the_view_beats_the_reader_which_beats_the_default() {
    let (small, default) = (
        Reader::builder().cardinality_limit(5).build(),
        Reader::default(),
    );
    let provider = MeterProvider::builder()
        .reader(small.clone())
        .reader(default.clone())
        .view(View::select(Selector::name("viewed")).cardinality_limit(2))
        .build()
        .unwrap();
    let meter = provider.meter("test");
    for name in ["viewed", "plain"] {
        let counter = meter.u64_counter(name).build();
        (0..3000).for_each(|k| counter.add(1, &[KeyValue::new("k", k)]));
    }
    for (reader, limit) in [(small, 5), (default, 2000)] {
        let snapshot = InMemoryReader::new(reader).collect();
        assert_eq!(snapshot.seen("viewed").data.len(), 3);
        assert_eq!(snapshot.seen("plain").data.len(), limit + 1);
        let rest = 3000 - limit as u64;
        assert_eq!(snapshot.number("plain", OVERFLOW), Number::U64(rest));
        assert_eq!(total(&snapshot, "plain"), 3000);
    }
}

#[test]
fn the_limit_counts_sets_after_filtering() {
    let bench = bench_with(|b| {
        b.view(
            View::select(Selector::any())
                .keep(["tier"])
                .cardinality_limit(2),
        )
    });
    let counter = bench.meter.u64_counter("c").build();
    for user in 0..100 {
        for tier in ["gold", "silver"] {
            counter.add(
                1,
                &[KeyValue::new("user", user), KeyValue::new("tier", tier)],
            );
        }
    }
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.seen("c").data.len(), 2);
    assert_eq!(snapshot.number("c", [("tier", "gold")]), Number::U64(100));
}

#[test]
fn ten_thousand_sets_from_several_threads_are_counted_once_each() {
    let bench = bench_with(|b| b.self_telemetry(true));
    let counter = bench.meter.u64_counter("c").build();
    let histogram = bench.meter.u64_histogram("h").build();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (counter, histogram) = (&counter, &histogram);
            scope.spawn(move || {
                for k in 0..10_000 {
                    let set = [KeyValue::new("k", (k * 7 + thread * 1000) % 10_000)];
                    counter.add(1, &set);
                    histogram.record(1, &set);
                }
            });
        }
    });
    let snapshot = bench.cumulative.collect();
    assert_eq!(total(&snapshot, "c"), 30_000);
    assert_eq!(snapshot.seen("c").data.len(), 2001);
    let Data::Histogram(histogram) = &snapshot.seen("h").data else {
        panic!()
    };
    assert_eq!(
        histogram.points.iter().map(|p| p.count()).sum::<u64>(),
        30_000
    );
    let overflowed = |name| match snapshot.number(name, OVERFLOW) {
        Number::U64(value) => value,
        other => panic!("{other:?}"),
    };
    let of_histogram = snapshot.histogram("h", OVERFLOW).count();
    assert_eq!(
        snapshot.number("throughline.engine.measurements.overflowed", NONE),
        Number::U64(overflowed("c") + of_histogram)
    );
    assert_eq!(total(&bench.delta.collect(), "c"), 30_000);
    assert!(bench.delta.collect().metric("c").is_none());
}

/// A cache that is smaller than the working set must not lose or mix anything.
#[test]
fn more_sets_than_a_thread_remembers_are_still_told_apart() {
    let bench = bench_with(|b| b.view(View::select(Selector::any()).cardinality_limit(40_000)));
    let counter = bench.meter.u64_counter("c").build();
    for round in 1..=3 {
        for k in 0..20_000 {
            counter.add(round, &[KeyValue::new("k", k)]);
        }
    }
    let snapshot = bench.cumulative.collect();
    let Data::Sum(sum) = &snapshot.seen("c").data else {
        panic!()
    };
    assert_eq!(sum.points.len(), 20_000);
    assert!(sum.points.iter().all(|point| point.value == Number::U64(6)));
}

fn one(bench: &Bench, attributes: &[KeyValue]) -> Vec<KeyValue> {
    bench.meter.u64_counter("c").build().add(1, attributes);
    let snapshot = bench.delta.collect();
    let Data::Sum(sum) = &snapshot.seen("c").data else {
        panic!()
    };
    assert_eq!(sum.points.len(), 1, "{attributes:?}: {:?}", sum.points);
    sum.points[0].attributes.iter().cloned().collect()
}

#[test]
fn values_that_only_look_alike_are_different_sets() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let values: Vec<Value> = vec![
        "1".into(),
        1.into(),
        1.0.into(),
        true.into(),
        0.0.into(),
        (-0.0).into(),
        f64::NAN.into(),
        Value::Array(Array::I64(vec![1])),
        Value::Array(Array::F64(vec![1.0])),
        Value::Array(Array::F64(vec![f64::NAN])),
        Value::Array(Array::Bool(vec![true])),
        Value::Array(Array::String(vec!["1".into()])),
        Value::Array(Array::String(vec!["1".into(), "".into()])),
        Value::Array(Array::String(vec!["".into(), "1".into()])),
        "".into(),
    ];
    for _ in 0..2 {
        for value in &values {
            counter.add(1, &[KeyValue::new("k", value.clone())]);
        }
        // A letter that moves from one value to the other (prometheus hashes these alike).
        counter.add(1, &[KeyValue::new("a", "ab"), KeyValue::new("b", "c")]);
        counter.add(1, &[KeyValue::new("a", "a"), KeyValue::new("b", "bc")]);
        counter.add(1, &[KeyValue::new("ab", ""), KeyValue::new("c", "")]);
    }
    let snapshot = bench.cumulative.collect();
    let Data::Sum(sum) = &snapshot.seen("c").data else {
        panic!()
    };
    assert_eq!(sum.points.len(), values.len() + 3);
    assert!(
        sum.points.iter().all(|point| point.value == Number::U64(2)),
        "{sum:#?}"
    );
}

#[test]
fn of_a_key_given_twice_the_last_value_wins_in_every_order() {
    let bench = bench();
    let (one_, two) = (KeyValue::new("k", 1), KeyValue::new("k", 2));
    for _ in 0..2 {
        let [first, second] = [&one_, &two].map(std::slice::from_ref);
        assert_eq!(one(&bench, &[one_.clone(), two.clone()]), second);
        assert_eq!(one(&bench, &[two.clone(), one_.clone()]), first);
        assert_eq!(one(&bench, &[two.clone(), two.clone()]), second);
    }
}

#[test]
fn quotes_newlines_and_any_script_come_back_as_they_went_in() {
    let bench = bench();
    let long = "x".repeat(100_000);
    for text in [
        "\"",
        "a\nb",
        "\\",
        "\0",
        "naïve 東京 🚀",
        "{a=\"b\"}",
        "",
        &long,
    ] {
        let pair = KeyValue::new(text.to_owned(), StringValue::from(text.to_owned()));
        for _ in 0..2 {
            assert_eq!(
                one(&bench, std::slice::from_ref(&pair)),
                std::slice::from_ref(&pair)
            );
        }
    }
}

#[test]
fn shuffled_attributes_find_their_series() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let mut set: Vec<_> = (0..10)
        .map(|k| KeyValue::new(format!("key{k}"), k))
        .collect();
    for at in 0..1000 {
        set.swap(at % 10, (at * 7 + 3) % 10);
        counter.add(1, &set);
    }
    let expected: HashMap<_, _> = set
        .iter()
        .map(|p| (p.key.clone(), p.value.to_string()))
        .collect();
    let snapshot = bench.cumulative.collect();
    let Data::Sum(sum) = &snapshot.seen("c").data else {
        panic!()
    };
    assert_eq!(
        (sum.points.len(), sum.points[0].value),
        (1, Number::U64(1000))
    );
    let seen = &sum.points[0].attributes;
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|p| expected[&p.key] == p.value.to_string()));
}
