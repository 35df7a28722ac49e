//! The way out of spans.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use throughline_model::SelfMeter;
use throughline_samplers::SpanWorker;
#[cfg(feature = "otlp")]
use throughline_samplers::batch::{Export, Failure};

use super::thread::BoxFuture;
use super::value_length::shorten;
use super::watch::{Items, Watch};

/// An exporter of spans, waiting for its worker.
pub(crate) struct SpanSink {
    start: Box<Start>,
    value_length: Option<usize>,
}

type Start =
    dyn FnOnce(SpanWorker, Option<usize>, &SelfMeter) -> BoxFuture<'static, ()> + Send + Sync;

impl SpanSink {
    /// Any exporter; how much of a failed batch was lost, it cannot say.
    pub(crate) fn new<E: SpanExporter + 'static>(exporter: E) -> Self {
        Self::started_by(move |worker, value_length, meter| {
            let watched = Watched {
                exporter,
                value_length,
                watch: Watch::counting(Items::Spans, type_name::<E>(), meter),
            };
            Box::pin(worker.run(watched))
        })
    }

    /// Ours, which can.
    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(mut exporter: throughline_otlp::SpanExporter, resource: &Resource) -> Self {
        exporter.set_resource(resource);
        Self::started_by(move |worker, value_length, _| {
            let outcomes = Outcomes {
                exporter,
                value_length,
                watch: Watch::new(Items::Spans),
            };
            Box::pin(worker.run_with(outcomes))
        })
    }

    fn started_by(
        start: impl FnOnce(SpanWorker, Option<usize>, &SelfMeter) -> BoxFuture<'static, ()>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            start: Box::new(start),
            value_length: None,
        }
    }

    /// Texts are cut to this many characters.
    pub(crate) fn with_value_length(mut self, limit: Option<usize>) -> Self {
        self.value_length = limit;
        self
    }

    pub(super) fn run(self, worker: SpanWorker, meter: &SelfMeter) -> BoxFuture<'static, ()> {
        (self.start)(worker, self.value_length, meter)
    }
}

impl fmt::Debug for SpanSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanSink").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Watched<E> {
    exporter: E,
    value_length: Option<usize>,
    watch: Watch,
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        if let Some(limit) = self.value_length {
            shorten(&mut batch, limit);
        }
        let attempt = self.watch.attempt(batch.len() as u64);
        let result = self.exporter.export(batch).await;
        attempt.end(&result, error_type);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(feature = "otlp")]
struct Outcomes {
    exporter: throughline_otlp::SpanExporter,
    value_length: Option<usize>,
    watch: Watch,
}

#[cfg(feature = "otlp")]
impl Export<SpanData> for Outcomes {
    async fn export(&mut self, mut batch: Vec<SpanData>) -> Result<(), Failure> {
        if let Some(limit) = self.value_length {
            shorten(&mut batch, limit);
        }
        let attempt = self.watch.attempt(batch.len() as u64);
        let result = self.exporter.export_with_outcome(batch).await;
        attempt.end(&result, |error| error.error_type().to_owned().into());
        Ok(result?)
    }

    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        let result = self.exporter.shutdown_with_timeout(timeout);
        result.map_err(|error| error.to_string())
    }
}

/// The `error.type` of what an exporter of the SDK's kind can say.
pub(super) fn error_type(error: &OTelSdkError) -> Cow<'static, str> {
    match error {
        OTelSdkError::AlreadyShutdown => "already_shutdown",
        OTelSdkError::Timeout(_) => "timeout",
        OTelSdkError::InternalFailure(_) => "_OTHER",
    }
    .into()
}
