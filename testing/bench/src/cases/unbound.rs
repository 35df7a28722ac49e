//! The other instruments with attributes that come with each call, through the `opentelemetry` API.

use std::hint::black_box;
use std::sync::Arc;

use opentelemetry::KeyValue;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::attributes::{calls, shuffled};
use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::peers::{self, Request};
use crate::rigs::sdk::Sdk;
use crate::rigs::{Provider, sum_of_samples};
use crate::values::{Calls, SETS, latencies, latency};
use crate::work::{Work, Workload, counts, records, shows};

/// What steps are called with.
type Sets = Calls<Vec<KeyValue>>;

pub(super) fn cases() -> Vec<Case> {
    let histograms = |sets: fn() -> Sets| {
        vec![
            Subject::new("throughline", move || histogram(Engine::new(), sets())),
            Subject::new("opentelemetry_sdk", move || histogram(Sdk::new(), sets())),
        ]
    };
    let exponential = vec![
        Subject::new("throughline", || histogram(Engine::exponential(), three())),
        Subject::new("opentelemetry_sdk", || {
            histogram(Sdk::exponential(), three())
        }),
    ];
    let hdr = vec![Subject::new("throughline", || {
        histogram(Engine::hdr(), three())
    })];
    let up_down = vec![
        Subject::new("throughline", || up_down(Engine::new(), three())),
        Subject::new("opentelemetry_sdk", || up_down(Sdk::new(), three())),
        Subject::new("prometheus-client, typed", up_down_of_prometheus_client),
    ];
    let gauges = vec![
        Subject::new("throughline", || gauge(Engine::new(), three())),
        Subject::new("opentelemetry_sdk", || gauge(Sdk::new(), three())),
        Subject::new("prometheus-client, typed", gauge_of_prometheus_client),
    ];
    vec![
        Case::new("up-down counter/3 attributes", up_down),
        Case::new("gauge/3 attributes", gauges),
        Case::new("histogram/no attributes", histograms(|| calls(0, 1)())),
        Case::new(
            "histogram/3 attributes, shuffled",
            histograms(|| shuffled(3)()),
        ),
        Case::new(
            "histogram/3 attributes, 1,000 series",
            histograms(|| calls(3, SETS)()),
        )
        .threads(&[1, 2, 4]),
        Case::new("histogram/5 attributes", histograms(|| calls(5, 1)())),
        Case::new("histogram/10 attributes", histograms(|| calls(10, 1)())),
        Case::new(
            "histogram/10 attributes, 1,000 series",
            histograms(|| calls(10, SETS)()),
        ),
        Case::new("exponential histogram/3 attributes", exponential),
        Case::new("hdr/3 attributes", hdr),
    ]
}

fn three() -> Sets {
    calls(3, 1)()
}

fn histogram<P: Provider>(provider: P, sets: Sets) -> Box<dyn Workload> {
    let histogram = provider.meter().f64_histogram("bench").build();
    let sets = Arc::new(sets);
    let local = move |_| (histogram.clone(), latencies(), Arc::clone(&sets));
    Work::new(
        local,
        |(it, table, sets), at| it.record(black_box(latency(table, at)), sets.at(at)),
        records(move || provider.records()),
    )
    .boxed()
}

fn up_down<P: Provider>(provider: P, sets: Sets) -> Box<dyn Workload> {
    let counter = provider.meter().i64_up_down_counter("bench").build();
    let sets = Arc::new(sets);
    let local = move |_| (counter.clone(), Arc::clone(&sets));
    let total = move || provider.total() as u64;
    Work::new(
        local,
        |(it, sets), at| it.add(black_box(1), sets.at(at)),
        counts(total),
    )
    .boxed()
}

fn gauge<P: Provider>(provider: P, sets: Sets) -> Box<dyn Workload> {
    let gauge = provider.meter().i64_gauge("bench").build();
    let sets = Arc::new(sets);
    let local = move |_| (gauge.clone(), Arc::clone(&sets));
    let shown = move || provider.total() as i64;
    Work::new(
        local,
        |(it, sets), at| it.record(black_box(at.cast_signed()), sets.at(at)),
        shows(shown),
    )
    .boxed()
}

type Gauges = Family<Request, Gauge>;

fn up_down_of_prometheus_client() -> Box<dyn Workload> {
    let family = Gauges::default();
    let registry = peers::registry(family.clone());
    let step = |(it, set): &mut (Gauges, Request), _| {
        it.get_or_create(set).inc_by(black_box(1));
    };
    let total = move || sum_of_samples(&peers::registry_text(&registry), "bench") as u64;
    Work::new(
        move |_| (family.clone(), Request::of(0)),
        step,
        counts(total),
    )
    .boxed()
}

fn gauge_of_prometheus_client() -> Box<dyn Workload> {
    let family = Gauges::default();
    let registry = peers::registry(family.clone());
    let step = |(it, set): &mut (Gauges, Request), at: u64| {
        it.get_or_create(set).set(black_box(at.cast_signed()));
    };
    let shown = move || sum_of_samples(&peers::registry_text(&registry), "bench") as i64;
    Work::new(
        move |_| (family.clone(), Request::of(0)),
        step,
        shows(shown),
    )
    .boxed()
}
