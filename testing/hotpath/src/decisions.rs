//! Whether a root is sampled: one call of `ShouldSample`, as a tracer makes it for each span.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample};
use throughline_model::Clock;
use throughline_samplers::probability::{
    ComposableParentThreshold, ComposableProbability, CompositeSampler,
};
use throughline_samplers::{AdaptiveSampler, Error, Pattern, PriorityRules, PrioritySampler, Rule};

use crate::kinds::steps;

type Run = fn() -> Result<(), String>;

/// Names, and how they are run.
pub(crate) const KINDS: &[(&str, Run)] = &[
    ("decision, probability, dropped", || {
        dropped(probability(), 1)
    }),
    ("decision, probability, sampled", || {
        sampled(probability(), 1)
    }),
    ("decision, priority with 100 names, dropped", || {
        dropped(names(), 1)
    }),
    ("decision, priority with 100 rules, dropped", || {
        dropped(rules(), 1)
    }),
    ("decision, priority with 100 rules, sampled", || {
        sampled(rules(), 1)
    }),
    (
        "decision, priority with 100 rules, a path of its own each, dropped",
        || decide(rules(), 1, 1_000, LOWEST, &SamplingDecision::Drop),
    ),
    ("decision, adaptive with 1,000 keys, dropped", || {
        dropped(adaptive(), 1_000)
    }),
    ("decision, adaptive with 1,000 keys, sampled", || {
        sampled(adaptive(), 1_000)
    }),
];

/// The share that all of them sample.
const RATIO: f64 = 0.01;

fn probability() -> Result<CompositeSampler, Error> {
    let ratio = ComposableProbability::new(RATIO)?;
    Ok(CompositeSampler::new(ComposableParentThreshold::new(ratio)))
}

/// By name alone. None is the span's: the default decides.
fn names() -> Result<PrioritySampler, Error> {
    priority(|n| rule(n).span_name(format!("GET /{n:03}")))
}

/// Of every sort, none of which is for the span.
fn rules() -> Result<PrioritySampler, Error> {
    priority(|n| match n % 5 {
        0 => rule(n).span_name(format!("GET /{n:03}")),
        1 => rule(n).route(Pattern::prefix(format!("/{n:03}/"))),
        2 => rule(n).route(Pattern::glob(format!("/users/*/{n:03}"))),
        3 => rule(n).attribute("customer.tier", format!("tier {n:03}")),
        _ => rule(n)
            .operation(Pattern::contains(format!("word {n:03}")))
            .kind(SpanKind::Server),
    })
}

fn rule(n: usize) -> Rule {
    Rule::new(format!("{n}")).rate(RATIO)
}

fn priority(rule: impl Fn(usize) -> Rule) -> Result<PrioritySampler, Error> {
    let rules = (0..100)
        .map(rule)
        .fold(PriorityRules::new(), PriorityRules::rule);
    PrioritySampler::new(rules.default_rate(RATIO))
}

/// Its time stands still: what the law does ten times a second is not counted.
fn adaptive() -> Result<AdaptiveSampler, Error> {
    AdaptiveSampler::builder()
        .clock(Arc::new(Still))
        .load_signal(|| 0.0)
        .build()
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Of the lowest randomness.
const LOWEST: TraceId = TraceId::from_bytes((1u128 << 64).to_be_bytes());

fn dropped(sampler: Result<impl ShouldSample, Error>, names: usize) -> Result<(), String> {
    decide(sampler, names, 0, LOWEST, &SamplingDecision::Drop)
}

/// Of a trace with the highest one.
fn sampled(sampler: Result<impl ShouldSample, Error>, names: usize) -> Result<(), String> {
    let highest = TraceId::from(u128::MAX);
    decide(
        sampler,
        names,
        0,
        highest,
        &SamplingDecision::RecordAndSample,
    )
}

/// Requests as a server sees them first, of so many operations in turn; of one route, or of none and so many paths.
fn decide(
    sampler: Result<impl ShouldSample, Error>,
    names: usize,
    paths: usize,
    trace: TraceId,
    expected: &SamplingDecision,
) -> Result<(), String> {
    let sampler = sampler.map_err(|error| error.to_string())?;
    let sampler: &dyn ShouldSample = &sampler;
    let names: Vec<_> = (0..names)
        .map(|n| format!("GET /orders/{{id}}/{n:04}"))
        .collect();
    let context = Context::new();
    let attributes = |at: usize| {
        let mut attributes = vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.path", format!("/orders/{}/items", 4711 + at)),
            KeyValue::new("customer.tier", "gold"),
            KeyValue::new("server.port", 443),
        ];
        if paths == 0 {
            attributes.insert(2, KeyValue::new("http.route", "/orders/{id}/items"));
        }
        attributes
    };
    let attributes: Vec<_> = (0..paths.max(1)).map(attributes).collect();
    let decide = |at: u64| {
        let name = &names[at as usize % names.len()];
        let attributes = &attributes[at as usize % attributes.len()];
        let (trace, kind) = (black_box(trace), &SpanKind::Server);
        sampler.should_sample(Some(&context), trace, name, kind, attributes, &[])
    };
    steps(|at| {
        black_box(decide(at));
    });
    match decide(0).decision {
        decision if decision == *expected => Ok(()),
        other => Err(format!("expected {expected:?}, it says {other:?}")),
    }
}
