//! OTLP over gRPC and HTTP: metrics with exemplars, spans whose outcome is known, logs.
//!
//! An [`Endpoint`] says where one signal goes and how. Built from it, [`MetricExporter`] sends the waist's
//! `Snapshot` (it implements [`throughline_model::Push`]), [`SpanExporter`] sends what `opentelemetry_sdk`
//! made of spans, [`LogExporter`] what it made of log records. This crate does not know how anything was
//! measured, nor when it is time to send; it says what became of what it was given.
//!
//! ```
//! use throughline_model::{Push, Snapshot};
//! use throughline_otlp::{Endpoint, MetricExporter, Protocol, Signal};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::base(Protocol::Grpc, "http://collector:4317", Signal::Metrics)?;
//! let exporter = MetricExporter::new(endpoint)?;
//! exporter.push(&Snapshot::default()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Outcomes
//!
//! A batch is one request. Its timeout covers all attempts and the waits between them. A failure that the
//! protocol calls retryable is tried again with exponential backoff and full jitter, a server's `RetryInfo`
//! or `Retry-After` is waited for; when the time is used up, the batch has failed. The first such failure is a
//! warning to people (`tracing`, target `throughline`) with the URL and the cause, and none follows until the
//! receiver accepted something; log records over gRPC warn where no connection can be made. A partial success is an
//! error that says how many items the receiver rejected
//! ([`PushError::Rejected`](throughline_model::PushError::Rejected)).
//!
//! # Runtime
//!
//! Exporters are used and dropped within one tokio runtime with its I/O and time drivers enabled: connections
//! belong to the runtime that they were made in. Building a [`MetricExporter`] or a [`SpanExporter`] needs no
//! runtime, building a [`LogExporter`] does.
//!
//! # Self-telemetry
//!
//! With a [`SelfMeter`](throughline_model::SelfMeter), exporters report `otel.sdk.exporter.*` (semantic
//! conventions, "OpenTelemetry SDK metrics"). Everything they do runs with telemetry suppressed, so that
//! exporting makes no spans or logs about itself.

mod client;
mod encode;
mod endpoint;
mod error;
mod logs;
mod metrics;
mod outcome;
mod retry;
mod self_telemetry;
mod spans;
mod tls;

pub use endpoint::{Compression, Endpoint, Protocol, Signal};
pub use error::Error;
pub use logs::LogExporter;
pub use metrics::MetricExporter;
pub use spans::SpanExporter;
pub use tls::Tls;
