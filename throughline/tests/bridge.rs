//! `tracing` spans and events, beside and inside operations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::time::Duration;

use collector::{Collector, attributes, shown};
use throughline::opentelemetry::Context;
use throughline::opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use throughline::tracing::{self, Level, error, info, info_span};
use throughline::{Otlp, Signal, Telemetry, TelemetryBuilder};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

const LIMIT: Duration = Duration::from_secs(10);
const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

fn builder(collector: &Collector, signals: &[Signal]) -> TelemetryBuilder {
    Telemetry::builder("bridge")
        .environment(|_| None)
        .otlp(Otlp::grpc(collector.url()).signals(signals))
}

/// Runs with `tracing` bridged, then delivers everything.
fn bridged(collector: &Collector, signals: &[Signal], work: impl FnOnce(&Telemetry)) {
    let telemetry = builder(collector, signals).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::with_default(subscriber, || work(&telemetry));
    telemetry.shutdown(LIMIT).unwrap();
}

#[test]
fn a_measurement_in_a_tracing_span_has_it_as_its_exemplar() {
    let collector = Collector::start();
    bridged(&collector, &ALL, |telemetry| {
        let sizes = telemetry.histogram::<u64>("sizes").build();
        info_span!("upload").in_scope(|| sizes.record(7));
    });
    let (span, point) = (collector.span("upload"), &collector.histogram("sizes")[0]);
    assert_eq!(point.exemplars[0].span_id, span.span_id);
    assert_eq!(point.exemplars[0].trace_id, span.trace_id);
}

#[test]
fn operations_and_tracing_spans_nest_in_the_order_they_were_opened() {
    let collector = Collector::start();
    bridged(&collector, &ALL, |telemetry| {
        let middle = telemetry.operation("middle").build();
        let innermost = telemetry.operation("innermost").build();
        info_span!("outer").in_scope(|| {
            middle.run(|| info_span!("inner").in_scope(|| innermost.run(|| ())));
        });
    });
    let names = ["outer", "middle", "inner", "innermost"];
    let spans = names.map(|name| collector.span(name));
    for pair in spans.windows(2) {
        assert_eq!(pair[1].parent_span_id, pair[0].span_id);
        assert_eq!(pair[1].trace_id, pair[0].trace_id);
    }
    assert_eq!(collector.spans().len(), names.len());
}

#[test]
fn a_record_has_the_ids_of_the_innermost_span_whoever_opened_it() {
    let collector = Collector::start();
    bridged(&collector, &ALL, |telemetry| {
        let operation = telemetry.operation("operation").build();
        info!("outside");
        operation.run(|| {
            info!(order = 4711, "in the operation");
            info_span!("span").in_scope(|| info!("in the span"));
        });
        let inside = telemetry.operation("inside").build();
        info_span!("around").in_scope(|| inside.run(|| info!("in both")));
    });
    assert_eq!(collector.record("outside").span_id, [0u8; 0]);

    let record = collector.record("in the operation");
    let operation = collector.span("operation");
    assert_eq!(record.span_id, operation.span_id);
    assert_eq!(record.trace_id, operation.trace_id);
    assert_eq!(attributes(&record.attributes)["order"], "4711");

    assert_eq!(
        collector.record("in the span").span_id,
        collector.span("span").span_id
    );

    let around = collector.span("around");
    let both = collector.record("in both");
    assert_eq!(both.trace_id, around.trace_id);
    assert_ne!(both.span_id, around.span_id);
    // Events leave once: as records.
    assert!(collector.spans().iter().all(|span| span.events.is_empty()));
}

#[test]
fn without_logs_events_stand_on_the_innermost_span() {
    let collector = Collector::start();
    bridged(&collector, &[Signal::Traces], |telemetry| {
        let operation = telemetry.operation("operation").build();
        info_span!("around").in_scope(|| {
            info!("in the span");
            operation.run(|| info!(order = 4711, big = u64::MAX, ok = true, "in the operation"));
        });
    });
    let around = collector.span("around");
    assert_eq!(around.events.len(), 1);
    let operation = collector.span("operation");
    let [event] = &operation.events[..] else {
        panic!("{operation:?}")
    };
    assert_eq!(event.name, "in the operation");
    let expected = format!(
        "big={},level=INFO,ok=true,order=4711,target=bridge",
        u64::MAX
    );
    assert_eq!(shown(&event.attributes), expected);
    assert!(collector.records().is_empty());
}

#[test]
fn an_error_event_fails_its_tracing_span_and_an_operation_says_its_outcome_itself() {
    for signals in [&ALL[..], &[Signal::Traces]] {
        let collector = Collector::start();
        bridged(&collector, signals, |telemetry| {
            let operation = telemetry.operation("operation").build();
            info_span!("failing").in_scope(|| error!("broken"));
            operation.run(|| error!("handled"));
        });
        assert_eq!(collector.span("failing").status.unwrap().code, 2);
        assert!(
            collector
                .span("operation")
                .status
                .is_none_or(|it| it.code == 0)
        );
    }
}

#[test]
fn an_instrumented_function_that_returns_an_error_fails_its_span() {
    #[tracing::instrument(err)]
    fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
        text.parse()
    }
    let collector = Collector::start();
    bridged(&collector, &ALL, |_| {
        parse("x").unwrap_err();
    });
    assert_eq!(collector.span("parse").status.unwrap().code, 2);
}

#[test]
fn a_remote_parent_can_be_set_on_a_tracing_span() {
    let collector = Collector::start();
    let remote = SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    bridged(&collector, &ALL, |_| {
        let span = info_span!("serve");
        span.set_parent(Context::new().with_remote_span_context(remote))
            .unwrap();
        span.in_scope(|| ());
    });
    let span = collector.span("serve");
    assert_eq!(span.trace_id, TraceId::from(7).to_bytes());
    assert_eq!(span.parent_span_id, SpanId::from(8).to_bytes());
}

#[test]
fn where_spans_do_not_leave_the_callers_context_travels_on() {
    let collector = Collector::start();
    let remote = SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    bridged(&collector, &[Signal::Logs], |telemetry| {
        let operation = telemetry.operation("operation").build();
        let caller = Context::new().with_remote_span_context(remote.clone());
        let _caller = caller.attach();
        info_span!("span").in_scope(|| {
            operation.run(|| {
                assert_eq!(Context::current().span().span_context(), &remote);
                tracing::event!(Level::INFO, "of the caller's trace");
            });
        });
    });
    let record = collector.record("of the caller's trace");
    assert_eq!(record.trace_id, TraceId::from(7).to_bytes());
    assert_eq!(record.span_id, SpanId::from(8).to_bytes());
}

#[test]
fn after_the_shutdown_the_callers_context_travels_on() {
    let collector = Collector::start();
    let telemetry = builder(&collector, &ALL).build().unwrap();
    let operation = telemetry.operation("operation").build();
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("before");
        telemetry.shutdown(LIMIT).unwrap();
        let remote = SpanContext::new(
            TraceId::from(7),
            SpanId::from(8),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        let _caller = Context::new()
            .with_remote_span_context(remote.clone())
            .attach();
        operation.run(|| {
            info_span!("after").in_scope(|| {
                assert_eq!(Context::current().span().span_context(), &remote);
                error!("nobody hears this");
            });
        });
        drop(span);
    });
    assert!(collector.records().is_empty());
}
