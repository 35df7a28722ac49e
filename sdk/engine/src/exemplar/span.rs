//! The current span: read where it stands, with no context kept, and safe while the thread ends.

use std::cell::Cell;
use std::panic::catch_unwind;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use super::ExemplarFilter;

thread_local! {
    /// Whether the current context may be read. It has a constant initial value and no destructor, so that asking is a
    /// load.
    static READABLE: Cell<Readable> = const { Cell::new(Readable::Unknown) };
    /// Tells when the context goes: it is registered after the context, so it goes before it.
    static GUARD: Guard = const { Guard };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readable {
    /// Nobody asked on this thread.
    Unknown,
    Yes,
    /// The thread is ending.
    No,
    /// No thread's state: see [`Idle`].
    Never,
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        READABLE.set(Readable::No);
    }
}

#[inline]
fn is_readable() -> bool {
    match READABLE.get() {
        Readable::Yes => true,
        Readable::No | Readable::Never => false,
        Readable::Unknown => find_out(),
    }
}

#[cold]
#[inline(never)]
fn find_out() -> bool {
    // A thread that measures for the first time while its context goes has none any more, and the API knows no other
    // way to say so than a panic, which would abort the process there.
    let context = catch_unwind(|| Context::map_current(|_| ())).is_ok();
    let readable = context && GUARD.try_with(|_| ()).is_ok();
    READABLE.set(if readable {
        Readable::Yes
    } else {
        Readable::No
    });
    readable
}

/// Whether a measurement that is [`Due`](crate::aggregate::Recorded::Due) need not be offered, since the filter would refuse it.
///
/// Where nothing is sampled no reservoir fills, so that every measurement is due; they all end here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// What the thread's state must be for the question to make sense: one compare asks for it and for the filter.
    readable: Readable,
}

impl Idle {
    pub(crate) fn of(filter: ExemplarFilter) -> Self {
        Self {
            readable: if filter.wants_sampled() {
                Readable::Yes
            } else {
                Readable::Never
            },
        }
    }

    /// Whether it is certain, at a glance, that no sampled span is current and one is wanted. Budget: a dozen instructions
    /// where there is no span.
    #[inline(always)]
    pub(crate) fn is_idle(self) -> bool {
        READABLE.get() == self.readable
            && Context::map_current(|context| {
                !context.has_active_span() || !context.span().span_context().is_sampled()
            })
    }
}

/// Reads the context of the current span, if there is one. `f` must not touch the current context.
pub(super) fn read_span<R>(f: impl FnOnce(&SpanContext) -> R) -> Option<R> {
    if !is_readable() {
        return None;
    }
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| f(span))
    })
}
