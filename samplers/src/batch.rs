//! A bounded queue whose items leave in batches, for any kind of item.
//!
//! ```text
//!  any thread            ┌──────────── Batcher (synchronous, time injected) ───────────┐
//!  Queue::push ────────▶ │ open batch ──full──▶ full batches ──▶ one batch in flight   │
//!                        └──────────────────────────▲──────────────────────────────────┘
//!                                                   │ what is next?    ▲ outcome
//!  delivery runtime                              Worker::run ───────▶ Export
//! ```
//!
//! A push takes a lock for as long as it takes to append to a vector; it never waits for an exporter,
//! and wakes the worker only when the queue was empty or a batch became full. One batch is in flight
//! at a time. Every item that was offered ends up in exactly one of [`Counts`]' fields.
//!
//! The worker needs a tokio runtime with time enabled, and no other help from it: it uses timers and
//! wake-ups alone. It polls the exporter with telemetry suppressed, so that a client that is itself
//! instrumented does not report about reporting, and a panic of the exporter fails its batch alone.

mod batcher;
mod counts;
mod export;
mod queue;
mod settings;
mod worker;

pub(crate) use batcher::Waiter;
pub use counts::{Counts, DropCause};
pub use export::{Export, Failure};
pub use queue::{Items, Queue, queue};
pub(crate) use queue::{Shared, wait_async};
pub use settings::BatchSettings;
pub use worker::Worker;
