//! What exemplars cost: off, on without a span, on inside of a sampled span.

use std::hint::black_box;

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, ContextGuard};
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use throughline_engine::ExemplarFilter::{self, AlwaysOff, TraceBased};

use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::{key_values, peers, sum_of_samples};
use crate::values::{BOUNDS, LATENCIES, latencies, latency};
use crate::work::{Work, Workload, counts, records};

pub(super) fn cases() -> Vec<Case> {
    let counters = vec![
        Subject::new("throughline, off", || counter(AlwaysOff, false)),
        Subject::new("throughline, on, no span", || counter(TraceBased, false)),
        Subject::new("throughline, on, in a sampled span", || {
            counter(TraceBased, true)
        }),
        Subject::new("prometheus-client, without", || prometheus_counter(false)),
        Subject::new("prometheus-client, with", || prometheus_counter(true)),
    ];
    let histograms = vec![
        Subject::new("throughline, off", || histogram(AlwaysOff, false)),
        Subject::new("throughline, on, no span", || histogram(TraceBased, false)),
        Subject::new("throughline, on, in a sampled span", || {
            histogram(TraceBased, true)
        }),
        Subject::new("prometheus-client, without", || prometheus_histogram(false)),
        Subject::new("prometheus-client, with", || prometheus_histogram(true)),
    ];
    vec![
        Case::new("exemplars/counter", counters),
        Case::new("exemplars/histogram", histograms),
    ]
}

/// A sampled span is current while it lives.
pub(super) struct InSpan {
    _attached: ContextGuard,
    _provider: SdkTracerProvider,
}

/// Makes a sampled span and makes it current.
pub(super) fn in_sampled_span() -> InSpan {
    let provider = SdkTracerProvider::builder().build();
    let span = provider.tracer("bench").start("bench");
    let context = Context::current_with_span(span);
    assert!(context.span().span_context().is_sampled());
    InSpan {
        _attached: context.attach(),
        _provider: provider,
    }
}

fn counter(filter: ExemplarFilter, in_span: bool) -> Box<dyn Workload> {
    let engine = Engine::with_exemplars(filter);
    let counter = engine.meter().u64_counter("bench").build();
    let bound = counter.bind(&key_values(3, 0));
    let local = move |_| (bound.clone(), in_span.then(in_sampled_span));
    let total = move || engine.total() as u64;
    Work::new(local, |(it, _), _| it.add(black_box(1)), counts(total)).boxed()
}

fn histogram(filter: ExemplarFilter, in_span: bool) -> Box<dyn Workload> {
    let engine = Engine::with_exemplars(filter);
    let histogram = engine.meter().f64_histogram("bench").build();
    let bound = histogram.bind(&key_values(3, 0));
    let local = move |_| (bound.clone(), latencies(), in_span.then(in_sampled_span));
    Work::new(
        local,
        |(it, table, _), at| it.record(black_box(latency(table, at))),
        records(move || engine.records()),
    )
    .boxed()
}

type Ids = [(&'static str, String); 2];

/// The ids of a span as labels, made ahead: formatting them is left out of the peer's price.
fn ids() -> Ids {
    [
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        ("span_id", "00f067aa0ba902b7".to_owned()),
    ]
}

fn prometheus_counter(with: bool) -> Box<dyn Workload> {
    let counter = CounterWithExemplar::<Ids>::default();
    let registry = peers::registry(counter.clone());
    let step = move |(it, ids): &mut (CounterWithExemplar<Ids>, Ids), _| {
        it.inc_by(black_box(1), with.then(|| ids.clone()), None);
    };
    // What follows `#` in a line is its exemplar.
    let total = move || {
        let text = peers::registry_text(&registry);
        let text: Vec<_> = text.lines().map(before_exemplar).collect();
        sum_of_samples(&text.join("\n"), "bench_total") as u64
    };
    Work::new(move |_| (counter.clone(), ids()), step, counts(total)).boxed()
}

fn prometheus_histogram(with: bool) -> Box<dyn Workload> {
    type Local = (HistogramWithExemplars<Ids>, &'static [f64; LATENCIES], Ids);
    let histogram = HistogramWithExemplars::<Ids>::new(BOUNDS.into_iter());
    let registry = peers::registry(histogram.clone());
    let step = move |(it, table, ids): &mut Local, at| {
        let value = black_box(latency(table, at));
        it.observe(value, with.then(|| ids.clone()), None);
    };
    let total = move || peers::records(&peers::registry_text(&registry));
    let local = move |_| (histogram.clone(), latencies(), ids());
    Work::new(local, step, records(total)).boxed()
}

fn before_exemplar(line: &str) -> &str {
    line.split_once(" # ").map_or(line, |(sample, _)| sample)
}
