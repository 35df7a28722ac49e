//! The way out of spans.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use throughline_samplers::SpanWorker;
#[cfg(feature = "otlp")]
use throughline_samplers::batch::{Export, Failure};

use super::health::{Health, SayPanic};
use super::thread::BoxFuture;

/// An exporter of spans, waiting for its worker.
pub(crate) struct SpanSink(Box<Start>);

type Start = dyn FnOnce(SpanWorker) -> BoxFuture<'static, ()> + Send + Sync;

impl SpanSink {
    /// Any exporter; how much of a failed batch was lost, it cannot say.
    pub(crate) fn new(exporter: impl SpanExporter + 'static) -> Self {
        let watched = Watched {
            exporter,
            health: Mutex::new(Health::new("spans")),
        };
        Self(Box::new(move |worker| Box::pin(worker.run(watched))))
    }

    /// Ours, which can.
    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(mut exporter: throughline_otlp::SpanExporter, resource: &Resource) -> Self {
        exporter.set_resource(resource);
        let outcomes = Outcomes {
            exporter,
            health: Health::new("spans"),
        };
        Self(Box::new(move |worker| {
            Box::pin(worker.into_worker().run(outcomes))
        }))
    }

    pub(super) fn run(self, worker: SpanWorker) -> BoxFuture<'static, ()> {
        (self.0)(worker)
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
    health: Mutex<Health>,
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let panic = SayPanic("spans");
        let result = self.exporter.export(batch).await;
        drop(panic);
        if let Ok(mut health) = self.health.lock() {
            health.observe(&result);
        }
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
    health: Health,
}

#[cfg(feature = "otlp")]
impl Export<SpanData> for Outcomes {
    async fn export(&mut self, batch: Vec<SpanData>) -> Result<(), Failure> {
        let panic = SayPanic("spans");
        let result = self.exporter.export_with_outcome(batch).await;
        drop(panic);
        self.health.observe(&result);
        Ok(result?)
    }

    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        let result = self.exporter.shutdown_with_timeout(timeout);
        result.map_err(|error| error.to_string())
    }
}
