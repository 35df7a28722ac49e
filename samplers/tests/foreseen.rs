//! What a span starts with may keep its trace from then on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "retained/rig.rs"]
mod rig;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline_model::{SoFar, TraceKeeper};
use throughline_samplers::probability::*;
use throughline_samplers::{Retention, RetentionBuffer};

use rig::{LONG, Rig};

fn gold() -> Predicate {
    Predicate::attribute("shop.tier", "gold")
}

/// A local root of this trace that starts with these attributes.
fn start(rig: &Rig, trace: u128, attributes: &[KeyValue]) -> Context {
    let flags = TraceFlags::default();
    let (trace, span) = (TraceId::from(trace), SpanId::from(1));
    let caller = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    let caller = Context::new().with_remote_span_context(caller);
    child(rig, &caller, attributes)
}

fn child(rig: &Rig, parent: &Context, attributes: &[KeyValue]) -> Context {
    let span = rig.tracer.span_builder("span");
    let span = span.with_attributes(attributes.to_vec());
    let span = rig.tracer.build_with_context(span, parent);
    parent.with_span(span)
}

/// What a call that it makes, and the answer that it gives, would say.
fn is_kept(buffer: &RetentionBuffer, of: &Context) -> bool {
    let span = of.span();
    let so_far = SoFar {
        name: "span",
        elapsed: std::time::Duration::ZERO,
        failed: false,
    };
    let kept = buffer.is_kept(span.span_context().trace_id());
    assert_eq!(buffer.ending(span.span_context(), so_far), kept);
    kept
}

fn left(rig: &Rig) -> Vec<(u128, String, String)> {
    rig.buffer.force_flush(LONG).unwrap();
    let why = |span: &SpanData| {
        let mut attributes = span.attributes.iter();
        let why = attributes.find(|it| it.key.as_str() == "sampling.retained");
        why.map(|it| it.value.to_string()).unwrap_or_default()
    };
    let spans = rig.exporter.spans().into_iter();
    let left = spans.map(|span| {
        let trace = u128::from_be_bytes(span.span_context.trace_id().to_bytes());
        let state = span.span_context.trace_state().header();
        (trace, why(&span), state)
    });
    left.collect()
}

#[test]
fn a_rule_that_matches_a_start_keeps_the_trace_from_then_on() {
    let rig = Rig::new(Retention::new().rule(gold(), 1.0), Sampler::AlwaysOff);
    let [gold, free] = [(1, "gold"), (2, "free")].map(|(trace, tier)| {
        let span = start(&rig, trace, &[KeyValue::new("shop.tier", tier)]);
        assert_eq!(is_kept(&rig.buffer, &span), tier == "gold");
        span
    });
    // Someone was told: it stays so, whatever becomes of the span.
    gold.span()
        .set_attribute(KeyValue::new("shop.tier", "free"));
    for span in [gold, free] {
        span.span().end();
    }
    assert_eq!(left(&rig), [(1, "rule".to_owned(), "ot=th:0".to_owned())]);
    rig.end();
}

#[test]
fn what_a_child_starts_with_keeps_the_whole_trace() {
    let rig = Rig::new(Retention::new().rule(gold(), 1.0), Sampler::AlwaysOff);
    for (trace, attribute) in [
        (1, KeyValue::new("shop.tier", "gold")),
        (2, KeyValue::new("sampling.keep", true)),
        (3, KeyValue::new("sampling.keep", false)),
    ] {
        let root = start(&rig, trace, &[]);
        assert!(!is_kept(&rig.buffer, &root));
        let child = child(&rig, &root, &[attribute]);
        assert_eq!(is_kept(&rig.buffer, &root), trace != 3);
        child.span().end();
        root.span().end();
    }
    let mut left = left(&rig);
    left.sort();
    left.dedup();
    let said = left.iter().map(|(trace, why, _)| (*trace, &**why));
    let said: Vec<_> = said.filter(|(_, why)| !why.is_empty()).collect();
    assert_eq!(said, [(1, "rule"), (2, "explicit")]);
    assert!(left.iter().all(|(trace, ..)| *trace != 3));
    rig.end();
}

#[test]
fn a_root_that_asks_is_kept_from_its_start_and_counts_for_nothing() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let root = start(&rig, 1, &[KeyValue::new("sampling.keep", true)]);
    assert!(is_kept(&rig.buffer, &root));
    root.span().end();
    assert_eq!(left(&rig), [(1, "explicit".to_owned(), String::new())]);
    rig.end();
}

/// R is the last 56 bits of the trace id: a half is from 2^55 on.
#[test]
fn a_share_is_foreseen_by_the_traces_own_randomness_and_counts_as_such() {
    let rig = Rig::new(Retention::new().rule(gold(), 0.5), Sampler::AlwaysOff);
    for (trace, expected) in [((1 << 55) - 1, false), (1 << 55, true)] {
        let root = start(&rig, trace, &[KeyValue::new("shop.tier", "gold")]);
        assert_eq!(is_kept(&rig.buffer, &root), expected);
        root.span().update_name("another");
        root.span()
            .set_attribute(KeyValue::new("shop.tier", "free"));
        root.span().end();
    }
    let half = (1 << 55, "rule".to_owned(), "ot=th:8".to_owned());
    assert_eq!(left(&rig), [half]);
    rig.end();
}

/// Else those that the head chose, too, would count for a hundred each.
#[test]
fn what_the_head_chose_counts_as_what_a_rule_foresaw() {
    let head = CompositeSampler::new(ComposableProbability::new(0.01).unwrap());
    let rig = Rig::new(Retention::new().rule(gold(), 1.0), head);
    let root = start(&rig, u128::MAX, &[KeyValue::new("shop.tier", "gold")]);
    let root = root.span();
    assert!(root.span_context().is_sampled());
    root.set_attribute(KeyValue::new("shop.tier", "free"));
    root.end();
    let all = (u128::MAX, "rule".to_owned(), "ot=th:0".to_owned());
    assert_eq!(left(&rig), [all]);
    rig.end();
}

#[test]
fn what_may_still_come_is_waited_for() {
    let other_than_ok = !Predicate::attribute("http.response.status_code", 200);
    let rig = Rig::new(
        Retention::new().rule(other_than_ok, 1.0),
        Sampler::AlwaysOff,
    );
    for (trace, status) in [(1, 200), (2, 404)] {
        let root = start(&rig, trace, &[]);
        assert!(!is_kept(&rig.buffer, &root));
        let status = KeyValue::new("http.response.status_code", status);
        root.span().set_attribute(status);
        root.span().end();
    }
    assert_eq!(left(&rig), [(2, "rule".to_owned(), "ot=th:0".to_owned())]);
    rig.end();
}

/// The first part was decided before; the second one speaks for itself.
#[test]
fn a_later_part_of_a_trace_is_foreseen_too() {
    let rig = Rig::new(Retention::new().rule(gold(), 1.0), Sampler::AlwaysOff);
    start(&rig, 1, &[]).span().end();
    assert_eq!(left(&rig), []);
    let again = start(&rig, 1, &[KeyValue::new("shop.tier", "gold")]);
    assert!(is_kept(&rig.buffer, &again));
    again.span().end();
    assert_eq!(left(&rig), [(1, "rule".to_owned(), "ot=th:0".to_owned())]);
    rig.end();
}
