//! The `OTEL_*` environment variables, parsed into plain types with errors that name the variable.
//!
//! [`Environment::from_process`] reads every variable of [`VARIABLES`] once. What is not set is
//! `None`: defaults and what code said belong to whoever asks, so that code beats environment. What
//! cannot be understood is left unset and comes back as an [`Invalid`]; nothing here logs, panics or
//! fails. This crate knows nobody: no OpenTelemetry type, no exporter.
//!
//! The rules (specification: `configuration/sdk-environment-variables.md`, `configuration/common.md`):
//!
//! - Surrounding white space is dropped, and an empty value is the same as none.
//! - Only `true`, in any case, is true. Anything else is false, and [`Invalid`] unless it is `false`.
//! - Words ignore case. An unknown one is [`Invalid`] and ignored.
//! - Numbers lie in `0..=2147483647`. Times are milliseconds; a timeout of 0 means none, and is read as 2147483647.
//! - A variable of one signal beats the general one ([`Otlp::signal`], [`Limits`]).
//!
//! ```
//! use std::time::Duration;
//! use throughline_config::{Environment, Protocol, Signal};
//!
//! let (environment, invalid) = Environment::read(|name| match name {
//!     "OTEL_SERVICE_NAME" => Some("checkout".into()),
//!     "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("gRPC".into()),
//!     "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" => Some("2500".into()),
//!     "OTEL_BSP_MAX_QUEUE_SIZE" => Some("many".into()),
//!     _ => None,
//! });
//!
//! assert_eq!(environment.service_name.as_deref(), Some("checkout"));
//! let traces = environment.otlp.signal(Signal::Traces);
//! assert_eq!(traces.protocol, Some(Protocol::Grpc));
//! assert_eq!(traces.timeout, Some(Duration::from_millis(2500)));
//!
//! assert_eq!(environment.span_batch.max_queue_size, None);
//! assert_eq!(
//!     invalid[0].to_string(),
//!     "OTEL_BSP_MAX_QUEUE_SIZE is \"many\": expected an integer from 1 to 2147483647",
//! );
//! ```

mod batch;
mod environment;
mod invalid;
mod limits;
mod metrics;
mod otlp;
mod pairs;
mod reader;
mod sampler;
mod variables;
mod words;

pub use batch::Batch;
pub use environment::{Environment, Prometheus};
pub use invalid::Invalid;
pub use limits::{Limits, LogRecordLimits, SpanLimits};
pub use metrics::{ExemplarFilter, HistogramAggregation, Metrics, TemporalityPreference};
pub use otlp::{Compression, Endpoint, Otlp, OtlpSettings, OtlpVariables, Protocol, Signal};
pub use pairs::Headers;
pub use sampler::{Adaptive, Sampler};
pub use variables::{VARIABLES, Variable};
pub use words::{Exporter, LogLevel, Propagator};
