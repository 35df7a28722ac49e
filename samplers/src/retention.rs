//! Retention: a trace is kept because of how it ended.
//!
//! A head sampler decides when a trace starts, and so cannot know which ones matter. Here whatever it does not choose
//! is recorded into a bounded buffer, and decided when its local root has ended: kept for an error, for being slow,
//! for an outlier that a histogram measured in it, for a rule, or because someone asked.
//!
//! ```text
//!  RetainingSampler         RetentionBuffer                     SpanQueue
//!  R >= T_head  sampled  ─┐
//!  R >= T_out   recorded ─┴► parts, by trace and local root ─► kept, in time order ─► batches ─► exporter
//!  R <  T_out   dropped      wait until none is open              │                      │
//!                            pressure: lowest R goes first        │ else unselected      │ acknowledged?
//!                                      and T_out rises            ▼                      ▼
//!                                                              counted          fate: Delivered or Lost
//! ```
//!
//! # Counts stay right
//!
//! Both thresholds are compared with the trace's own randomness R, which nothing that is measured depends on. What a
//! policy adds leaves with `th` = T_out, or what memory made of it meanwhile, or the policy's own share: the lowest
//! threshold that would have chosen it, and never lower than what it was subject to. The rest of the head sample
//! leaves with T_head. What is kept on request alone carries no `th`, since nobody can tell how many it stands for.
//!
//! # What is promised about a span
//!
//! [`TraceKeeper::fate`](throughline_model::TraceKeeper::fate) says `Delivered` only of a span whose batch was
//! acknowledged. Of a trace it is remembered which spans were handed on, but what became of them only together: where
//! any is lost then, all of them count as lost, also what arrived. So an exemplar may be withdrawn in vain, but none
//! points at nothing.
//!
//! # On the way of a span
//!
//! `on_end` runs under the span's own mutex, so nothing here emits a `tracing` event, runs anyone else's code or calls
//! anything on a span but `span_context()`. A span that starts or ends locks one of 32 shards for a search in a small
//! table and one move. Nearly every part is one that no policy finds anything in; that is known from its spans as they
//! end, and the thread that ends the last one drops it, while it is in its caches and where its memory came from. All
//! else is decided, rewritten and dropped on the delivery thread. Only where memory runs out faster than that thread can
//! look does a thread that ends a span evict others'.
//!
//! What this takes beyond what `opentelemetry_sdk` takes to record a span: `cargo xtask bench --case retention/`.

mod attendant;
mod buffer;
mod control;
mod core;
mod counts;
mod decider;
mod findings;
mod finished;
mod level;
#[cfg(all(test, loom))]
mod models;
mod part;
mod pinned;
mod policies;
mod reasons;
mod remembered;
mod rolling;
mod room;
mod sampler;
mod self_observed;
mod settings;
mod shard;
mod sync;
mod verdict;

pub(crate) use attendant::Attendant;
pub use buffer::RetentionBuffer;
pub use counts::{PartCounts, RetentionCounts};
pub use sampler::RetainingSampler;
pub use settings::{Retention, Slow};

/// Randomness and thresholds are less than this.
const RANGE: u64 = 1 << 56;
