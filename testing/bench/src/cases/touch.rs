//! What happens once: the first measurement of a series, the threads that come and go.

use std::sync::Arc;
use std::thread;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, Counter, Histogram, Meter};
use prometheus::{IntCounterVec, Opts};
use prometheus_client::metrics::counter::Counter as PrometheusCounter;
use prometheus_client::metrics::family::Family;

use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::sdk::Sdk;
use crate::rigs::{Provider, key_values};
use crate::values::{KEYS, SETS, pairs, set};
use crate::work::{Fresh, Work, Workload, counts, nothing};

/// How many series a short-lived thread measures.
const SERIES: usize = 100;

pub(super) fn cases() -> Vec<Case> {
    let counters = vec![
        Subject::new("throughline", || counter(Engine::new)),
        Subject::new("opentelemetry_sdk", || counter(Sdk::new)),
        Subject::new("prometheus-client, strings", first_of_prometheus_client),
        Subject::new("prometheus", first_of_prometheus),
    ];
    let histograms = vec![
        Subject::new("throughline", || histogram(Engine::new)),
        Subject::new("opentelemetry_sdk", || histogram(Sdk::new)),
    ];
    let threads = vec![
        Subject::new("throughline, 100 counters", || thread(Engine::new())),
        Subject::new("opentelemetry_sdk, 100 counters", || thread(Sdk::new())),
        Subject::new(
            "prometheus-client, 100 counters",
            thread_of_prometheus_client,
        ),
        Subject::new("machine: a thread that does nothing", thread_of_nothing),
    ];
    vec![
        Case::new("first touch/counter series", counters),
        Case::new("first touch/histogram series", histograms),
        Case::new("threads/start, measure, end", threads),
    ]
}

/// All sets of 3 attributes.
fn sets() -> Arc<Vec<Vec<KeyValue>>> {
    Arc::new((0..SETS).map(|at| key_values(3, at)).collect())
}

/// A new instrument, each of whose steps makes a series.
struct Touched<P, I> {
    provider: P,
    instrument: I,
    sets: Arc<Vec<Vec<KeyValue>>>,
}

fn counter<P: Provider>(provider: fn() -> P) -> Box<dyn Workload> {
    let instrument = |meter: &Meter| meter.u64_counter("bench").build();
    let touch = |it: &Counter<u64>, set: &[KeyValue]| it.add(1, set);
    touched(provider, instrument, touch, |it| it.total() as u64)
}

fn histogram<P: Provider>(provider: fn() -> P) -> Box<dyn Workload> {
    let instrument = |meter: &Meter| meter.f64_histogram("bench").build();
    let touch = |it: &Histogram<f64>, set: &[KeyValue]| it.record(1.0, set);
    touched(provider, instrument, touch, |it| it.records().0)
}

fn touched<P: Provider, I: 'static>(
    provider: fn() -> P,
    instrument: fn(&Meter) -> I,
    touch: impl Fn(&I, &[KeyValue]) + Send + Sync + 'static,
    counted: fn(&P) -> u64,
) -> Box<dyn Workload> {
    let sets = sets();
    let make = move || {
        let provider = provider();
        Touched {
            instrument: instrument(&provider.meter()),
            provider,
            sets: Arc::clone(&sets),
        }
    };
    let step = move |it: &mut Touched<P, I>, at: u64| touch(&it.instrument, &it.sets[at as usize]);
    Fresh::boxed(SETS as u64, make, step, move |it| counted(&it.provider))
}

type Pairs = [(&'static str, &'static str); 3];

fn first_of_prometheus_client() -> Box<dyn Workload> {
    let sets: Arc<Vec<Pairs>> = Arc::new((0..SETS).map(pairs).collect());
    type Local = (Family<Pairs, PrometheusCounter>, Arc<Vec<Pairs>>);
    let make = move || (Family::default(), Arc::clone(&sets));
    let step = |(family, sets): &mut Local, at: u64| {
        family.get_or_create(&sets[at as usize]).inc();
    };
    let count = |(family, sets): Local| {
        sets.iter()
            .filter_map(|it| family.get(it))
            .map(|it| it.get())
            .sum()
    };
    Fresh::boxed(SETS as u64, make, step, count)
}

fn first_of_prometheus() -> Box<dyn Workload> {
    let make = || IntCounterVec::new(Opts::new("bench", "help"), &KEYS[..3]).expect("valid names");
    let step = |vec: &mut IntCounterVec, at: u64| {
        vec.with_label_values(&set(at as usize)[..3]).inc();
    };
    let count = |vec: IntCounterVec| {
        let families = prometheus::core::Collector::collect(&vec);
        let counters = families.iter().flat_map(|family| family.get_metric());
        counters.map(|it| it.get_counter().get_value() as u64).sum()
    };
    Fresh::boxed(SETS as u64, make, step, count)
}

/// Starts a thread, waits for its end.
fn in_a_thread(work: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(work);
    });
}

/// Each step is a thread that adds 1 to each of these.
fn adding<T: Sync + Send + 'static>(
    counters: Arc<Vec<T>>,
    add: fn(&T),
    total: impl Fn() -> u64 + Send + Sync + 'static,
) -> Box<dyn Workload> {
    let step = move |counters: &mut Arc<Vec<T>>, _| in_a_thread(|| counters.iter().for_each(add));
    let threads = move || total() / SERIES as u64;
    Work::new(move |_| Arc::clone(&counters), step, counts(threads))
        .warm_up(8)
        .boxed()
}

fn thread<P: Provider>(provider: P) -> Box<dyn Workload> {
    let counter = provider.meter().u64_counter("bench").build();
    let bind = |at| counter.bind(&key_values(3, at));
    let counters: Vec<BoundCounter<u64>> = (0..SERIES).map(bind).collect();
    let add = |it: &BoundCounter<u64>| it.add(1);
    adding(Arc::new(counters), add, move || provider.total() as u64)
}

fn thread_of_prometheus_client() -> Box<dyn Workload> {
    let counters: Vec<PrometheusCounter> =
        (0..SERIES).map(|_| PrometheusCounter::default()).collect();
    let counters = Arc::new(counters);
    let shown = Arc::clone(&counters);
    let add = |it: &PrometheusCounter| {
        it.inc();
    };
    adding(counters, add, move || shown.iter().map(|it| it.get()).sum())
}

fn thread_of_nothing() -> Box<dyn Workload> {
    let step = |(): &mut (), _| in_a_thread(|| ());
    Work::new(|_| (), step, nothing()).warm_up(8).boxed()
}
