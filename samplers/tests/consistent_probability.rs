//! Consistent probability sampling from one service to the next, with the SDK's own provider and propagator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, SdkTracer, SdkTracerProvider, SpanData};
use throughline_model::Random;
use throughline_samplers::probability::*;
use throughline_testkit::{CollectingSpanExporter, ManualClock, SeededRandom};

#[derive(Debug)]
struct SeededIds(SeededRandom);

impl IdGenerator for SeededIds {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64()))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.0.next_u64() | 1)
    }
}

struct Service {
    tracer: SdkTracer,
    exported: CollectingSpanExporter,
    _provider: SdkTracerProvider,
}

impl Service {
    fn new(seed: u64, sampler: impl ComposableSampler + 'static) -> Self {
        let exported = CollectingSpanExporter::new();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(SeededIds(SeededRandom::new(seed)))
            .with_sampler(CompositeSampler::new(sampler))
            .with_simple_exporter(exported.clone())
            .build();
        Self {
            tracer: provider.tracer("test"),
            exported,
            _provider: provider,
        }
    }

    fn start(&self, name: &'static str, parent: &Context) -> Context {
        let span = self.tracer.start_with_context(name, parent);
        parent.with_span(span)
    }

    fn exported(&self) -> Vec<SpanData> {
        self.exported.spans()
    }
}

/// What another process gets to know of this context.
fn over_the_wire(context: &Context) -> Context {
    let propagator = TraceContextPropagator::new();
    let mut headers = HashMap::new();
    propagator.inject_context(context, &mut headers);
    propagator.extract_with_context(&Context::new(), &headers)
}

fn said(context: &Context) -> (bool, Option<Threshold>) {
    let span = context.span();
    let context = span.span_context();
    let ot = OtelTraceState::of(context.trace_state());
    (context.is_sampled(), ot.threshold())
}

fn parent_based(root: impl ComposableSampler + 'static) -> impl ComposableSampler {
    ComposableParentThreshold::new(root)
}

fn probability(p: f64) -> ComposableProbability {
    ComposableProbability::new(p).unwrap()
}

/// 2,000 traces of root, child and remote child. The bound is 5.5 standard deviations: a correct sampler
/// misses it once in 2.6 * 10^7 seeds.
#[test]
fn root_child_and_remote_child_agree_and_can_be_counted() {
    let front = Service::new(1, parent_based(probability(0.25)));
    // It would keep everything, were it asked.
    let back = Service::new(2, parent_based(ComposableAlwaysOn::new()));
    let quarter: Threshold = "c".parse().unwrap();
    let traces = 2_000;
    for _ in 0..traces {
        let root = front.start("root", &Context::new());
        let child = front.start("child", &root);
        let remote = back.start("remote", &over_the_wire(&child));
        let (sampled, th) = said(&root);
        assert_eq!(th, sampled.then_some(quarter));
        assert_eq!(said(&child), (sampled, th));
        assert_eq!(said(&remote), (sampled, th));
    }
    let estimate = |spans: Vec<SpanData>| -> f64 {
        let counts = spans.iter().map(|span| {
            let ot = OtelTraceState::of(span.span_context.trace_state());
            ot.threshold().expect("every sampled span can be counted")
        });
        counts.map(Threshold::adjusted_count).sum()
    };
    let (front, back) = (estimate(front.exported()), estimate(back.exported()));
    assert_eq!(front, 2.0 * back);
    let deviation = (f64::from(traces) * (1.0 - 0.25) / 0.25).sqrt();
    assert!(
        (back - f64::from(traces)).abs() < 5.5 * deviation,
        "{back} of {traces}"
    );
}

#[test]
fn services_that_decide_for_themselves_keep_each_others_traces() {
    let front = Service::new(3, probability(0.1));
    let back = Service::new(4, probability(0.5));
    let (mut both, mut back_alone) = (0, 0);
    for _ in 0..500 {
        let root = front.start("root", &Context::new());
        let remote = back.start("remote", &over_the_wire(&root));
        let ((front, _), (back, th)) = (said(&root), said(&remote));
        assert!(back || !front, "the larger share holds the smaller one");
        assert_eq!(th, back.then(|| "8".parse().unwrap()));
        both += u32::from(front);
        back_alone += u32::from(back && !front);
    }
    assert!(both > 0 && back_alone > 0);
}

#[test]
fn a_service_that_drops_leaves_no_threshold_behind() {
    let front = Service::new(5, ComposableAlwaysOn::new());
    let middle = Service::new(6, ComposableAlwaysOff);
    let back = Service::new(7, parent_based(ComposableAlwaysOn::new()));
    let root = front.start("root", &Context::new());
    assert_eq!(said(&root), (true, Some(Threshold::ALWAYS)));
    let dropped = middle.start("dropped", &over_the_wire(&root));
    assert_eq!(said(&dropped), (false, None));
    assert_eq!(dropped.span().span_context().trace_state().header(), "");
    assert_eq!(
        said(&back.start("remote", &over_the_wire(&dropped))),
        (false, None)
    );
}

#[test]
fn what_others_wrote_into_the_header_arrives() {
    let service = Service::new(8, parent_based(probability(1.0)));
    let headers = HashMap::from([
        (
            "traceparent".to_owned(),
            "00-4bf92f3577b34da6a36e6d1a75832a2f-00f067aa0ba902b7-01".to_owned(),
        ),
        (
            "tracestate".to_owned(),
            "acme=x:1;y:2, ot=rv:80000000000000;th:8;new:1,tenant@ot=th:c".to_owned(),
        ),
    ]);
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    let span = service.start("span", &parent);
    assert_eq!(said(&span), (true, Some("8".parse().unwrap())));
    assert_eq!(
        span.span().span_context().trace_state().header(),
        "acme=x:1;y:2,ot=rv:80000000000000;th:8;new:1,tenant@ot=th:c"
    );
}

#[test]
fn a_limited_rate_is_the_same_for_the_whole_trace() {
    let clock = ManualClock::new();
    let limited =
        ComposableRateLimiting::new(ComposableAlwaysOn::new(), 10.0, Arc::new(clock.clone()));
    let front = Service::new(9, parent_based(limited.unwrap()));
    let back = Service::new(10, parent_based(ComposableAlwaysOff));
    let mut thresholds = Vec::new();
    for _ in 0..2_000 {
        clock.advance(Duration::from_millis(1));
        let root = front.start("root", &Context::new());
        let remote = back.start("remote", &over_the_wire(&front.start("child", &root)));
        assert_eq!(said(&remote), said(&root));
        thresholds.extend(said(&root).1);
    }
    assert_eq!(thresholds[0], Threshold::ALWAYS);
    let last = thresholds.last().unwrap().probability();
    assert!((0.009..0.011).contains(&last), "10 of 1,000: {last}");
}

#[test]
fn rules_see_the_span_and_say_why_on_it() {
    let why = |rule: &'static str| [KeyValue::new("sampling.rule", rule)];
    let rules = ComposableRuleBased::new()
        .rule(Predicate::name("probe"), ComposableAlwaysOff)
        .rule(
            Predicate::attribute("tier", "gold"),
            ComposableAnnotating::new(ComposableAlwaysOn::new(), why("gold")),
        );
    let service = Service::new(11, parent_based(rules));
    for (name, tier) in [("probe", "gold"), ("order", "gold"), ("order", "free")] {
        let builder = service.tracer.span_builder(name);
        let builder = builder.with_attributes([KeyValue::new("tier", tier)]);
        builder.start_with_context(&service.tracer, &Context::new());
    }
    let exported = service.exported();
    assert_eq!(exported.len(), 1);
    let attributes = [KeyValue::new("tier", "gold"), why("gold")[0].clone()];
    assert_eq!(exported[0].attributes, attributes);
    assert_eq!(exported[0].span_context.trace_state().header(), "ot=th:0");
}

#[test]
fn an_invalid_parent_is_a_root() {
    let service = Service::new(12, parent_based(ComposableAlwaysOn::new()));
    let nothing = Context::new().with_remote_span_context(SpanContext::NONE);
    assert_eq!(
        said(&service.start("root", &nothing)),
        (true, Some(Threshold::ALWAYS))
    );
}
