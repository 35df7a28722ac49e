//! Deltas and totals side by side, start times, minimum and maximum (specification: `metrics/sdk.md`, "MetricReader",
//! "Start timestamps"; `metrics/sdk_exporters/otlp.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::bench;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use throughline_engine::{MeterProvider, Reader, TemporalityPreference};
use throughline_model::{Clock, Collect, CollectError, Data, Number, Temporality};
use throughline_testkit::{InMemoryReader, ManualClock, NONE, Seen};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_preference_chooses_by_kind() {
    use Temporality::{Cumulative, Delta};
    for (preference, expected) in [
        (TemporalityPreference::Cumulative, [Cumulative; 5]),
        (
            TemporalityPreference::Delta,
            [Delta, Delta, Delta, Cumulative, Cumulative],
        ),
        (
            TemporalityPreference::LowMemory,
            [Delta, Delta, Cumulative, Cumulative, Cumulative],
        ),
    ] {
        let reader = Reader::builder().temporality(preference).build();
        let provider = MeterProvider::builder()
            .reader(reader.clone())
            .build()
            .unwrap();
        let meter = provider.meter("test");
        meter.u64_counter("counter").build().add(1, &[]);
        meter.f64_histogram("histogram").build().record(1.0, &[]);
        let _ = meter
            .u64_observable_counter("observable")
            .with_callback(|o| o.observe(1, &[]))
            .build();
        meter.i64_up_down_counter("up_down").build().add(1, &[]);
        let _ = meter
            .i64_observable_up_down_counter("observable_up_down")
            .with_callback(|o| o.observe(1, &[]))
            .build();
        let snapshot = InMemoryReader::new(reader).collect();
        let names = [
            "counter",
            "histogram",
            "observable",
            "up_down",
            "observable_up_down",
        ];
        for (name, expected) in names.into_iter().zip(expected) {
            let temporality = match &snapshot.seen(name).data {
                Data::Sum(sum) => sum.temporality,
                Data::Histogram(histogram) => histogram.temporality,
                other => panic!("{other:?}"),
            };
            assert_eq!(temporality, expected, "{name} under {preference:?}");
        }
    }
}

#[test]
fn a_delta_has_what_was_measured_since_the_last_collection_and_nothing_else() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let gauge = bench.meter.i64_gauge("g").build();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![1.0, 2.0])
        .build();
    counter.add(3, &[]);
    counter.add(1, &[KeyValue::new("k", "idle")]);
    gauge.record(1, &[]);
    histogram.record(0.5, &[]);
    let snapshot = bench.delta.collect();
    assert_eq!(snapshot.point_count(), 4);
    assert!(bench.delta.collect().is_empty());
    counter.add(4, &[]);
    // Measured, though nothing changes.
    gauge.record(1, &[]);
    histogram.record(1.5, &[]);
    let snapshot = bench.delta.collect();
    assert_eq!(snapshot.number("c", NONE), Number::U64(4));
    assert_eq!(snapshot.number("g", NONE), Number::I64(1));
    let point = snapshot.histogram("h", NONE);
    assert_eq!((point.counts.as_slice(), point.sum), (&[0, 1, 0][..], 1.5));
    assert_eq!(snapshot.point_count(), 3);
    counter.add(0, &[]);
    assert_eq!(bench.delta.collect().number("c", NONE), Number::U64(0));
    // The cumulative reader sees all of it.
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", NONE), Number::U64(7));
    assert_eq!(snapshot.number("c", [("k", "idle")]), Number::U64(1));
    assert_eq!(snapshot.histogram("h", NONE).counts, [1, 1, 0]);
}

#[test]
fn delta_points_start_at_the_previous_collection_and_the_first_at_the_making_of_the_instrument() {
    let bench = bench();
    let made = bench.clock.now();
    let counter = bench.meter.u64_counter("c").build();
    bench.clock.advance(SECOND);
    counter.add(1, &[KeyValue::new("k", 1)]);
    bench.clock.advance(SECOND);
    counter.add(1, &[KeyValue::new("k", 2)]);
    let first = bench.clock.now();
    let snapshot = bench.delta.collect();
    for k in [1, 2] {
        let point = snapshot.number_point("c", [("k", k)]);
        assert_eq!((point.start, point.time), (made, first));
    }
    bench.clock.advance(SECOND);
    // A collection with nothing to say is one too.
    assert!(bench.delta.collect().is_empty());
    let second = bench.clock.now();
    bench.clock.advance(SECOND);
    counter.add(1, &[KeyValue::new("k", 3)]);
    let snapshot = bench.delta.collect();
    assert_eq!(snapshot.number_point("c", [("k", 3)]).start, second);
}

#[test]
fn cumulative_points_start_at_the_first_measurement_of_the_series_for_ever() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let early = counter.bind(&[KeyValue::new("k", "bound")]);
    bench.clock.advance(SECOND);
    let one = bench.clock.now();
    counter.add(1, &[KeyValue::new("k", 1)]);
    bench.clock.advance(SECOND);
    let two = bench.clock.now();
    counter.add(1, &[KeyValue::new("k", 2)]);
    let first = bench.cumulative.collect();
    bench.clock.advance(SECOND);
    // Bound long ago, measured now: after the collection that did not see it.
    early.add(1);
    for _ in 0..2 {
        let snapshot = bench.cumulative.collect();
        assert_eq!(snapshot.number_point("c", [("k", 1)]).start, one);
        assert_eq!(snapshot.number_point("c", [("k", 2)]).start, two);
        let bound = snapshot.number_point("c", [("k", "bound")]);
        assert_eq!((bound.start, bound.time), (two, bench.clock.now()));
        bench.clock.advance(SECOND);
        early.add(1);
    }
    assert_eq!(first.number_point("c", [("k", 2)]).time, two);
}

#[test]
fn no_point_ends_before_it_starts_when_the_clock_jumps_back() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let histogram = bench.meter.f64_histogram("h").build();
    let _ = bench
        .meter
        .u64_observable_counter("o")
        .with_callback(|o| o.observe(1, &[]))
        .build();
    for round in 0..4 {
        counter.add(1, &[]);
        histogram.record(1.0, &[KeyValue::new("k", round)]);
        for reader in [&bench.cumulative, &bench.delta] {
            let snapshot = reader.collect();
            let mut times = vec![];
            for (_, metric) in snapshot.metrics() {
                match &metric.data {
                    Data::Sum(sum) => times.extend(sum.points.iter().map(|p| (p.start, p.time))),
                    Data::Histogram(h) => times.extend(h.points.iter().map(|p| (p.start, p.time))),
                    other => panic!("{other:?}"),
                }
            }
            assert!(
                times.len() >= 3 && times.iter().all(|(start, time)| start <= time),
                "{times:?}"
            );
        }
        bench.clock.jump_back(Duration::from_secs(3600));
    }
}

#[test]
fn minimum_and_maximum_are_those_of_the_interval_for_one_delta_reader_and_of_ever_for_totals() {
    let clock = ManualClock::new();
    let reader = |preference| Reader::builder().temporality(preference).build();
    let readers = [
        reader(TemporalityPreference::Delta),
        reader(TemporalityPreference::Cumulative),
        reader(TemporalityPreference::Delta),
    ];
    let provider = readers
        .iter()
        .fold(MeterProvider::builder(), |b, r| b.reader(r.clone()))
        .clock(Arc::new(clock))
        .build()
        .unwrap();
    let [first, cumulative, second] = readers.map(InMemoryReader::new);
    let histogram = provider.meter("test").f64_histogram("h").build();
    let extremes = |reader: &InMemoryReader| {
        let snapshot = reader.collect();
        let point = snapshot.histogram("h", NONE);
        (point.min, point.max, point.count())
    };
    for round in 0..5u32 {
        let base = f64::from(100 * round);
        std::thread::scope(|scope| {
            for value in [base + 5.0, base + 7.0, base + 6.0] {
                let histogram = &histogram;
                scope.spawn(move || histogram.record(value, &[]));
            }
        });
        assert_eq!(extremes(&first), (Some(base + 5.0), Some(base + 7.0), 3));
        assert_eq!(
            extremes(&second),
            (None, None, 3),
            "a further delta reader leaves them out"
        );
        let count = u64::from(3 * (round + 1));
        assert_eq!(extremes(&cumulative), (Some(5.0), Some(base + 7.0), count));
    }
}

#[test]
fn gauges_are_repeated_to_totals_and_told_to_deltas_when_they_were_set() {
    let bench = bench();
    let gauge = bench.meter.f64_gauge("g").build();
    gauge.record(2.0, &[]);
    for _ in 0..2 {
        assert_eq!(
            bench.cumulative.collect().number("g", NONE),
            Number::F64(2.0)
        );
    }
    assert_eq!(bench.delta.collect().number("g", NONE), Number::F64(2.0));
    assert!(bench.delta.collect().is_empty());
}

#[test]
fn a_reader_without_a_provider_or_after_its_end_gives_an_error() {
    let reader = Reader::default();
    assert_eq!(reader.collect(SECOND), Err(CollectError::NotRegistered));
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .build()
        .unwrap();
    let counter = provider.meter("test").u64_counter("c").build();
    counter.add(1, &[]);
    assert!(reader.collect(SECOND).is_ok());
    provider.shutdown();
    assert_eq!(reader.collect(SECOND), Err(CollectError::Shutdown));
    counter.add(1, &[]);
}

#[test]
fn a_reader_outlives_the_provider_handle() {
    let reader = Reader::default();
    let counter = {
        let provider = MeterProvider::builder()
            .reader(reader.clone())
            .build()
            .unwrap();
        provider.meter("test").u64_counter("c").build()
    };
    counter.add(1, &[]);
    let snapshot = reader.collect(SECOND).unwrap();
    assert_eq!(snapshot.number("c", NONE), Number::U64(1));
}
