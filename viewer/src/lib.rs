//! A local OTLP receiver that keeps the newest telemetry in bounded memory and opens outliers as traces.
//!
//! ```text
//!   gRPC :4317 ─┐                               ┌─ Report: operations, outliers with their traces
//!               ├─ decode ─ plain data ─ Store ─┤
//!   HTTP :4318 ─┘           (this crate's own)  └─ trace, logs, series, as a page wants them
//! ```
//!
//! It is the default end of a service's telemetry on a developer's machine: start it (or the program
//! `throughline-viewer`), point `OTEL_EXPORTER_OTLP_ENDPOINT` at it, and read which operations are slow and which
//! traces show why. Any OpenTelemetry SDK will do: this crate speaks OTLP and must not know who sends it.
//!
//! - [`Viewer`] listens, [`Settings`] say where; loopback unless told otherwise.
//! - [`Store`] holds what came, within [`Limits`]; what an exemplar points at is held longest, and every
//!   loss is counted by cause in [`Losses`].
//! - [`Store::report`] works out a [`Report`], plain data that `Display` writes as text.
//!
//! ```
//! use std::sync::Arc;
//! use throughline_viewer::*;
//!
//! let store = Store::new(Limits::default());
//! let origin = Arc::new(Origin {
//!     resource: [("service.name", Value::from("checkout"))].into_iter().collect(),
//!     scope: Scope::default(),
//! });
//! store.add_points([Point {
//!     series: SeriesId {
//!         origin,
//!         name: "charge.duration".into(),
//!         unit: "s".into(),
//!         kind: Kind::Histogram,
//!         attributes: Attributes::default(),
//!     },
//!     description: "".into(),
//!     start: Time::from_nanos(1_000_000_000),
//!     time: Time::from_nanos(3_000_000_000),
//!     temporality: Temporality::Cumulative,
//!     value: Total::Histogram(Histogram {
//!         count: 4,
//!         sum: Some(0.02),
//!         min: None,
//!         max: None,
//!         bounds: [0.005, 0.01].into(),
//!         counts: vec![2, 2, 0],
//!     }),
//!     exemplars: vec![],
//! }]);
//! let report = store.report(&ReportOptions::default());
//! assert_eq!(report.operations[0].per_second, Some(2.0));
//! assert!(report.to_string().contains("checkout · charge.duration"));
//! ```

mod data;
mod decode;
mod error;
mod receiver;
mod report;
mod settings;
mod store;
mod text;
mod viewer;

pub use data::{
    Attributes, Exemplar, ExponentialBuckets, ExponentialHistogram, Histogram, Kind, LogRecord,
    Number, Origin, Point, Scope, SeriesId, Severity, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    Status, StatusCode, Summary, Temporality, Time, Total, TraceId, Value,
};
pub use error::Error;
pub use report::{
    NumberRow, NumberValue, OperationRow, Outlier, Quantile, Report, ReportOptions, Sighting,
};
pub use settings::Settings;
pub use store::{Limits, Losses, Series, Store, Trace, Usage};
pub use text::TextOptions;
pub use viewer::Viewer;
