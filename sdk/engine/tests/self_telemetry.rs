//! What the engine tells of itself: how long collections take, how much it keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::{bench, bench_with};
use opentelemetry::KeyValue;
use throughline_engine::Reader;
use throughline_model::{Collect, CollectError, Number};
use throughline_testkit::{NONE, Seen};

const DURATION: &str = "otel.sdk.metric_reader.collection.duration";

/// Semantic conventions: `otel.sdk.metric_reader.collection.duration`.
#[test]
fn each_collection_of_each_reader_is_timed_failed_ones_by_cause() {
    let hasty = Reader::default();
    let bench = bench_with(|builder| builder.self_telemetry(true).reader(hasty.clone()));
    let clock = bench.clock.clone();
    let _ = bench
        .meter
        .u64_observable_gauge("slow")
        .with_callback(move |_| clock.advance(Duration::from_millis(20)))
        .with_callback(|_| ())
        .build();
    let deadline = Duration::from_millis(19);
    let cut_short = hasty.collect(deadline).unwrap().incomplete;
    assert_eq!(cut_short, Some(CollectError::Timeout(deadline)));
    bench.delta.collect();
    let snapshot = bench.cumulative.collect();
    let ids = |reader| {
        [
            ("otel.component.name", reader),
            ("otel.component.type", "throughline_reader"),
        ]
    };
    let [name, kind] = ids("throughline_reader/2");
    let failed = snapshot.histogram(DURATION, [name, kind, ("error.type", "timeout")]);
    assert_eq!((failed.count(), failed.sum), (1, 0.02));
    let delta = snapshot.histogram(DURATION, ids("throughline_reader/1"));
    assert_eq!((delta.count(), delta.sum), (1, 0.02));
}

#[test]
fn instruments_and_series_are_counted() {
    let bench = bench_with(|builder| builder.self_telemetry(true));
    let count = |name| match bench.cumulative.collect().number(name, NONE) {
        Number::I64(count) => count,
        other => panic!("{other:?}"),
    };
    let instruments = count("throughline.engine.instruments");
    // The engine's own series are there after the first collection.
    let series = count("throughline.engine.series");
    let counter = bench.meter.u64_counter("c").build();
    let _same = bench.meter.u64_counter("c").build();
    for k in 0..3 {
        counter.add(1, &[KeyValue::new("k", k)]);
    }
    assert_eq!(count("throughline.engine.instruments"), instruments + 1);
    assert_eq!(count("throughline.engine.series"), series + 3);
}

#[test]
fn the_engine_is_silent_about_itself_unless_it_is_asked() {
    let bench = bench();
    bench.cumulative.collect();
    assert!(bench.cumulative.collect().is_empty());
}
