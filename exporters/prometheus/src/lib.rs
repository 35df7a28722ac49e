//! The Prometheus bridge: text 0.0.4 and OpenMetrics 1.0 with exemplars, over HTTP.
//!
//! [`render`] turns a [`Snapshot`](throughline_model::Snapshot) into an exposition, [`Format`] negotiates
//! which one, and [`Server`] answers scrapes. The rules are those of the OpenTelemetry specification
//! (`compatibility/prometheus_and_openmetrics.md`, `metrics/sdk_exporters/prometheus.md`) and of
//! OpenMetrics 1.0; where they leave a choice, the item that made it says which and why. This crate must
//! not know how anything was measured.
//!
//! ```
//! use opentelemetry::InstrumentationScope;
//! use throughline_model::*;
//! use throughline_prometheus::{Format, Options, render};
//!
//! # let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60);
//! # let point = |value| NumberPoint {
//! #     attributes: Attributes::default(), start: at, time: at, value: Number::U64(value), exemplars: vec![],
//! # };
//! let snapshot = Snapshot {
//!     scopes: vec![ScopeMetrics {
//!         scope: InstrumentationScope::builder("shop").build(),
//!         metrics: vec![Metric {
//!             name: "orders.placed".into(),
//!             description: "Orders placed".into(),
//!             unit: "{order}".into(),
//!             data: Data::Sum(Sum {
//!                 temporality: Temporality::Cumulative,
//!                 monotonic: true,
//!                 points: vec![point(7)],
//!             }),
//!         }],
//!     }],
//!     ..Snapshot::default()
//! };
//! let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
//! let exposition = render(&snapshot, Format::negotiate(Some(accept)), &Options::default());
//! assert_eq!(exposition.text, "\
//! ## TYPE orders_placed counter
//! ## HELP orders_placed Orders placed
//! orders_placed_total{otel_scope_name=\"shop\"} 7
//! ## EOF
//! ");
//! assert_eq!(exposition.report.points(), 1);
//! ```

mod error;
mod format;
mod options;
mod render;
mod report;
mod server;

pub use error::Error;
pub use format::{Escaping, Format, Protocol};
pub use options::Options;
pub use render::{Exposition, render};
pub use report::{Cause, Drops, Report};
pub use server::{Server, Settings};
