//! Records what the head sampler did not choose.

use std::sync::Arc;

use opentelemetry::trace::{
    Link, SpanContext, SpanKind, SpanRef, TraceContextExt, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use throughline_model::KeepReason;

use super::RANGE;
use super::core::Core;
use super::pinned::{outlier_threshold, pinned};
use crate::probability::{NO_PARENT, OtelTraceState, SpanStart, is_empty};

/// A sampler that asks another one about local roots, and has recorded what that one does not choose.
///
/// ```text
/// R:  0 ──────────────── T_out ─────────────────── T_head ────────── 2^56
///          dropped               recorded only            sampled
///                                 (may be kept)
/// ```
///
/// Both thresholds hold for the whole part: a child whose parent is in this process does as its local root did,
/// whatever the memory's state is by then and whether its parent has ended or not. T_out is the current
/// [level](super::RetentionBuffer::probability) of the buffer that this sampler comes from.
///
/// What a rule, or `sampling.keep`, says by what a span starts with is known from then on: a call that it makes and
/// the answer that it gives can tell. See [`Retention::rule`](super::Retention::rule).
///
/// It works with any head sampler. Only one whose sampling is consistent, as everything in
/// [`probability`](crate::probability) is, gives counts that can be trusted.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{Retention, batch::BatchSettings, probability::*};
///
/// let (buffer, worker) = Retention::new().build(BatchSettings::spans(), &SelfMeter::new())?;
/// let head = CompositeSampler::new(ComposableParentThreshold::new(ComposableProbability::new(0.01)?));
/// let provider = SdkTracerProvider::builder()
///     .with_sampler(buffer.sampler(head))
///     .with_span_processor(buffer.clone())
///     .build();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetainingSampler {
    head: Box<dyn ShouldSample>,
    core: Arc<Core>,
}

impl RetainingSampler {
    pub(super) fn new(head: Box<dyn ShouldSample>, core: Arc<Core>) -> Self {
        Self { head, core }
    }

    /// What the local root did.
    fn follow(&self, parent: &SpanContext) -> SamplingResult {
        let state = parent.trace_state();
        let decision = if parent.is_sampled() {
            SamplingDecision::RecordAndSample
        } else if self.core.level.never() || is_rejected(state, parent.trace_id()) {
            SamplingDecision::Drop
        } else {
            SamplingDecision::RecordOnly
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: state.clone(),
        }
    }

    /// Says what speaks for the trace by now, if anything does. The processor hears of the span only afterwards, and of
    /// what it starts with never.
    fn foresee(&self, span: &SpanStart<'_>, trace: TraceId, state: &TraceState) {
        let mut found = self.core.policies.foresee(span);
        if found.reasons.has(KeepReason::Rule) && randomness(state, trace) < found.rule {
            // A rule that does not choose this trace says nothing.
            found.reasons = found.reasons.uncounted();
            found.rule = RANGE;
        }
        if !found.is_empty() {
            self.core.foresee(trace, found);
        }
    }

    /// A local root: what the head chose, or what may still be kept.
    fn retain(&self, mut head: SamplingResult, trace: TraceId) -> SamplingResult {
        if self.core.level.never() {
            return head;
        }
        let out = self.core.level.threshold();
        let mut state = std::mem::take(&mut head.trace_state);
        if head.decision != SamplingDecision::RecordAndSample {
            let ot = OtelTraceState::of(&state);
            head.decision = if ot.randomness_of(trace).bits() >= out {
                SamplingDecision::RecordOnly
            } else {
                SamplingDecision::Drop
            };
            head.attributes = Vec::new();
            // Not every head sampler erases the threshold of a parent that it does not follow.
            if ot.threshold().is_some() {
                state = ot.with_threshold(None);
            }
        }
        head.trace_state = pinned(state, out);
        head
    }
}

/// Whether R is below what is pinned. Nothing is, most of the time, and then `tracestate` is empty.
fn is_rejected(state: &TraceState, trace: TraceId) -> bool {
    !is_empty(state) && randomness(state, trace) < outlier_threshold(state)
}

/// R, in bits.
pub(super) fn randomness(state: &TraceState, trace: TraceId) -> u64 {
    OtelTraceState::of(state).randomness_of(trace).bits()
}

impl ShouldSample for RetainingSampler {
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
        let result = if parent.is_valid() && !parent.is_remote() {
            self.follow(parent)
        } else {
            let head = self
                .head
                .should_sample(context, trace_id, name, kind, attributes, links);
            self.retain(head, trace_id)
        };
        if result.decision != SamplingDecision::Drop && self.core.policies.may_foresee(attributes) {
            let mut span = SpanStart::child(parent, name);
            span.kind = kind;
            span.attributes = attributes;
            span.links = links;
            self.foresee(&span, trace_id, &result.trace_state);
        }
        result
    }
}
