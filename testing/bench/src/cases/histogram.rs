//! Histograms: 15 bounds, exponential.

use std::hint::black_box;
use std::sync::Arc;

use ::measured::metric::histogram::Thresholds;
use ::measured::{Histogram as Measured, HistogramVec};
use opentelemetry::KeyValue;
use prometheus::{Histogram as Prometheus, HistogramOpts};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};

use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::peers::{self, Request, RequestSet};
use crate::rigs::sdk::Sdk;
use crate::rigs::{Provider, key_values, sum_of_samples};
use crate::values::{BOUNDS, LATENCIES, latencies, latency};
use crate::work::{Work, Workload, records};

type Table = &'static [f64; LATENCIES];

pub(super) fn cases() -> Vec<Case> {
    let bound = || {
        vec![
            Subject::new("throughline", || engine(&Engine::new())),
            cells(),
            Subject::new("opentelemetry_sdk", || sdk(&Sdk::new())),
            Subject::new("prometheus-client", prometheus_client),
            Subject::new("prometheus", prometheus),
            Subject::new("metrics", metrics),
            Subject::new("measured", measured),
        ]
    };
    let exponential = || {
        vec![
            Subject::new("throughline", || engine(&Engine::exponential())),
            Subject::new("opentelemetry_sdk", || sdk(&Sdk::exponential())),
            Subject::new("prometheus-client, native and 15 bounds", native),
        ]
    };
    vec![
        Case::new("histogram/bound", bound()),
        Case::new("histogram/bound, one series", bound()).threads(&[2, 4]),
        Case::new("histogram/bound, a series per thread", own()).threads(&[2, 4]),
        Case::new("histogram/3 attributes", unbound()),
        Case::new("exponential histogram/bound", exponential()),
        Case::new("exponential histogram/bound, one series", exponential()).threads(&[2, 4]),
    ]
}

pub(super) fn engine(engine: &Engine) -> Box<dyn Workload> {
    let engine = engine.clone();
    let histogram = engine.meter().f64_histogram("bench").build();
    let bound = histogram.bind(&key_values(3, 0));
    Work::new(
        move |_| (bound.clone(), latencies()),
        |(it, table), at| it.record(black_box(latency(table, at))),
        records(move || engine.records()),
    )
    .boxed()
}

/// Three words of its own: sum, count, bucket. The floor under a histogram of thread-owned cells.
fn cells() -> Subject {
    use throughline_cells::{Words, lock};
    Subject::new("throughline-cells: sum and bucket", || {
        let words = Arc::new(Words::new(1 + BOUNDS.len() + 1).expect("there is room"));
        let shared = Arc::clone(&words);
        let step = |(words, table): &mut (Arc<Words>, Table), at| {
            let value = black_box(latency(table, at));
            let bucket = BOUNDS.partition_point(|bound| *bound < value);
            words.with(|row| {
                row[0].set((f64::from_bits(row[0].get()) + value).to_bits());
                row[1 + bucket].add_release(1);
            });
        };
        let total = move || {
            let (mut count, mut sum) = (0, 0.0);
            lock().each(&words, |row| {
                count += row[1..].iter().map(|it| it.load_acquire()).sum::<u64>();
                sum += f64::from_bits(row[0].load());
            });
            (count, sum)
        };
        Work::new(
            move |_| (Arc::clone(&shared), latencies()),
            step,
            records(total),
        )
        .boxed()
    })
}

fn sdk(sdk: &Sdk) -> Box<dyn Workload> {
    let sdk = sdk.clone();
    let histogram = sdk.meter().f64_histogram("bench").build();
    let bound = histogram.bind(&key_values(3, 0));
    Work::new(
        move |_| (bound.clone(), latencies()),
        |(it, table), at| it.record(black_box(latency(table, at))),
        records(move || sdk.records()),
    )
    .boxed()
}

/// Bound histograms, one for each thread.
fn own() -> Vec<Subject> {
    fn of<P: Provider>(provider: P) -> Box<dyn Workload> {
        let histogram = provider.meter().f64_histogram("bench").build();
        let bound: Vec<_> = (0..4)
            .map(|at| histogram.bind(&key_values(3, at)))
            .collect();
        Work::new(
            move |thread| (bound[thread].clone(), latencies()),
            |(it, table), at| it.record(black_box(latency(table, at))),
            records(move || provider.records()),
        )
        .boxed()
    }
    let prometheus_client = || {
        let family =
            Family::<[(&str, usize); 1], Histogram, fn() -> Histogram>::new_with_constructor(
                || Histogram::new(BOUNDS),
            );
        let histograms: Vec<Histogram> = (0..4)
            .map(|at| family.get_or_create(&[("thread", at)]).clone())
            .collect();
        let registry = peers::registry(family);
        let step = |(it, table): &mut (Histogram, Table), at| {
            it.observe(black_box(latency(table, at)));
        };
        let total = move || peers::records(&peers::registry_text(&registry));
        Work::new(
            move |thread| (histograms[thread].clone(), latencies()),
            step,
            records(total),
        )
        .boxed()
    };
    vec![
        Subject::new("throughline", || of(Engine::new())),
        Subject::new("opentelemetry_sdk", || of(Sdk::new())),
        Subject::new("prometheus-client", prometheus_client),
    ]
}

fn prometheus_client() -> Box<dyn Workload> {
    of_prometheus_client(Histogram::new(BOUNDS))
}

/// A native histogram alone cannot be written as text, so that nobody could ask what it has counted.
fn native() -> Box<dyn Workload> {
    let native = NativeHistogramConfig::with_schema(3).max_buckets(160);
    of_prometheus_client(Histogram::new_classic_and_native(BOUNDS, native))
}

fn of_prometheus_client(histogram: Histogram) -> Box<dyn Workload> {
    let registry = peers::registry(histogram.clone());
    let step = |(it, table): &mut (Histogram, Table), at| {
        it.observe(black_box(latency(table, at)));
    };
    let total = move || peers::records(&peers::registry_text(&registry));
    Work::new(
        move |_| (histogram.clone(), latencies()),
        step,
        records(total),
    )
    .boxed()
}

fn prometheus() -> Box<dyn Workload> {
    let options = HistogramOpts::new("bench", "help").buckets(BOUNDS.to_vec());
    let histogram = Prometheus::with_opts(options).expect("valid bounds");
    let seen = histogram.clone();
    let step = |(it, table): &mut (Prometheus, Table), at| {
        it.observe(black_box(latency(table, at)));
    };
    let total = move || (seen.get_sample_count(), seen.get_sample_sum());
    Work::new(
        move |_| (histogram.clone(), latencies()),
        step,
        records(total),
    )
    .boxed()
}

fn metrics() -> Box<dyn Workload> {
    let recorder = peers::metrics_recorder();
    let text = recorder.handle();
    let histogram = metrics::with_local_recorder(&recorder, || metrics::histogram!("bench"));
    let step = |(it, table): &mut (metrics::Histogram, Table), at| {
        it.record(black_box(latency(table, at)));
    };
    let total = move || peers::records(&text.render());
    Work::new(
        move |_| (histogram.clone(), latencies()),
        step,
        records(total),
    )
    .boxed()
}

fn measured() -> Box<dyn Workload> {
    let histogram = Arc::new(Measured::with_metadata(Thresholds::with_buckets(BOUNDS)));
    let seen = Arc::clone(&histogram);
    let step = |(it, table): &mut (Arc<Measured<15>>, Table), at| {
        it.observe(black_box(latency(table, at)));
    };
    let total = move || peers::records(&peers::measured_text(&*seen));
    Work::new(
        move |_| (Arc::clone(&histogram), latencies()),
        step,
        records(total),
    )
    .boxed()
}

fn unbound() -> Vec<Subject> {
    let engine = || {
        let engine = Engine::new();
        let histogram = engine.meter().f64_histogram("bench").build();
        let local = move |_| (histogram.clone(), latencies(), key_values(3, 0));
        Work::new(
            local,
            |(it, table, set), at| it.record(black_box(latency(table, at)), set),
            records(move || engine.records()),
        )
        .boxed()
    };
    let sdk = || {
        let sdk = Sdk::new();
        let histogram = sdk.meter().f64_histogram("bench").build();
        let local = move |_| (histogram.clone(), latencies(), key_values(3, 0));
        Work::new(
            local,
            |(it, table, set): &mut (_, _, Vec<KeyValue>), at| {
                opentelemetry::metrics::Histogram::record(it, black_box(latency(table, at)), set);
            },
            records(move || sdk.records()),
        )
        .boxed()
    };
    type Typed = Family<Request, Histogram, fn() -> Histogram>;
    let prometheus_client = || {
        let family = Typed::new_with_constructor(|| Histogram::new(BOUNDS));
        let registry = peers::registry(family.clone());
        let local = move |_| (family.clone(), latencies(), Request::of(0));
        let step = |(it, table, set): &mut (Typed, Table, Request), at| {
            it.get_or_create(set).observe(black_box(latency(table, at)));
        };
        let total = move || peers::records(&peers::registry_text(&registry));
        Work::new(local, step, records(total)).boxed()
    };
    type Vector = HistogramVec<RequestSet, 15>;
    let measured = || {
        let family = Arc::new(Vector::with_label_set_and_metadata(
            peers::request_set(),
            Thresholds::with_buckets(BOUNDS),
        ));
        let seen = Arc::clone(&family);
        let local = move |_| (Arc::clone(&family), latencies(), Request::of(0));
        let step = |(it, table, set): &mut (Arc<Vector>, Table, Request), at| {
            it.observe(*set, black_box(latency(table, at)));
        };
        let total = move || {
            let text = peers::measured_text(&*seen);
            let count = sum_of_samples(&text, "bench_count") as u64;
            (count, sum_of_samples(&text, "bench_sum"))
        };
        Work::new(local, step, records(total)).boxed()
    };
    vec![
        Subject::new("throughline", engine),
        Subject::new("opentelemetry_sdk", sdk),
        Subject::new("prometheus-client, typed", prometheus_client),
        Subject::new("measured, typed", measured),
    ]
}
