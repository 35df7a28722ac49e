//! From an intent to a decision.

use std::sync::Arc;

use opentelemetry::trace::{
    Link, SpanContext, SpanKind, SpanRef, TraceContextExt, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use throughline_model::{Random, SystemRandom};

use super::composable::ComposableSampler;
use super::randomness::Randomness;
use super::span_start::{NO_PARENT, SpanStart};
use super::trace_state::only;

/// Turns what a [`ComposableSampler`] wants into a decision, and writes it into `tracestate`.
///
/// 1. No threshold: the span is dropped.
/// 2. A reliable threshold is compared with the trace's randomness R: its `rv`, else the last 56 bits of
///    the trace id. The span is sampled if R is at least the threshold.
/// 3. One that is not reliable is compared with randomness drawn for this span alone, which is told no one.
/// 4. A span that is sampled by a reliable threshold carries it as `th`, so that a backend knows how many
///    spans it stands for.
/// 5. Any other span carries no `th`: neither one that is sampled for a reason that cannot be counted, nor
///    one that is dropped and whose parent had one.
///
/// What else there is in `tracestate` is handed on, `rv` above all. No span is recorded only.
///
/// A decision costs nothing but the sampler's work and the `tracestate` that the SDK wants to own: a span
/// that is dropped and whose parent has no `tracestate` allocates nothing.
///
/// Specification: `trace/sdk.md`, "CompositeSampler".
///
/// # Example
///
/// ```
/// use opentelemetry::trace::{Span, Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_samplers::probability::*;
///
/// let quarter = ComposableParentThreshold::new(ComposableProbability::new(0.25)?);
/// let provider = SdkTracerProvider::builder().with_sampler(CompositeSampler::new(quarter)).build();
///
/// let span = provider.tracer("shop").start("checkout");
/// let context = span.span_context();
/// let th = OtelTraceState::of(context.trace_state()).threshold();
/// assert_eq!(th, context.is_sampled().then_some("c".parse()?));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CompositeSampler {
    sampler: Arc<dyn ComposableSampler>,
    random: Arc<dyn Random>,
}

impl CompositeSampler {
    /// Decides as this sampler wants.
    ///
    /// ```
    /// use throughline_samplers::probability::{ComposableAlwaysOn, CompositeSampler};
    ///
    /// let sampler = CompositeSampler::new(ComposableAlwaysOn::new());
    /// ```
    pub fn new(sampler: impl ComposableSampler + 'static) -> Self {
        Self {
            sampler: Arc::new(sampler),
            random: Arc::new(SystemRandom),
        }
    }

    /// Draws the randomness of rule 3 from here; [`SystemRandom`] otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use throughline_samplers::probability::{ComposableAlwaysOn, CompositeSampler};
    /// use throughline_testkit::SeededRandom;
    ///
    /// let sampler = CompositeSampler::new(ComposableAlwaysOn::new())
    ///     .with_random(Arc::new(SeededRandom::new(1)));
    /// ```
    #[must_use]
    pub fn with_random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    fn decide(&self, span: &SpanStart<'_>, parent: &SpanContext, trace: TraceId) -> SamplingResult {
        let intent = self.sampler.intent(span);
        let reliable = intent.adjusted_count_reliable();
        let sampled_with = intent.threshold().filter(|threshold| {
            threshold.keeps(if reliable {
                span.randomness(trace)
            } else {
                Randomness::fresh(&*self.random)
            })
        });
        let is_dropped = sampled_with.is_none();
        if is_dropped && intent.trace_state.is_none() && span.has_no_trace_state() {
            return SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: TraceState::NONE,
            };
        }
        let th = sampled_with.filter(|_| reliable);
        let trace_state = if let Some(provider) = intent.trace_state {
            let changed = provider.trace_state(parent.trace_state(), !is_dropped);
            span.otel_trace_state().written_to(&changed, th)
        } else if !span.has_no_trace_state() {
            span.otel_trace_state().with_threshold(th)
        } else {
            match (intent.ready, th) {
                (Some(ready), Some(_)) => ready.clone(),
                (None, Some(th)) => only(th),
                (_, None) => TraceState::NONE,
            }
        };
        let (decision, attributes) = if is_dropped {
            (SamplingDecision::Drop, Vec::new())
        } else {
            (SamplingDecision::RecordAndSample, intent.attributes())
        };
        SamplingResult {
            decision,
            attributes,
            trace_state,
        }
    }
}

impl ShouldSample for CompositeSampler {
    fn should_sample(
        &self,
        context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let active = context.map(Context::span);
        let parent = active.as_ref().map_or(&NO_PARENT, SpanRef::span_context);
        let mut span = SpanStart::child(parent, name);
        span.kind = kind;
        span.attributes = attributes;
        span.links = links;
        span.context = context;
        self.decide(&span, parent, trace_id)
    }
}

#[cfg(test)]
mod tests;
