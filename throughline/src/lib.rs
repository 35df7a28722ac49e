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
//! # async fn gateway() -> Result<&'static str, std::io::Error> { Ok("receipt") }
//! # async fn checkout(order_id: i64) -> Result<(), Box<dyn std::error::Error>> {
//! let telemetry = Telemetry::builder("checkout").install()?;
//! let charge = telemetry.operation("charge card").attributes::<Charge>().build();
//!
//! let receipt = charge
//!     .with(Charge { provider: Provider::Visa }) // metrics and span
//!     .span_attribute("order.id", order_id)      // the span alone
//!     .try_wrap(gateway())
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! That is one span per charge, the histogram `charge_card.duration` whose exemplars are those spans, the
//! counter `charge_card.calls` by `outcome` and `error.type`, what is in flight as `charge_card.active`, and
//! every `tracing` event inside with the trace's id. It leaves over OTLP to `http://localhost:4318` unless
//! code or the [environment](configuration) says otherwise.
//!
//! # What to reach for
//!
//! | you have | use |
//! |---|---|
//! | something the service does | [`Telemetry::operation`]: [`run`](Call::run), [`try_run`](Call::try_run), [`wrap`](Call::wrap), [`try_wrap`](Call::try_wrap), [`start`](Call::start) |
//! | something to count or measure | [`Telemetry::counter`], [`up_down_counter`](Telemetry::up_down_counter), [`gauge`](Telemetry::gauge), [`histogram`](Telemetry::histogram); the same on an [`Operation`] |
//! | a state that lives elsewhere: a pool, a cache | [`Telemetry::register`] with a [`Collector`] |
//! | attributes with few values | [`attributes!`]: they reach metrics and spans |
//! | attributes with many values: ids, users | [`Call::span_attribute`]: the span alone |
//! | a server or a client of HTTP or gRPC | [`tower::ServerLayer`], [`tower::ClientLayer`] |
//! | code that uses `tracing` or the `opentelemetry` API | nothing: [`install`](TelemetryBuilder::install) brings it along |
//! | a subscriber of your own | [`Telemetry::layer`] |
//!
//! # Starting and stopping
//!
//! [`install`](TelemetryBuilder::install) builds telemetry and makes it the process': the global meter and
//! tracer providers, the propagator, and the `tracing` subscriber where none is set. It fails where a setting
//! cannot be used, and leaves nothing behind then. Install first: instruments and tracers that somebody took
//! from `opentelemetry::global` before stay no-ops.
//!
//! Keep the [`Telemetry`] handle. When the last clone is dropped, or [`shutdown`](Telemetry::shutdown) is
//! called, what was recorded is delivered, within a time limit, whatever the collector does and from whatever
//! runtime it is called.
//!
//! One thread per telemetry delivers everything. Recording never waits for it: queues are bounded, what finds
//! no room is counted by its cause under `otel.sdk.*`, and a warning says once when a signal does not get
//! through. Nothing in here panics in your process.
//!
//! [`Telemetry::describe`] prints the effective configuration, without secrets.
//!
//! # One version of `opentelemetry`
//!
//! Two versions of `opentelemetry` in one program do not see each other: what is recorded through the other
//! one vanishes. This crate re-exports those that it is built with ([`opentelemetry`], [`opentelemetry_sdk`],
//! [`tracing`]); use them, and `install()` warns where it finds a second version in the program.
//!
//! # Features
//!
//! All but `axum` are on by default, and all only add.
//!
//! | feature | adds |
//! |---|---|
//! | `otlp` | the push of all three signals to a collector |
//! | `prometheus` | `/metrics` for Prometheus, beside the push |
//! | `tracing` | spans of `tracing` |
//! | `logs` | events of `tracing` as log records with trace and span id |
//! | `tower` | [layers](tower) for servers and clients of HTTP and gRPC |
//! | `axum` | the routes of axum, in the `tower` layer of a server |

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
mod sampler;
mod series;
mod settings;
mod telemetry;
#[cfg(feature = "tower")]
pub mod tower;

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
    Outliers, Registration, Selector, TemporalityPreference, View,
};
pub use throughline_model as model;
pub use throughline_model::{Clock, Push, Random};
#[cfg(feature = "otlp")]
pub use throughline_otlp::{Compression, Protocol, Signal, Tls};
pub use throughline_samplers as samplers;
pub use throughline_samplers::{
    AdaptiveSampler, AdaptiveSettings, Pattern, PriorityRules, PrioritySampler, Retention,
    RetentionBuffer, Rule, Slow,
};

pub use opentelemetry;
pub use opentelemetry_sdk;
pub use tracing;

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
