//! One declaration, three signals: an OpenTelemetry-native observability SDK whose every exemplar resolves.
//!
//! ```
//! use throughline::Telemetry;
//!
//! throughline::attributes! {
//!     struct Charge { provider: Provider => "card.provider" }
//!     enum Provider { Visa => "visa", Mastercard => "mastercard" }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let telemetry = Telemetry::disabled(); let order_id = 4711;
//! # /*
//! let telemetry = Telemetry::builder("checkout").install()?;
//! # */
//! let charge = telemetry.operation("charge card").attributes::<Charge>().build();
//!
//! charge
//!     .with(Charge { provider: Provider::Visa }) // metrics and span
//!     .span_attribute("order.id", order_id)      // the span alone
//!     .try_run(|| Ok::<_, std::io::Error>("receipt"))?;
//! # Ok(())
//! # }
//! ```

mod attributes;
#[cfg(feature = "tracing")]
mod bridge;
mod builder;
pub mod configuration;
mod delivery;
mod describe;
mod duplicates;
mod error;
mod global;
mod instruments;
mod operation;
mod pipeline;
mod resource;
mod series;
mod settings;
mod telemetry;

pub use attributes::{AttributeSet, AttributeValue};
pub use builder::TelemetryBuilder;
pub use describe::Description;
pub use error::Error;
pub use instruments::{
    Counter, CounterValue, Gauge, GaugeValue, Histogram, HistogramValue, Instrument,
    InstrumentBuilder, Series, UpDownCounter, UpDownCounterValue,
};
pub use operation::{Call, Observed, Operation, OperationBuilder, OperationGuard};
#[cfg(feature = "otlp")]
pub use settings::Otlp;
#[cfg(feature = "prometheus")]
pub use settings::Prometheus;
pub use telemetry::Telemetry;

pub use throughline_engine::{
    Aggregation, Collector, ExemplarFilter, InstrumentKind, Instruments, Observable, Observations,
    Registration, Selector, TemporalityPreference, View,
};
pub use throughline_model as model;
pub use throughline_model::{Clock, Push, Random};
#[cfg(feature = "otlp")]
pub use throughline_otlp::{Compression, Protocol, Signal, Tls};

pub use opentelemetry;
pub use opentelemetry_sdk;
pub use tracing;

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
