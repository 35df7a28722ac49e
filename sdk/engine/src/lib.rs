//! The metrics engine of Throughline: an `opentelemetry` [`MeterProvider`] with exemplars, views and
//! thread-owned cells.
//!
//! Code that is written against `opentelemetry::metrics` runs on it unchanged. Measurements go into cells that
//! one thread alone writes; a [`Reader`] sums them up into a [`Snapshot`](throughline_model::Snapshot), which
//! exporters read. The engine knows the model and the cells; it must not know how anything is sent.
//!
//! ```
//! use std::time::Duration;
//! use opentelemetry::{KeyValue, metrics::MeterProvider as _};
//! use throughline_engine::{MeterProvider, Reader};
//! use throughline_model::Collect;
//!
//! let reader = Reader::default();
//! let provider = MeterProvider::builder().reader(reader.clone()).build()?;
//! let orders = provider.meter("shop").u64_counter("orders").build();
//! orders.add(2, &[KeyValue::new("tier", "gold")]);
//!
//! let snapshot = reader.collect(Duration::from_secs(1))?;
//! println!("{:?}", snapshot.metric("orders"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod aggregation;
mod collect;
mod collector;
mod error;
mod exemplar;
mod fan;
mod guard;
mod kind;
mod lookup;
mod meter;
mod number;
mod observed;
mod outliers;
mod pairs;
mod parts;
mod pipeline;
mod producer;
mod provider;
mod reader;
mod registry;
mod rolling;
mod row;
mod select;
mod self_telemetry;
mod series;
mod shared_pairs;
mod stream;
mod table;
mod temporality;
mod timestamp;
mod validate;
mod view;
mod warning;
mod watch;

pub use aggregation::Aggregation;
pub use collector::{
    Collector, Instruments, Observable, ObservableNumber, Observations, Registration,
};
pub use error::Error;
pub use exemplar::{ExemplarFilter, ExemplarReservoir, Measurement};
pub use kind::InstrumentKind;
pub use outliers::Outliers;
pub use provider::{MeterProvider, MeterProviderBuilder};
pub use reader::{Reader, ReaderBuilder};
pub use select::Selector;
pub use temporality::TemporalityPreference;
pub use view::View;
