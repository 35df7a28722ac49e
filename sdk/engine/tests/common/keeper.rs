//! A keeper of traces whose answers a test sets by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, ContextGuard};
use throughline_model::{Exemplar, Fate, KeepReason, TraceKeeper};

/// Knows spans by number. Whoever it does not know is lost.
#[derive(Clone, Debug, Default)]
pub struct Keeper(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
pub struct Told {
    /// What became of each span so far.
    pub fates: HashMap<u64, Fate>,
    /// Spans that cannot be kept.
    pub refused: Vec<u64>,
    /// Which traces were to be kept, and why.
    pub kept: Vec<(u64, KeepReason)>,
    /// Whose fate was asked for.
    pub asked: Vec<u64>,
    /// Whether it panics whatever it is asked.
    pub panics: bool,
}

impl Told {
    /// Without a message on the standard error.
    fn answer(&self) {
        if self.panics {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
}

impl Keeper {
    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn set(&self, span: u64, fate: Fate) {
        self.told().fates.insert(span, fate);
    }

    /// The spans whose traces were to be kept.
    pub fn kept(&self) -> Vec<u64> {
        self.told().kept.iter().map(|(span, _)| *span).collect()
    }
}

impl TraceKeeper for Keeper {
    fn candidate(&self, span: &SpanContext) -> bool {
        // It may look at the context: nothing is borrowed when it is asked.
        let _ = Context::current().attach();
        let told = self.told();
        told.answer();
        !told.refused.contains(&number(span.span_id()))
    }

    fn keep(&self, trace: TraceId, span: SpanId, why: KeepReason) {
        assert_eq!(trace, trace_of(number(span)));
        self.told().kept.push((number(span), why));
    }

    fn fate(&self, trace: TraceId, span: SpanId) -> Fate {
        let mut told = self.told();
        told.answer();
        assert_eq!(trace, trace_of(number(span)));
        told.asked.push(number(span));
        told.fates.get(&number(span)).copied().unwrap_or(Fate::Lost)
    }
}

fn number(span: SpanId) -> u64 {
    u64::from_be_bytes(span.to_bytes())
}

fn trace_of(span: u64) -> TraceId {
    TraceId::from(u128::from(span) << 64 | 1)
}

/// Makes a span of this number current, sampled or not.
pub fn within(span: u64, sampled: bool) -> ContextGuard {
    let flags = if sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::NOT_SAMPLED
    };
    let span = SpanContext::new(
        trace_of(span),
        SpanId::from(span),
        flags,
        false,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span).attach()
}

/// The numbers of the exemplars' spans.
pub fn spans(exemplars: &[Exemplar]) -> Vec<u64> {
    exemplars
        .iter()
        .map(|e| number(e.span.unwrap().1))
        .collect()
}
