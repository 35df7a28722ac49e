//! Threads that end, thread-locals that are destroyed, providers that go: nothing is lost, nothing aborts, nothing stays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{always_on, bench, bench_with};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use throughline_engine::{Aggregation, ExemplarFilter, MeterProvider, Reader, Selector, View};
use throughline_model::{Collect, Number};
use throughline_testkit::{NONE, Seen};

#[test]
fn nothing_is_lost_when_threads_end() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let histogram = bench.meter.f64_histogram("h").build();
    let mut deltas = 0.0;
    for round in 0..20 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                counter.add(1, &[]);
                histogram.record(f64::from(round), &[]);
            });
        });
        if round % 3 == 0 {
            deltas += bench.delta.collect().number("c", NONE).as_f64();
        }
    }
    deltas += bench.delta.collect().number("c", NONE).as_f64();
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", NONE), Number::U64(20));
    assert_eq!(deltas, 20.0);
    let point = snapshot.histogram("h", NONE);
    assert_eq!(
        (point.count(), point.sum, point.max),
        (20, 190.0, Some(19.0))
    );
}

/// Measures when it is dropped.
struct Late(Option<Box<dyn FnOnce()>>);

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(measure) = self.0.take() {
            measure();
        }
    }
}

thread_local! {
    static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
}

/// Thread-locals go in the reverse order of their first use. What is touched before the engine measures when the engine's
/// own thread-locals, the cells and the context are gone; a peer aborts the process there.
#[test]
fn destructors_of_thread_locals_may_measure() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum First {
        Destructor,
        Engine,
        NeverTheEngine,
    }
    for first in [First::Destructor, First::Engine, First::NeverTheEngine] {
        let bench = bench_with(|b| {
            b.exemplar_filter(ExemplarFilter::AlwaysOn)
                .view(View::select(Selector::name("e")).aggregation(Aggregation::exponential()))
                .view(View::select(Selector::name("d")).aggregation(Aggregation::hdr(0.1, 10.0)))
        });
        let meter = bench.meter.clone();
        let thread = std::thread::spawn(move || {
            let counter = meter.u64_counter("c").build();
            let gauge = meter.i64_gauge("g").build();
            let histogram = meter.f64_histogram("h").with_boundaries(vec![1.0]).build();
            let exponential = meter.f64_histogram("e").build();
            let digits = meter.f64_histogram("d").build();
            let bound = counter.bind(&[]);
            let set = [KeyValue::new("k", 1)];
            let measure = move |value: f64| {
                bound.add(1);
                counter.add(1, &[]);
                counter.add(1, &set);
                gauge.record(value as i64, &[]);
                histogram.record(value, &[]);
                for histogram in [&exponential, &digits] {
                    histogram.record(value, &[]);
                    histogram.record(0.0, &[]);
                }
            };
            match first {
                First::Destructor => {
                    LATE.with(|_| ());
                    measure(2.0);
                }
                First::Engine => measure(2.0),
                First::NeverTheEngine => {}
            }
            LATE.with(|late| late.borrow_mut().0 = Some(Box::new(move || measure(3.0))));
        });
        thread.join().unwrap();
        let times = if first == First::NeverTheEngine { 1 } else { 2 };
        for reader in [&bench.cumulative, &bench.delta] {
            let snapshot = reader.collect();
            assert_eq!(
                snapshot.number("c", NONE),
                Number::U64(2 * times),
                "{first:?}"
            );
            assert_eq!(
                snapshot.number("c", [("k", 1)]),
                Number::U64(times),
                "{first:?}"
            );
            assert_eq!(snapshot.number("g", NONE), Number::I64(3), "{first:?}");
            let sum = if times == 2 { 5.0 } else { 3.0 };
            let point = snapshot.histogram("h", NONE);
            assert_eq!(
                (point.count(), point.sum, point.max),
                (times, sum, Some(3.0)),
                "{first:?}"
            );
            for name in ["e", "d"] {
                let point = snapshot.exponential(name, NONE);
                assert_eq!(
                    (point.count(), point.zero_count, point.sum),
                    (2 * times, times, sum),
                    "{first:?}, {name}"
                );
            }
        }
    }
}

#[test]
fn a_context_that_is_attached_to_the_end_of_its_thread_is_read_safely() {
    thread_local! {
        static GUARD: RefCell<Option<opentelemetry::ContextGuard>> = const { RefCell::new(None) };
    }
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let measured = counter.clone();
    std::thread::spawn(move || {
        // The context first, so that the guard may be dropped while the thread ends.
        Context::map_current(|_| ());
        GUARD.with(|_| ());
        LATE.with(|late| {
            let measured = measured.clone();
            late.borrow_mut().0 = Some(Box::new(move || measured.add(1, &[])));
        });
        let span = SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let guard = Context::new().with_remote_span_context(span).attach();
        GUARD.with(|slot| *slot.borrow_mut() = Some(guard));
        measured.add(1, &[]);
    })
    .join()
    .unwrap();
    assert_eq!(bench.cumulative.collect().number("c", NONE), Number::U64(2));
    drop(counter);
}

/// A context that was never detached goes with its thread, and so does what it holds: when that measures, the context
/// cannot be read any more.
#[test]
fn what_a_context_holds_may_measure_when_it_goes_with_its_thread() {
    struct Measures(Box<dyn Fn() + Send + Sync>);
    impl Drop for Measures {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    for measured_before in [false, true] {
        let bench = always_on();
        let counter = bench.meter.u64_counter("c").build();
        let measure = move || {
            counter.add(1, &[]);
            counter.add(1, &[KeyValue::new("k", 1)]);
        };
        std::thread::spawn(move || {
            if measured_before {
                measure();
            }
            let held = Measures(Box::new(measure));
            std::mem::forget(Context::new().with_value(held).attach());
        })
        .join()
        .unwrap();
        let snapshot = bench.cumulative.collect();
        let times = Number::U64(1 + u64::from(measured_before));
        assert_eq!(snapshot.number("c", NONE), times);
        assert_eq!(snapshot.number("c", [("k", 1)]), times);
    }
}

/// Whether the memory of a series was given back: an attribute value that tells when it is dropped.
#[test]
fn series_of_a_provider_that_is_gone_are_forgotten_by_the_threads_that_used_them() {
    let value: Arc<str> = "a value that is shared".into();
    let measure = || {
        let reader = Reader::default();
        let provider = MeterProvider::builder().reader(reader).build().unwrap();
        let counter = provider.meter("test").u64_counter("c").build();
        counter.add(1, &[KeyValue::new("k", Arc::clone(&value))]);
        drop(provider);
    };
    measure();
    // A reader's seat keeps its provider; here both are gone. The thread forgets at its next look-up of anything.
    let bench = bench();
    bench
        .meter
        .u64_counter("c")
        .build()
        .add(1, &[KeyValue::new("k", 2)]);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn callbacks_of_a_provider_that_is_gone_are_dropped() {
    let held = Arc::new(());
    {
        let reader = Reader::default();
        let provider = MeterProvider::builder().reader(reader).build().unwrap();
        let captured = Arc::clone(&held);
        let _ = provider
            .meter("test")
            .u64_observable_gauge("g")
            .with_callback(move |o| o.observe(Arc::strong_count(&captured) as u64, &[]))
            .build();
    }
    assert_eq!(Arc::strong_count(&held), 1);
}

/// Writers and readers at once: at the end nothing is missing and nothing is double, and totals never went back.
#[test]
fn totals_are_exact_and_never_fall_while_everyone_works() {
    let bench = always_on();
    let counter = bench.meter.u64_counter("c").build();
    let floats = bench.meter.f64_counter("f").build();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![0.3, 0.6])
        .build();
    let done = AtomicBool::new(false);
    const WRITERS: u64 = 3;
    const EACH: u64 = 3_000;
    let (mut deltas, mut delta_sum, mut delta_count) = (0.0, 0.0, 0);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (counter, floats, histogram) = (&counter, &floats, &histogram);
                scope.spawn(move || {
                    for at in 0..EACH {
                        let set = [KeyValue::new("k", ((at + writer) % 5) as i64)];
                        counter.add(1, &set);
                        floats.add(0.1, &[]);
                        histogram.record((at % 10) as f64 / 10.0, &[]);
                        if at % 500 == 0 {
                            // Short-lived threads take part.
                            std::thread::scope(|inner| {
                                inner.spawn(|| {
                                    floats.add(0.1, &[]);
                                    floats.add(0.0, &[]);
                                });
                            });
                        }
                    }
                })
            })
            .collect();
        let (reader, watched) = (&bench.cumulative, &done);
        let watcher = scope.spawn(move || {
            let mut last = 0.0;
            while !watched.load(Ordering::Relaxed) {
                let snapshot = reader.collect();
                if let Some(throughline_model::Data::Sum(sum)) =
                    snapshot.metric("f").map(|m| &m.data)
                {
                    let now = sum.points[0].value.as_f64();
                    assert!(now >= last, "{now} after {last}");
                    last = now;
                }
            }
        });
        let mut add = |snapshot: throughline_model::Snapshot| {
            for (_, metric) in snapshot.metrics() {
                match &metric.data {
                    throughline_model::Data::Sum(sum) if metric.name == "c" => {
                        deltas += sum.points.iter().map(|p| p.value.as_f64()).sum::<f64>();
                    }
                    throughline_model::Data::Histogram(h) => {
                        delta_count += h.points[0].count();
                        delta_sum += h.points[0].sum;
                    }
                    _ => {}
                }
            }
        };
        while !writers
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            add(bench.delta.collect());
        }
        done.store(true, Ordering::Relaxed);
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        watcher.join().unwrap();
        add(bench.delta.collect());
    });
    let snapshot = bench.cumulative.collect();
    let total: f64 = (0..5i64)
        .map(|k| snapshot.number("c", [("k", k)]).as_f64())
        .sum();
    assert_eq!(total, (WRITERS * EACH) as f64);
    assert_eq!(deltas, total);
    let point = snapshot.histogram("h", NONE);
    assert_eq!(point.count(), WRITERS * EACH);
    assert_eq!(delta_count, WRITERS * EACH);
    assert!(
        (point.sum - delta_sum).abs() < 1e-6,
        "{} {delta_sum}",
        point.sum
    );
    let floats = snapshot.number("f", NONE).as_f64();
    let expected = 0.1 * (WRITERS * (EACH + EACH / 500)) as f64;
    assert!((floats - expected).abs() < 1e-6, "{floats} {expected}");
}

#[test]
fn readers_may_collect_from_many_threads() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    counter.add(1, &[]);
    let reader = Reader::default();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .build()
        .unwrap();
    let counter = provider.meter("test").u64_counter("c").build();
    counter.add(5, &[]);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let snapshot = reader.collect(Duration::from_secs(60)).unwrap();
                    assert_eq!(snapshot.number("c", NONE), Number::U64(5));
                }
            });
        }
    });
    assert!(began.elapsed() < Duration::from_secs(60));
}
