//! What an outlier does first: it asks that its trace be kept.

use opentelemetry::trace::{SpanId, TraceId};
use throughline_model::KeepReason;

use super::ExemplarFilter;
use super::span::read_span;
use crate::guard::guarded;
use crate::parts::Parts;
use crate::self_telemetry::OutlierTrace;

/// Asks that the trace of the current span be kept, and gives the span of an outlier that may become an exemplar: `None`
/// where the filter refuses it, `Some(None)` where there is no span and none is needed.
pub(crate) fn claim(parts: &Parts) -> Option<Option<(TraceId, SpanId)>> {
    // A clone, since the keeper is not ours: it must not run while the context is borrowed.
    let Some(span) = read_span(Clone::clone) else {
        parts.tally.outlier(OutlierTrace::None);
        let needs_none = parts.exemplar_filter == ExemplarFilter::AlwaysOn;
        return needs_none.then_some(None);
    };
    let (trace, id) = (span.trace_id(), span.span_id());
    let kept = parts.keeper.as_deref().is_some_and(|keeper| {
        let kept = guarded(&parts.tally, || {
            let candidate = keeper.candidate(&span);
            if candidate {
                keeper.keep(trace, id, KeepReason::Outlier);
            }
            candidate
        });
        kept == Some(true)
    });
    parts.tally.outlier(match (kept, span.is_sampled()) {
        (true, _) => OutlierTrace::Asked,
        (false, true) => OutlierTrace::Sampled,
        (false, false) => OutlierTrace::Lost,
    });
    let eligible = match parts.exemplar_filter {
        ExemplarFilter::Resolvable => kept || span.is_sampled(),
        ExemplarFilter::TraceBased => span.is_sampled(),
        ExemplarFilter::AlwaysOn => true,
        ExemplarFilter::AlwaysOff => false,
    };
    eligible.then_some(Some((trace, id)))
}
