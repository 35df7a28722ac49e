//! A call that a guard keeps open.

use std::fmt;
use std::thread;

use opentelemetry::{Context, ContextGuard, Key, KeyValue, Value};

use super::outcome::End;
use super::running::Running;

/// An operation that runs until this is dropped, with its span current on this thread. Made by
/// [`Call::start`](crate::Call::start).
///
/// Dropped without a word, the operation succeeded, or panicked where the thread is unwinding. Code that
/// may fail says so with [`end_with`](OperationGuard::end_with) or [`fail`](OperationGuard::fail); an early
/// return by `?` would count as a success, so prefer [`Call::try_run`](crate::Call::try_run) there.
///
/// # Example
/// ```
/// # fn import(_file: &str) -> Result<u32, std::io::Error> { Ok(3) }
/// # let telemetry = throughline::Telemetry::disabled();
/// let importing = telemetry.operation("import file").build().start();
///
/// let rows = import("orders.csv");
/// if let Ok(rows) = rows {
///     importing.span_attribute("import.rows", i64::from(rows));
/// }
/// importing.end_with(&rows);
/// ```
///
/// It cannot leave its thread, nor be held across an `.await` of a future that is sent:
/// ```compile_fail
/// # let telemetry = throughline::Telemetry::disabled();
/// let guard = telemetry.operation("import").build().start();
/// std::thread::spawn(move || drop(guard));
/// ```
#[must_use = "dropped at once, the operation ends at once"]
pub struct OperationGuard {
    // Declared first, so dropped first: the context is detached before the span ends.
    _in_span: ContextGuard,
    running: UnlessEnded,
}

impl OperationGuard {
    pub(super) fn new(running: Running) -> Self {
        Self {
            _in_span: running.context().clone().attach(),
            running: UnlessEnded::new(running),
        }
    }

    /// Adds an attribute to the span alone.
    pub fn span_attribute(&self, key: impl Into<Key>, value: impl Into<Value>) {
        if let Some(span) = self.running.get().span() {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// The context with the operation's span, to hand to another thread or task.
    ///
    /// # Example
    /// ```
    /// use throughline::opentelemetry::trace::FutureExt;
    /// # let telemetry = throughline::Telemetry::disabled();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async move {
    ///
    /// let import = telemetry.operation("import file").build().start();
    /// let thumbnail = async { /* its spans are children of the import */ };
    /// tokio::spawn(thumbnail.with_context(import.context().clone())).await.unwrap();
    /// # });
    /// ```
    pub fn context(&self) -> &Context {
        self.running.context()
    }

    /// Ends the operation as the result says.
    pub fn end_with<T, E: fmt::Display + 'static>(mut self, result: &Result<T, E>) {
        let end = self.running.get().judge(result);
        self.running.end(end);
    }

    /// Ends the operation as failed.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let import = telemetry.operation("import file").build().start();
    /// import.fail(&"the file has no header");
    /// ```
    pub fn fail<E: fmt::Display + 'static>(mut self, error: &E) {
        let end = self.running.get().failure(error);
        self.running.end(end);
    }
}

impl fmt::Debug for OperationGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationGuard")
            .field("running", self.running.get())
            .finish_non_exhaustive()
    }
}

/// Ends a call on drop: as a success, or as a panic where this thread began to unwind since.
#[derive(Debug)]
pub(super) struct UnlessEnded {
    running: Running,
    /// Whether the thread was unwinding already: then a drop says nothing about this call.
    was_panicking: bool,
}

impl UnlessEnded {
    pub(super) fn new(running: Running) -> Self {
        Self {
            running,
            was_panicking: thread::panicking(),
        }
    }

    pub(super) fn context(&self) -> &Context {
        self.running.context()
    }

    pub(super) fn get(&self) -> &Running {
        &self.running
    }

    pub(super) fn end(&mut self, end: End) {
        self.running.end(end);
    }
}

impl Drop for UnlessEnded {
    fn drop(&mut self) {
        self.running
            .end(if thread::panicking() && !self.was_panicking {
                End::panic()
            } else {
                End::success()
            });
    }
}
