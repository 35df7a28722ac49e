//! Consistent probability sampling: independent decisions that agree, and counts that can be trusted.
//!
//! All who sample a trace compare the same [`Randomness`] R, 56 bits that come with the trace, with their
//! own [`Threshold`] T: the trace is sampled if R >= T. So whoever samples 10 % keeps everything that
//! someone who samples 1 % keeps. The threshold travels with what is sampled, in the `ot` entry of
//! `tracestate` ([`OtelTraceState`]), and a backend computes from it how many spans each one stands for.
//!
//! A [`ComposableSampler`] says with which threshold a span should be sampled; the [`CompositeSampler`],
//! which is what a tracer provider is given, turns that into a decision and writes `tracestate`.
//!
//! | sampler | it wants |
//! |---|---|
//! | [`ComposableAlwaysOn`], [`ComposableAlwaysOff`] | everything, nothing |
//! | [`ComposableProbability`] | a share of all traces |
//! | [`ComposableParentThreshold`] | what the parent's sampler wanted; asks another one about roots |
//! | [`ComposableRuleBased`] | what the sampler of the first matching [`Predicate`] wants |
//! | [`ComposableAnnotating`] | what another one wants, with attributes that say why |
//! | [`ComposableRateLimiting`] | what another one wants, but so many spans a second |
//!
//! ```
//! use opentelemetry::trace::{Span, Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use throughline_samplers::probability::*;
//!
//! // One trace in a hundred, no health checks; children as their parents, here and in other services.
//! let roots = ComposableRuleBased::new()
//!     .rule(Predicate::name("GET /health"), ComposableAlwaysOff)
//!     .rule(Predicate::anything(), ComposableProbability::new(0.01)?);
//! let sampler = CompositeSampler::new(ComposableParentThreshold::new(roots));
//! let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
//!
//! let span = provider.tracer("shop").start("GET /orders");
//! if span.span_context().is_sampled() {
//!     assert_eq!(span.span_context().trace_state().header(), "ot=th:fd70a");
//! }
//! # Ok::<(), throughline_samplers::Error>(())
//! ```
//!
//! # Random trace ids
//!
//! The last 56 bits of a trace id are presumed to be random unless there is an `rv`, as the specification
//! asks; the ids of `opentelemetry_sdk` are. W3C's random flag is to confirm it, but `opentelemetry` 0.33
//! gives it no way: its propagator masks every flag but `sampled` where a context comes in and where it
//! goes out, the SDK resets the flags of a span that is dropped, and a sampler cannot set any. So the flag
//! is neither looked at nor set here, and the specification's warning about its absence, which would be
//! given for every remote parent, is not. A root whose ids are not random gets its `rv` from the user, in
//! the `tracestate` of the context that it starts in; no sampler here inserts one or alters it.
//!
//! Specification: `trace/tracestate-handling.md`, `trace/tracestate-probability-sampling.md` and
//! `trace/sdk.md`, "CompositeSampler" and "Sampling Requirements".

mod annotating;
mod composable;
mod composite;
mod digits;
mod intent;
mod parent_threshold;
mod predicate;
mod randomness;
mod rate_limiting;
mod rule_based;
mod span_start;
mod threshold;
mod trace_state;

pub use annotating::ComposableAnnotating;
pub use composable::{
    ComposableAlwaysOff, ComposableAlwaysOn, ComposableProbability, ComposableSampler,
};
pub use composite::CompositeSampler;
pub(crate) use intent::Prepared;
pub use intent::{SamplingIntent, TraceStateProvider};
pub use parent_threshold::ComposableParentThreshold;
pub use predicate::Predicate;
pub use randomness::Randomness;
pub use rate_limiting::ComposableRateLimiting;
pub use rule_based::ComposableRuleBased;
pub(crate) use span_start::NO_PARENT;
pub use span_start::SpanStart;
pub use threshold::Threshold;
pub use trace_state::OtelTraceState;
pub(crate) use trace_state::is_empty;
