//! From an intent to a decision.

use std::fmt::Debug;
use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, SpanRef, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use throughline_model::{Random, SystemRandom};

use super::composable::ComposableSampler;
use super::intent::TraceStateProvider;
use super::randomness::Randomness;
use super::span_start::{NO_PARENT, SpanStart};
use super::threshold::Threshold;
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
    sampler: Arc<dyn Decide>,
    random: Arc<dyn Random>,
}

/// A [`ComposableSampler`] with what makes a decision of its intent, compiled as one: what crosses a virtual call, the
/// span's start and the intent, has to be written to memory and read back.
trait Decide: Debug + Send + Sync {
    #[expect(clippy::too_many_arguments, reason = "those of `ShouldSample`")]
    fn decide(
        &self,
        context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
        random: &dyn Random,
    ) -> SamplingResult;
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
}

impl<S: ComposableSampler> Decide for S {
    fn decide(
        &self,
        context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
        random: &dyn Random,
    ) -> SamplingResult {
        let active = context.map(Context::span);
        let parent = active.as_ref().map_or(&NO_PARENT, SpanRef::span_context);
        let mut span = SpanStart::child(parent, name);
        span.kind = kind;
        span.attributes = attributes;
        span.links = links;
        span.context = context;
        let intent = self.intent(&span);
        let sampled_with = intent.threshold().filter(|threshold| {
            threshold.keeps(if intent.adjusted_count_reliable() {
                span.randomness(trace_id)
            } else {
                Randomness::fresh(random)
            })
        });
        let th = sampled_with.filter(|_| intent.adjusted_count_reliable());
        let trace_state = if intent.trace_state.is_some() || !span.has_no_trace_state() {
            changed(span, intent.trace_state, sampled_with.is_some(), th)
        } else {
            match (th, intent.ready) {
                (None, _) => TraceState::NONE,
                (Some(_), Some(ready)) => ready.clone(),
                (Some(th), None) => only(th),
            }
        };
        let (decision, attributes) = match sampled_with {
            Some(_) => (SamplingDecision::RecordAndSample, intent.into_attributes()),
            None => (SamplingDecision::Drop, Vec::new()),
        };
        SamplingResult {
            decision,
            attributes,
            trace_state,
        }
    }
}

/// What becomes of a `tracestate` that is not empty, or that someone adds to.
fn changed(
    span: SpanStart<'_>,
    provider: Option<&dyn TraceStateProvider>,
    sampled: bool,
    th: Option<Threshold>,
) -> TraceState {
    match provider {
        Some(provider) => {
            let changed = provider.trace_state(span.trace_state(), sampled);
            span.otel_trace_state().written_to(&changed, th)
        }
        None => span.otel_trace_state().with_threshold(th),
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
        let random = &*self.random;
        self.sampler
            .decide(context, trace_id, name, kind, attributes, links, random)
    }
}

#[cfg(test)]
mod tests;
