//! The narrow waist of Throughline: what the engine hands out and what exporters read.
//!
//! The engine, the samplers and the exporters never see each other; they meet here. This crate holds
//! plain data ([`Snapshot`], [`Resource`], [`Attributes`]), the ports between the parts ([`Collect`],
//! [`Push`]), and what every part takes as an argument instead of reaching for it ([`Clock`],
//! [`Random`], [`SelfMeter`]). It must not know how anything is measured, stored or sent, and it
//! changes rarely.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use opentelemetry::{InstrumentationScope, KeyValue};
//! use throughline_model::*;
//!
//! // Anyone may build a snapshot, and any exporter can send it.
//! let start = SystemTime::UNIX_EPOCH;
//! let snapshot = Snapshot {
//!     resource: Resource::new([KeyValue::new("service.name", "checkout")]).into(),
//!     scopes: vec![ScopeMetrics {
//!         scope: InstrumentationScope::builder("shop").build(),
//!         metrics: vec![Metric {
//!             name: "orders".into(),
//!             description: "Orders placed".into(),
//!             unit: "{order}".into(),
//!             data: Data::Sum(Sum {
//!                 temporality: Temporality::Cumulative,
//!                 monotonic: true,
//!                 points: vec![NumberPoint {
//!                     attributes: Attributes::new([KeyValue::new("tier", "gold")]),
//!                     start,
//!                     time: start + Duration::from_secs(60),
//!                     value: Number::U64(7),
//!                     exemplars: vec![],
//!                 }],
//!             }),
//!         }],
//!     }],
//!     ..Snapshot::default()
//! };
//! assert_eq!(snapshot.metric("orders").map(|m| m.data.len()), Some(1));
//! ```

mod attributes;
mod clock;
mod collect;
mod exporter;
mod point;
mod push;
mod random;
mod resource;
mod self_meter;
mod snapshot;
mod trace_keeper;

pub use attributes::{Attributes, AttributesIter};
pub use clock::{Clock, SystemClock};
pub use collect::{Collect, CollectError};
pub use exporter::Exported;
pub use point::{
    Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint,
};
pub use push::{Push, PushError, PushFuture};
pub use random::{Random, SystemRandom};
pub use resource::Resource;
pub use self_meter::{Late, SelfMeter};
pub use snapshot::{
    Data, ExponentialHistogram, Gauge, Histogram, Metric, ScopeMetrics, Snapshot, Sum, Temporality,
};
pub use trace_keeper::{Fate, KeepReason, SoFar, TraceKeeper};
