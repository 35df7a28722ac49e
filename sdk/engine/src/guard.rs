//! Runs code that is not the engine's: what panics in there is counted and goes no further.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::self_telemetry::Tally;

/// What `f` gives; `None`, counted, if it panics.
pub(crate) fn guarded<R>(tally: &Tally, f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(panic) => {
            tally.panicked();
            // What was thrown may panic again when it is dropped.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(again);
            }
            None
        }
    }
}
