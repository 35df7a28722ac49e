//! Consistent probability sampling: independent decisions that agree, and counts that can be trusted.
//!
//! All who sample a trace compare the same [`Randomness`] R, 56 bits that come with the trace, with their
//! own [`Threshold`] T: the trace is sampled if R >= T. So whoever samples 10 % keeps everything that
//! someone who samples 1 % keeps. The threshold travels with what is sampled, in the `ot` entry of
//! `tracestate` ([`OtelTraceState`]), and a backend computes from it how many spans each one stands for.
//!
//! Specification: `trace/tracestate-handling.md` and `trace/tracestate-probability-sampling.md`.

mod digits;
mod randomness;
mod threshold;
mod trace_state;

pub use randomness::Randomness;
pub use threshold::Threshold;
pub use trace_state::OtelTraceState;
