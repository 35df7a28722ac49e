//! A part as it leaves.

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, TraceState};
use opentelemetry_sdk::trace::SpanData;
use throughline_model::KeepReason;

use super::part::Part;
use super::pinned::unpinned;
use super::policies::has_failed;
use super::reasons::Reasons;
use crate::probability::{OtelTraceState, Threshold};

/// Why a part was kept, on its root: `error,slow`. Not there if the head alone chose it.
const RETAINED: &str = "sampling.retained";
/// On a span that the error policy kept its trace for.
const ERROR: &str = "sampled.error";
/// On a local root that the slow policy kept.
const SLOW: &str = "sampled.slow";

pub(super) fn in_time_order(part: &mut Part) {
    // Of two that started together, the parent ended later.
    part.spans.sort_by(|a, b| {
        a.start_time
            .cmp(&b.start_time)
            .then(b.end_time.cmp(&a.end_time))
    });
}

/// Makes the spans of a part that is kept sampled ones, with the threshold that they were kept with, and says why.
pub(super) fn finish(part: &mut Part, threshold: Option<u64>, reasons: Reasons) {
    let threshold = threshold.and_then(Threshold::from_bits);
    let mut rewritten = Rewritten::default();
    for span in &mut part.spans {
        let state = rewritten.of(span.span_context.trace_state(), threshold);
        let own = &span.span_context;
        span.span_context = SpanContext::new(
            own.trace_id(),
            own.span_id(),
            own.trace_flags().with_sampled(true),
            own.is_remote(),
            state,
        );
    }
    if !reasons.is_empty() {
        annotate(part, reasons);
    }
}

fn annotate(part: &mut Part, reasons: Reasons) {
    if reasons.has(KeepReason::Error) {
        for span in part.spans.iter_mut().filter(|span| has_failed(span)) {
            span.attributes.push(KeyValue::new(ERROR, true));
        }
    }
    let root = part.root;
    let is_root = |span: &&mut SpanData| span.span_context.span_id() == root;
    if reasons.has(KeepReason::Slow)
        && let Some(root) = part.spans.iter_mut().find(is_root)
    {
        root.attributes.push(KeyValue::new(SLOW, true));
    }
    // A piece of a part that goes on has its root elsewhere.
    let mut spans = part.spans.iter_mut();
    let first = match spans.position(|span| span.span_context.span_id() == root) {
        Some(at) => part.spans.get_mut(at),
        None => part.spans.first_mut(),
    };
    if let Some(first) = first {
        let why = KeyValue::new(RETAINED, reasons.to_string());
        first.attributes.push(why);
    }
}

/// The spans of a part have the same `tracestate`, so it is rewritten once.
#[derive(Default)]
struct Rewritten(Option<(TraceState, TraceState)>);

impl Rewritten {
    fn of(&mut self, came: &TraceState, threshold: Option<Threshold>) -> TraceState {
        if let Some((last, leaves)) = &self.0
            && last == came
        {
            return leaves.clone();
        }
        let leaves = unpinned(OtelTraceState::of(came).with_threshold(threshold));
        self.0 = Some((came.clone(), leaves.clone()));
        leaves
    }
}
