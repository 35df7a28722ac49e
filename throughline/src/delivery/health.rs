//! Says once when a way out stops working, and once when it works again.

use std::fmt;

/// Whether a signal gets through. Every loss is counted elsewhere; this is for people, so only changes are
/// said.
#[derive(Debug)]
pub(super) struct Health {
    what: &'static str,
    failing: bool,
}

impl Health {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            failing: false,
        }
    }

    pub(super) fn observe<E: fmt::Display>(&mut self, result: &Result<(), E>) {
        let what = self.what;
        match (result, self.failing) {
            (Err(error), false) => {
                tracing::warn!(target: "throughline", "{what} are not delivered: {error}");
            }
            (Ok(()), true) => tracing::info!(target: "throughline", "{what} are delivered again"),
            _ => {}
        }
        self.failing = result.is_err();
    }
}

/// Reports a panic of an exporter where it unwinds through.
pub(super) struct SayPanic(pub(super) &'static str);

impl Drop for SayPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let what = self.0;
            tracing::warn!(target: "throughline", "the exporter of {what} panicked; its batch is lost");
        }
    }
}
