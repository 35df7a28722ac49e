//! The way down.

use std::sync::{Arc, LazyLock};

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState};
use throughline_model::TraceKeeper;

use super::ids::{Ids, RANDOM};
use super::list;
use crate::probability::{OtelTraceState, Threshold};

/// The entry of `tracestate` that pins thresholds within this process. It never crosses its border.
pub const LOCAL_KEY: &str = "tl";

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// W3C Trace Context: `traceparent` and `tracestate`, in and out. The [module](super) says what it does that
/// `opentelemetry_sdk`'s of the same name does not.
///
/// `tracestate` is written even where it is empty, as the SDK does: an injector cannot remove, and whoever forwards
/// the headers of a request would else forward the `tracestate` of another span.
///
/// # Example
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};
/// use throughline_samplers::propagator::TraceContextPropagator;
///
/// let (trace, span) = (TraceId::from(1), SpanId::from(2));
/// // A threshold that a sampler forgot on a span that it dropped, and what this process pinned for itself.
/// let state = "ot=th:8;rv:6e6d1a75832a2f,tl=o:0,vendor=1".parse().unwrap();
/// let dropped = SpanContext::new(trace, span, TraceFlags::default(), false, state);
///
/// let mut headers = HashMap::new();
/// let context = Context::new().with_remote_span_context(dropped);
/// TraceContextPropagator::new().inject_context(&context, &mut headers);
/// assert_eq!(headers["tracestate"], "ot=rv:6e6d1a75832a2f,vendor=1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct TraceContextPropagator {
    keeper: Option<Arc<dyn TraceKeeper>>,
    random_ids: bool,
}

impl TraceContextPropagator {
    /// A propagator that knows nothing of retention.
    ///
    /// ```
    /// use opentelemetry::propagation::TextMapPropagator;
    /// use throughline_samplers::propagator::TraceContextPropagator;
    ///
    /// let propagator = TraceContextPropagator::new();
    /// assert_eq!(propagator.fields().collect::<Vec<_>>(), ["traceparent", "tracestate"]);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks here, when a context leaves that is not sampled, whether its trace is kept all the same: it then leaves
    /// as sampled, without `th`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use throughline_model::TraceKeeper;
    /// use throughline_samplers::propagator::TraceContextPropagator;
    ///
    /// fn propagator(keeper: Arc<dyn TraceKeeper>) -> TraceContextPropagator {
    ///     TraceContextPropagator::new().with_keeper(keeper)
    /// }
    /// ```
    #[must_use]
    pub fn with_keeper(mut self, keeper: Arc<dyn TraceKeeper>) -> Self {
        self.keeper = Some(keeper);
        self
    }

    /// Says that the trace ids made in this process are random in their last 56 bits, as those of
    /// `opentelemetry_sdk`'s `RandomIdGenerator` are. Traces that begin here then leave with the random flag.
    /// Default: they leave without; a flag that came with a trace goes on in either case.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use opentelemetry::Context;
    /// use opentelemetry::propagation::TextMapPropagator;
    /// use opentelemetry::trace::{Tracer, TracerProvider, TraceContextExt};
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    /// use throughline_samplers::propagator::TraceContextPropagator;
    ///
    /// let span = SdkTracerProvider::builder().build().tracer("shop").start("checkout");
    /// let mut headers = HashMap::new();
    /// TraceContextPropagator::new()
    ///     .with_random_ids()
    ///     .inject_context(&Context::new().with_span(span), &mut headers);
    /// assert!(headers["traceparent"].ends_with("-03")); // sampled and random
    /// ```
    #[must_use]
    pub fn with_random_ids(mut self) -> Self {
        self.random_ids = true;
        self
    }

    fn flags(&self, context: &Context, span: &SpanContext) -> TraceFlags {
        // The SDK forgets the flags of a trace whose span it drops; the context remembers what came in.
        let came = context
            .get::<CameIn>()
            .filter(|came| came.trace == span.trace_id());
        let random = match came {
            Some(came) => came.random,
            None => self.random_ids && !span.is_remote(),
        };
        let kept = || {
            let keeper = self.keeper.as_ref();
            keeper.is_some_and(|keeper| keeper.is_kept(span.trace_id()))
        };
        let random = random || span.trace_flags() & RANDOM == RANDOM;
        let flags = TraceFlags::default().with_sampled(span.is_sampled() || kept());
        if random { flags | RANDOM } else { flags }
    }
}

impl TextMapPropagator for TraceContextPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() {
            return;
        }
        let ids = Ids {
            trace: span.trace_id(),
            span: span.span_id(),
            flags: self.flags(context, span),
        };
        injector.set(TRACEPARENT, ids.to_string());
        injector.set(TRACESTATE, outgoing(span).header());
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let Some((ids, state)) = incoming(extractor) else {
            return context.clone();
        };
        let came = CameIn {
            trace: ids.trace,
            random: ids.flags & RANDOM == RANDOM,
        };
        let remote = SpanContext::new(ids.trace, ids.span, ids.flags, true, state);
        context.with_value(came).with_remote_span_context(remote)
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 2]> =
            LazyLock::new(|| [TRACEPARENT.to_owned(), TRACESTATE.to_owned()]);
        FieldIter::new(FIELDS.as_slice())
    }
}

/// How a trace came into this process. It stays in the context when the remote span no longer does.
#[derive(Debug)]
struct CameIn {
    trace: TraceId,
    random: bool,
}

/// What came, unless `traceparent` is missing, malformed or there twice.
fn incoming(extractor: &dyn Extractor) -> Option<(Ids, TraceState)> {
    let ids = match extractor.get_all(TRACEPARENT)?.as_slice() {
        [one] => Ids::parse(one.trim_matches([' ', '\t']))?,
        _ => return None,
    };
    let state = list::parse(extractor.get_all(TRACESTATE).unwrap_or_default());
    Some((ids, without_local(state)))
}

/// What leaves with a span: nothing that is local, and no `th` but one that chose it.
fn outgoing(span: &SpanContext) -> TraceState {
    let state = span.trace_state();
    let ot = OtelTraceState::of(state);
    let chose = |th: Threshold| span.is_sampled() && th.keeps(ot.randomness_of(span.trace_id()));
    without_local(match ot.threshold() {
        Some(th) if !chose(th) => ot.with_threshold(None),
        _ => state.clone(),
    })
}

fn without_local(state: TraceState) -> TraceState {
    match state.get(LOCAL_KEY) {
        Some(_) => state.delete(LOCAL_KEY).unwrap_or(TraceState::NONE),
        None => state,
    }
}

#[cfg(test)]
mod tests;
