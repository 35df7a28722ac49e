//! The way out of log records: the same queue as for spans.

use std::fmt;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::AnyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, LogProcessor, SdkLogRecord};
use throughline_model::SelfMeter;
use throughline_samplers::batch::{self, BatchSettings, Export, Failure, Items, Queue, Worker};

use super::health::{Health, SayPanic};
use super::thread::BoxFuture;
use crate::Error;

type Record = (SdkLogRecord, InstrumentationScope);

/// The end of the queue that empties it.
pub(crate) type LogWorker = Worker<Record>;

/// Queues log records: a `LogProcessor`. Clones are the same queue.
#[derive(Clone, Debug)]
pub(crate) struct LogQueue(Queue<Record>);

impl LogQueue {
    pub(crate) fn new(
        settings: BatchSettings,
        meter: &SelfMeter,
    ) -> Result<(Self, LogWorker), Error> {
        let (queue, worker) = batch::queue(Items::LogRecords, settings, weigh, meter)?;
        Ok((Self(queue), worker))
    }

    pub(super) async fn force_flush_async(
        &self,
        timeout: Duration,
    ) -> Result<(), throughline_samplers::Error> {
        self.0.force_flush_async(timeout).await
    }

    pub(super) async fn shutdown_async(
        &self,
        timeout: Duration,
    ) -> Result<(), throughline_samplers::Error> {
        self.0.shutdown_async(timeout).await
    }
}

impl LogProcessor for LogQueue {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        // A record that finds no room is counted by the queue.
        let _ = self.0.push((record.clone(), scope.clone()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(self.0.force_flush(Duration::from_secs(5))?)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        Ok(self.0.shutdown(timeout)?)
    }
}

/// An estimate of the bytes a record holds.
fn weigh((record, _): &Record) -> usize {
    let attributes = record
        .attributes_iter()
        .map(|(key, value)| key.as_str().len() + size(value))
        .sum::<usize>();
    size_of::<Record>() + record.body().map_or(0, size) + attributes
}

fn size(value: &AnyValue) -> usize {
    match value {
        AnyValue::String(text) => text.as_str().len(),
        AnyValue::Bytes(bytes) => bytes.len(),
        AnyValue::ListAny(list) => list.iter().map(size).sum(),
        AnyValue::Map(map) => map
            .iter()
            .map(|(key, value)| key.as_str().len() + size(value))
            .sum(),
        _ => size_of::<AnyValue>(),
    }
}

/// An exporter of log records, waiting for its worker. It is made on the delivery thread.
pub(crate) struct LogSink(Box<Start>);

type Start =
    dyn FnOnce(LogWorker, &Resource) -> Result<BoxFuture<'static, ()>, Error> + Send + Sync;

impl LogSink {
    pub(crate) fn new(exporter: impl LogExporter + 'static) -> Self {
        Self::made_by(move || Ok(exporter))
    }

    /// For an exporter that can only be made on its runtime.
    pub(crate) fn made_by<E: LogExporter + 'static>(
        make: impl FnOnce() -> Result<E, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(move |worker, resource| {
            let mut exporter = make()?;
            exporter.set_resource(resource);
            let watched = Watched {
                exporter,
                health: Health::new("log records"),
            };
            Ok(Box::pin(worker.run(watched)))
        }))
    }

    pub(super) fn run(
        self,
        worker: LogWorker,
        resource: &Resource,
    ) -> Result<BoxFuture<'static, ()>, Error> {
        (self.0)(worker, resource)
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSink").finish_non_exhaustive()
    }
}

struct Watched<E> {
    exporter: E,
    health: Health,
}

impl<E: LogExporter> Export<Record> for Watched<E> {
    async fn export(&mut self, batch: Vec<Record>) -> Result<(), Failure> {
        let records: Vec<_> = batch
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        let panic = SayPanic("log records");
        let result = self.exporter.export(LogBatch::new(&records)).await;
        drop(panic);
        self.health.observe(&result);
        result.map_err(|error| failure(&error))
    }

    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        let result = self.exporter.shutdown_with_timeout(timeout);
        result.map_err(|error| error.to_string())
    }
}

fn failure(error: &OTelSdkError) -> Failure {
    let error_type = match error {
        OTelSdkError::AlreadyShutdown => "already_shutdown",
        OTelSdkError::Timeout(_) => "timeout",
        OTelSdkError::InternalFailure(_) => "_OTHER",
    };
    Failure::new(error_type, error.to_string())
}
