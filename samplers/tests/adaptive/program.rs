//! In a program: with the SDK's provider, from several threads.

use std::thread;

use opentelemetry::Context;
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use throughline_samplers::probability::*;
use throughline_samplers::{AdaptiveSampler, Pattern};
use throughline_testkit::CollectingSpanExporter;

fn value<'s>(span: &'s SpanData, key: &str) -> Option<&'s opentelemetry::Value> {
    let mut attributes = span.attributes.iter();
    Some(&attributes.find(|a| a.key.as_str() == key)?.value)
}

fn builder() -> throughline_samplers::AdaptiveBuilder {
    AdaptiveSampler::builder().load_signal(|| 0.0)
}

#[test]
fn a_trace_goes_by_its_root() {
    let sampler = builder()
        .high_value(Pattern::prefix("POST"), 1.0)
        .build()
        .unwrap();
    let exported = CollectingSpanExporter::new();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler.clone())
        .with_simple_exporter(exported.clone())
        .build();
    let tracer = provider.tracer("test");
    for name in ["GET", "POST"] {
        let root = Context::new().with_span(tracer.start(name));
        tracer.start_with_context("charge", &root).end();
    }
    let spans = exported.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    // The first call of an operation is always seen.
    assert_eq!(names, ["charge", "GET", "charge", "POST"]);
    for span in &spans {
        let ot = OtelTraceState::of(span.span_context.trace_state());
        assert_eq!(ot.threshold(), Some(Threshold::ALWAYS));
    }
    assert!(spans[0].attributes.is_empty() && spans[2].attributes.is_empty());
    assert_eq!(value(&spans[1], "sample.rate"), Some(&1.0.into()));
    assert_eq!(value(&spans[1], "sampled.high_value"), None);
    assert_eq!(value(&spans[3], "sampled.high_value"), Some(&true.into()));
    // Children are no operations of their own.
    assert_eq!(sampler.state().operations.len(), 2);
}

#[test]
fn a_probability_is_told_as_it_was_used() {
    let sampler = builder().base_rate(0.3).build().unwrap();
    sampler.intent(&SpanStart::root("GET"));
    let intent = sampler.intent(&SpanStart::root("GET"));
    let threshold = intent.threshold().unwrap();
    assert_eq!(threshold, Threshold::from_probability(0.3).unwrap());
    assert!(intent.adjusted_count_reliable());
    let attributes = intent.into_attributes();
    assert_eq!(
        (attributes[0].key.as_str(), &attributes[0].value),
        ("sample.rate", &0.3.into())
    );
}

#[test]
fn it_is_put_together_with_other_samplers() {
    let sampler = builder().build().unwrap();
    let roots = ComposableRuleBased::new().rule(!Predicate::name("noise"), sampler.clone());
    assert_eq!(roots.intent(&SpanStart::root("noise")).threshold(), None);
    assert!(
        roots
            .intent(&SpanStart::root("signal"))
            .threshold()
            .is_some()
    );
    assert_eq!(sampler.state().operations.len(), 1);
}

#[test]
fn threads_share_what_they_learn() {
    let sampler = builder()
        .base_rate(1.0)
        .target_per_second(1e6)
        .build()
        .unwrap();
    let names: Vec<_> = (0..100).map(|n| format!("GET /{n}")).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for name in names.iter().cycle().take(20_000) {
                    let intent = sampler.intent(&SpanStart::root(name));
                    assert!(intent.threshold().is_some() && intent.adjusted_count_reliable());
                }
            });
        }
    });
    let state = sampler.state();
    let mut known: Vec<_> = state
        .operations
        .iter()
        .map(|o| o.name.to_string())
        .collect();
    known.sort();
    let mut names = names;
    names.sort();
    assert_eq!(known, names);
}
