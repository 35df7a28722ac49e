//! Counters whose attributes come with each call.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use ::measured::CounterVec;
use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry::KeyValue;
use prometheus::{IntCounterVec, Opts};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use throughline_engine::ExemplarFilter;

use super::operation::{Declared, Face};
use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::peers::{self, Request, RequestSet};
use crate::rigs::sdk::Sdk;
use crate::rigs::{key_values, sum_of_samples};
use crate::values::{Calls, KEYS, SETS, orders, pairs, set};
use crate::work::{Work, counts};

pub(super) fn cases() -> Vec<Case> {
    let none = vec![engine(calls(0, 1)), sdk(calls(0, 1))];
    let mut three = vec![engine(calls(3, 1)), face(1), sdk(calls(3, 1))];
    three.extend(peers::<3>(1, "bench_3"));
    three.extend(typed(1));
    let mut five = vec![engine(calls(5, 1)), sdk(calls(5, 1))];
    five.extend(peers::<5>(1, "bench_5"));
    let mut ten = vec![engine(calls(10, 1)), sdk(calls(10, 1))];
    ten.extend(peers::<10>(1, "bench_10"));
    let mut thousand = vec![engine(calls(3, SETS)), face(SETS), sdk(calls(3, SETS))];
    thousand.extend(peers::<3>(SETS, "bench_3_1000"));
    thousand.extend(typed(SETS));
    let mut wide = vec![engine(calls(10, SETS)), sdk(calls(10, SETS))];
    wide.extend(peers::<10>(SETS, "bench_10_1000"));
    let shuffle = |n| vec![engine(shuffled(n)), sdk(shuffled(n))];
    let mut together = vec![engine(calls(3, 1)), sdk(calls(3, 1))];
    together.extend(typed(1));
    vec![
        Case::new("counter/0 attributes", none),
        Case::new("counter/3 attributes", three),
        Case::new("counter/3 attributes, 1,000 series", thousand).threads(&[1, 2, 4]),
        Case::new("counter/3 attributes, shuffled", shuffle(3)),
        Case::new("counter/5 attributes", five),
        Case::new("counter/5 attributes, shuffled", shuffle(5)),
        Case::new("counter/10 attributes", ten),
        Case::new("counter/10 attributes, 1,000 series", wide),
        Case::new("counter/10 attributes, shuffled", shuffle(10)),
        Case::new("counter/3 attributes, one series", together).threads(&[2, 4]),
    ]
}

/// `n` attributes, always in the same order.
pub(super) fn calls(n: usize, series: usize) -> impl Fn() -> Calls<Vec<KeyValue>> + 'static {
    move || Calls::new(series, |at| key_values(n, at))
}

/// `n` attributes of one series, in several orders.
pub(super) fn shuffled(n: usize) -> impl Fn() -> Calls<Vec<KeyValue>> + 'static {
    move || {
        let (set, orders) = (key_values(n, 0), orders(n));
        Calls::new(orders.len(), |at| {
            orders[at].iter().map(|place| set[*place].clone()).collect()
        })
    }
}

fn engine(calls: impl Fn() -> Calls<Vec<KeyValue>> + 'static) -> Subject {
    Subject::new("throughline", move || {
        let engine = Engine::with_exemplars(ExemplarFilter::default());
        let counter = engine.meter().u64_counter("bench").build();
        let calls = Arc::new(calls());
        let local = move |_| (counter.clone(), Arc::clone(&calls));
        let total = move || engine.total() as u64;
        Work::new(
            local,
            |(it, calls), at| it.add(black_box(1), calls.at(at)),
            counts(total),
        )
        .boxed()
    })
}

fn sdk(calls: impl Fn() -> Calls<Vec<KeyValue>> + 'static) -> Subject {
    Subject::new("opentelemetry_sdk", move || {
        let sdk = Sdk::new();
        let counter = sdk.meter().u64_counter("bench").build();
        let calls = Arc::new(calls());
        let local = move |_| (counter.clone(), Arc::clone(&calls));
        let total = move || sdk.total() as u64;
        Work::new(
            local,
            |(it, calls), at| it.add(black_box(1), calls.at(at)),
            counts(total),
        )
        .boxed()
    })
}

/// Declared attributes, typed.
fn face(series: usize) -> Subject {
    Subject::new("throughline, declared attributes", move || {
        let face = Face::new();
        let counter = Arc::new(face.counter());
        let calls = Arc::new(Calls::new(series, Declared::of));
        let local = move |_| (Arc::clone(&counter), Arc::clone(&calls));
        let step = |(it, calls): &mut (Arc<throughline::Counter<u64, Declared>>, Arc<Calls<_>>),
                    at| {
            it.with(*calls.at(at)).add(black_box(1));
        };
        let total = move || face.total("bench") as u64;
        Work::new(local, step, counts(total)).boxed()
    })
}

/// Label values as strings, any number of them.
fn peers<const N: usize>(series: usize, metric: &'static str) -> Vec<Subject> {
    type Pairs<const N: usize> = [(&'static str, &'static str); N];
    let prometheus_client = move || {
        let family = Family::<Pairs<N>, Counter>::default();
        let registry = peers::registry(family.clone());
        let calls = Arc::new(Calls::new(series, pairs::<N>));
        let local = move |_| (family.clone(), Arc::clone(&calls));
        let step = |(it, calls): &mut (Family<Pairs<N>, Counter>, Arc<Calls<_>>), at| {
            it.get_or_create(calls.at(at)).inc_by(black_box(1));
        };
        let total = move || sum_of_samples(&peers::registry_text(&registry), "bench_total") as u64;
        Work::new(local, step, counts(total)).boxed()
    };
    let prometheus = move || {
        let vec = IntCounterVec::new(Opts::new("bench", "help"), &KEYS[..N]);
        let vec = vec.expect("valid names");
        let values = |at| -> [&'static str; N] { std::array::from_fn(|n| set(at)[n]) };
        let calls = Arc::new(Calls::new(series, values));
        let registered = vec.clone();
        let local = move |_| (vec.clone(), Arc::clone(&calls));
        let step = |(it, calls): &mut (IntCounterVec, Arc<Calls<[&str; N]>>), at| {
            it.with_label_values(calls.at(at)).inc_by(black_box(1));
        };
        let total = move || {
            let families = prometheus::core::Collector::collect(&registered);
            let counters = families.iter().flat_map(|family| family.get_metric());
            counters.map(|it| it.get_counter().get_value() as u64).sum()
        };
        Work::new(local, step, counts(total)).boxed()
    };
    let metrics = move || {
        let text = global_metrics();
        let calls = Arc::new(Calls::new(series, pairs::<N>));
        let before = sum_of_samples(&text.render(), metric) as u64;
        let step = move |calls: &mut Arc<Calls<Pairs<N>>>, at| {
            metrics::counter!(metric, calls.at(at)).increment(black_box(1));
        };
        let total = move || sum_of_samples(&text.render(), metric) as u64 - before;
        Work::new(move |_| Arc::clone(&calls), step, counts(total)).boxed()
    };
    vec![
        Subject::new("prometheus-client, strings", prometheus_client),
        Subject::new("prometheus", prometheus),
        Subject::new("metrics, macro", metrics),
    ]
}

/// Label values as enums.
fn typed(series: usize) -> Vec<Subject> {
    let prometheus_client = move || {
        let family = Family::<Request, Counter>::default();
        let registry = peers::registry(family.clone());
        let calls = Arc::new(Calls::new(series, Request::of));
        let local = move |_| (family.clone(), Arc::clone(&calls));
        let step = |(it, calls): &mut (Family<Request, Counter>, Arc<Calls<_>>), at| {
            it.get_or_create(calls.at(at)).inc_by(black_box(1));
        };
        let total = move || sum_of_samples(&peers::registry_text(&registry), "bench_total") as u64;
        Work::new(local, step, counts(total)).boxed()
    };
    let measured = move || {
        let family = Arc::new(CounterVec::with_label_set(peers::request_set()));
        let calls = Arc::new(Calls::new(series, Request::of));
        let registered = Arc::clone(&family);
        let local = move |_| (Arc::clone(&family), Arc::clone(&calls));
        let step = |(it, calls): &mut (Arc<CounterVec<RequestSet>>, Arc<Calls<_>>), at| {
            it.inc_by(*calls.at(at), black_box(1));
        };
        let total = move || sum_of_samples(&peers::measured_text(&*registered), "bench") as u64;
        Work::new(local, step, counts(total)).boxed()
    };
    vec![
        Subject::new("prometheus-client, typed", prometheus_client),
        Subject::new("measured, typed", measured),
    ]
}

/// The recorder that macros find. What earlier subjects counted in it stays.
fn global_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let make = || {
        let recorder = peers::metrics_recorder();
        let handle = recorder.handle();
        // Nobody else sets one.
        let _ = metrics::set_global_recorder(recorder);
        handle
    };
    HANDLE.get_or_init(make).clone()
}
