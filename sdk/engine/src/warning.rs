//! How the engine warns: through `tracing`, with no lock held, and never about its own warnings.

use std::cell::Cell;
use std::fmt;

thread_local! {
    /// Whether this thread is inside a warning.
    static WARNING: Cell<bool> = const { Cell::new(false) };
}

/// Warns. Whoever receives it may measure and make instruments: what that would have to warn about is left out, or it
/// might go round for ever. Not to be called under a lock of the engine.
pub(crate) fn warn(message: fmt::Arguments<'_>) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = WARNING.try_with(|warning| warning.set(false));
        }
    }
    // A thread that is ending warns of nothing.
    if let Ok(false) = WARNING.try_with(|warning| warning.replace(true)) {
        let _leave = Leave;
        tracing::warn!(target: "throughline", "{message}");
    }
}
