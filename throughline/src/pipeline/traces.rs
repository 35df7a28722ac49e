//! Spans: `opentelemetry_sdk` makes them, our retention buffer takes them.

use std::sync::Arc;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_model::SelfMeter;
use throughline_samplers::{CountedSampler, RetentionBuffer, SpanWorker};

use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::delivery::SpanSink;
use crate::settings::{Exit, TraceSettings};

/// Fields are dropped in this order: the provider shuts the buffer down, and nobody waits for a worker that is gone.
pub(super) struct Assembled {
    pub(super) worker: SpanWorker,
    pub(super) provider: SdkTracerProvider,
    pub(super) buffer: RetentionBuffer,
    pub(super) sink: SpanSink,
}

/// `None` where spans have no way out: then none are made, so that no exemplar points at one, and the
/// context of a caller travels on as it came.
pub(super) fn assemble(
    builder: &mut TelemetryBuilder,
    settings: &TraceSettings,
    resource: &Resource,
    meter: &SelfMeter,
) -> Result<Option<Assembled>, Error> {
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
    let given = builder.sampler.take().or_else(|| settings.sampler.clone());
    let Some(head) = given else { return Ok(None) };
    let (buffer, worker) = settings
        .retention
        .clone()
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

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, OnceLock};
    use std::time::Duration;

    use opentelemetry::trace::{Link, SpanKind, TraceId};
    use opentelemetry::{Context, KeyValue};
    use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};
    use throughline_samplers::Error as Refused;
    use throughline_testkit::CollectingSpanExporter;

    use super::*;
    use crate::Telemetry;
    use crate::settings::resolve;

    /// The provider drops its sampler after it has shut its buffer down: this one sees then what the shutdown met.
    #[derive(Clone, Debug)]
    struct Witness(Arc<Seen>);

    #[derive(Debug, Default)]
    struct Seen {
        buffer: OnceLock<RetentionBuffer>,
        flushed: Mutex<Option<Result<(), Refused>>>,
    }

    impl ShouldSample for Witness {
        fn should_sample(
            &self,
            _: Option<&Context>,
            _: TraceId,
            _: &str,
            _: &SpanKind,
            _: &[KeyValue],
            _: &[Link],
        ) -> SamplingResult {
            unreachable!("no span is started")
        }
    }

    impl Drop for Witness {
        fn drop(&mut self) {
            if let Some(buffer) = self.0.buffer.get() {
                let flushed = buffer.force_flush(Duration::ZERO);
                self.0.flushed.lock().unwrap().get_or_insert(flushed);
            }
        }
    }

    /// What fails after the spans are assembled, such as a port for Prometheus that is taken, drops them unstarted.
    #[test]
    fn spans_that_are_dropped_before_they_start_wait_for_nobody() {
        let seen = Arc::new(Seen::default());
        let mut builder = Telemetry::builder("shop")
            .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
            .span_exporter(CollectingSpanExporter::new())
            .sampler(Witness(Arc::clone(&seen)));
        let settings = resolve(&builder).unwrap().signals.unwrap().traces;
        let resource = Resource::builder_empty().build();
        let meter = SelfMeter::new();
        let assembled = assemble(&mut builder, &settings, &resource, &meter).unwrap();
        let assembled = assembled.unwrap();
        seen.buffer.set(assembled.buffer.clone()).unwrap();
        drop(assembled);
        let flushed = seen.flushed.lock().unwrap().take();
        assert_eq!(
            flushed,
            Some(Err(Refused::WorkerGone)),
            "the worker goes first"
        );
    }
}
