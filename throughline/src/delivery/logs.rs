//! The way out of log records: the same queue as for spans.

use std::any::type_name;
use std::fmt;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::AnyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, LogProcessor, SdkLogRecord};
use throughline_model::SelfMeter;
use throughline_samplers::batch::{self, BatchSettings, Export, Failure, Items, Queue, Worker};

use super::spans::error_type;
use super::thread::BoxFuture;
use super::watch::{self, Watch};
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

type Start = dyn FnOnce(LogWorker, &Resource, &SelfMeter) -> Result<BoxFuture<'static, ()>, Error>
    + Send
    + Sync;

impl LogSink {
    /// Any exporter.
    pub(crate) fn new<E: LogExporter + 'static>(exporter: E) -> Self {
        Self(Box::new(move |worker, resource, meter| {
            let watch = Watch::counting(watch::Items::LogRecords, type_name::<E>(), meter);
            Ok(start(worker, exporter, watch, resource))
        }))
    }

    /// Ours, which counts for itself and can only be made on its runtime.
    pub(crate) fn otlp(
        make: impl FnOnce() -> Result<throughline_otlp::LogExporter, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(move |worker, resource, _| {
            let watch = Watch::new(watch::Items::LogRecords);
            Ok(start(worker, make()?, watch, resource))
        }))
    }

    pub(super) fn run(
        self,
        worker: LogWorker,
        resource: &Resource,
        meter: &SelfMeter,
    ) -> Result<BoxFuture<'static, ()>, Error> {
        (self.0)(worker, resource, meter)
    }
}

fn start<E: LogExporter + 'static>(
    worker: LogWorker,
    mut exporter: E,
    watch: Watch,
    resource: &Resource,
) -> BoxFuture<'static, ()> {
    exporter.set_resource(resource);
    Box::pin(worker.run(Watched { exporter, watch }))
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSink").finish_non_exhaustive()
    }
}

struct Watched<E> {
    exporter: E,
    watch: Watch,
}

impl<E: LogExporter> Export<Record> for Watched<E> {
    async fn export(&mut self, batch: Vec<Record>) -> Result<(), Failure> {
        let records: Vec<_> = batch
            .iter()
            .map(|(record, scope)| (record, scope))
            .collect();
        let attempt = self.watch.attempt(records.len() as u64);
        let result = self.exporter.export(LogBatch::new(&records)).await;
        attempt.end(&result, error_type);
        result.map_err(|error| Failure::new(error_type(&error), error.to_string()))
    }

    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        let result = self.exporter.shutdown_with_timeout(timeout);
        result.map_err(|error| error.to_string())
    }
}
