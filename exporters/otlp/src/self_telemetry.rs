//! What an exporter says about itself (semantic conventions, "OpenTelemetry SDK metrics").

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use throughline_model::{Clock, Exported, Late, PushError, SelfMeter};

use crate::{Endpoint, Protocol, Signal};

/// The instruments of one exporter, and the attributes that all its measurements have.
#[derive(Debug)]
pub(crate) struct SelfTelemetry {
    instruments: Late<Instruments>,
    attributes: Vec<KeyValue>,
    signal: Signal,
}

struct Instruments {
    inflight: UpDownCounter<i64>,
    exported: Counter<u64>,
    duration: Histogram<f64>,
}

/// One export operation: from the first attempt to the end of the last one. Given up where it is dropped.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    telemetry: &'a SelfTelemetry,
    /// Absent where the meter was not bound yet when the operation began.
    instruments: Option<&'a Instruments>,
    clock: Arc<dyn Clock>,
    start: Duration,
    items: u64,
}

impl SelfTelemetry {
    pub(crate) fn new(signal: Signal, endpoint: &Endpoint, meter: &SelfMeter) -> Self {
        let kind = component_type(endpoint.protocol(), signal);
        let number = component_number(endpoint.protocol(), signal);
        let attributes = vec![
            KeyValue::new("otel.component.type", kind),
            KeyValue::new("otel.component.name", format!("{kind}/{number}")),
            KeyValue::new("server.address", endpoint.host().to_owned()),
            KeyValue::new("server.port", i64::from(endpoint.port())),
        ];
        Self {
            instruments: instruments(signal, meter),
            attributes,
            signal,
        }
    }

    /// The same exporter, reporting elsewhere.
    pub(crate) fn rebind(&mut self, meter: &SelfMeter) {
        self.instruments = instruments(self.signal, meter);
    }

    /// `items` were given to the exporter.
    pub(crate) fn begin(&self, items: u64, clock: &Arc<dyn Clock>) -> Operation<'_> {
        let instruments = self.instruments.get();
        if let Some(instruments) = instruments {
            instruments.inflight.add(signed(items), &self.attributes);
        }
        Operation {
            telemetry: self,
            instruments,
            clock: Arc::clone(clock),
            start: clock.monotonic(),
            items,
        }
    }

    /// `items` were given to the exporter and never tried, since others of the same push failed with `error`.
    pub(crate) fn skipped(&self, items: u64, error: &PushError) {
        if let Some(instruments) = self.instruments.get() {
            let attributes = self.failed(error.error_type());
            instruments.exported.add(items, &attributes);
        }
    }

    fn failed(&self, error_type: &str) -> Vec<KeyValue> {
        let mut attributes = self.attributes.clone();
        attributes.push(KeyValue::new("error.type", error_type.to_owned()));
        attributes
    }
}

impl Operation<'_> {
    /// The outcome, once for the whole operation. Of a partial success the rejected items count as failed
    /// and the others as exported.
    pub(crate) fn end(mut self, result: &Result<(), PushError>, status: Option<KeyValue>) {
        let rejected = match result {
            Ok(()) => 0,
            Err(PushError::Rejected { items, .. }) => (*items).min(self.items),
            Err(_) => self.items,
        };
        let error_type = result.as_ref().err().map(PushError::error_type);
        self.conclude(rejected, error_type, status);
    }

    fn conclude(&mut self, rejected: u64, error_type: Option<&str>, status: Option<KeyValue>) {
        let Some(instruments) = self.instruments.take() else {
            return;
        };
        let common = &self.telemetry.attributes;
        instruments.inflight.add(-signed(self.items), common);
        if self.items > rejected {
            instruments.exported.add(self.items - rejected, common);
        }
        let mut attributes = match error_type {
            Some(error_type) => self.telemetry.failed(error_type),
            None => common.clone(),
        };
        if rejected > 0 {
            instruments.exported.add(rejected, &attributes);
        }
        attributes.extend(status);
        let took = self.clock.monotonic().saturating_sub(self.start);
        instruments.duration.record(took.as_secs_f64(), &attributes);
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.conclude(self.items, Some("cancelled"), None);
    }
}

impl std::fmt::Debug for Instruments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instruments").finish_non_exhaustive()
    }
}

fn instruments(signal: Signal, meter: &SelfMeter) -> Late<Instruments> {
    meter.late(match signal {
        Signal::Traces => |meter| build(meter, Exported::Spans),
        Signal::Metrics => |meter| build(meter, Exported::DataPoints),
        Signal::Logs => |meter| build(meter, Exported::LogRecords),
    })
}

fn build(meter: &Meter, items: Exported) -> Instruments {
    Instruments {
        inflight: items.inflight(meter),
        exported: items.exported(meter),
        duration: Exported::operation_duration(meter),
    }
}

fn component_type(protocol: Protocol, signal: Signal) -> &'static str {
    match (protocol, signal) {
        (Protocol::Grpc, Signal::Traces) => "otlp_grpc_span_exporter",
        (Protocol::Grpc, Signal::Metrics) => "otlp_grpc_metric_exporter",
        (Protocol::Grpc, Signal::Logs) => "otlp_grpc_log_exporter",
        (Protocol::HttpProtobuf, Signal::Traces) => "otlp_http_span_exporter",
        (Protocol::HttpProtobuf, Signal::Metrics) => "otlp_http_metric_exporter",
        (Protocol::HttpProtobuf, Signal::Logs) => "otlp_http_log_exporter",
    }
}

/// Counts the exporters of one type in this process, from 0: `otel.component.name` is to be unique and to
/// recur after a restart.
fn component_number(protocol: Protocol, signal: Signal) -> u64 {
    static NEXT: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
    let protocol = usize::from(protocol == Protocol::Grpc);
    let signal = match signal {
        Signal::Traces => 0,
        Signal::Metrics => 1,
        Signal::Logs => 2,
    };
    NEXT[protocol * 3 + signal].fetch_add(1, Ordering::Relaxed)
}

fn signed(items: u64) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}
