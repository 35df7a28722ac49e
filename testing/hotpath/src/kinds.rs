//! The kinds of measurements and decisions that are counted.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Meter, MeterProvider as _};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use throughline_engine::{
    Aggregation, ExemplarFilter, InstrumentKind, MeterProvider, Outliers, Reader, Selector, View,
};
use throughline_testkit::ManualClock;

use crate::{decisions, spans};

/// How many measurements or decisions are counted.
pub(crate) const STEPS: u64 = 10_000;

/// How many go before them: so many that every place for an exemplar is taken, of which there are more where there are more
/// processors.
const WARM_UP: u64 = 32_768;

type Run = fn(&Meter);

/// Names, and how they are run. Exemplars are on, and no span is current, unless the name says so.
const KINDS: &[(&str, Run)] = &[
    ("counter, bound", |meter| {
        let bound = meter.u64_counter("c").build().bind(&attributes(3));
        steps(|_| bound.add(black_box(1)));
    }),
    ("counter, bound, exemplars off", |meter| {
        let bound = meter.u64_counter("c").build().bind(&attributes(3));
        steps(|_| bound.add(black_box(1)));
    }),
    ("counter, bound, in a sampled span", |meter| {
        let bound = meter.u64_counter("c").build().bind(&attributes(3));
        let _in_span = span(TraceFlags::SAMPLED).attach();
        steps(|_| bound.add(black_box(1)));
    }),
    ("counter, bound, in a span that is not sampled", |meter| {
        let bound = meter.u64_counter("c").build().bind(&attributes(3));
        let _in_span = span(TraceFlags::NOT_SAMPLED).attach();
        steps(|_| bound.add(black_box(1)));
    }),
    ("counter of floats, bound", |meter| {
        let bound = meter.f64_counter("c").build().bind(&attributes(3));
        steps(|_| bound.add(black_box(1.5)));
    }),
    ("counter, no attributes", |meter| unbound(meter, &[vec![]])),
    ("counter, 3 attributes", |meter| {
        unbound(meter, &[attributes(3)]);
    }),
    ("counter, 10 attributes", |meter| {
        unbound(meter, &[attributes(10)]);
    }),
    ("counter, 3 attributes in 3 orders", |meter| {
        let orders = [0, 1, 2].map(|first| {
            let mut attributes = attributes(3);
            attributes.rotate_left(first);
            attributes
        });
        unbound(meter, &orders);
    }),
    ("counter, 3 attributes from 100 places", |meter| {
        let owned = |pair: &KeyValue| {
            KeyValue::new(
                pair.key.as_str().to_owned(),
                pair.value.as_str().into_owned(),
            )
        };
        // One set: more than a thread remembers of it by their places.
        let calls: Vec<Vec<_>> = (0..100)
            .map(|_| attributes(3).iter().map(owned).collect())
            .collect();
        unbound(meter, &calls);
    }),
    ("counter, a text of 1,000 made for each call", |meter| {
        let counter = meter.u64_counter("c").build();
        // Dropped after the call: the next one stands where it stood.
        steps(|at| {
            let user = KeyValue::new("user", format!("user-{}", at % 1_000));
            black_box(&counter).add(black_box(1), &[user]);
        });
    }),
    ("gauge, bound", |meter| {
        let bound = meter.i64_gauge("g").build().bind(&attributes(3));
        steps(|at| bound.record(black_box(at.cast_signed())));
    }),
    ("histogram, bound", histogram),
    ("histogram, bound, exemplars off", histogram),
    ("histogram, bound, in a sampled span", |meter| {
        let _in_span = span(TraceFlags::SAMPLED).attach();
        histogram(meter);
    }),
    ("histogram, bound, outliers above a quantile", histogram),
    (
        "histogram, bound, outliers above a quantile, in a span that is not sampled",
        |meter| {
            let _in_span = span(TraceFlags::NOT_SAMPLED).attach();
            histogram(meter);
        },
    ),
    ("exponential histogram, bound", histogram),
];

/// The names of all.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let measurements = KINDS.iter().map(|(name, _)| *name);
    measurements.chain(others().map(|(name, _)| *name))
}

/// What needs no meter.
fn others() -> impl Iterator<Item = &'static (&'static str, fn() -> Result<(), String>)> {
    decisions::KINDS.iter().chain(spans::KINDS)
}

/// Runs one, to be counted from outside.
pub(crate) fn run(kind: &str) -> Result<(), String> {
    if let Some((_, run)) = others().find(|(name, _)| *name == kind) {
        return run();
    }
    let found = KINDS.iter().find(|(name, _)| *name == kind);
    let (name, run) = found.ok_or_else(|| format!("no kind {kind:?}"))?;
    let mut builder = MeterProvider::builder().reader(Reader::default());
    if name.ends_with("exemplars off") {
        builder = builder.exemplar_filter(ExemplarFilter::AlwaysOff);
    }
    if name.starts_with("exponential") {
        let histograms = Selector::any().kind(InstrumentKind::Histogram);
        builder = builder.view(View::select(histograms).aggregation(Aggregation::exponential()));
    }
    let clock = ManualClock::new();
    if name.contains("outliers") {
        builder = builder.outliers(Selector::any(), Outliers::quantile(0.999));
        builder = builder.clock(Arc::new(clock.clone()));
    }
    let provider = builder.build().map_err(|error| error.to_string())?;
    let meter = provider.meter("hotpath");
    if name.contains("outliers") {
        // What is far below the quantile is known once a slot of the window has closed.
        let histogram = meter.f64_histogram("h").build();
        let latencies = latencies();
        latencies.iter().for_each(|it| histogram.record(*it, &[]));
        provider.tick();
        clock.advance(Duration::from_secs(10));
        provider.tick();
    }
    run(&meter);
    Ok(())
}

/// Calls it often, and counts what all calls but the first ones take.
pub(crate) fn steps(step: impl Fn(u64)) {
    (0..WARM_UP).for_each(&step);
    counted_steps(step);
}

/// Callgrind counts what happens inside of functions of this name.
#[inline(never)]
fn counted_steps(step: impl Fn(u64)) {
    for at in 0..STEPS {
        step(at);
    }
}

fn unbound(meter: &Meter, calls: &[Vec<KeyValue>]) {
    let counter: Counter<u64> = meter.u64_counter("c").build();
    steps(|at| {
        let call = &calls[at as usize % calls.len()];
        black_box(&counter).add(black_box(1), call);
    });
}

fn histogram(meter: &Meter) {
    let bound = meter.f64_histogram("h").build().bind(&attributes(3));
    let latencies = latencies();
    steps(|at| bound.record(black_box(latencies[at as usize % 1024])));
}

/// From 1 to 20,000 ms, spread evenly over their logarithms.
fn latencies() -> Vec<f64> {
    (0..1024u64)
        .map(|at| ((at * 389 % 1024) as f64 / 1024.0 * 20_000f64.ln()).exp())
        .collect()
}

pub(crate) fn attributes(count: usize) -> Vec<KeyValue> {
    let all = [
        ("method", "GET"),
        ("status", "200"),
        ("route", "/orders/{id}/lines"),
        ("scheme", "https"),
        ("host", "shop.example"),
        ("port", "443"),
        ("protocol", "HTTP/1.1"),
        ("zone", "eu-central-1"),
        ("version", "1.42.0"),
        ("tier", "gold"),
    ];
    all.into_iter()
        .take(count)
        .map(|(key, value)| KeyValue::new(key, value))
        .collect()
}

/// A context whose span has these flags.
fn span(flags: TraceFlags) -> Context {
    let (trace, span) = (TraceId::from(7), SpanId::from(7));
    let span = SpanContext::new(trace, span, flags, false, TraceState::NONE);
    Context::new().with_remote_span_context(span)
}
