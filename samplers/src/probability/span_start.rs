//! What a sampler knows.

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};

use super::randomness::Randomness;
use super::trace_state::{OtelTraceState, is_empty};

/// What is known of a span when it starts, for a [`ComposableSampler`](super::ComposableSampler) to go by.
///
/// All that `ShouldSample` is given but the trace id of a root, so that no one makes a threshold depend on
/// what it is compared with. The parent and its `ot` entry are looked up once.
///
/// Specification: `trace/sdk.md`, "GetSamplingIntent".
///
/// # Example
///
/// ```
/// use opentelemetry::trace::SpanKind;
/// use throughline_samplers::probability::SpanStart;
///
/// let mut span = SpanStart::root("GET /orders");
/// span.kind = &SpanKind::Server;
/// assert!(span.parent().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SpanStart<'a> {
    /// The name it starts with.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'a SpanKind,
    /// The attributes it starts with. Should a key occur twice, the last one counts.
    pub attributes: &'a [KeyValue],
    /// Its links.
    pub links: &'a [Link],
    /// The context it starts in, for what else it may carry, such as baggage.
    pub context: Option<&'a Context>,
    /// Invalid for a root; even then its `tracestate` may have something to say.
    parent: &'a SpanContext,
    /// Of the parent's `tracestate`; `None` where that is empty, as most roots' is.
    ot: Option<OtelTraceState<'a>>,
}

/// What a context without span holds.
pub(crate) static NO_PARENT: SpanContext = SpanContext::NONE;

impl<'a> SpanStart<'a> {
    /// A span without parent, of kind internal, with neither attributes nor links.
    ///
    /// ```
    /// use throughline_samplers::probability::SpanStart;
    ///
    /// assert_eq!(SpanStart::root("job").name, "job");
    /// ```
    pub fn root(name: &'a str) -> Self {
        Self::child(&NO_PARENT, name)
    }

    /// The same with a parent, local or remote. One that is not valid makes a root, whose `tracestate` is
    /// read all the same: that is how a user gives a new trace its `rv`.
    ///
    /// ```
    /// use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    /// use throughline_samplers::probability::SpanStart;
    ///
    /// let (trace, span) = (TraceId::from(1), SpanId::from(2));
    /// let parent = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
    /// assert!(SpanStart::child(&parent, "job").parent().is_some_and(SpanContext::is_remote));
    /// assert!(SpanStart::child(&SpanContext::NONE, "job").parent().is_none());
    /// ```
    #[inline]
    pub fn child(parent: &'a SpanContext, name: &'a str) -> Self {
        let state = parent.trace_state();
        Self {
            name,
            kind: &SpanKind::Internal,
            attributes: &[],
            links: &[],
            context: None,
            parent,
            ot: (!is_empty(state)).then(|| OtelTraceState::of(state)),
        }
    }

    /// The parent, unless the span is a root.
    ///
    /// ```
    /// use throughline_samplers::probability::SpanStart;
    ///
    /// assert_eq!(SpanStart::root("job").parent(), None);
    /// ```
    #[inline]
    pub fn parent(&self) -> Option<&'a SpanContext> {
        self.parent.is_valid().then_some(self.parent)
    }

    /// What the incoming `tracestate` says about sampling.
    ///
    /// ```
    /// use throughline_samplers::probability::SpanStart;
    ///
    /// assert_eq!(SpanStart::root("job").otel_trace_state().threshold(), None);
    /// ```
    #[inline]
    pub fn otel_trace_state(&self) -> OtelTraceState<'a> {
        let empty = || OtelTraceState::of(NO_PARENT.trace_state());
        self.ot.unwrap_or_else(empty)
    }

    /// The incoming `tracestate`.
    pub(super) fn trace_state(&self) -> &'a TraceState {
        self.parent.trace_state()
    }

    /// Whether the incoming `tracestate` is empty.
    #[inline]
    pub(super) fn has_no_trace_state(&self) -> bool {
        self.ot.is_none()
    }

    /// The randomness of this trace, which is the span's: the incoming `rv`, else the last 56 bits of the id.
    #[inline]
    pub(super) fn randomness(&self, trace: TraceId) -> Randomness {
        match &self.ot {
            Some(ot) => ot.randomness_of(trace),
            None => Randomness::from_trace_id(trace),
        }
    }
}
