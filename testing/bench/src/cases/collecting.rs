//! Measuring while a reader collects all the time.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use opentelemetry_sdk::metrics::data::ResourceMetrics;

use crate::case::{Case, Subject};
use crate::rigs::key_values;
use crate::rigs::ours::Engine;
use crate::rigs::sdk::Sdk;
use crate::values::{latencies, latency};
use crate::work::{Work, Workload, counts, records};

/// A cell is read at most this often.
const PAUSE: Duration = Duration::from_micros(10);

pub(super) fn cases() -> Vec<Case> {
    let counters = vec![
        Subject::new("throughline, nobody collects", || counter(false)),
        Subject::new("throughline, collected every 10 µs", || counter(true)),
        Subject::new("opentelemetry_sdk, nobody collects", || sdk_counter(false)),
        Subject::new("opentelemetry_sdk, collected every 10 µs", || {
            sdk_counter(true)
        }),
    ];
    let histograms = vec![
        Subject::new("throughline, nobody collects", || histogram(false)),
        Subject::new("throughline, collected every 10 µs", || histogram(true)),
        Subject::new("opentelemetry_sdk, nobody collects", || {
            sdk_histogram(false)
        }),
        Subject::new("opentelemetry_sdk, collected every 10 µs", || {
            sdk_histogram(true)
        }),
    ];
    vec![
        Case::new("collecting/counter", counters),
        Case::new("collecting/histogram", histograms),
    ]
}

/// A thread that collects until this is dropped.
struct Collecting {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Collecting {
    fn start(mut collect: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let started = Instant::now();
                collect();
                while started.elapsed() < PAUSE {
                    spin_loop();
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A reader that panicked has said so on standard error; the counts are verified all the same.
            let _ = thread.join();
        }
    }
}

fn collecting(engine: &Engine) -> Collecting {
    let engine = engine.clone();
    Collecting::start(move || drop(black_box(engine.collect())))
}

fn sdk_collecting(sdk: &Sdk) -> Collecting {
    let sdk = sdk.clone();
    let mut metrics = ResourceMetrics::default();
    Collecting::start(move || sdk.collect_into(black_box(&mut metrics)))
}

fn counter(collected: bool) -> Box<dyn Workload> {
    let engine = Engine::new();
    let counter = engine.meter().u64_counter("bench").build();
    let (bound, read) = (counter.bind(&key_values(3, 0)), engine.clone());
    let local = move |_| (bound.clone(), collected.then(|| collecting(&read)));
    let total = move || engine.total() as u64;
    Work::new(local, |(it, _), _| it.add(black_box(1)), counts(total)).boxed()
}

fn sdk_counter(collected: bool) -> Box<dyn Workload> {
    let sdk = Sdk::new();
    let counter = sdk.meter().u64_counter("bench").build();
    let (bound, read) = (counter.bind(&key_values(3, 0)), sdk.clone());
    let local = move |_| (bound.clone(), collected.then(|| sdk_collecting(&read)));
    let total = move || sdk.total() as u64;
    Work::new(local, |(it, _), _| it.add(black_box(1)), counts(total)).boxed()
}

fn histogram(collected: bool) -> Box<dyn Workload> {
    let engine = Engine::new();
    let histogram = engine.meter().f64_histogram("bench").build();
    let (bound, read) = (histogram.bind(&key_values(3, 0)), engine.clone());
    let local = move |_| {
        let collecting = collected.then(|| collecting(&read));
        (bound.clone(), latencies(), collecting)
    };
    Work::new(
        local,
        |(it, table, _), at| it.record(black_box(latency(table, at))),
        records(move || engine.records()),
    )
    .boxed()
}

fn sdk_histogram(collected: bool) -> Box<dyn Workload> {
    let sdk = Sdk::new();
    let histogram = sdk.meter().f64_histogram("bench").build();
    let (bound, read) = (histogram.bind(&key_values(3, 0)), sdk.clone());
    let local = move |_| {
        let collecting = collected.then(|| sdk_collecting(&read));
        (bound.clone(), latencies(), collecting)
    };
    Work::new(
        local,
        |(it, table, _), at| it.record(black_box(latency(table, at))),
        records(move || sdk.records()),
    )
    .boxed()
}
