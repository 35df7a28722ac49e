//! What is kept, how it leaves, and what becomes of the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "retained/rig.rs"]
mod rig;

use std::time::Duration;

use opentelemetry::trace::{
    Span, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline_model::{Fate, KeepReason, SelfMeter, SoFar, TraceKeeper};
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::probability::*;
use throughline_samplers::{Retention, Slow};

use rig::{LONG, Rig};

fn retained(span: &SpanData) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|it| it.key.as_str() == "sampling.retained");
    found.map(|it| it.value.as_str().into_owned())
}

fn has(span: &SpanData, key: &str) -> bool {
    let mut attributes = span.attributes.iter();
    attributes.any(|it| it.key.as_str() == key && it.value == true.into())
}

fn names(spans: &[SpanData]) -> Vec<&str> {
    spans.iter().map(|span| &*span.name).collect()
}

/// A trace with this id whose root has a child, which may fail.
fn trace(rig: &Rig, id: u128, fails: bool) {
    let root = rig.remote_child("root", id, false);
    let cx = Context::new().with_span(root);
    let mut child = rig.tracer.start_with_context("child", &cx);
    if fails {
        child.set_status(Status::error("no"));
    }
    child.end();
    cx.span().end();
}

#[test]
fn a_trace_with_an_error_is_kept_whole_and_in_order_and_others_are_not() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    trace(&rig, 1, false);
    trace(&rig, 2, true);
    rig.buffer.force_flush(LONG).unwrap();
    let spans = rig.exporter.spans();
    assert_eq!(names(&spans), ["root", "child"]);
    for span in &spans {
        assert!(span.span_context.is_sampled());
        assert_eq!(span.span_context.trace_state().header(), "ot=th:0");
        assert_eq!(span.span_context.trace_id(), TraceId::from(2));
    }
    assert_eq!(retained(&spans[0]).as_deref(), Some("error"));
    assert_eq!(retained(&spans[1]), None);
    assert!(has(&spans[1], "sampled.error") && !has(&spans[0], "sampled.error"));
    let counts = rig.buffer.counts();
    assert_eq!(
        (counts.offered(), counts.kept, counts.unselected),
        (4, 2, 2)
    );
    assert_eq!(counts.parts.kept_by, [1, 0, 0, 0, 0, 0]);
    rig.end();
}

#[test]
fn the_head_sample_leaves_with_its_own_threshold() {
    let rig = Rig::new(Retention::new(), ratio(0.5));
    let high = 0xff << 48;
    trace(&rig, high, false);
    trace(&rig, high + 1, true);
    trace(&rig, 1, false);
    rig.buffer.force_flush(LONG).unwrap();
    let spans = rig.exporter.spans();
    assert_eq!(spans.len(), 4);
    for span in &spans {
        let failed = span.span_context.trace_id() == TraceId::from(high + 1);
        // What a policy adds, and the head chose too, leaves with the lower one of both.
        let th = if failed { "ot=th:0" } else { "ot=th:8" };
        assert_eq!(span.span_context.trace_state().header(), th);
        let why = (failed && &*span.name == "root").then_some("error");
        assert_eq!(retained(span).as_deref(), why);
    }
    rig.end();
}

#[test]
fn where_nothing_can_be_decided_spans_leave_as_they_end() {
    let rig = Rig::new(
        Retention::new(),
        CompositeSampler::new(ComposableAlwaysOn::new()),
    );
    let root = rig.tracer.start("root");
    let cx = Context::new().with_span(root);
    rig.tracer.start_with_context("child", &cx).end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(names(&rig.exporter.spans()), ["child"]);
    assert_eq!(rig.buffer.counts().passed, 1);
    let (trace, open) = (
        cx.span().span_context().trace_id(),
        cx.span().span_context().span_id(),
    );
    assert_eq!(rig.buffer.fate(trace, open), Fate::Pending);
    cx.span().end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(rig.buffer.fate(trace, open), Fate::Delivered);
    rig.end();
}

/// Samples this share of local roots, whoever called.
fn ratio(probability: f64) -> CompositeSampler {
    CompositeSampler::new(ComposableProbability::new(probability).unwrap())
}

#[test]
fn what_takes_long_is_kept() {
    let rig = Rig::new(
        Retention::new().slow(Slow::Above(Duration::from_millis(300)), 1.0),
        Sampler::AlwaysOff,
    );
    for (id, millis) in [(1, 299), (2, 300)] {
        let mut span = rig.remote_child("root", id, false);
        let start = span.exported_data().unwrap().start_time;
        span.end_with_timestamp(start + Duration::from_millis(millis));
    }
    rig.buffer.force_flush(LONG).unwrap();
    let spans = rig.exporter.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(retained(&spans[0]).as_deref(), Some("slow"));
    assert!(has(&spans[0], "sampled.slow"));
    assert_eq!(spans[0].span_context.trace_id(), TraceId::from(2));
    rig.end();
}

#[test]
fn a_share_is_taken_by_the_traces_own_randomness() {
    let rig = Rig::new(Retention::new().errors(0.5), Sampler::AlwaysOff);
    trace(&rig, 0x7f_ffff_ffff_ffff, true);
    trace(&rig, 0x80_0000_0000_0000, true);
    rig.buffer.force_flush(LONG).unwrap();
    let spans = rig.exporter.spans();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].span_context.trace_state().header(), "ot=th:8");
    rig.end();
}

#[test]
fn a_rule_sees_what_was_set_after_the_start() {
    let gold = Predicate::attribute("shop.tier", "gold") & Predicate::name("child");
    let rig = Rig::new(Retention::new().rule(gold, 1.0), Sampler::AlwaysOff);
    for (id, tier) in [(1, "gold"), (2, "free")] {
        let cx = Context::new().with_span(rig.remote_child("root", id, false));
        let mut child = rig.tracer.start_with_context("child", &cx);
        child.set_attribute(KeyValue::new("shop.tier", tier));
        child.end();
        cx.span().end();
    }
    rig.buffer.force_flush(LONG).unwrap();
    let spans = rig.exporter.spans();
    assert_eq!(names(&spans), ["root", "child"]);
    assert_eq!(retained(&spans[0]).as_deref(), Some("rule"));
    rig.end();
}

#[test]
fn what_is_asked_for_is_kept_and_counts_for_nothing() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let asked = Context::new().with_span(rig.remote_child("asked", 1, false));
    {
        let _current = asked.clone().attach();
        rig.buffer.keep_current();
    }
    asked.span().end();
    let mut marked = rig.remote_child("marked", 2, false);
    marked.set_attribute(KeyValue::new("sampling.keep", true));
    marked.end();
    rig.buffer.force_flush(LONG).unwrap();
    for span in rig.exporter.spans() {
        assert_eq!(retained(&span).as_deref(), Some("explicit"));
        assert_eq!(span.span_context.trace_state().header(), "");
        assert!(span.span_context.is_sampled());
    }
    assert_eq!(rig.exporter.spans().len(), 2);
    rig.end();
}

#[test]
fn an_outlier_and_a_neighbour_keep_a_trace() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    for (id, why) in [(1, KeepReason::Outlier), (2, KeepReason::Neighbour)] {
        let mut span = rig.remote_child("root", id, false);
        let context = span.span_context().clone();
        assert!(rig.buffer.candidate(&context));
        assert!(!rig.buffer.is_kept(context.trace_id()));
        rig.buffer.keep(context.trace_id(), context.span_id(), why);
        assert!(rig.buffer.is_kept(context.trace_id()));
        assert_eq!(
            rig.buffer.fate(context.trace_id(), context.span_id()),
            Fate::Pending
        );
        span.end();
        rig.buffer.force_flush(LONG).unwrap();
        assert_eq!(
            rig.buffer.fate(context.trace_id(), context.span_id()),
            Fate::Delivered
        );
    }
    let spans = rig.exporter.spans();
    let said: Vec<_> = spans
        .iter()
        .map(|span| {
            (
                retained(span).unwrap(),
                span.span_context.trace_state().header(),
            )
        })
        .collect();
    let expected = [("outlier", "ot=th:0"), ("neighbour", "")];
    assert_eq!(
        said,
        expected.map(|(why, th)| (why.to_owned(), th.to_owned()))
    );
    rig.end();
}

#[test]
fn what_nobody_wants_is_gone_when_its_last_span_ends() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let settled = || {
        let counts = rig.buffer.counts();
        (counts.unselected, counts.buffered)
    };
    trace(&rig, 1, false);
    assert_eq!(settled(), (2, 0));
    // But not while something of the trace is open that may ask for the whole.
    let mut second = rig.remote_child("second", 2, false);
    rig.remote_child("first", 2, false).end();
    assert_eq!(settled(), (2, 1));
    second.set_status(Status::error("no"));
    second.end();
    assert_eq!(settled(), (2, 2));
    // Whoever asks afterwards is told.
    let span = SpanId::from(1);
    rig.buffer
        .keep(TraceId::from(1), span, KeepReason::Neighbour);
    assert_eq!(rig.buffer.counts().keeps_too_late, 1);
    assert_eq!(rig.buffer.fate(TraceId::from(1), span), Fate::Lost);
    rig.buffer.force_flush(LONG).unwrap();
    rig.end();
}

#[test]
fn a_span_that_starts_when_its_trace_was_decided_joins_it() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    for (id, fails) in [(1, true), (2, false)] {
        let mut root = rig.remote_child("root", id, false);
        if fails {
            root.set_status(Status::error("no"));
        }
        let cx = Context::new().with_span(root);
        cx.span().end();
        rig.buffer.force_flush(LONG).unwrap();
        rig.tracer.start_with_context("late", &cx).end();
        rig.buffer.force_flush(LONG).unwrap();
    }
    let spans = rig.exporter.spans();
    assert_eq!(names(&spans), ["root", "late"]);
    for span in &spans {
        assert_eq!(span.span_context.trace_state().header(), "ot=th:0");
        assert_eq!(retained(span).as_deref(), Some("error"));
    }
    rig.end();
}

#[test]
fn a_part_waits_for_spans_that_outlive_its_root() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let cx = Context::new().with_span(rig.remote_child("root", 1, false));
    let mut detached = rig.tracer.start_with_context("detached", &cx);
    cx.span().end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(rig.buffer.counts().buffered, 1);
    detached.set_status(Status::error("no"));
    detached.end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(names(&rig.exporter.spans()), ["root", "detached"]);
    rig.end();
}

#[test]
fn two_local_roots_of_one_trace_are_two_parts() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let mut first = rig.remote_child("first", 1, false);
    let mut second = rig.remote_child("second", 1, false);
    second.set_status(Status::error("no"));
    second.end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(names(&rig.exporter.spans()), ["second"]);
    // What is known of the trace by then holds for the other one too.
    first.end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(names(&rig.exporter.spans()), ["second", "first"]);
    rig.end();
}

#[test]
fn what_was_dropped_stays_lost_where_its_trace_is_kept_later() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let mut first = rig.remote_child("first", 1, false);
    first.end();
    let mut second = rig.remote_child("second", 1, false);
    second.set_status(Status::error("no"));
    second.end();
    rig.buffer.force_flush(LONG).unwrap();
    let fates = [first, second].map(|span| {
        let span = span.span_context().span_id();
        rig.buffer.fate(TraceId::from(1), span)
    });
    assert_eq!(fates, [Fate::Lost, Fate::Delivered]);
    rig.end();
}

#[test]
fn shutdown_decides_what_is_open() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let cx = Context::new().with_span(rig.remote_child("root", 1, false));
    let mut child = rig.tracer.start_with_context("child", &cx);
    child.set_status(Status::error("no"));
    let arrived = child.span_context().span_id();
    child.end();
    rig.buffer.shutdown(LONG).unwrap();
    assert_eq!(names(&rig.exporter.spans()), ["child"]);
    assert_eq!(retained(&rig.exporter.spans()[0]).as_deref(), Some("error"));
    let open = cx.span().span_context().span_id();
    let fates = [arrived, open].map(|span| rig.buffer.fate(TraceId::from(1), span));
    assert_eq!(fates, [Fate::Delivered, Fate::Lost]);
    cx.span().end();
    let counts = rig.buffer.counts();
    assert_eq!(
        (counts.kept, counts.already_shutdown, counts.offered()),
        (1, 1, 2)
    );
    rig.end();
}

#[test]
fn a_batch_that_is_refused_is_lost() {
    let rig = Rig::new(Retention::new(), ratio(0.5));
    rig.exporter.refuse_with(Some("the collector is away"));
    let mut span = rig.remote_child("root", 0xff << 48, false);
    let context = span.span_context().clone();
    span.end();
    rig.buffer.force_flush(LONG).unwrap_err();
    assert_eq!(
        rig.buffer.fate(context.trace_id(), context.span_id()),
        Fate::Lost
    );
    rig.end();
}

#[test]
fn what_a_response_can_say_before_its_span_ends() {
    let rig = Rig::new(
        Retention::new().slow(Slow::Above(Duration::from_secs(1)), 0.5),
        Sampler::AlwaysOff,
    );
    let low = rig.remote_child("root", 1, false).span_context().clone();
    let high = rig
        .remote_child("root", 0xff << 48, false)
        .span_context()
        .clone();
    let well = SoFar {
        name: "root",
        elapsed: Duration::from_millis(999),
        failed: false,
    };
    let slow = SoFar {
        elapsed: Duration::from_secs(1),
        ..well
    };
    let failed = SoFar {
        failed: true,
        ..well
    };
    let says = |span: &SpanContext| [well, slow, failed].map(|it| rig.buffer.would_keep(span, it));
    assert_eq!(says(&low), [false, false, true]);
    assert_eq!(says(&high), [false, true, true]);
    assert_eq!(says(&high), [false, true, true], "asking changes nothing");
    rig.end();
}

#[test]
fn what_was_said_to_be_slow_when_it_ended_stays_slow() {
    let rig = Rig::new(
        Retention::new().slow(Slow::Above(Duration::from_secs(1)), 0.5),
        Sampler::AlwaysOff,
    );
    let ending = |span: &SpanContext, millis| {
        let so_far = SoFar {
            name: "root",
            elapsed: Duration::from_millis(millis),
            failed: false,
        };
        rig.buffer.ending(span, so_far)
    };
    let (mut low, mut high) = (
        rig.remote_child("root", 1, false),
        rig.remote_child("root", 0xff << 48, false),
    );
    assert!(!ending(high.span_context(), 999) && !ending(low.span_context(), 1000));
    assert!(ending(high.span_context(), 1000));
    // Their own times say nothing of it.
    low.end();
    high.end();
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(rig.exporter.spans().len(), 1);
    assert_eq!(rig.buffer.counts().keeps_too_late, 0);
    rig.end();
}

#[test]
fn a_share_of_none_leaves_the_head_sample_alone() {
    let rig = Rig::new(Retention::new().share(0.0), ratio(0.5));
    trace(&rig, 1, true);
    trace(&rig, 0xff << 48, false);
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(rig.exporter.spans().len(), 2);
    assert_eq!(rig.buffer.counts().passed, 2);
    assert_eq!(rig.buffer.counts().offered(), 2);
    rig.end();
}

#[test]
fn children_go_by_what_their_local_root_pinned() {
    let rig = Rig::new(Retention::new().share(0.75), ratio(0.25));
    // Recorded only, as its randomness lies between; and the pin of a caller does not matter.
    let parent = SpanContext::new(
        TraceId::from(0x80_0000_0000_0000),
        SpanId::from(1),
        TraceFlags::default(),
        true,
        "tl=o:f,ot=th:f,vendor=1".parse().unwrap(),
    );
    let remote = Context::new().with_remote_span_context(parent);
    let root = rig.tracer.start_with_context("root", &remote);
    assert!(root.is_recording() && !root.span_context().is_sampled());
    assert_eq!(
        root.span_context().trace_state().header(),
        "tl=o:4,vendor=1"
    );
    let cx = Context::new().with_span(root);
    cx.span().end();
    assert!(rig.tracer.start_with_context("child", &cx).is_recording());
    // Dropped.
    let root = rig.remote_child("root", 0x3f_ffff_ffff_ffff, false);
    assert!(!root.is_recording());
    let cx = Context::new().with_span(root);
    assert!(!rig.tracer.start_with_context("child", &cx).is_recording());
    // Sampled.
    let root = rig.remote_child("root", 0xc0_0000_0000_0000, false);
    assert_eq!(root.span_context().trace_state().header(), "tl=o:4,ot=th:c");
    let cx = Context::new().with_span(root);
    let child = rig.tracer.start_with_context("child", &cx);
    assert!(child.span_context().is_sampled());
    drop((child, cx));
    rig.buffer.force_flush(LONG).unwrap();
    for span in rig.exporter.spans() {
        assert_eq!(span.span_context.trace_state().header(), "ot=th:c");
    }
    rig.end();
}

#[test]
fn a_setting_that_makes_no_sense_is_named() {
    let said = |retention: Retention| {
        let built = retention.build(BatchSettings::spans(), &SelfMeter::new());
        built.unwrap_err().to_string()
    };
    let expected = "expected 0, or 2^-56 to 1";
    for (retention, name) in [
        (Retention::new().errors(1.1), "errors is 1.1"),
        (Retention::new().errors(f64::NAN), "errors is NaN"),
        (Retention::new().outliers(-0.1), "outliers is -0.1"),
        (Retention::new().share(f64::INFINITY), "share is inf"),
        (
            Retention::new().slow(Slow::Quantile(0.99), 2.0),
            "slow.rate is 2",
        ),
    ] {
        assert_eq!(said(retention), format!("retention.{name}: {expected}"));
    }
    let second = Retention::new()
        .rule(Predicate::anything(), 1.0)
        .rule(Predicate::anything(), 1e-20);
    assert_eq!(
        said(second),
        format!("rule \"retention.rules[1]\": rate is 0.00000000000000000001: {expected}")
    );
    let one = |retention, name: &str| {
        assert_eq!(
            said(retention),
            format!("retention.{name} is 0: expected at least 1")
        );
    };
    one(Retention::new().max_spans(0), "max_spans");
    one(Retention::new().max_bytes(0), "max_bytes");
    one(Retention::new().max_traces(0), "max_traces");
    one(
        Retention::new().max_spans_per_trace(0),
        "max_spans_per_trace",
    );
    one(Retention::new().remembered(0), "remembered");
    assert_eq!(
        said(Retention::new().slow(Slow::Quantile(1.0), 1.0)),
        "retention.slow.quantile is 1: expected 0 to less than 1"
    );
    assert_eq!(
        said(Retention::new().max_duration(Duration::ZERO)),
        "retention.max_duration is 0s: expected more than 0"
    );
}

/// Everything is dropped and nobody waits: what can be decided is delivered all the same.
#[test]
fn dropping_the_provider_and_the_buffer_delivers() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    trace(&rig, 1, true);
    let exporter = rig.exporter.clone();
    rig.drop_all();
    assert_eq!(exporter.spans().len(), 2);
}

/// What passes and finds the queue full is lost, and what arrives of its trace later does not make up for it.
#[test]
fn a_span_that_passes_and_is_refused_is_lost() {
    let tiny = BatchSettings {
        max_queue_size: 1,
        max_export_batch_size: 1,
        max_queue_bytes: 1000,
        max_export_batch_bytes: 1000,
        ..BatchSettings::spans()
    };
    let always_on = CompositeSampler::new(ComposableAlwaysOn::new());
    let rig = Rig::with_batches(Retention::new(), always_on, tiny);
    let cx = Context::new().with_span(rig.tracer.start("root"));
    let mut huge = rig.tracer.start_with_context("huge", &cx);
    huge.set_attribute(KeyValue::new("body", "x".repeat(1000)));
    let span = huge.span_context().clone();
    huge.end();
    assert_eq!(rig.buffer.queue_counts().queue_full, 1);
    assert_eq!(rig.buffer.fate(span.trace_id(), span.span_id()), Fate::Lost);
    rig.tracer.start_with_context("child", &cx).end();
    let _ = rig.buffer.force_flush(LONG);
    assert_eq!(rig.buffer.fate(span.trace_id(), span.span_id()), Fate::Lost);
    rig.end();
}

#[test]
fn what_is_forgotten_of_a_trace_that_goes_on_is_lost() {
    let always_on = CompositeSampler::new(ComposableAlwaysOn::new());
    let rig = Rig::new(Retention::new().remembered(1), always_on);
    let cx = Context::new().with_span(rig.remote_child("root", 1, false));
    let first = rig
        .tracer
        .start_with_context("first", &cx)
        .span_context()
        .span_id();
    // So many that each shard has seen one.
    for id in 2..1500 {
        rig.remote_child("other", id, false).end();
    }
    let second = rig
        .tracer
        .start_with_context("second", &cx)
        .span_context()
        .span_id();
    rig.buffer.force_flush(LONG).unwrap();
    for span in [first, second] {
        assert_eq!(rig.buffer.fate(TraceId::from(1), span), Fate::Lost);
    }
    drop(cx);
    rig.end();
}

#[test]
fn nothing_that_it_holds_is_shown() {
    let rig = Rig::new(Retention::new(), Sampler::AlwaysOff);
    let mut span = rig.remote_child("secret", 1, false);
    span.set_status(Status::error("secret"));
    span.end();
    let shown = format!("{:?}", rig.buffer);
    assert!(
        shown.contains("counts") && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn a_rule_that_panics_finds_nothing() {
    let first = |span: &SpanStart<'_>| span.attributes[0].key.as_str() == "debug";
    let rule = Predicate::when("first attribute", first);
    let rig = Rig::new(Retention::new().rule(rule, 1.0), Sampler::AlwaysOff);
    trace(&rig, 1, false);
    trace(&rig, 2, true);
    rig.buffer.force_flush(LONG).unwrap();
    assert_eq!(names(&rig.exporter.spans()), ["root", "child"]);
}
