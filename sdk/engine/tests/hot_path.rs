//! A warm measurement takes no memory, however its attributes are given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{Bench, bench};
use opentelemetry::KeyValue;
use throughline_model::Number;
use throughline_testkit::{NONE, Seen};

/// All orders of five attributes, each with texts of its own: more ways to give one set than a thread remembers.
fn all_orders_of_five() -> Vec<Vec<KeyValue>> {
    fn orders(of: &[&'static str]) -> Vec<Vec<&'static str>> {
        if of.is_empty() {
            return vec![vec![]];
        }
        let each = of.iter().flat_map(|first| {
            let rest: Vec<_> = of.iter().copied().filter(|key| key != first).collect();
            let rest = orders(&rest).into_iter();
            rest.map(|rest| std::iter::once(*first).chain(rest).collect())
        });
        each.collect()
    }
    let pair = |key: &str| KeyValue::new(key.to_owned(), format!("value of {key}"));
    let all = orders(&["a", "b", "c", "d", "e"]).into_iter();
    all.map(|keys| keys.into_iter().map(pair).collect())
        .collect()
}

/// The set that these are orders of.
const SET: [(&str, &str); 5] = [
    ("a", "value of a"),
    ("b", "value of b"),
    ("c", "value of c"),
    ("d", "value of d"),
    ("e", "value of e"),
];

fn allocations(f: impl FnMut()) -> u64 {
    allocation_counter::measure(f).count_total
}

#[test]
fn attributes_in_any_order_and_from_any_place_are_one_series_and_take_no_memory_once_warm() {
    let Bench {
        meter, cumulative, ..
    } = bench();
    let counter = meter.u64_counter("c").build();
    let calls = all_orders_of_five();
    assert_eq!(calls.len(), 120);
    let all = || calls.iter().for_each(|call| counter.add(1, call));
    all();
    assert_eq!(allocations(all), 0);
    let snapshot = cumulative.collect();
    assert_eq!(snapshot.seen("c").data.len(), 1);
    assert_eq!(snapshot.number("c", SET), Number::U64(240));
}

#[test]
fn each_kind_of_instrument_takes_no_memory_once_warm() {
    let Bench { meter, .. } = bench();
    let counter = meter.u64_counter("counter").build();
    let up_down = meter.f64_up_down_counter("up-down").build();
    let gauge = meter.i64_gauge("gauge").build();
    let histogram = meter.f64_histogram("histogram").build();
    let attributes = [
        KeyValue::new("method", "GET"),
        KeyValue::new("status", 200),
        KeyValue::new("cached", true),
    ];
    let bound = counter.bind(&attributes);
    let measure = |attributes: &[KeyValue]| {
        counter.add(1, attributes);
        up_down.add(-0.5, attributes);
        gauge.record(7, attributes);
        histogram.record(12.5, attributes);
        bound.add(1);
    };
    measure(&attributes);
    measure(&[]);
    let counted = allocations(|| {
        for _ in 0..100 {
            measure(&attributes);
            measure(&[]);
        }
    });
    assert_eq!(counted, 0);
}

#[test]
fn a_key_given_twice_counts_with_its_last_value_each_time() {
    let Bench {
        meter, cumulative, ..
    } = bench();
    let counter = meter.u64_counter("c").build();
    let (one, two) = (KeyValue::new("k", 1), KeyValue::new("k", 2));
    for _ in 0..3 {
        counter.add(1, &[one.clone(), two.clone()]);
        counter.add(10, &[two.clone(), one.clone()]);
        counter.add(100, &[]);
    }
    let snapshot = cumulative.collect();
    assert_eq!(snapshot.number("c", [("k", 2)]), Number::U64(3));
    assert_eq!(snapshot.number("c", [("k", 1)]), Number::U64(30));
    assert_eq!(snapshot.number("c", NONE), Number::U64(300));
}

#[test]
fn calls_that_have_no_order_take_no_memory_once_warm() {
    let Bench {
        meter, cumulative, ..
    } = bench();
    let counter = meter.u64_counter("c").build();
    let many: Vec<_> = (0..17i64)
        .map(|n| KeyValue::new(format!("k{n:02}"), n))
        .collect();
    let twice = [
        KeyValue::new("k", 1),
        KeyValue::new("l", 0),
        KeyValue::new("k", 2),
    ];
    let each = || {
        counter.add(1, &many);
        counter.add(1, &twice);
    };
    each();
    assert_eq!(allocations(each), 0);
    let snapshot = cumulative.collect();
    assert_eq!(snapshot.seen("c").data.len(), 2);
    assert_eq!(snapshot.number("c", [("k", 2), ("l", 0)]), Number::U64(2));
}

#[test]
fn a_key_given_twice_in_more_orders_than_are_remembered_counts_each_time() {
    let Bench {
        meter, cumulative, ..
    } = bench();
    let counter = meter.u64_counter("c").build();
    let mut calls = all_orders_of_five();
    for call in &mut calls {
        call.push(KeyValue::new("a", "the last one"));
    }
    for _ in 0..2 {
        calls.iter().for_each(|call| counter.add(1, call));
    }
    let snapshot = cumulative.collect();
    assert_eq!(snapshot.seen("c").data.len(), 1);
    let mut set = SET;
    set[0].1 = "the last one";
    assert_eq!(snapshot.number("c", set), Number::U64(240));
}
