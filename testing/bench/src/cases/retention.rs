//! What it costs to record what the sampler did not choose: a span of a trace of ten, with four attributes.
//!
//! A recorded span costs something whoever records it: two clock reads, its data moved twice. So beside a dropped span
//! stands one that `opentelemetry_sdk` records and hands to a processor that does nothing; what is above that is ours.

use std::thread;
use std::time::Duration;

use opentelemetry::trace::{
    Link, SpanKind, Status, TraceContextExt, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample, Span,
    SpanData, SpanExporter, SpanProcessor,
};
use throughline_model::SelfMeter;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::probability::Predicate;
use throughline_samplers::{Retention, RetentionBuffer};

use crate::case::{Case, Subject};
use crate::rigs::key_values;
use crate::work::{Work, Workload, counts, nothing};

/// Spans of a trace, its root among them.
const SPANS: u64 = 10;

pub(super) fn cases() -> Vec<Case> {
    let subjects = vec![
        Subject::new("throughline, recorded and not kept", || {
            buffered(Retention::new(), false)
        }),
        Subject::new("throughline, not kept after a rule was asked", || {
            buffered(Retention::new().rule(Predicate::name("no"), 1.0), false)
        }),
        Subject::new("throughline, recorded and kept", || {
            buffered(Retention::new(), true)
        }),
        Subject::new("opentelemetry_sdk, dropped", dropped),
        Subject::new("opentelemetry_sdk, recorded for nobody", recorded),
        Subject::new("opentelemetry_sdk, sampled and batched", batched),
    ];
    vec![Case::new("retention/10 spans, 4 attributes", subjects)]
}

/// A step is a span: the first of ten starts the root, the last ends it.
struct Trace {
    tracer: SdkTracer,
    attributes: Vec<KeyValue>,
    root: Context,
    fails: bool,
}

impl Trace {
    fn step(&mut self, at: u64) {
        let span = self.tracer.span_builder("GET /orders/{id}");
        let span = span.with_attributes(self.attributes.clone());
        if at.is_multiple_of(SPANS) {
            let root = span.start_with_context(&self.tracer, &Context::new());
            self.root = Context::new().with_span(root);
        } else {
            drop(span.start_with_context(&self.tracer, &self.root));
        }
        if at % SPANS == SPANS - 1 {
            if self.fails {
                self.root.span().set_status(Status::error("no"));
            }
            self.root.span().end();
        }
    }
}

fn spans(
    provider: SdkTracerProvider,
    fails: bool,
    verify: impl Fn() -> Option<u64> + Send + Sync + 'static,
) -> Box<dyn Workload> {
    let local = move |_| Trace {
        tracer: provider.tracer("bench"),
        attributes: key_values(4, 0),
        root: Context::new(),
        fails,
    };
    let verify = match verify() {
        Some(_) => counts(move || verify().unwrap_or_default()),
        None => nothing(),
    };
    Work::new(local, Trace::step, verify).boxed()
}

/// Faster than any delivery, so that some of what waits for it is lost: it is counted.
fn buffered(retention: Retention, fails: bool) -> Box<dyn Workload> {
    let (buffer, worker) = retention
        .build(BatchSettings::spans(), &SelfMeter::new())
        .expect("settings are valid");
    thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().expect("a runtime");
        runtime.block_on(worker.run(Discard));
    });
    let provider = SdkTracerProvider::builder()
        .with_sampler(buffer.sampler(Sampler::AlwaysOff))
        .with_span_processor(buffer.clone())
        .build();
    spans(provider, fails, move || Some(decided(&buffer)))
}

/// The last trace of a round may be short, and ends without having failed.
fn decided(buffer: &RetentionBuffer) -> u64 {
    let flushed = buffer.force_flush(Duration::from_secs(60));
    flushed.expect("nothing can fail");
    let counts = buffer.counts();
    counts.kept + counts.unselected + counts.lost()
}

fn dropped() -> Box<dyn Workload> {
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff);
    spans(provider.build(), false, || None)
}

fn recorded() -> Box<dyn Workload> {
    let provider = SdkTracerProvider::builder()
        .with_sampler(RecordOnly)
        .with_span_processor(Nobody)
        .build();
    spans(provider, false, || None)
}

fn batched() -> Box<dyn Workload> {
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_batch_exporter(Discard)
        .build();
    spans(provider, false, || None)
}

#[derive(Clone, Debug)]
struct RecordOnly;

impl ShouldSample for RecordOnly {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::RecordOnly,
            attributes: Vec::new(),
            trace_state: TraceState::NONE,
        }
    }
}

#[derive(Debug)]
struct Nobody;

impl SpanProcessor for Nobody {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}
