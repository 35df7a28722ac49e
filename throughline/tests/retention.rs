//! Traces that are kept although the sampler did not choose them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::sync::Arc;
use std::time::Duration;

use collector::Collector;
use throughline::opentelemetry::trace::{Span, TraceContextExt, Tracer};
use throughline::opentelemetry::{Context, KeyValue};
use throughline::samplers::probability::{ComposableAlwaysOff, CompositeSampler};
use throughline::{ExemplarFilter, Otlp, Outliers, Selector, Telemetry, TelemetryBuilder};
use throughline_testkit::{CollectingSpanExporter, ManualClock};

const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing is sampled at its start.
fn unsampled(collector: &Collector) -> TelemetryBuilder {
    Telemetry::builder("shop")
        .environment(|_| None)
        .sampler(CompositeSampler::new(ComposableAlwaysOff))
        .otlp(Otlp::grpc(collector.url()))
}

fn names(collector: &Collector) -> Vec<String> {
    let mut names: Vec<_> = collector
        .spans()
        .into_iter()
        .map(|span| span.name)
        .collect();
    names.sort();
    names
}

#[test]
fn an_error_brings_its_whole_trace_and_nothing_else() {
    let collector = Collector::start();
    let telemetry = unsampled(&collector).build().unwrap();
    let (request, query) = (
        telemetry.operation("request").build(),
        telemetry.operation("query").build(),
    );
    for fails in [false, true, false] {
        request.run(|| {
            let _ = query.try_run(|| {
                if fails {
                    Err("lost the connection")
                } else {
                    Ok(())
                }
            });
        });
    }
    telemetry.shutdown(PATIENCE).unwrap();
    assert_eq!(names(&collector), ["query", "request"]);
    assert_eq!(
        collector.span("query").parent_span_id,
        collector.span("request").span_id
    );
    assert_eq!(collector.span("request").trace_state, "ot=th:0");
}

#[test]
fn what_the_service_asks_for_is_kept() {
    let collector = Collector::start();
    let telemetry = unsampled(&collector).build().unwrap();
    let (asked, forgotten) = (
        telemetry.operation("asked").build(),
        telemetry.operation("forgotten").build(),
    );
    telemetry.keep(); // of no span: nothing
    asked.run(|| telemetry.keep());
    forgotten.run(|| ());
    // Code that knows no `Telemetry`.
    let tracer = telemetry.tracer().unwrap();
    let mut span = tracer.start("by attribute");
    span.set_attribute(KeyValue::new("sampling.keep", true));
    drop(span);
    telemetry.shutdown(PATIENCE).unwrap();
    assert_eq!(names(&collector), ["asked", "by attribute"]);
}

/// Every exemplar resolves: of what is measured in 1,000 unsampled requests, the one that was slow has an exemplar, and it
/// is a span that arrived.
#[test]
fn an_outlier_keeps_its_trace_and_is_the_only_exemplar() {
    let collector = Collector::start();
    let clock = ManualClock::new();
    let telemetry = unsampled(&collector)
        .clock(Arc::new(clock.clone()))
        .outliers(Selector::name("request.duration"), Outliers::above(0.1))
        .build()
        .unwrap();
    let request = telemetry.operation("request").build();
    for at in 0..1_000 {
        let took = Duration::from_millis(if at == 700 { 300 } else { 3 });
        request.run(|| clock.advance(took));
    }
    telemetry.shutdown(PATIENCE).unwrap();
    let points = collector.histogram("request.duration");
    let exemplars: Vec<_> = points.iter().flat_map(|point| &point.exemplars).collect();
    assert_eq!(points.iter().map(|point| point.count).sum::<u64>(), 1_000);
    assert_eq!(exemplars.len(), 1);
    assert_eq!(exemplars[0].span_id, collector.span("request").span_id);
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn without_retention_only_the_sample_is_recorded() {
    let collector = Collector::start();
    let telemetry = unsampled(&collector).without_retention().build().unwrap();
    let request = telemetry.operation("request").build();
    request.run(|| {
        assert!(!Context::current().span().is_recording());
        telemetry.keep();
    });
    let _ = request.try_run(|| Err::<(), _>("lost the connection"));
    telemetry.shutdown(PATIENCE).unwrap();
    assert!(collector.spans().is_empty());
}

/// The filter that the specification has by default goes by the flag alone.
#[test]
fn a_filter_in_code_beats_resolvable() {
    let collector = Collector::start();
    let telemetry = unsampled(&collector)
        .exemplar_filter(ExemplarFilter::AlwaysOn)
        .build()
        .unwrap();
    telemetry.operation("request").build().run(|| ());
    telemetry.shutdown(PATIENCE).unwrap();
    assert!(collector.spans().is_empty());
    assert_eq!(
        collector.histogram("request.duration")[0].exemplars.len(),
        1
    );
}

/// The specification's AlwaysOff records nothing, and so nothing can be kept.
#[test]
fn always_off_in_the_environment_keeps_nothing() {
    let exporter = CollectingSpanExporter::new();
    let telemetry = Telemetry::builder("shop")
        .environment(|name| match name {
            "OTEL_TRACES_SAMPLER" => Some("always_off".to_owned()),
            name => name.ends_with("_EXPORTER").then(|| "none".to_owned()),
        })
        .span_exporter(exporter.clone())
        .build()
        .unwrap();
    let request = telemetry.operation("request").build();
    let _ = request.try_run(|| Err::<(), _>("lost the connection"));
    telemetry.shutdown(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 0);
}

/// What is buffered is users' data, whatever prints the handle.
#[test]
fn a_handle_shows_nothing_of_what_waits() {
    let telemetry = Telemetry::builder("shop")
        .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
        .span_exporter(CollectingSpanExporter::new())
        .build()
        .unwrap();
    let order = telemetry.operation("s3cret order").build();
    order.with(()).span_attribute("card", "s3cret").run(|| {
        order.run(|| ());
        let shown = format!("{telemetry:?}");
        assert!(shown.contains("shop"), "{shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("Buffer"),
            "{shown}"
        );
    });
}
