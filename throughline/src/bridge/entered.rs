//! Which OpenTelemetry span an entered `tracing` span became, on this thread.
//!
//! ```text
//! this thread   [ (subscriber, tracing id, span id) … ]     entered last, found first
//! ```
//!
//! It is asked at each event and told at each entry and exit, so it is a stack of the thread's own: a span's extensions
//! would cost a lock, a look-up and, the first time, an allocation.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::SpanId;
use tracing::span;

/// What one subscriber's layers share: its spans' ids mean nothing to another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entered(u64);

struct Entry {
    subscriber: Entered,
    id: span::Id,
    became: SpanId,
}

thread_local! {
    static STACK: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

impl Entered {
    /// For a subscriber of its own.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// A span is entered that became this one.
    pub(super) fn push(self, id: &span::Id, became: SpanId) {
        with(|stack| {
            stack.push(Entry {
                subscriber: self,
                id: id.clone(),
                became,
            });
        });
    }

    /// A span is left. Spans may be left in another order than they were entered in.
    pub(super) fn pop(self, id: &span::Id) {
        with(|stack| {
            if let Some(at) = self.find(stack, id) {
                stack.remove(at);
            }
        });
    }

    /// What an entered span became; `None` if it is not entered here.
    pub(super) fn became(self, id: &span::Id) -> Option<SpanId> {
        with(|stack| self.find(stack, id).map(|at| stack[at].became)).flatten()
    }

    fn find(self, stack: &[Entry], id: &span::Id) -> Option<usize> {
        stack
            .iter()
            .rposition(|it| it.subscriber == self && it.id == *id)
    }
}

/// `None` while the thread ends: what is left by then is left by all.
fn with<R>(use_it: impl FnOnce(&mut Vec<Entry>) -> R) -> Option<R> {
    STACK.try_with(|stack| use_it(&mut stack.borrow_mut())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_may_be_left_in_any_order_and_subscribers_do_not_mix() {
        let (one, other) = (Entered::new(), Entered::new());
        let [a, b] = [span::Id::from_u64(1), span::Id::from_u64(2)];
        one.push(&a, SpanId::from(10));
        one.push(&b, SpanId::from(20));
        other.push(&a, SpanId::from(30));
        // Entered twice, as in a recursion: the last entry counts.
        one.push(&a, SpanId::from(11));
        assert_eq!(one.became(&a), Some(SpanId::from(11)));
        one.pop(&a);
        assert_eq!(one.became(&a), Some(SpanId::from(10)));
        one.pop(&a);
        assert_eq!(one.became(&a), None);
        assert_eq!(one.became(&b), Some(SpanId::from(20)));
        assert_eq!(other.became(&a), Some(SpanId::from(30)));
        one.pop(&b);
        other.pop(&a);
        assert!(with(|stack| stack.is_empty()).unwrap());
    }
}
