//! Series that are not measured any more, where all that is told is what changed: they go, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider as _};
use throughline_engine::{MeterProvider, Reader, TemporalityPreference};
use throughline_model::{Attributes, Collect, Data, Number, Snapshot};

const WRITERS: usize = 4;
/// Attribute sets, of which a round measures a few.
const SETS: usize = 24;
const ROUNDS: usize = 2000;

fn delta() -> (MeterProvider, Reader, Meter) {
    let reader = Reader::builder().temporality(TemporalityPreference::Delta);
    let reader = reader.build();
    let builder = MeterProvider::builder().reader(reader.clone());
    let provider = builder.build().unwrap();
    let meter = provider.meter("idle");
    (provider, reader, meter)
}

fn collect(reader: &Reader) -> Snapshot {
    reader.collect(Duration::from_secs(60)).unwrap()
}

fn set(at: usize) -> [KeyValue; 1] {
    [KeyValue::new("set", (at % SETS) as i64)]
}

/// Measures sets that come and go, bound for a while now and then.
fn measure(counter: &Counter<u64>, histogram: &Histogram<f64>, writer: usize) {
    for round in 0..ROUNDS {
        let set = set(round / 50 + writer);
        counter.add(1, &set);
        histogram.record(1.0, &set);
        if round % 64 == 0 {
            let bound = counter.bind(&set);
            (0..8).for_each(|_| bound.add(1));
        }
    }
}

/// What was measured, by metric and attributes.
#[derive(Default)]
struct Totals(HashMap<(String, Attributes), u64>);

impl Totals {
    fn add(&mut self, snapshot: &Snapshot) {
        for (_, metric) in snapshot.metrics() {
            let points: Vec<(Attributes, u64)> = match &metric.data {
                Data::Sum(sum) => {
                    let value = |number| match number {
                        Number::U64(value) => value,
                        other => panic!("{other:?}"),
                    };
                    let points = sum.points.iter();
                    points
                        .map(|it| (it.attributes.clone(), value(it.value)))
                        .collect()
                }
                Data::Histogram(histogram) => {
                    // A sum may be told an interval before its count.
                    for it in &histogram.points {
                        let sum = ("sum".to_owned(), it.attributes.clone());
                        *self.0.entry(sum).or_default() += it.sum as u64;
                    }
                    let points = histogram.points.iter();
                    points
                        .map(|it| (it.attributes.clone(), it.count()))
                        .collect()
                }
                other => panic!("{other:?}"),
            };
            let mut told = std::collections::HashSet::new();
            for (attributes, value) in points {
                assert!(told.insert(attributes.clone()), "{attributes:?} twice");
                *self
                    .0
                    .entry((metric.name.to_string(), attributes))
                    .or_default() += value;
            }
        }
    }
}

#[test]
fn nothing_is_lost_and_nothing_told_twice_while_series_come_and_go() {
    let (_provider, reader, meter) = delta();
    let counter = &meter.u64_counter("counter").build();
    let histogram = &meter.f64_histogram("histogram").build();
    let writing = &AtomicUsize::new(WRITERS);
    let mut totals = Totals::default();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                measure(counter, histogram, writer);
                writing.fetch_sub(1, Ordering::Release);
            });
        }
        while writing.load(Ordering::Acquire) > 0 {
            totals.add(&collect(&reader));
        }
    });
    // What is held back is told an interval later, for each time that its attributes left the table.
    for _ in 0..ROUNDS {
        totals.add(&collect(&reader));
    }
    let mut expected: HashMap<(String, Attributes), u64> = HashMap::new();
    for (writer, round) in (0..WRITERS).flat_map(|w| (0..ROUNDS).map(move |r| (w, r))) {
        let set = Attributes::new(set(round / 50 + writer));
        let bound = if round % 64 == 0 { 8 } else { 0 };
        *expected.entry(("counter".into(), set.clone())).or_default() += 1 + bound;
        *expected.entry(("sum".into(), set.clone())).or_default() += 1;
        *expected.entry(("histogram".into(), set)).or_default() += 1;
    }
    assert_eq!(totals.0, expected);
}

#[test]
fn sets_that_are_never_seen_again_do_not_take_memory_for_ever() {
    let (_provider, reader, meter) = delta();
    let counter = meter.u64_counter("counter").build();
    let interval = |from: i64| {
        for at in from..from + 1000 {
            counter.add(1, &[KeyValue::new("request", at)]);
        }
        assert_eq!(collect(&reader).point_count(), 1000);
    };
    let held = |intervals: std::ops::Range<i64>| {
        let all = || intervals.clone().for_each(|at| interval(at * 1000));
        allocation_counter::measure(all).bytes_current
    };
    let few = held(0..20);
    let more = held(20..80);
    assert!(
        more < few / 2,
        "{few} bytes after 20,000 series, {more} more after 80,000"
    );
}
