use std::sync::Weak;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::metrics::SyncInstrument;
use throughline_model::{Data, Number, Temporality};

use crate::pipeline::Readable;
use crate::series::Series;
use crate::stream::tests::{Counter, counter};

use super::*;

fn delta_counter() -> Arc<Counter> {
    counter(2, &[(0, Temporality::Delta)])
}

fn a() -> [KeyValue; 1] {
    [KeyValue::new("k", "a")]
}

/// Attributes and values of the points of one collection of the first reader, by attributes.
fn collect(counter: &Counter) -> Vec<(String, u64)> {
    let metric = counter.collect(0, &throughline_cells::lock(), SystemTime::UNIX_EPOCH);
    let Some(Data::Sum(sum)) = metric.map(|metric| metric.data) else {
        return vec![];
    };
    let points = sum.points.iter().map(|point| {
        let text = |pair: &KeyValue| pair.value.to_string();
        let Number::U64(value) = point.value else {
            panic!("{:?}", point.value)
        };
        (point.attributes.iter().map(text).collect(), value)
    });
    let mut points: Vec<_> = points.collect();
    points.sort();
    points
}

/// What a thread has that found the series of `a` and did not write yet, when the series is taken out.
fn found_before_it_left(counter: &Counter) -> Arc<Series> {
    counter.measure(1, &a());
    let found = counter.find_or_make(&counter.canonical(&a()));
    assert_eq!(collect(counter), [("a".into(), 1)]);
    assert_eq!(collect(counter), []);
    assert!(!found.is_of(counter.id));
    found
}

fn write(counter: &Counter, series: &Series, value: u64) {
    counter.write(series, value, Vec::new);
}

#[test]
fn what_is_written_late_is_told_until_nobody_holds_the_series() {
    let counter = delta_counter();
    let late = found_before_it_left(&counter);
    let weak: Weak<Series> = Arc::downgrade(&late);
    for value in [3, 4] {
        write(&counter, &late, value);
        assert_eq!(collect(&counter), [("a".into(), value)]);
    }
    assert_eq!(collect(&counter), []);
    write(&counter, &late, 5);
    drop(late);
    // This thread's look-up has forgotten it.
    counter.measure(1, &[KeyValue::new("k", "b")]);
    assert_eq!(collect(&counter), [("a".into(), 5), ("b".into(), 1)]);
    assert!(weak.upgrade().is_none());
}

#[test]
fn attributes_have_one_point_at_a_time() {
    let counter = delta_counter();
    let first = found_before_it_left(&counter);
    let second = found_before_it_left(&counter);
    assert!(!Arc::ptr_eq(&first, &second));
    write(&counter, &first, 10);
    write(&counter, &second, 100);
    counter.measure(1000, &a());
    for value in [10, 100, 1000] {
        assert_eq!(collect(&counter), [("a".into(), value)]);
    }
    assert_eq!(collect(&counter), []);
}

#[test]
fn the_place_of_what_left_is_free() {
    let counter = delta_counter();
    let measure = |value: &'static str| counter.measure(1, &[KeyValue::new("k", value)]);
    for values in [["a", "b"], ["c", "d"], ["a", "d"]] {
        values.into_iter().for_each(measure);
        let points = collect(&counter);
        let expected = values.map(|value| (value.to_owned(), 1));
        assert_eq!(points, expected);
        assert_eq!(collect(&counter), []);
    }
    ["a", "b", "c"].into_iter().for_each(measure);
    let expected = [("a".into(), 1), ("b".into(), 1), ("true".into(), 1)];
    assert_eq!(collect(&counter), expected);
}

#[test]
fn what_is_bound_stays_until_it_is_not() {
    let counter = delta_counter();
    let bound = counter.bind(&a());
    assert_eq!(collect(&counter), []);
    bound.measure(2);
    counter.measure(3, &a());
    assert_eq!(collect(&counter), [("a".into(), 5)]);
    assert_eq!(collect(&counter), []);
    assert_eq!(Readable::series(&*counter), 1);
    drop(bound);
    assert_eq!(collect(&counter), []);
    assert_eq!(Readable::series(&*counter), 0);
}

#[test]
fn where_a_reader_tells_totals_or_another_one_deltas_all_stay() {
    let readers = [
        vec![(0, Temporality::Cumulative)],
        vec![(0, Temporality::Delta), (1, Temporality::Cumulative)],
        vec![(0, Temporality::Delta), (1, Temporality::Delta)],
    ];
    for readers in readers {
        let counter = counter(2, &readers);
        counter.measure(1, &a());
        for _ in 0..3 {
            collect(&counter);
        }
        assert_eq!(Readable::series(&*counter), 1, "{readers:?}");
    }
}

#[test]
fn the_attributes_of_none_and_the_overflow_stay() {
    let counter = delta_counter();
    let keys = ["a", "b", "c"].map(|value| [KeyValue::new("k", value)]);
    counter.measure(1, &[]);
    keys.iter().for_each(|pairs| counter.measure(1, pairs));
    assert_eq!(collect(&counter).len(), 3);
    assert_eq!(collect(&counter), []);
    counter.measure(7, &[]);
    assert_eq!(collect(&counter), [(String::new(), 7)]);
    assert_eq!(Readable::series(&*counter), 2);
}
