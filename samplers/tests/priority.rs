//! Rules in a tracer provider, and what they report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData};
use throughline_samplers::probability::{
    ComposableParentThreshold, ComposableRuleBased, CompositeSampler, OtelTraceState, Predicate,
    Threshold,
};
use throughline_samplers::{Pattern, PriorityRules, PrioritySampler, Rule};
use throughline_testkit::CollectingSpanExporter;

fn provider(
    sampler: impl opentelemetry_sdk::trace::ShouldSample + 'static,
) -> (SdkTracer, CollectingSpanExporter, SdkTracerProvider) {
    let exported = CollectingSpanExporter::new();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_simple_exporter(exported.clone())
        .build();
    (provider.tracer("test"), exported, provider)
}

fn value<'s>(span: &'s SpanData, key: &str) -> Option<&'s opentelemetry::Value> {
    let mut attributes = span.attributes.iter();
    Some(&attributes.find(|a| a.key.as_str() == key)?.value)
}

#[test]
fn a_trace_goes_by_its_root() {
    let rules = PriorityRules::new()
        .rule(
            Rule::new("checkout")
                .operation(Pattern::contains("checkout"))
                .kind(SpanKind::Server)
                .rate(1.0)
                .high_value(),
        )
        .rule(Rule::new("charge").span_name("charge").rate(0.0))
        .default_rate(0.0);
    let sampler = PrioritySampler::new(rules).unwrap();
    let (tracer, exported, _provider) = provider(sampler.clone());
    for route in ["/checkout", "/search"] {
        let root = tracer
            .span_builder("POST")
            .with_kind(SpanKind::Server)
            .with_attributes([KeyValue::new("http.route", route)])
            .start(&tracer);
        let root = Context::new().with_span(root);
        tracer.start_with_context("charge", &root).end();
    }
    let spans = exported.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["charge", "POST"]);
    let (child, root) = (&spans[0], &spans[1]);
    for span in [child, root] {
        let ot = OtelTraceState::of(span.span_context.trace_state());
        assert_eq!(ot.threshold(), Some(Threshold::ALWAYS));
    }
    assert_eq!(value(root, "sample.rate"), Some(&1.0.into()));
    assert_eq!(value(root, "sampled.high_value"), Some(&true.into()));
    assert!(child.attributes.is_empty());
    // Children ask no rule.
    let counts = sampler.counts();
    let counts: Vec<_> = counts
        .iter()
        .map(|count| (&*count.rule, count.matched))
        .collect();
    assert_eq!(counts, [("checkout", 1), ("charge", 0), ("default", 1)]);
}

#[test]
fn rules_are_put_together_with_other_samplers() {
    let rules = PriorityRules::preset().default_rate(1.0);
    let sampler = PrioritySampler::new(rules).unwrap();
    let roots = ComposableRuleBased::new().rule(!Predicate::name("noise"), sampler.clone());
    let (tracer, exported, _provider) =
        provider(CompositeSampler::new(ComposableParentThreshold::new(roots)));
    tracer.start("noise").end();
    tracer.start("signal").end();
    assert_eq!(exported.spans().len(), 1);
    assert_eq!(sampler.counts().last().unwrap().matched, 1);
}
