//! One call of an operation, before it starts.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use opentelemetry::{Context, Key, KeyValue, Value};

use super::guard::{OperationGuard, UnlessEnded};
use super::metrics::CallSeries;
use super::outcome::End;
use super::running::Running;
use super::{Observed, future};

/// One call of an [`Operation`](crate::Operation), which has not started yet. Made by
/// [`Operation::with`](crate::Operation::with).
///
/// Choose by what the work is: [`run`](Call::run) and [`try_run`](Call::try_run) for closures,
/// [`wrap`](Call::wrap) and [`try_wrap`](Call::try_wrap) for futures, [`start`](Call::start) for what is
/// neither.
///
/// # Example
/// ```
/// # let telemetry = throughline::Telemetry::disabled();
/// let parse = telemetry.operation("parse order").build();
///
/// let parsed = parse
///     .span_attribute("order.size", 3)
///     .try_run(|| "3".parse::<u32>());
/// assert_eq!(parsed, Ok(3));
/// ```
#[derive(Debug)]
#[must_use = "a call does nothing before `run`, `try_run`, `wrap`, `try_wrap` or `start`"]
pub struct Call {
    series: Arc<CallSeries>,
    span_attributes: Vec<KeyValue>,
    /// `None`: what is current when the call starts, or when its future is wrapped.
    parent: Option<Context>,
}

impl Call {
    pub(super) fn new(series: Arc<CallSeries>) -> Self {
        Self {
            series,
            span_attributes: Vec::new(),
            parent: None,
        }
    }

    /// Adds an attribute to the span alone: an order id, a user, anything whose values have no bound.
    ///
    /// What is only known later is set on the span from within:
    /// `opentelemetry::trace::get_active_span(|span| span.set_attribute(..))`.
    pub fn span_attribute(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.span_attributes.push(KeyValue::new(key, value));
        self
    }

    /// The context that the span is a child in, for example what a propagator extracted from a request.
    /// Default: the current context.
    ///
    /// # Example
    /// ```
    /// use std::collections::HashMap;
    /// use throughline::opentelemetry::{Context, global, trace::SpanKind};
    /// # let telemetry = throughline::Telemetry::disabled();
    ///
    /// let serve = telemetry.operation("GET /orders").kind(SpanKind::Server).build();
    ///
    /// let headers = HashMap::from([("traceparent".to_owned(), "00-…-01".to_owned())]);
    /// let caller = global::get_text_map_propagator(|it| it.extract_with_context(&Context::new(), &headers));
    /// serve.with(()).parent(caller).run(|| "served");
    /// ```
    pub fn parent(mut self, context: Context) -> Self {
        self.parent = Some(context);
        self
    }

    /// Runs a closure as this operation. It succeeds when it returns; a panic is recorded and goes on.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let total = telemetry.operation("add up").build();
    /// let sum: u32 = total.span_attribute("cart.id", "c-17").run(|| [5, 7].iter().sum());
    /// assert_eq!(sum, 12);
    /// ```
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        self.observe(work, |_, _| End::success())
    }

    /// Runs a closure that may fail. An `Err` sets `error.type`, the span's status and its description.
    ///
    /// # Errors
    /// What the closure returns.
    pub fn try_run<T, E: fmt::Display + 'static>(
        self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.observe(work, Running::judge)
    }

    /// Wraps a future as this operation: it starts when first polled, succeeds when ready, and is cancelled
    /// when dropped before. Its span is current in each poll and while it is dropped, its parent is what is
    /// current now, so the result may be spawned.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let sync = telemetry.operation("sync stock").build();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async move {
    /// tokio::spawn(sync.wrap(async { /* … */ })).await.unwrap();
    /// # });
    /// ```
    pub fn wrap<F: Future>(self, future: F) -> Observed<F> {
        Observed::new(self.captured(), future, |_, _| End::success())
    }

    /// Wraps a future that may fail: as [`wrap`](Call::wrap), and an `Err` is recorded as in
    /// [`try_run`](Call::try_run).
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// # async fn fetch(_id: i64) -> Result<u32, std::io::Error> { Ok(3) }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async move {
    /// let stock = telemetry.operation("fetch stock").build();
    /// let left = stock.span_attribute("item.id", 4711).try_wrap(fetch(4711)).await?;
    /// assert_eq!(left, 3);
    /// # Ok::<_, std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn try_wrap<F, T, E>(self, future: F) -> Observed<F>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display + 'static,
    {
        Observed::new(self.captured(), future, future::judge)
    }

    /// Starts the operation and makes its span current on this thread until the guard is dropped, for code
    /// that is neither a closure nor a future.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let import = telemetry.operation("import file").build();
    ///
    /// let importing = import.start();
    /// let result: Result<(), std::io::Error> = Ok(());
    /// importing.end_with(&result);
    /// ```
    pub fn start(self) -> OperationGuard {
        OperationGuard::new(self.into_running())
    }

    /// Starts the call.
    pub(super) fn into_running(self) -> Running {
        let parent = self.parent.unwrap_or_else(Context::current);
        Running::start(self.series, self.span_attributes, parent)
    }

    /// The call with its parent fixed to what is current now.
    fn captured(mut self) -> Self {
        self.parent.get_or_insert_with(Context::current);
        self
    }

    fn observe<T>(self, work: impl FnOnce() -> T, judge: impl FnOnce(&Running, &T) -> End) -> T {
        let mut running = UnlessEnded::new(self.into_running());
        let in_span = running.context().clone().attach();
        let result = work();
        drop(in_span);
        let end = judge(running.get(), &result);
        running.end(end);
        result
    }
}
