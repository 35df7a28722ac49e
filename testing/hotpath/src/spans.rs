//! What it takes to record a span that nobody keeps: one of a trace of ten, with four attributes, from its start to its
//! end.

use std::cell::RefCell;
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use throughline_model::SelfMeter;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Retention, Slow};

use crate::kinds::{attributes, steps};

type Run = fn() -> Result<(), String>;

/// Names, and how they are run.
pub(crate) const KINDS: &[(&str, Run)] = &[
    ("span, dropped", || {
        let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff);
        spans(&provider.build());
        Ok(())
    }),
    ("span, recorded and not kept", || {
        // Nobody waits for what the worker would send.
        let (buffer, _worker) = Retention::new()
            // However long this machine stands still.
            .slow(Slow::Above(Duration::MAX), 1.0)
            .build(BatchSettings::spans(), &SelfMeter::new())
            .map_err(|error| error.to_string())?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(buffer.sampler(Sampler::AlwaysOff))
            .with_span_processor(buffer.clone());
        spans(&provider.build());
        let counts = buffer.counts();
        match (counts.unselected, counts.lost()) {
            (1.., 0) => Ok(()),
            _ => Err(format!("expected them to be dropped by choice: {counts:?}")),
        }
    }),
];

/// Spans of a trace, its root among them.
const SPANS: u64 = 10;

/// The first of ten starts the root, the last one ends it.
fn spans(provider: &SdkTracerProvider) {
    let tracer = provider.tracer("hotpath");
    let attributes = attributes(4);
    let root = RefCell::new(Context::new());
    steps(|at| {
        let mut root = root.borrow_mut();
        if at.is_multiple_of(SPANS) {
            *root = Context::new().with_span(start(&tracer, &attributes, &Context::new()));
        } else {
            drop(start(&tracer, &attributes, &root));
        }
        if at % SPANS == SPANS - 1 {
            root.span().end();
        }
    });
}

fn start(
    tracer: &SdkTracer,
    attributes: &[KeyValue],
    parent: &Context,
) -> <SdkTracer as Tracer>::Span {
    let span = tracer.span_builder("GET /orders/{id}");
    let span = span.with_attributes(attributes.to_vec());
    span.start_with_context(tracer, parent)
}
