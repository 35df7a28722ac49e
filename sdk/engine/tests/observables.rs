//! Asynchronous instruments and collectors (specification: `metrics/sdk.md`, "Observations inside asynchronous
//! callbacks", "Start timestamps", "Asynchronous instrument cardinality limits").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{bench, bench_with};
use opentelemetry::metrics::{AsyncInstrument, MeterProvider as _};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use throughline_engine::{
    Collector, Error, Instruments, MeterProvider, Observable, Observations, Reader, Selector, View,
};
use throughline_model::{Clock, Collect, CollectError, Data, Number, Temporality};
use throughline_testkit::{NONE, Seen};

#[test]
fn every_asynchronous_instrument_reports_what_its_callback_observes() {
    let bench = bench();
    let meter = &bench.meter;
    let _ = meter
        .u64_observable_counter("counter.u64")
        .with_callback(|o| o.observe(u64::MAX, &[]))
        .build();
    let _ = meter
        .f64_observable_counter("counter.f64")
        .with_callback(|o| o.observe(1.5, &[]))
        .build();
    let _ = meter
        .i64_observable_up_down_counter("up_down.i64")
        .with_callback(|o| o.observe(-2, &[]))
        .build();
    let _ = meter
        .f64_observable_up_down_counter("up_down.f64")
        .with_callback(|o| o.observe(-2.5, &[]))
        .build();
    let _ = meter
        .u64_observable_gauge("gauge.u64")
        .with_callback(|o| o.observe(3, &[]))
        .build();
    let _ = meter
        .i64_observable_gauge("gauge.i64")
        .with_callback(|o| o.observe(-3, &[]))
        .build();
    let _ = meter
        .f64_observable_gauge("gauge.f64")
        .with_callback(|o| o.observe(0.5, &[]))
        .build();
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("counter.u64", NONE), Number::U64(u64::MAX));
    assert_eq!(snapshot.number("counter.f64", NONE), Number::F64(1.5));
    assert_eq!(snapshot.number("up_down.i64", NONE), Number::I64(-2));
    assert_eq!(snapshot.number("up_down.f64", NONE), Number::F64(-2.5));
    assert_eq!(snapshot.number("gauge.u64", NONE), Number::U64(3));
    assert_eq!(snapshot.number("gauge.i64", NONE), Number::I64(-3));
    assert_eq!(snapshot.number("gauge.f64", NONE), Number::F64(0.5));
    let is = |name: &str| match &snapshot.seen(name).data {
        Data::Sum(sum) if sum.monotonic => "counter",
        Data::Sum(_) => "up_down",
        Data::Gauge(_) => "gauge",
        other => panic!("{other:?}"),
    };
    for name in ["counter.u64", "up_down.f64", "gauge.i64"] {
        assert!(name.starts_with(is(name)));
    }
}

#[test]
fn callbacks_run_once_per_collection_of_each_reader_and_deltas_are_per_reader() {
    let bench = bench();
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(move |o| o.observe(10 * (counter.fetch_add(1, Ordering::Relaxed) + 1), &[]))
        .build();
    assert_eq!(
        bench.cumulative.collect().number("total", NONE),
        Number::U64(10)
    );
    assert_eq!(bench.delta.collect().number("total", NONE), Number::U64(20));
    assert_eq!(
        bench.cumulative.collect().number("total", NONE),
        Number::U64(30)
    );
    // 40 now, 20 at this reader's last collection.
    assert_eq!(bench.delta.collect().number("total", NONE), Number::U64(20));
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[test]
fn only_what_is_observed_in_a_collection_is_reported_by_it() {
    let bench = bench();
    let shown = Arc::new(Mutex::new(vec!["a", "b"]));
    let show = Arc::clone(&shown);
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(move |o| {
            for name in show.lock().unwrap().iter() {
                o.observe(5, &[KeyValue::new("k", *name)]);
            }
        })
        .build();
    for reader in [&bench.cumulative, &bench.delta] {
        assert_eq!(reader.collect().point_count(), 2);
    }
    *shown.lock().unwrap() = vec!["b"];
    for reader in [&bench.cumulative, &bench.delta] {
        assert_eq!(reader.collect().point_count(), 1);
    }
    *shown.lock().unwrap() = vec!["a"];
    // Back after a pause: it goes on where it was, and is not counted twice.
    assert_eq!(
        bench.cumulative.collect().number("total", [("k", "a")]),
        Number::U64(5)
    );
    assert_eq!(
        bench.delta.collect().number("total", [("k", "a")]),
        Number::U64(0)
    );
    shown.lock().unwrap().clear();
    assert!(bench.delta.collect().is_empty());
}

#[test]
fn start_is_the_making_of_the_instrument_or_the_collection_before_the_first_observation() {
    let bench = bench();
    let made = bench.clock.now();
    let late = Arc::new(Mutex::new(false));
    let is_late = Arc::clone(&late);
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(move |o| {
            o.observe(1, &[KeyValue::new("k", "early")]);
            if *is_late.lock().unwrap() {
                o.observe(1, &[KeyValue::new("k", "late")]);
            }
        })
        .build();
    bench.clock.advance(Duration::from_secs(10));
    let first = bench.clock.now();
    bench.cumulative.collect();
    let delta = bench.delta.collect();
    assert_eq!(delta.number_point("total", [("k", "early")]).start, made);
    bench.clock.advance(Duration::from_secs(10));
    *late.lock().unwrap() = true;
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number_point("total", [("k", "early")]).start, made);
    assert_eq!(snapshot.number_point("total", [("k", "late")]).start, first);
    let delta = bench.delta.collect();
    for k in ["early", "late"] {
        let point = delta.number_point("total", [("k", k)]);
        assert_eq!((point.start, point.time), (first, bench.clock.now()));
    }
    bench.clock.advance(Duration::from_secs(10));
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number_point("total", [("k", "late")]).start, first);
}

#[test]
fn a_total_that_falls_begins_anew() {
    let bench = bench();
    let total = Arc::new(AtomicU64::new(100));
    let read = Arc::clone(&total);
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(move |o| o.observe(read.load(Ordering::Relaxed), &[]))
        .build();
    bench.clock.advance(Duration::from_secs(1));
    bench.cumulative.collect();
    bench.delta.collect();
    let before = bench.clock.now();
    bench.clock.advance(Duration::from_secs(1));
    total.store(7, Ordering::Relaxed);
    let snapshot = bench.cumulative.collect();
    let point = snapshot.number_point("total", NONE);
    assert_eq!((point.value, point.start), (Number::U64(7), before));
    assert_eq!(bench.delta.collect().number("total", NONE), Number::U64(7));
}

#[test]
fn a_panicking_callback_is_counted_and_spoils_nothing_else() {
    let bench = bench_with(|builder| builder.self_telemetry(true));
    let _ = bench
        .meter
        .u64_observable_gauge("bad")
        .with_callback(|o| {
            o.observe(1, &[]);
            panic!("on purpose");
        })
        .build();
    let _ = bench
        .meter
        .u64_observable_gauge("good")
        .with_callback(|o| o.observe(2, &[]))
        .build();
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("bad", NONE), Number::U64(1));
    assert_eq!(snapshot.number("good", NONE), Number::U64(2));
    let snapshot = bench.cumulative.collect();
    assert_eq!(
        snapshot.number("throughline.engine.callbacks.panicked", NONE),
        Number::U64(1),
        "the engine's own collector ran before this collection's panic"
    );
}

#[test]
fn callbacks_run_with_no_lock_held() {
    let bench = bench();
    let (meter, provider) = (bench.meter.clone(), bench.provider.clone());
    let counter = bench.meter.u64_counter("from_callback").build();
    let _ = bench
        .meter
        .u64_observable_gauge("gauge")
        .with_callback(move |o| {
            o.observe(1, &[]);
            counter.add(1, &[KeyValue::new("k", "new")]);
            meter.u64_counter("made_in_callback").build().add(1, &[]);
            let _ = provider.meter("another").u64_observable_gauge("g").build();
        })
        .build();
    let snapshot = bench.cumulative.collect();
    assert_eq!(
        snapshot.number("from_callback", [("k", "new")]),
        Number::U64(1)
    );
    assert_eq!(snapshot.number("made_in_callback", NONE), Number::U64(1));
}

#[test]
fn callbacks_that_the_deadline_leaves_out_take_nothing_away_and_come_first_next_time() {
    let clock = throughline_testkit::ManualClock::new();
    let reader = Reader::default();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .clock(Arc::new(clock.clone()))
        .self_telemetry(true)
        .build()
        .unwrap();
    let meter = provider.meter("test");
    meter.u64_counter("counter").build().add(3, &[]);
    let ran = Arc::new(Mutex::new(vec![]));
    for name in ["first", "slow", "third", "fourth"] {
        let (clock, ran) = (clock.clone(), Arc::clone(&ran));
        let _ = meter
            .u64_observable_gauge(name)
            .with_callback(move |o| {
                ran.lock().unwrap().push(name);
                o.observe(1, &[]);
                if name == "slow" {
                    clock.advance(Duration::from_secs(5));
                }
            })
            .build();
    }
    let deadline = Duration::from_secs(1);
    let told = common::warnings(|| {
        let snapshot = reader.collect(deadline).unwrap();
        assert_eq!(snapshot.incomplete, Some(CollectError::Timeout(deadline)));
        assert_eq!(snapshot.number("counter", NONE), Number::U64(3));
        assert_eq!(snapshot.number("slow", NONE), Number::U64(1));
        assert_eq!(snapshot.metric("third"), None);
    });
    assert!(told.len() == 1 && told[0].contains("\"slow\""), "{told:?}");
    assert_eq!(std::mem::take(&mut *ran.lock().unwrap()), ["first", "slow"]);

    let told = common::warnings(|| {
        let snapshot = reader.collect(deadline).unwrap();
        assert_eq!(snapshot.number("third", NONE), Number::U64(1));
        // The slow one is the last to run, so none is left out.
        assert_eq!(snapshot.incomplete, None);
        let skipped = snapshot.number("throughline.engine.callbacks.skipped", NONE);
        assert_eq!(skipped, Number::U64(2));
    });
    assert_eq!(told, [""; 0]);
    let again = std::mem::take(&mut *ran.lock().unwrap());
    assert_eq!(again, ["third", "fourth", "first", "slow"]);
}

#[test]
fn a_collection_inside_a_callback_of_the_same_reader_is_refused_at_once() {
    let reader = Reader::default();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .build()
        .unwrap();
    let (again, results) = (reader.clone(), Arc::new(Mutex::new(vec![])));
    let result = Arc::clone(&results);
    let _ = provider
        .meter("test")
        .u64_observable_gauge("g")
        .with_callback(move |_| {
            result.lock().unwrap().push(again.collect(Duration::MAX));
        })
        .build();
    reader.collect(Duration::from_secs(60)).unwrap();
    assert_eq!(*results.lock().unwrap(), [Err(CollectError::Reentrant)]);
}

#[test]
fn of_two_observations_of_one_set_the_last_counts_and_dropped_attributes_are_added_up() {
    let bench =
        bench_with(|builder| builder.view(View::select(Selector::name("total")).keep(["k"])));
    let observe = |o: &dyn AsyncInstrument<u64>| {
        let set = |k: &'static str, d: i64| [KeyValue::new("k", k), KeyValue::new("d", d)];
        o.observe(1, &set("a", 1));
        o.observe(2, &set("a", 2));
        o.observe(5, &set("a", 2));
        o.observe(9, &set("b", 1));
    };
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(observe)
        .build();
    let _ = bench
        .meter
        .u64_observable_gauge("gauge")
        .with_callback(observe)
        .build();
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("total", [("k", "a")]), Number::U64(6));
    assert_eq!(snapshot.number("total", [("k", "b")]), Number::U64(9));
    let pair = [("k", Value::from("a")), ("d", Value::from(2))];
    assert_eq!(snapshot.number("gauge", pair), Number::U64(5));
}

#[test]
fn the_first_observed_sets_have_points_and_the_rest_overflows() {
    let bench = bench_with(|builder| {
        builder.view(View::select(Selector::name("total")).cardinality_limit(2))
    });
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(|o| (0..5).for_each(|k| o.observe(10, &[KeyValue::new("k", k)])))
        .build();
    for reader in [&bench.cumulative, &bench.delta] {
        let snapshot = reader.collect();
        assert_eq!(snapshot.seen("total").data.len(), 3);
        assert_eq!(snapshot.number("total", [("k", 1)]), Number::U64(10));
        assert_eq!(
            snapshot.number("total", [("otel.metric.overflow", true)]),
            Number::U64(30)
        );
    }
}

#[test]
fn a_set_keeps_its_point_whichever_is_observed_first() {
    let bench = bench_with(|builder| {
        builder.view(View::select(Selector::name("total")).cardinality_limit(1))
    });
    let totals = Arc::new(Mutex::new(vec![("a", 10), ("b", 5)]));
    let observed = Arc::clone(&totals);
    let _ = bench
        .meter
        .u64_observable_counter("total")
        .with_callback(move |o| {
            for (k, total) in observed.lock().unwrap().iter() {
                o.observe(*total, &[KeyValue::new("k", *k)]);
            }
        })
        .build();
    let overflow = [("otel.metric.overflow", true)];
    for reader in [&bench.cumulative, &bench.delta] {
        let snapshot = reader.collect();
        assert_eq!(snapshot.number("total", [("k", "a")]), Number::U64(10));
        assert_eq!(snapshot.number("total", overflow), Number::U64(5));
    }
    *totals.lock().unwrap() = vec![("b", 6), ("a", 11)];
    let total = bench.cumulative.collect();
    assert_eq!(total.number("total", [("k", "a")]), Number::U64(11));
    assert_eq!(total.number("total", overflow), Number::U64(6));
    let delta = bench.delta.collect();
    assert_eq!(delta.number("total", [("k", "a")]), Number::U64(1));
    assert_eq!(delta.number("total", overflow), Number::U64(1));
    // What is not observed any more leaves its place to another, which has been counted up to here.
    *totals.lock().unwrap() = vec![("b", 8)];
    let total = bench.cumulative.collect();
    assert_eq!(total.number("total", [("k", "b")]), Number::U64(8));
    assert_eq!(total.seen("total").data.len(), 1);
    let delta = bench.delta.collect();
    assert_eq!(delta.number("total", [("k", "b")]), Number::U64(2));
}

#[test]
fn exemplars_of_observations_keep_filtered_attributes_and_have_no_span() {
    let bench = bench_with(|builder| {
        builder
            .exemplar_filter(throughline_engine::ExemplarFilter::AlwaysOn)
            .view(View::select(Selector::name("g")).keep(["k"]))
    });
    let _ = bench
        .meter
        .u64_observable_gauge("g")
        .with_callback(|o| o.observe(4, &[KeyValue::new("k", 1), KeyValue::new("user", 7)]))
        .build();
    let snapshot = bench.cumulative.collect();
    let point = snapshot.number_point("g", [("k", 1)]);
    let exemplar = &point.exemplars[0];
    assert_eq!(exemplar.filtered_attributes, [KeyValue::new("user", 7)]);
    assert_eq!(
        (exemplar.value, exemplar.span, exemplar.time),
        (Number::U64(4), None, point.time)
    );
}

const USED: Observable<i64> = Observable::<i64>::up_down_counter("pool.used").unit("{connection}");
const LIMIT: Observable<i64> =
    Observable::<i64>::gauge("pool.limit").description("How many there may be");
const OPENED: Observable<u64> = Observable::<u64>::counter("pool.opened");

struct Pool(Arc<Mutex<(i64, u64)>>, &'static [&'static str]);

impl Collector for Pool {
    fn describe(&self, instruments: &mut Instruments) {
        instruments.add(&USED).add(&LIMIT).add(&OPENED);
        for name in self.1 {
            instruments.add(&Observable::<f64>::gauge(name));
        }
    }

    fn collect(&self, observations: &mut Observations<'_>) {
        let (used, opened) = *self.0.lock().unwrap();
        observations.observe(&USED, used, &[KeyValue::new("pool", "main")]);
        observations.observe(&LIMIT, 10, &[]);
        observations.observe(&OPENED, opened, &[]);
        observations.observe(&Observable::<u64>::counter("pool.unnamed"), 1, &[]);
        // The right name in the wrong type.
        observations.observe(&Observable::<f64>::counter("pool.opened"), 1.0, &[]);
    }
}

fn pool_scope() -> InstrumentationScope {
    InstrumentationScope::builder("pool")
        .with_version("1")
        .build()
}

#[test]
fn a_collector_reports_several_instruments_until_it_is_unregistered() {
    let bench = bench_with(|builder| builder.self_telemetry(true));
    let state = Arc::new(Mutex::new((3, 40)));
    let registration = bench
        .provider
        .register(pool_scope(), Pool(Arc::clone(&state), &[]))
        .unwrap();
    let snapshot = bench.cumulative.collect();
    assert_eq!(
        snapshot.number("pool.used", [("pool", "main")]),
        Number::I64(3)
    );
    assert_eq!(snapshot.number("pool.limit", NONE), Number::I64(10));
    assert_eq!(snapshot.seen("pool.used").unit, "{connection}");
    assert_eq!(
        snapshot.seen("pool.limit").description,
        "How many there may be"
    );
    let scope = snapshot
        .metrics()
        .find(|(_, m)| m.name == "pool.used")
        .unwrap()
        .0;
    assert_eq!(*scope, pool_scope());
    bench.delta.collect();
    *state.lock().unwrap() = (4, 45);
    let snapshot = bench.delta.collect();
    assert_eq!(snapshot.number("pool.opened", NONE), Number::U64(5));
    assert!(
        matches!(&snapshot.seen("pool.opened").data, Data::Sum(sum) if sum.temporality == Temporality::Delta)
    );
    assert_eq!(
        snapshot.number(
            "throughline.engine.measurements.refused",
            [("error.type", "undescribed")]
        ),
        // Twice in each of the two collections before, the engine's own collector runs first; a delta since the first.
        Number::U64(2)
    );

    registration.unregister();
    assert_eq!(Arc::strong_count(&state), 1, "the collector is dropped");
    let snapshot = bench.cumulative.collect();
    assert!(snapshot.metric("pool.used").is_none());
}

#[test]
fn dropping_a_registration_leaves_the_collector_registered() {
    let bench = bench();
    let state = Arc::default();
    drop(
        bench
            .provider
            .register(pool_scope(), Pool(state, &[]))
            .unwrap(),
    );
    assert!(bench.cumulative.collect().metric("pool.used").is_some());
}

#[test]
fn a_collector_with_an_invalid_or_repeated_name_is_refused_whole() {
    let bench = bench();
    for names in [&["0bad"][..], &["POOL.used"]] {
        let error = bench
            .provider
            .register(pool_scope(), Pool(Arc::default(), names))
            .unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(names[0]), "{error}");
    }
    assert!(bench.cumulative.collect().is_empty());
}

#[test]
fn shutdown_lets_callbacks_and_collectors_go() {
    let reader = Reader::default();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .build()
        .unwrap();
    let held = Arc::new(Mutex::new((0, 0)));
    let registration = provider
        .register(pool_scope(), Pool(Arc::clone(&held), &[]))
        .unwrap();
    let captured = Arc::clone(&held);
    let _ = provider
        .meter("test")
        .u64_observable_gauge("g")
        .with_callback(move |o| o.observe(captured.lock().unwrap().1, &[]))
        .build();
    provider.shutdown();
    provider.shutdown();
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!(
        reader.collect(Duration::from_secs(1)),
        Err(CollectError::Shutdown)
    );
    assert!(matches!(
        provider.register(pool_scope(), Pool(held, &[])),
        Err(Error::Shutdown)
    ));
    registration.unregister();
    provider.meter("late").u64_counter("c").build().add(1, &[]);
}

#[test]
fn callbacks_that_come_after_the_end_are_not_kept() {
    let bench = bench();
    bench.provider.shutdown();
    let token = Arc::new(());
    // It holds its meter: kept by the meter, it would hold itself for ever.
    let held = (Arc::clone(&token), bench.meter.clone());
    let late = bench.meter.u64_observable_gauge("late");
    late.with_callback(move |o| {
        let _held = &held;
        o.observe(1, &[]);
    })
    .build();
    assert_eq!(Arc::strong_count(&token), 1);
}
