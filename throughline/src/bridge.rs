//! The bridge from `tracing`: its spans become spans, its events log records.
//!
//! ```text
//! tracing ──► Layers ─┬─ to_spans   tracing-opentelemetry, without events that go elsewhere
//!                     ├─ events     events inside an operation, errors where events are log records
//!                     └─ to_logs    opentelemetry-appender-tracing (feature `logs`)
//! ```
//!
//! A process has one global subscriber for its whole life, while telemetry may be shut down and installed
//! again: so what the layers write to can be replaced ([`Outlets`]), the layers stay.
//!
//! Nothing here can feed itself: the delivery thread runs with telemetry suppressed, and where it is, the
//! layers see nothing.

mod entered;
mod events;
mod layers;
mod outlets;
mod settings;
mod subscriber;

pub(crate) use outlets::{Outlet, Outlets};
pub(crate) use settings::{Bridge, BridgeSettings};

use layers::layers;
use subscriber::{Subscription, subscribe};
