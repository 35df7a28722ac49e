//! Which spans are sampled, and how they leave: consistent probability, the bounded queue, the batches
//! and the outcome of each.
//!
//! [`probability`] holds the samplers. Their decisions agree from one service to the next, and every
//! sampled span says how many it stands for. [`PrioritySampler`] is one of them, set by rules in order.
//!
//! `opentelemetry_sdk`'s `BatchSpanProcessor` drops on a full queue without a count and exports
//! RecordOnly spans. [`SpanQueue`] takes its place: only sampled spans pass, the queue is bounded in
//! count and bytes, every loss is counted by cause, and the outcome of each batch is known. Its other
//! end, [`SpanWorker`], runs wherever exporters run, generic over `opentelemetry_sdk`'s
//! `SpanExporter`. [`batch`] is the same for any other item; log records use it.
//!
//! [`Retention`] puts a bounded buffer before that queue, and keeps a trace because of how it ended: with an
//! error, slow, with an outlier, by a rule, or because someone asked.
//!
//! This crate knows `opentelemetry_sdk`'s spans and the ports of `throughline-model`. It must not know
//! how spans are sent, nor where its own numbers go.
//!
//! ```
//! use std::time::Duration;
//! use opentelemetry::trace::{Span, Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use throughline_model::SelfMeter;
//! use throughline_samplers::{SpanQueue, batch::BatchSettings};
//! # use throughline_testkit::CollectingSpanExporter;
//! # let exporter = CollectingSpanExporter::new();
//!
//! let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new())?;
//! # let delivered = exporter.clone();
//! // A thread of its own with a current-thread runtime: nothing depends on the caller's.
//! let delivery = std::thread::spawn(move || {
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//!     runtime.block_on(worker.run(exporter));
//! });
//!
//! let provider = SdkTracerProvider::builder().with_span_processor(queue.clone()).build();
//! provider.tracer("shop").start("checkout").end();
//!
//! queue.shutdown(Duration::from_secs(5))?;
//! assert_eq!(queue.counts().delivered, 1);
//! # assert_eq!(delivered.spans().len(), 1);
//! # delivery.join().unwrap();
//! # Ok::<(), throughline_samplers::Error>(())
//! ```

pub mod adaptive;
pub mod batch;
mod error;
mod handle;
mod policies;
pub mod priority;
pub mod probability;
pub mod propagator;
mod retention;
mod self_observed;
mod settings_file;
mod span_queue;
mod span_starts;
mod span_weight;

pub use adaptive::{
    AdaptiveBuilder, AdaptiveSampler, AdaptiveSettings, AdaptiveState, CpuLoad, LoadSignal,
    OperationState,
};
pub use error::Error;
pub use policies::Policies;
pub use priority::{Pattern, Patterns, PriorityRules, PrioritySampler, Rule, RuleCount};
pub use retention::{
    PartCounts, RetainingSampler, Retention, RetentionBuffer, RetentionCounts, Slow,
};
pub use span_queue::{SpanQueue, SpanWorker};
pub use span_starts::CountedSampler;
