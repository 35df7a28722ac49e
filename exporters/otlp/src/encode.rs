//! From the waist's data to OTLP's messages.
//!
//! Metrics are written here, straight to bytes. `opentelemetry-proto` has a mapping too, but from `opentelemetry_sdk`'s
//! `ResourceMetrics`, which cannot be built from outside, and it turns a `u64` above `i64::MAX` into 0; its messages
//! are what the tests read back.
//!
//! Spans use that crate's own mapping (`transform::trace`), which was read against `trace.proto`: the flags
//! carry the trace flags with both remote-parent bits, for links too; trace state, dropped counts, events,
//! links, status and the schema URLs are kept; spans are grouped by scope. A test here holds it to that.

mod metrics;
mod shared;
mod spans;
mod split;
mod wire;

pub(crate) use spans::{ProtoResource, requests};
pub(crate) use split::{Limits, Part, parts};
