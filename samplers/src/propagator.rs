//! How a trace travels: W3C Trace Context with what sampling needs, and the answer that comes back.
//!
//! ```text
//!            traceparent, tracestate ─►
//!   caller ─────────────────────────────── callee     a keep decided before the call travels down
//!            ◄─ traceresponse                          a keep decided by the answer travels up
//! ```
//!
//! # The way down
//!
//! [`TraceContextPropagator`] writes and reads `traceparent` and `tracestate`. Other than `opentelemetry_sdk`'s, it
//!
//! - keeps the random flag, which says that the last 56 bits of the trace id are random;
//! - never forwards a `th` that does not agree with the sampled flag: a trace that is not sampled carries none;
//! - keeps local what is local: the thresholds that [`LOCAL_KEY`] pins for this process neither leave nor come in;
//! - says that a trace is sampled that is kept for another reason: an outlier, a wish. Its head threshold did not
//!   choose it, so no `th` goes with it and what the callee records is not counted for other traces;
//! - reads what W3C calls well-formed, over several headers too, and drops the rest.
//!
//! # The way up
//!
//! [`TraceResponse`] is the answer: the header `traceresponse` of the W3C draft "Trace Context, Level 3".
//!
//! ```text
//! traceresponse: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//!                └┬┘└───────────────┬───────────────┘└───────┬───────┘└┬┘
//!              version          trace id          the callee's span  flags
//! ```
//!
//! | flag | means |
//! |---|---|
//! | `01` | the callee keeps its part of the trace: the head sampled it, or retention has decided to keep it |
//! | `02` | the last 56 bits of the trace id are random, as in `traceparent` |
//!
//! | over | it stands | and says |
//! |---|---|---|
//! | HTTP | in the response's header | what is known when the head leaves. A body that is there at once was made already, so this is the last word |
//! | HTTP | in the trailers, of a streamed body whose request said `te: trailers` | the last word |
//! | gRPC | in the trailing metadata | the last word |
//!
//! Where it stands in both places the trailer counts: a keep is never taken back. The caller goes by the flag only
//! where the trace id is its own, since anybody may answer anything, and then asks its own buffer to keep its part
//! because of a [neighbour](throughline_model::KeepReason::Neighbour). Its own answer says so in turn, and so on up.
//! One that does not know the header ignores it, and nothing else depends on it.
//!
//! ```
//! use std::collections::HashMap;
//! use opentelemetry::Context;
//! use opentelemetry::propagation::TextMapPropagator;
//! use opentelemetry::trace::TraceContextExt;
//! use throughline_samplers::propagator::{TraceContextPropagator, TraceResponse};
//!
//! let sent = HashMap::from([
//!     ("traceparent".to_owned(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03".to_owned()),
//!     ("tracestate".to_owned(), "ot=th:fd70a,vendor=1".to_owned()),
//! ]);
//! let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &sent);
//! assert!(caller.span().span_context().is_sampled());
//!
//! let answer = "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01".parse::<TraceResponse>()?;
//! assert!(answer.is_kept() && answer.trace_id() == caller.span().span_context().trace_id());
//! # Ok::<(), throughline_samplers::Error>(())
//! ```

mod ids;
mod list;
mod trace_context;
mod trace_response;

pub use trace_context::{LOCAL_KEY, TraceContextPropagator};
pub use trace_response::TraceResponse;
