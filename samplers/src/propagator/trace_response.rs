//! The way up.

use std::fmt;
use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

use super::ids::Ids;
use crate::Error;

/// What a callee says about its part of a trace. The [module](super) describes the format and where it stands.
///
/// # Example
///
/// ```
/// use throughline_samplers::propagator::TraceResponse;
///
/// let answer: TraceResponse = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// assert!(answer.is_kept());
/// assert_eq!(answer.span_id().to_string(), "00f067aa0ba902b7");
/// assert_eq!(answer.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceResponse(Ids);

impl TraceResponse {
    /// The name of the header, of the trailer and of the gRPC metadata.
    ///
    /// ```
    /// assert_eq!(throughline_samplers::propagator::TraceResponse::HEADER, "traceresponse");
    /// ```
    pub const HEADER: &'static str = "traceresponse";

    /// The answer of this span, and whether its part of the trace is kept. `None` if the span is not valid.
    ///
    /// ```
    /// use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    /// use throughline_samplers::propagator::TraceResponse;
    ///
    /// let (trace, span) = (TraceId::from(1), SpanId::from(2));
    /// let span = SpanContext::new(trace, span, TraceFlags::default(), false, TraceState::NONE);
    /// let answer = TraceResponse::new(&span, true).unwrap();
    /// assert_eq!(answer.to_string(), "00-00000000000000000000000000000001-0000000000000002-01");
    /// assert_eq!(TraceResponse::new(&SpanContext::NONE, true), None);
    /// ```
    pub fn new(span: &SpanContext, kept: bool) -> Option<Self> {
        let flags = span.trace_flags().with_sampled(kept);
        let (trace, id) = (span.trace_id(), span.span_id());
        span.is_valid().then_some(Self(Ids {
            trace,
            span: id,
            flags,
        }))
    }

    /// The trace. It counts only where it is the one that was called with.
    ///
    /// ```
    /// # use throughline_samplers::propagator::TraceResponse;
    /// let answer: TraceResponse = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse()?;
    /// assert_eq!(answer.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn trace_id(&self) -> TraceId {
        self.0.trace
    }

    /// The callee's span.
    ///
    /// ```
    /// # use throughline_samplers::propagator::TraceResponse;
    /// let answer: TraceResponse = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse()?;
    /// assert_eq!(answer.span_id().to_string(), "00f067aa0ba902b7");
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn span_id(&self) -> SpanId {
        self.0.span
    }

    /// Whether the callee keeps its part.
    ///
    /// ```
    /// # use throughline_samplers::propagator::TraceResponse;
    /// let answer: TraceResponse = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse()?;
    /// assert!(!answer.is_kept());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn is_kept(&self) -> bool {
        self.0.flags & TraceFlags::SAMPLED == TraceFlags::SAMPLED
    }
}

impl fmt::Display for TraceResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TraceResponse {
    type Err = Error;

    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is not of the form that the [module](super) shows.
    fn from_str(header: &str) -> Result<Self, Error> {
        let ids = Ids::parse(header.trim_matches([' ', '\t']));
        ids.map(Self).ok_or_else(|| Error::Setting {
            field: Self::HEADER,
            value: header.chars().take(80).collect(),
            expected: "00-<32 hexadecimal digits>-<16>-<2>, lower-case, no id all zeros".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceState;

    use super::*;

    fn span(flags: u8) -> SpanContext {
        let (trace, span) = (TraceId::from(0xabc), SpanId::from(0xdef));
        SpanContext::new(trace, span, TraceFlags::new(flags), false, TraceState::NONE)
    }

    #[test]
    fn what_is_written_is_read() {
        for kept in [false, true] {
            for flags in 0..=3 {
                let answer = TraceResponse::new(&span(flags), kept).unwrap();
                let read: TraceResponse = answer.to_string().parse().unwrap();
                assert_eq!(read, answer);
                assert_eq!(read.is_kept(), kept);
                assert_eq!(read.trace_id(), TraceId::from(0xabc));
                assert_eq!(read.span_id(), SpanId::from(0xdef));
            }
        }
    }

    #[test]
    fn a_bad_answer_is_named_and_not_repeated_at_length() {
        let error = "é".repeat(1 << 20).parse::<TraceResponse>().unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("traceresponse is éé"), "{said}");
        assert!(said.len() < 300, "{said}");
    }
}
