//! What is looked for in a part that has ended.

use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceFlags, TraceState};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use throughline_model::KeepReason;

use super::RANGE;
use super::findings::Findings;
use super::part::Part;
use super::rolling::Rolling;
use super::settings::Slow;
use super::sync::{Mutex, acquire};
use crate::probability::{Predicate, SpanStart};

/// The policies, ready to be applied: on the delivery thread, but for [`is_notable`](Policies::is_notable).
#[derive(Debug)]
pub(super) struct Policies {
    pub(super) rates: Rates,
    pub(super) slow: Slow,
    pub(super) rules: Vec<(Predicate, u64)>,
    pub(super) rolling: Mutex<Rolling>,
}

/// Each policy's threshold, in bits; 2^56 is never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) errors: u64,
    pub(super) slow: u64,
    pub(super) outliers: u64,
}

/// The attribute by which a span asks that its trace be kept.
const KEEP: &str = "sampling.keep";

impl Policies {
    /// Looks at what has ended of a part.
    pub(super) fn look(&self, part: &Part, now: Duration) -> Findings {
        let mut found = Findings::NONE;
        if part.failed && self.rates.errors < RANGE {
            found = found.and(Findings::of(KeepReason::Error));
        }
        if self.rates.slow < RANGE && self.is_slow(part, now) {
            found = found.and(Findings::of(KeepReason::Slow));
        }
        let asks = |span: &SpanData| span.attributes.iter().any(asks_to_keep);
        if part.spans.iter().any(asks) {
            found = found.and(Findings::of(KeepReason::Explicit));
        }
        for (rule, threshold) in &self.rules {
            if *threshold < found.rule && part.spans.iter().any(|span| matches(rule, span)) {
                found = found.and(Findings::of_rule(*threshold));
            }
        }
        found
    }

    /// Whether there is anything to look at in a span that starts with these attributes.
    #[inline]
    pub(super) fn may_foresee(&self, attributes: &[KeyValue]) -> bool {
        !self.rules.is_empty() || attributes.iter().any(asks_to_keep)
    }

    /// Looks at what is known of a span before it starts: what speaks for its trace by now, and will do so in the end.
    pub(super) fn foresee(&self, span: &SpanStart<'_>) -> Findings {
        let mut found = Findings::NONE;
        if span.attributes.iter().any(asks_to_keep) {
            found = Findings::of(KeepReason::Explicit);
        }
        for (rule, threshold) in &self.rules {
            if *threshold < found.rule && rule.matches_from_the_start(span) {
                found = found.and(Findings::of_rule(*threshold));
            }
        }
        found
    }

    /// Whether [`look`](Self::look) may find something in a part with this span in it: `false` of all spans of a part
    /// that has ended means that it finds nothing. Runs where the span ends, so it asks no rule: one may be anyone's
    /// code. The part's root is one by its own data.
    #[inline]
    pub(super) fn is_notable(&self, span: &SpanData) -> bool {
        let may_be_slow = match self.slow {
            // Of others nobody asks how long they took.
            Slow::Above(bound) => is_local_root(span) && duration(span) >= bound,
            Slow::Quantile(_) => true,
        };
        may_be_slow && self.rates.slow < RANGE
            || has_failed(span) && self.rates.errors < RANGE
            || !self.rules.is_empty()
            || span.attributes.iter().any(asks_to_keep)
    }

    fn is_slow(&self, part: &Part, now: Duration) -> bool {
        let id = part.root;
        let root = part
            .spans
            .iter()
            .find(|span| span.span_context.span_id() == id);
        let took = match root {
            Some(root) => duration(root),
            // It is open: it has taken at least as long as what has ended in it.
            None => {
                let start = part.spans.iter().map(|span| span.start_time).min();
                let end = part.spans.iter().map(|span| span.end_time).max();
                let pair = end.zip(start);
                pair.and_then(|(end, start)| end.duration_since(start).ok())
                    .unwrap_or_default()
            }
        };
        match self.slow {
            Slow::Above(bound) => took >= bound,
            Slow::Quantile(_) => {
                root.is_some_and(|root| acquire(&self.rolling).record(&root.name, took, now))
            }
        }
    }

    /// Whether an operation that has taken so long by now is slow already.
    pub(super) fn is_slow_by_now(&self, name: &str, elapsed: Duration) -> bool {
        match self.slow {
            Slow::Above(bound) => elapsed >= bound,
            Slow::Quantile(_) => acquire(&self.rolling).is_slow(name, elapsed),
        }
    }
}

/// How long a span took. The wall clock may have gone back meanwhile.
fn duration(span: &SpanData) -> Duration {
    let took = span.end_time.duration_since(span.start_time);
    took.unwrap_or_default()
}

fn is_local_root(span: &SpanData) -> bool {
    span.parent_span_is_remote || span.parent_span_id == SpanId::INVALID
}

pub(super) fn has_failed(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

fn asks_to_keep(attribute: &KeyValue) -> bool {
    attribute.key.as_str() == KEEP
        && match &attribute.value {
            Value::Bool(keep) => *keep,
            Value::String(text) => text.as_str() == "true",
            _ => false,
        }
}

/// The rule is asked about the span as it is now that it has ended.
fn matches(rule: &Predicate, span: &SpanData) -> bool {
    let own = &span.span_context;
    let parent = SpanContext::new(
        own.trace_id(),
        span.parent_span_id,
        TraceFlags::default(),
        span.parent_span_is_remote,
        TraceState::NONE,
    );
    let mut start = SpanStart::child(&parent, &span.name);
    start.kind = &span.span_kind;
    start.attributes = &span.attributes;
    start.links = &span.links.links;
    rule.matches(&start)
}
