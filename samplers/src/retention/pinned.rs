//! What a local root pins for its descendants.
//!
//! A trace's randomness R never changes, but the outlier threshold does, and a part is recorded as a whole or
//! not at all. So whoever starts a local root writes down what it decided by, and children go by that:
//!
//! ```text
//! tracestate: ot=th:fd70a,tl=o:4
//!                └──┬───┘ └──┬─┘
//!               T_head,     T_out, where it is not 0
//!             if R reaches it
//! ```
//!
//! T_head needs no room of its own: the sampled flag says whether R reached it, and where it did `th` is it.
//! T_out is 0 unless cost or memory raise it, and then nothing is written: a span that is recorded only, which
//! is nearly every one, carries an empty `tracestate` and allocates nothing for it.
//!
//! What is pinned holds in this process alone. A caller's pin is replaced by the local root.

use opentelemetry::trace::{SpanContext, TraceState};

use crate::probability::Threshold;
use crate::propagator::LOCAL_KEY as KEY;

/// The pinned outlier threshold, in bits; 0 where nothing that can be read is pinned.
pub(super) fn outlier_threshold(state: &TraceState) -> u64 {
    let Some(entry) = state.get(KEY) else {
        return 0;
    };
    entry
        .split(';')
        .find_map(|member| member.strip_prefix("o:"))
        .and_then(|digits| digits.parse::<Threshold>().ok())
        .map_or(0, Threshold::bits)
}

/// The same `tracestate` with this outlier threshold pinned, in bits less than 2^56.
pub(super) fn pinned(state: TraceState, outlier_threshold: u64) -> TraceState {
    match Threshold::from_bits(outlier_threshold) {
        Some(threshold) if threshold != Threshold::ALWAYS => {
            let entry = format!("o:{threshold}");
            state.insert(KEY, entry).unwrap_or(state)
        }
        _ => unpinned(state),
    }
}

/// Takes our entry out of the `tracestate` of a span that leaves.
pub(super) fn unpin(span: &mut SpanContext) {
    let state = span.trace_state();
    if state.get(KEY).is_some() {
        *span = SpanContext::new(
            span.trace_id(),
            span.span_id(),
            span.trace_flags(),
            span.is_remote(),
            unpinned(state.clone()),
        );
    }
}

/// The same `tracestate` without our entry.
pub(super) fn unpinned(state: TraceState) -> TraceState {
    if state.get(KEY).is_none() {
        return state;
    }
    state.delete(KEY).unwrap_or(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> TraceState {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_written_where_everything_is_recorded() {
        assert_eq!(pinned(TraceState::NONE, 0), TraceState::NONE);
        assert_eq!(pinned(state("ot=th:c"), 0).header(), "ot=th:c");
        assert_eq!(outlier_threshold(&TraceState::NONE), 0);
    }

    #[test]
    fn a_pin_is_read_as_it_was_written_and_replaces_a_callers() {
        let raised = pinned(state("ot=th:c"), 1 << 54);
        assert_eq!(raised.header(), "tl=o:4,ot=th:c");
        assert_eq!(outlier_threshold(&raised), 1 << 54);
        assert_eq!(outlier_threshold(&pinned(raised.clone(), 1 << 55)), 1 << 55);
        assert_eq!(pinned(raised, 0).header(), "ot=th:c");
    }

    #[test]
    fn what_cannot_be_read_pins_nothing() {
        for bad in ["tl=", "tl=o:", "tl=o:X", "tl=x:1", "tl=o:123456789012345"] {
            assert_eq!(outlier_threshold(&state(bad)), 0, "{bad}");
        }
        assert_eq!(outlier_threshold(&state("tl=new:1;o:8")), 1 << 55);
    }
}
