//! Log records: `opentelemetry_sdk` makes them, our queue takes them.

use std::sync::Arc;

use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use throughline_model::SelfMeter;

use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::delivery::{LogQueue, LogSink, LogWorker};
use crate::settings::{Exit, LogSettings};

/// Fields are dropped in this order: the provider shuts the queue down, and nobody waits for a worker that is gone.
pub(super) struct Assembled {
    pub(super) worker: LogWorker,
    pub(super) provider: SdkLoggerProvider,
    pub(super) queue: LogQueue,
    pub(super) sink: LogSink,
}

impl Assembled {
    /// What events of `tracing` are written to. Its scope has no name: each record's target says where it
    /// came from.
    pub(super) fn logger(&self) -> SdkLogger {
        self.provider.logger("")
    }
}

/// `None` where log records have no way out.
pub(super) fn assemble(
    builder: &mut TelemetryBuilder,
    settings: &LogSettings,
    resource: &Resource,
    meter: &SelfMeter,
) -> Result<Option<Assembled>, Error> {
    let sink = match settings.exit.clone() {
        Exit::None => None,
        Exit::Own => builder.log_exporter.take(),
        Exit::Otlp(endpoint) => {
            let (meter, clock) = (meter.clone(), Arc::clone(&builder.clock));
            Some(LogSink::otlp(move || {
                let exporter =
                    throughline_otlp::LogExporter::new(*endpoint).map_err(Error::otlp)?;
                Ok(exporter.with_self_meter(&meter).with_clock(clock))
            }))
        }
    };
    let Some(sink) = sink else { return Ok(None) };
    let (queue, worker) = LogQueue::new(settings.batch, meter)?;
    let provider = SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_log_processor(queue.clone())
        .build();
    Ok(Some(Assembled {
        provider,
        queue,
        worker,
        sink,
    }))
}
