//! One declaration of what the service does: its span, its latency, its count, what is in flight.
//!
//! ```text
//! start   context = parent + span ─ attached ─┬─ active +1
//!                                             │  your code: child spans, logs, measurements see the span
//! end     one reading of the clock ───────────┼─ duration, calls: recorded with the span current, so it
//!                                             │  becomes their exemplar
//!                                             ├─ active -1
//!                                             └─ the span ends at that very time, with its status
//! ```
//!
//! | metric | instrument | attributes |
//! |---|---|---|
//! | `<name>.duration` | histogram, `s` | the declared ones; `error.type` unless it succeeded |
//! | `<name>.calls` | counter, `{call}` | the declared ones, `outcome`; `error.type` unless it succeeded |
//! | `<name>.active` | up-down counter, `{call}` | the declared ones |
//!
//! The split between attributes of metrics and of spans is that of Micrometer's Observation: low
//! cardinality reaches both, high cardinality the span alone. Here the types keep them apart.

mod builder;
mod call;
mod future;
mod guard;
mod metrics;
mod outcome;
mod running;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use opentelemetry::{Key, Value};

use crate::series::Series;
use crate::{
    AttributeSet, Counter, CounterValue, Gauge, GaugeValue, Histogram, HistogramValue,
    InstrumentBuilder, UpDownCounter, UpDownCounterValue,
};

pub use builder::OperationBuilder;
pub use call::Call;
pub use future::Observed;
pub use guard::OperationGuard;

use builder::Declaration;
pub(crate) use builder::Scope;
use metrics::CallSeries;

/// The length of the histogram's buckets by default, in seconds: those of the semantic conventions for
/// request durations.
pub(crate) const DURATION_BOUNDARIES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// An operation of the service, declared once, run many times.
///
/// Made by [`Telemetry::operation`](crate::Telemetry::operation). Cloning shares it; keep it where it is
/// used, a field or a `static`.
///
/// # Example
/// ```
/// # use throughline::Telemetry;
/// throughline::attributes! {
///     struct Charge { provider: Provider => "card.provider" }
///     enum Provider { Visa => "visa", Mastercard => "mastercard" }
/// }
///
/// # let telemetry = Telemetry::disabled();
/// let charge = telemetry.operation("charge card").attributes::<Charge>().build();
///
/// let receipt = charge
///     .with(Charge { provider: Provider::Visa })
///     .span_attribute("order.id", 4711)
///     .try_run(|| Ok::<_, std::io::Error>("receipt"));
/// assert_eq!(receipt.unwrap(), "receipt");
/// assert_eq!(charge.name(), "charge card");
/// ```
///
/// Without declared attributes it runs directly:
/// ```
/// # let telemetry = throughline::Telemetry::disabled();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let load = async || Ok::<_, std::io::Error>(["tea", "coffee"]);
/// # runtime.block_on(async {
/// let menu = telemetry.operation("read menu").build();
///
/// assert_eq!(menu.run(|| "tea"), "tea");
/// assert_eq!(menu.try_run(|| "2".parse()), Ok(2));
/// assert_eq!(menu.wrap(async { "tea" }).await, "tea");
/// assert_eq!(menu.try_wrap(load()).await?, ["tea", "coffee"]);
///
/// let reading = menu.start(); // until it is dropped
/// drop(reading);
///
/// menu.span_attribute("table.id", 12).run(|| ());
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct Operation<S = ()> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    declaration: Arc<Declaration>,
    calls: Series<S, Arc<CallSeries>>,
}

impl<S: AttributeSet> Operation<S> {
    /// The operation with one set of its declared attributes, ready to run.
    pub fn with(&self, set: S) -> Call {
        let inner = &self.inner;
        let series = inner
            .calls
            .get_or_make(set, |set| CallSeries::new(&inner.declaration, set));
        Call::new(Arc::clone(&series))
    }

    /// The name, as the span carries it.
    pub fn name(&self) -> &str {
        &self.inner.declaration.name
    }

    /// Declares a counter of this operation: measured inside it, its exemplars are the operation's spans.
    /// The name stands as given; the meter is the operation's.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let checkout = telemetry.operation("checkout").build();
    /// let revenue = checkout.counter::<f64>("checkout.revenue").unit("EUR").build();
    /// checkout.run(|| revenue.add(19.90));
    /// ```
    pub fn counter<N: CounterValue>(
        &self,
        name: impl Into<std::borrow::Cow<'static, str>>,
    ) -> InstrumentBuilder<Counter<N>> {
        InstrumentBuilder::new(self.inner.declaration.meter.clone(), name)
    }

    /// Declares an up-down counter of this operation, see [`counter`](Operation::counter).
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let import = telemetry.operation("import").build();
    /// let open = import.up_down_counter::<i64>("import.open_files").unit("{file}").build();
    /// import.run(|| {
    ///     open.add(1);
    ///     // … read the file …
    ///     open.add(-1);
    /// });
    /// ```
    pub fn up_down_counter<N: UpDownCounterValue>(
        &self,
        name: impl Into<std::borrow::Cow<'static, str>>,
    ) -> InstrumentBuilder<UpDownCounter<N>> {
        InstrumentBuilder::new(self.inner.declaration.meter.clone(), name)
    }

    /// Declares a gauge of this operation, see [`counter`](Operation::counter).
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let sync = telemetry.operation("sync stock").build();
    /// let behind = sync.gauge::<f64>("sync.behind").unit("s").build();
    /// sync.run(|| behind.record(0.3));
    /// ```
    pub fn gauge<N: GaugeValue>(
        &self,
        name: impl Into<std::borrow::Cow<'static, str>>,
    ) -> InstrumentBuilder<Gauge<N>> {
        InstrumentBuilder::new(self.inner.declaration.meter.clone(), name)
    }

    /// Declares a histogram of this operation, see [`counter`](Operation::counter).
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let search = telemetry.operation("search").build();
    /// let hits = search.histogram::<u64>("search.hits").unit("{hit}").build();
    /// search.run(|| hits.record(17)); // an exemplar of it is the search that found 17
    /// ```
    pub fn histogram<N: HistogramValue>(
        &self,
        name: impl Into<std::borrow::Cow<'static, str>>,
    ) -> InstrumentBuilder<Histogram<N>> {
        InstrumentBuilder::new(self.inner.declaration.meter.clone(), name)
    }
}

/// An operation without declared attributes runs directly; each method is that of [`Call`].
impl Operation {
    /// Runs a closure as this operation. See [`Call::run`].
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.with(()).run(work)
    }

    /// Runs a closure that may fail. See [`Call::try_run`].
    ///
    /// # Errors
    /// What the closure returns.
    pub fn try_run<T, E: fmt::Display + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.with(()).try_run(work)
    }

    /// Wraps a future as this operation. See [`Call::wrap`].
    pub fn wrap<F: Future>(&self, future: F) -> Observed<F> {
        self.with(()).wrap(future)
    }

    /// Wraps a future that may fail. See [`Call::try_wrap`].
    pub fn try_wrap<F, T, E>(&self, future: F) -> Observed<F>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display + 'static,
    {
        self.with(()).try_wrap(future)
    }

    /// Starts the operation until the guard is dropped. See [`Call::start`].
    pub fn start(&self) -> OperationGuard {
        self.with(()).start()
    }

    /// Adds an attribute to the span alone. See [`Call::span_attribute`].
    pub fn span_attribute(&self, key: impl Into<Key>, value: impl Into<Value>) -> Call {
        self.with(()).span_attribute(key, value)
    }
}

impl<S> Clone for Operation<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<S> fmt::Debug for Operation<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("name", &self.inner.declaration.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
