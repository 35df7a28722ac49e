//! Whether a root is sampled: one call of `ShouldSample`, as a tracer makes it for each span.

use std::hint::black_box;
use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
use throughline_samplers::probability::{
    ComposableParentThreshold, ComposableProbability, ComposableSampler, CompositeSampler,
    SpanStart,
};
use throughline_samplers::{AdaptiveSampler, Pattern, PriorityRules, PrioritySampler, Rule};

use crate::case::{Case, Subject};
use crate::work::{Done, Work};

/// Traces of the lowest and the highest randomness: ours sample the high ones, the SDK's ratio the low ones.
const TRACES: [TraceId; 2] = [
    TraceId::from_bytes([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    TraceId::from_bytes([0xff; 16]),
];

/// The ratio of all that have one.
const RATIO: f64 = 0.01;

pub(super) fn cases() -> Vec<Case> {
    let subjects = |wanted: SamplingDecision| {
        let subject =
            |name, make: fn() -> Box<dyn ShouldSample>| subject(name, wanted.clone(), make);
        vec![
            subject("throughline probability", probability),
            subject("throughline priority, 5 rules", || priority(5)),
            subject("throughline priority, 100 rules", || priority(100)),
            subject("throughline priority, 5 names", || names(5)),
            subject("throughline priority, 100 names", || names(100)),
            subject("throughline adaptive, 1,000 keys", adaptive),
            subject("opentelemetry_sdk ratio", ratio),
            subject("opentelemetry_sdk parent-based ratio", parent_based),
        ]
    };
    vec![
        Case::new("sampler/dropped", subjects(SamplingDecision::Drop)),
        Case::new(
            "sampler/sampled",
            subjects(SamplingDecision::RecordAndSample),
        ),
    ]
}

fn probability() -> Box<dyn ShouldSample> {
    let ratio = ComposableProbability::new(RATIO).expect("a probability");
    Box::new(CompositeSampler::new(ComposableParentThreshold::new(ratio)))
}

/// Of every sort, none of which is for the span: the default decides.
fn priority(rules: usize) -> Box<dyn ShouldSample> {
    let rules = (0..rules).map(|n| {
        let rule = Rule::new(format!("{n}")).rate(RATIO);
        match n % 5 {
            0 => rule.span_name(format!("GET /{n:03}")),
            1 => rule.route(Pattern::prefix(format!("/{n:03}/"))),
            2 => rule.route(Pattern::glob(format!("/users/*/{n:03}"))),
            3 => rule.attribute("customer.tier", format!("tier {n:03}")),
            _ => rule
                .operation(Pattern::contains(format!("word {n:03}")))
                .kind(SpanKind::Server),
        }
    });
    sampler(rules)
}

/// By name alone.
fn names(rules: usize) -> Box<dyn ShouldSample> {
    sampler((0..rules).map(|n| {
        Rule::new(format!("{n}"))
            .rate(RATIO)
            .span_name(format!("GET /{n:03}"))
    }))
}

fn sampler(rules: impl Iterator<Item = Rule>) -> Box<dyn ShouldSample> {
    let rules = rules.fold(PriorityRules::new(), PriorityRules::rule);
    Box::new(PrioritySampler::new(rules.default_rate(RATIO)).expect("rules that make sense"))
}

/// Which has seen a thousand other operations.
fn adaptive() -> Box<dyn ShouldSample> {
    let sampler = AdaptiveSampler::builder()
        .max_operations(2_000)
        .load_signal(|| 0.0)
        .build();
    let sampler = sampler.expect("settings that make sense");
    for operation in 0..1_000 {
        sampler.intent(&SpanStart::root(&format!("GET /{operation}")));
    }
    Box::new(sampler)
}

fn ratio() -> Box<dyn ShouldSample> {
    Box::new(Sampler::TraceIdRatioBased(RATIO))
}

fn parent_based() -> Box<dyn ShouldSample> {
    Box::new(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
        RATIO,
    ))))
}

fn subject(
    name: &'static str,
    wanted: SamplingDecision,
    make: fn() -> Box<dyn ShouldSample>,
) -> Subject {
    Subject::new(name, move || {
        let sampler: Arc<dyn ShouldSample> = make().into();
        let is_wanted = |trace: &TraceId| decide(&*sampler, *trace, &Start::new()) == wanted;
        let trace = TRACES.into_iter().find(is_wanted);
        let verify = move |_: &Done| match trace {
            Some(_) => Ok(()),
            None => Err("decides about all traces alike".to_owned()),
        };
        let trace = trace.unwrap_or(TRACES[0]);
        let step = move |start: &mut Start, _| {
            black_box(decide(&*sampler, black_box(trace), start));
        };
        Work::new(|_| Start::new(), step, Box::new(verify)).boxed()
    })
}

/// A request as a server sees it first.
struct Start {
    context: Context,
    attributes: [KeyValue; 5],
}

impl Start {
    fn new() -> Self {
        Self {
            context: Context::new(),
            attributes: [
                KeyValue::new("http.request.method", "GET"),
                KeyValue::new("url.path", "/orders/4711/items"),
                KeyValue::new("http.route", "/orders/{id}/items"),
                KeyValue::new("customer.tier", "gold"),
                KeyValue::new("server.port", 443),
            ],
        }
    }
}

fn decide(sampler: &dyn ShouldSample, trace: TraceId, start: &Start) -> SamplingDecision {
    let (context, attributes) = (Some(&start.context), &start.attributes);
    let (name, kind) = ("GET /orders/{id}/items", SpanKind::Server);
    let result = sampler.should_sample(context, trace, name, &kind, attributes, &[]);
    result.decision
}
