//! What a decision allocates: nothing where the span is dropped, the `tracestate` where it is sampled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample};
use throughline_samplers::probability::*;
use throughline_samplers::{AdaptiveSampler, Pattern, PriorityRules, PrioritySampler, Rule};
use throughline_testkit::ManualClock;

/// Traces whose randomness is the lowest and the highest there is.
const LOWEST: TraceId = TraceId::from_bytes([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const HIGHEST: TraceId = TraceId::from_bytes([0xff; 16]);

fn allocations(sampler: &impl ShouldSample, context: &Context, trace: TraceId) -> (bool, u64) {
    let attributes = [
        KeyValue::new("tier", "gold"),
        KeyValue::new("http.route", "/"),
    ];
    let (name, kind) = ("GET /orders", SpanKind::Server);
    let mut sampled = false;
    let counted = allocation_counter::measure(|| {
        let result = sampler.should_sample(Some(context), trace, name, &kind, &attributes, &[]);
        sampled = black_box(result).decision == SamplingDecision::RecordAndSample;
    });
    (sampled, counted.count_total)
}

fn child_of(trace: TraceId, sampled: bool) -> Context {
    let flags = TraceFlags::default().with_sampled(sampled);
    let parent = SpanContext::new(trace, SpanId::from(1), flags, true, TraceState::NONE);
    Context::new().with_remote_span_context(parent)
}

#[test]
fn a_drop_allocates_nothing() {
    let hundredth = ComposableProbability::new(0.01).unwrap();
    let why = || [KeyValue::new("sampling.rule", "default")];
    let twice = ComposableAnnotating::new(hundredth.clone(), why());
    let rules = ComposableRuleBased::new()
        .rule(
            Predicate::attribute("tier", "free"),
            ComposableAlwaysOn::new(),
        )
        .rule(
            Predicate::name_prefix("GET /") & Predicate::kind(SpanKind::Server),
            ComposableAnnotating::new(twice, why()),
        );
    let clock = Arc::new(ManualClock::new());
    let limited = ComposableRateLimiting::new(hundredth.clone(), 10.0, clock).unwrap();
    let root = Context::new();
    for sampler in [
        CompositeSampler::new(ComposableAlwaysOff),
        CompositeSampler::new(hundredth.clone()),
        CompositeSampler::new(ComposableParentThreshold::new(rules)),
        CompositeSampler::new(limited),
    ] {
        assert_eq!(
            allocations(&sampler, &root, LOWEST),
            (false, 0),
            "{sampler:?}"
        );
    }
    let parent_based = CompositeSampler::new(ComposableParentThreshold::new(hundredth));
    let dropped = child_of(LOWEST, false);
    assert_eq!(allocations(&parent_based, &dropped, LOWEST), (false, 0));
}

/// Without a threshold there is nothing to write down.
#[test]
fn a_span_that_is_sampled_without_threshold_allocates_nothing() {
    let sampler = CompositeSampler::new(ComposableParentThreshold::new(ComposableAlwaysOff));
    let sampled = child_of(LOWEST, true);
    assert_eq!(allocations(&sampler, &sampled, LOWEST), (true, 0));
}

/// A list, a key and a value: `TraceState` cannot share them.
#[test]
fn a_sampled_root_allocates_its_tracestate() {
    let sampler = CompositeSampler::new(ComposableProbability::new(0.01).unwrap());
    assert_eq!(allocations(&sampler, &Context::new(), HIGHEST), (true, 3));
}

/// Rules of every sort, of which one has a match.
fn rules() -> PriorityRules {
    PriorityRules::new()
        .rule(
            Rule::new("by attributes")
                .attribute("tier", ["silver", "bronze"])
                .attribute("server.port", 443)
                .rate(1.0),
        )
        .rule(
            Rule::new("by route")
                .route(Pattern::glob("/users/*"))
                .rate(1.0),
        )
        .rule(
            Rule::new("by name")
                .operation(Pattern::contains("ORDERS").ignore_case())
                .rate(0.01),
        )
        .default_rate(0.01)
}

/// A sampler that this thread has met: its first decision makes its place among the readers of the rules.
fn by_rules() -> PrioritySampler {
    let sampler = PrioritySampler::new(rules()).unwrap();
    allocations(&sampler, &Context::new(), LOWEST);
    sampler
}

#[test]
fn a_drop_by_rules_allocates_nothing() {
    let sampler = by_rules();
    let root = Context::new();
    assert_eq!(allocations(&sampler, &root, LOWEST), (false, 0));
    assert_eq!(sampler.counts()[2].matched, 2);
    let none = rules()
        .default_rate(0.0)
        .rule(Rule::new("none").span_name("GET").rate(0.0));
    sampler.replace(none).unwrap();
    assert_eq!(allocations(&sampler, &root, LOWEST), (false, 0));
    assert_eq!(
        allocations(&sampler, &child_of(LOWEST, false), LOWEST),
        (false, 0)
    );
}

/// The `tracestate` and a list of attributes.
#[test]
fn a_root_that_a_rule_samples_allocates_what_is_added() {
    let sampler = by_rules();
    assert_eq!(allocations(&sampler, &Context::new(), HIGHEST), (true, 4));
    assert_eq!(sampler.counts()[2].matched, 2);
}

/// As it is after an operation's first call, with many others beside it.
fn adaptive() -> AdaptiveSampler {
    let builder = AdaptiveSampler::builder().base_rate(0.01);
    // What it looks at now and then may take memory, but not in the middle of a count.
    let builder = builder.clock(Arc::new(ManualClock::new()));
    let sampler = builder.load_signal(|| 0.0).build().unwrap();
    for n in 0..1_000 {
        sampler.intent(&SpanStart::root(&format!("GET /{n}")));
    }
    // The first call of this one, and the first use of its rung.
    for _ in 0..2 {
        allocations(&sampler, &Context::new(), LOWEST);
    }
    sampler
}

#[test]
fn an_adaptive_drop_allocates_nothing() {
    let sampler = adaptive();
    assert_eq!(allocations(&sampler, &Context::new(), LOWEST), (false, 0));
    assert_eq!(
        allocations(&sampler, &child_of(LOWEST, false), LOWEST),
        (false, 0)
    );
}

/// The `tracestate` and a list of attributes.
#[test]
fn an_adaptive_root_that_is_sampled_allocates_what_is_added() {
    assert_eq!(
        allocations(&adaptive(), &Context::new(), HIGHEST),
        (true, 4)
    );
}
