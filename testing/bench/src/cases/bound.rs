//! One series, bound ahead: counters, up-down counters, gauges.

use std::hint::black_box;
use std::sync::Arc;

use throughline_cells::{Words, lock};

use super::machine;
use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::sdk::Sdk;
use crate::rigs::{key_values, peers, sum_of_samples};
use crate::work::{Work, Workload, counts, shows};

pub(super) fn cases() -> Vec<Case> {
    let shared = vec![
        engine(true),
        cells(),
        sdk(true),
        prometheus_client(true),
        prometheus(true),
        metrics(true),
        measured(true),
        machine::fetch_add(),
    ];
    let own = vec![
        engine(false),
        sdk(false),
        prometheus_client(false),
        prometheus(false),
        metrics(false),
        measured(false),
    ];
    let mut alone = vec![engine(true), cells()];
    alone.extend([
        sdk(true),
        prometheus_client(true),
        prometheus(true),
        metrics(true),
        measured(true),
        machine::thread_local_add(),
        machine::look_up_add(),
        machine::fetch_add(),
    ]);
    vec![
        Case::new("counter/bound", alone),
        Case::new("counter/bound, one series", shared).threads(&[2, 4]),
        Case::new("counter/bound, a series per thread", own).threads(&[2, 4]),
        Case::new("up-down counter/bound", up_down()),
        Case::new("up-down counter/bound, one series", up_down()).threads(&[2, 4]),
        Case::new("gauge/bound", gauges()),
        Case::new("gauge/bound, one series", gauges()).threads(&[2, 4]),
    ]
}

/// A handle for each thread, all the same where the series is `shared`.
fn per_thread<H: Clone + Send + Sync + 'static>(
    shared: bool,
    make: impl Fn(usize) -> H,
) -> Box<dyn Fn(usize) -> H + Send + Sync> {
    let handles: Vec<H> = (0..4)
        .map(|thread| make(if shared { 0 } else { thread }))
        .collect();
    Box::new(move |thread| handles[thread].clone())
}

fn engine(shared: bool) -> Subject {
    Subject::new("throughline", move || {
        let engine = Engine::new();
        let counter = engine.meter().u64_counter("bench").build();
        let handles = per_thread(shared, |at| counter.bind(&key_values(3, at)));
        let total = move || engine.total() as u64;
        Work::new(handles, |it, _| it.add(black_box(1)), counts(total)).boxed()
    })
}

/// The cells alone: what the engine stands on.
fn cells() -> Subject {
    Subject::new("throughline-cells: one word", || {
        let words = Arc::new(Words::new(1).expect("there is room"));
        let shared = Arc::clone(&words);
        let step = |words: &mut Arc<Words>, _| {
            words.with(|row| row[0].add(black_box(1)));
        };
        let total = move || {
            let mut sum = 0;
            lock().each(&words, |row| sum += row[0].load());
            sum
        };
        Work::new(move |_| Arc::clone(&shared), step, counts(total)).boxed()
    })
}

fn sdk(shared: bool) -> Subject {
    Subject::new("opentelemetry_sdk", move || {
        let sdk = Sdk::new();
        let counter = sdk.meter().u64_counter("bench").build();
        let handles = per_thread(shared, |at| counter.bind(&key_values(3, at)));
        let total = move || sdk.total() as u64;
        Work::new(handles, |it, _| it.add(black_box(1)), counts(total)).boxed()
    })
}

fn prometheus_client(shared: bool) -> Subject {
    use prometheus_client::metrics::counter::Counter;
    Subject::new("prometheus-client", move || {
        let counters: Vec<Counter> = (0..4).map(|_| Counter::default()).collect();
        let handles = per_thread(shared, |at| counters[at].clone());
        let step = |it: &mut Counter, _| {
            it.inc_by(black_box(1));
        };
        let total = move || counters.iter().map(|it| it.get()).sum();
        Work::new(handles, step, counts(total)).boxed()
    })
}

fn prometheus(shared: bool) -> Subject {
    use prometheus::IntCounter;
    Subject::new("prometheus", move || {
        let counter = || IntCounter::new("bench", "help").expect("a valid name");
        let counters: Vec<_> = (0..4).map(|_| counter()).collect();
        let handles = per_thread(shared, |at| counters[at].clone());
        let total = move || counters.iter().map(|it| it.get()).sum();
        let step = |it: &mut IntCounter, _| it.inc_by(black_box(1));
        Work::new(handles, step, counts(total)).boxed()
    })
}

fn metrics(shared: bool) -> Subject {
    Subject::new("metrics", move || {
        let recorder = peers::metrics_recorder();
        let text = recorder.handle();
        let handles = per_thread(shared, |at| {
            let labels = [("thread", at.to_string())];
            metrics::with_local_recorder(&recorder, || metrics::counter!("bench", &labels))
        });
        let total = move || sum_of_samples(&text.render(), "bench") as u64;
        Work::new(handles, |it, _| it.increment(black_box(1)), counts(total)).boxed()
    })
}

fn measured(shared: bool) -> Subject {
    use ::measured::Counter;
    use std::sync::atomic::Ordering::Relaxed;
    Subject::new("measured", move || {
        let counters: Vec<Arc<Counter>> = (0..4).map(|_| Arc::default()).collect();
        let handles = per_thread(shared, |at| Arc::clone(&counters[at]));
        let step = |it: &mut Arc<Counter>, _| it.inc_by(black_box(1));
        let count = |it: &Arc<Counter>| it.get_metric().count.load(Relaxed);
        let total = move || counters.iter().map(count).sum();
        Work::new(handles, step, counts(total)).boxed()
    })
}

fn up_down() -> Vec<Subject> {
    use prometheus_client::metrics::gauge::Gauge;
    let engine = || {
        let engine = Engine::new();
        let counter = engine.meter().i64_up_down_counter("bench").build();
        let bound = counter.bind(&key_values(3, 0));
        let total = move || engine.total() as u64;
        Work::new(
            move |_| bound.clone(),
            |it, _| it.add(black_box(1)),
            counts(total),
        )
        .boxed()
    };
    let sdk = || {
        let sdk = Sdk::new();
        let counter = sdk.meter().i64_up_down_counter("bench").build();
        let bound = counter.bind(&key_values(3, 0));
        let total = move || sdk.total() as u64;
        Work::new(
            move |_| bound.clone(),
            |it, _| it.add(black_box(1)),
            counts(total),
        )
        .boxed()
    };
    let prometheus_client = || {
        let gauge = Gauge::<i64>::default();
        let shown = gauge.clone();
        let step = |it: &mut Gauge, _| {
            it.inc_by(black_box(1));
        };
        let total = move || shown.get().cast_unsigned();
        Work::new(move |_| gauge.clone(), step, counts(total)).boxed()
    };
    let prometheus = || {
        let gauge = prometheus::IntGauge::new("bench", "help").expect("a valid name");
        let shown = gauge.clone();
        let total = move || shown.get().cast_unsigned();
        Work::new(
            move |_| gauge.clone(),
            |it, _| it.add(black_box(1)),
            counts(total),
        )
        .boxed()
    };
    vec![
        Subject::new("throughline", engine),
        Subject::new("opentelemetry_sdk", sdk),
        Subject::new("prometheus-client", prometheus_client),
        Subject::new("prometheus", prometheus),
    ]
}

fn gauges() -> Vec<Subject> {
    use prometheus_client::metrics::gauge::Gauge;
    fn engine() -> Box<dyn Workload> {
        let engine = Engine::new();
        let gauge = engine.meter().i64_gauge("bench").build();
        let bound = gauge.bind(&key_values(3, 0));
        let shown = move || engine.total() as i64;
        Work::new(
            move |_| bound.clone(),
            |it, at| it.record(black_box(at.cast_signed())),
            shows(shown),
        )
        .boxed()
    }
    fn sdk() -> Box<dyn Workload> {
        let sdk = Sdk::new();
        let gauge = sdk.meter().i64_gauge("bench").build();
        let bound = gauge.bind(&key_values(3, 0));
        let shown = move || sdk.total() as i64;
        Work::new(
            move |_| bound.clone(),
            |it, at| it.record(black_box(at.cast_signed())),
            shows(shown),
        )
        .boxed()
    }
    fn prometheus_client() -> Box<dyn Workload> {
        let gauge = Gauge::<i64>::default();
        let seen = gauge.clone();
        let step = |it: &mut Gauge, at: u64| {
            it.set(black_box(at.cast_signed()));
        };
        Work::new(move |_| gauge.clone(), step, shows(move || seen.get())).boxed()
    }
    fn prometheus() -> Box<dyn Workload> {
        let gauge = prometheus::IntGauge::new("bench", "help").expect("a valid name");
        let seen = gauge.clone();
        let step = |it: &mut prometheus::IntGauge, at: u64| it.set(black_box(at.cast_signed()));
        Work::new(move |_| gauge.clone(), step, shows(move || seen.get())).boxed()
    }
    fn metrics() -> Box<dyn Workload> {
        let recorder = peers::metrics_recorder();
        let text = recorder.handle();
        let gauge = metrics::with_local_recorder(&recorder, || metrics::gauge!("bench"));
        let step = |it: &mut metrics::Gauge, at| it.set(black_box(at as f64));
        let shown = move || sum_of_samples(&text.render(), "bench") as i64;
        Work::new(move |_| gauge.clone(), step, shows(shown)).boxed()
    }
    fn measured() -> Box<dyn Workload> {
        let gauge: Arc<::measured::Gauge> = Arc::default();
        let seen = Arc::clone(&gauge);
        let step = |it: &mut Arc<::measured::Gauge>, at: u64| it.set(black_box(at.cast_signed()));
        let shown = move || {
            let count = &seen.get_metric().count;
            count.load(std::sync::atomic::Ordering::Relaxed)
        };
        Work::new(move |_| Arc::clone(&gauge), step, shows(shown)).boxed()
    }
    vec![
        Subject::new("throughline", engine),
        Subject::new("opentelemetry_sdk", sdk),
        Subject::new("prometheus-client", prometheus_client),
        Subject::new("prometheus", prometheus),
        Subject::new("metrics", metrics),
        Subject::new("measured", measured),
    ]
}
