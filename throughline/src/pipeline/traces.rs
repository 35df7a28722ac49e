//! Spans: `opentelemetry_sdk` makes them, our retention buffer takes them.

use std::sync::Arc;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_model::SelfMeter;
use throughline_samplers::{CountedSampler, RetentionBuffer, SpanWorker};

use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::delivery::SpanSink;
use crate::settings::{Exit, Resolved};

pub(super) struct Assembled {
    pub(super) provider: SdkTracerProvider,
    pub(super) buffer: RetentionBuffer,
    pub(super) worker: SpanWorker,
    pub(super) sink: SpanSink,
}

/// `None` where spans have no way out: then none are made, so that no exemplar points at one, and the
/// context of a caller travels on as it came.
pub(super) fn assemble(
    builder: &mut TelemetryBuilder,
    resolved: &Resolved,
    resource: &Resource,
    meter: &SelfMeter,
) -> Result<Option<Assembled>, Error> {
    let settings = &resolved.traces;
    let sink = match settings.exit.clone() {
        Exit::None => None,
        Exit::Own => builder.span_exporter.take(),
        #[cfg(feature = "otlp")]
        Exit::Otlp(endpoint) => {
            let exporter = throughline_otlp::SpanExporter::new(*endpoint)
                .map_err(Error::otlp)?
                .with_self_meter(meter)
                .with_clock(Arc::clone(&builder.clock))
                .with_random(Arc::clone(&builder.random));
            Some(SpanSink::otlp(exporter, resource))
        }
    };
    let Some(sink) = sink else { return Ok(None) };
    let sink = sink.with_value_length(settings.value_length);
    let sampler = builder.sampler.take();
    let head = sampler.unwrap_or_else(|| settings.sampler.clone());
    let retention = builder.retention.take();
    let retention = retention.unwrap_or_else(|| head.retention());
    let (buffer, worker) = retention
        .clock(Arc::clone(&builder.clock))
        .build(settings.batch, meter)?;
    head.attach(&buffer, settings.batch.max_queue_size, meter);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_sampler(CountedSampler::new(
            buffer.sampler(head.into_sampler()),
            meter,
        ))
        .with_span_limits(settings.limits)
        .with_span_processor(buffer.clone())
        .build();
    Ok(Some(Assembled {
        provider,
        buffer,
        worker,
        sink,
    }))
}
