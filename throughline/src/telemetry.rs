//! The handle.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::Meter;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use throughline_config::Propagator;
use throughline_engine::{Collector, MeterProvider, Registration};
use throughline_model::TraceKeeper;
use throughline_samplers::RetentionBuffer;
use tokio::sync::oneshot;

use crate::delivery::Delivery;
use crate::describe::Description;
use crate::duplicates::Duplicates;
use crate::operation::Scope;
use crate::{
    Counter, CounterValue, Error, Gauge, GaugeValue, Histogram, HistogramValue, InstrumentBuilder,
    OperationBuilder, TelemetryBuilder, UpDownCounter, UpDownCounterValue, pipeline,
};

/// The telemetry of a service: declares operations and instruments, and owns the way out.
///
/// Clones share it. Keep one for as long as the service runs: when the last one is dropped, telemetry shuts
/// down, for at most [`DROP_TIMEOUT`](Telemetry::DROP_TIMEOUT). Operations and instruments may be used
/// longer, and measure nothing then.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use throughline::Telemetry;
///
/// # fn main() -> Result<(), throughline::Error> {
/// let telemetry = Telemetry::builder("checkout")
/// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
///     .install()?;
///
/// let greet = telemetry.operation("greet").build();
/// greet.run(|| println!("hello"));
/// telemetry.shutdown(Duration::from_secs(5))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "dropped at once, telemetry shuts down at once: keep it for as long as the service runs"]
pub struct Telemetry {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    parts: Parts,
}

/// What telemetry is made of. Without a delivery, it is a no-op.
pub(crate) struct Parts {
    pub(crate) scope: Scope,
    pub(crate) service: String,
    /// The scope of what is declared on the handle: the service's name.
    pub(crate) instrumentation: InstrumentationScope,
    pub(crate) meter_provider: Option<MeterProvider>,
    pub(crate) tracer_provider: Option<SdkTracerProvider>,
    pub(crate) spans: Option<RetentionBuffer>,
    pub(crate) delivery: Option<Delivery>,
    pub(crate) propagators: Vec<Propagator>,
    #[cfg(feature = "tower")]
    pub(crate) http_methods: crate::tower::Methods,
    /// `None` where nothing is retained beyond head sampling.
    pub(crate) keeper: Option<Arc<dyn TraceKeeper>>,
    pub(crate) prometheus: Option<SocketAddr>,
    #[cfg(feature = "tracing")]
    pub(crate) bridge: crate::bridge::Bridge,
    pub(crate) description: Description,
}

impl Telemetry {
    /// How long the last handle waits when it is dropped: 5 s.
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// # let telemetry = Telemetry::disabled();
    /// // As a drop would, but with a result:
    /// telemetry.shutdown(Telemetry::DROP_TIMEOUT)?;
    /// # Ok(())
    /// # }
    /// ```
    pub const DROP_TIMEOUT: Duration = Duration::from_secs(5);

    /// Sets telemetry up for the service of this name (`service.name`, which beats `OTEL_SERVICE_NAME`; with
    /// an empty name the environment decides).
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .version("1.4.2")
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(service_name: impl Into<String>) -> TelemetryBuilder {
        TelemetryBuilder::new(service_name.into())
    }

    /// Telemetry that goes nowhere: everything works, nothing is recorded, no context travels. It is what tests of other
    /// things want. `OTEL_SDK_DISABLED=true` gives the same, but lets what others propagate travel on.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// assert!(telemetry.is_disabled());
    /// assert_eq!(telemetry.operation("add").build().run(|| 1 + 1), 2);
    /// ```
    pub fn disabled() -> Self {
        Self::new(pipeline::disabled(Description::default()))
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner { parts }),
        }
    }

    /// Declares an operation: its span, its latency, its count, what is in flight.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let search = telemetry.operation("search").build();
    /// assert_eq!(search.run(|| 42), 42);
    /// ```
    pub fn operation(&self, name: impl Into<Cow<'static, str>>) -> OperationBuilder {
        OperationBuilder::new(self.parts().scope.clone(), name)
    }

    /// Declares a counter, which adds up what only grows.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let orders = telemetry.counter::<u64>("orders").unit("{order}").build();
    /// orders.add(1);
    /// ```
    pub fn counter<N: CounterValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<Counter<N>> {
        InstrumentBuilder::new(self.parts().scope.meter.clone(), name)
    }

    /// Declares an up-down counter, which adds up what grows and shrinks.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let queued = telemetry.up_down_counter::<i64>("queue.length").build();
    /// queued.add(1);
    /// queued.add(-1);
    /// ```
    pub fn up_down_counter<N: UpDownCounterValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<UpDownCounter<N>> {
        InstrumentBuilder::new(self.parts().scope.meter.clone(), name)
    }

    /// Declares a gauge, which keeps what was seen last.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// telemetry.gauge::<f64>("room.temperature").unit("Cel").build().record(21.5);
    /// ```
    pub fn gauge<N: GaugeValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<Gauge<N>> {
        InstrumentBuilder::new(self.parts().scope.meter.clone(), name)
    }

    /// Declares a histogram, which keeps a distribution.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// telemetry.histogram::<u64>("upload.size").unit("By").build().record(4096);
    /// ```
    pub fn histogram<N: HistogramValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<Histogram<N>> {
        InstrumentBuilder::new(self.parts().scope.meter.clone(), name)
    }

    /// Has a state that lives elsewhere (a pool, a cache) read once per collection, by each output for
    /// itself, until [`Registration::unregister`]. Dropping the registration leaves it registered.
    ///
    /// # Errors
    /// Where an instrument's name or unit is invalid, and after the shutdown.
    ///
    /// # Example
    /// ```
    /// use std::sync::Arc;
    /// use throughline::{Collector, Instruments, Observable, Observations};
    /// use throughline::opentelemetry::KeyValue;
    ///
    /// const CONNECTIONS: Observable<i64> =
    ///     Observable::<i64>::up_down_counter("pool.connections").unit("{connection}");
    ///
    /// struct Pool;
    ///
    /// impl Collector for Pool {
    ///     fn describe(&self, instruments: &mut Instruments) {
    ///         instruments.add(&CONNECTIONS);
    ///     }
    ///
    ///     fn collect(&self, observations: &mut Observations<'_>) {
    ///         let (used, idle) = (2, 8); // one look at the pool
    ///         observations.observe(&CONNECTIONS, used, &[KeyValue::new("state", "used")]);
    ///         observations.observe(&CONNECTIONS, idle, &[KeyValue::new("state", "idle")]);
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// # let telemetry = throughline::Telemetry::builder("doc").environment(|_| None)
    /// #     .otlp(throughline::Otlp::new().signals([])).build()?;
    /// let registration = telemetry.register(Pool)?;
    /// // … when the pool is closed:
    /// registration.unregister();
    /// # Ok(())
    /// # }
    /// ```
    pub fn register(&self, collector: impl Collector) -> Result<Registration, Error> {
        let parts = self.parts();
        let scope = parts.instrumentation.clone();
        match &parts.meter_provider {
            Some(provider) => Ok(provider.register(scope, collector)?),
            // Nothing collects it; the registration is as good as any other.
            None => Ok(MeterProvider::builder()
                .build()?
                .register(scope, collector)?),
        }
    }

    /// The meter of the service, for what the `opentelemetry` API alone can do.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let uptime = std::time::Instant::now();
    /// telemetry
    ///     .meter()
    ///     .f64_observable_gauge("shop.uptime")
    ///     .with_unit("s")
    ///     .with_callback(move |it| it.observe(uptime.elapsed().as_secs_f64(), &[]))
    ///     .build();
    /// ```
    pub fn meter(&self) -> Meter {
        self.parts().scope.meter.clone()
    }

    /// The tracer of the service; `None` where nothing is traced.
    ///
    /// # Example
    /// ```
    /// use throughline::opentelemetry::trace::{Span, Tracer};
    /// # let telemetry = throughline::Telemetry::disabled();
    ///
    /// if let Some(tracer) = telemetry.tracer() {
    ///     let mut span = tracer.start("warm up");
    ///     span.add_event("cache filled", vec![]);
    /// }
    /// ```
    pub fn tracer(&self) -> Option<SdkTracer> {
        self.parts().scope.tracer.clone()
    }

    /// Keeps the trace of the current span, whatever the sampler chose: what this process recorded of it, and what
    /// services record that are called from now on. Nothing happens outside of a span.
    ///
    /// Code that knows no `Telemetry` sets the attribute `sampling.keep` to `true` on any span of the trace: on one that
    /// starts with it, for it to be known at once, or on one that is open, for it to be known in the end.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// # let debugged = true;
    /// let charge = telemetry.operation("charge card").build();
    /// charge.run(|| {
    ///     if debugged {
    ///         telemetry.keep();
    ///     }
    /// });
    /// ```
    pub fn keep(&self) {
        if let Some(spans) = &self.parts().spans {
            spans.keep_current();
        }
    }

    /// The buffer in which traces wait for the decision whether they are kept: what it holds and what it lost, and the
    /// [`TraceKeeper`](throughline_model::TraceKeeper) for measurements of one's own. `None` where nothing is traced.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// if let Some(traces) = telemetry.retention() {
    ///     println!("{} bytes wait, {:?}", traces.bytes(), traces.counts());
    /// }
    /// ```
    pub fn retention(&self) -> Option<&RetentionBuffer> {
        self.parts().spans.as_ref()
    }

    /// Where Prometheus may scrape `/metrics`; `None` where it may not.
    ///
    /// # Example
    /// ```
    /// use throughline::{Prometheus, Telemetry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .prometheus(Prometheus::at("127.0.0.1:0")) // any free port
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// assert!(telemetry.prometheus_addr().is_some_and(|it| it.port() != 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn prometheus_addr(&self) -> Option<SocketAddr> {
        self.parts().prometheus
    }

    /// Whether this is a no-op.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// if telemetry.is_disabled() {
    ///     println!("OTEL_SDK_DISABLED is set: nothing is recorded");
    /// }
    /// ```
    pub fn is_disabled(&self) -> bool {
        self.parts().delivery.is_none()
    }

    /// A layer that brings `tracing` here: spans become spans, events log records. For a program with a
    /// subscriber of its own, at most one of them in it; see
    /// [`without_subscriber`](crate::TelemetryBuilder::without_subscriber); nobody needs it where
    /// [`install`](crate::TelemetryBuilder::install) set the subscriber.
    ///
    /// # Example
    /// ```
    /// use tracing_subscriber::layer::SubscriberExt;
    ///
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    /// throughline::tracing::subscriber::with_default(subscriber, || {
    ///     throughline::tracing::info!("hello");
    /// });
    /// ```
    #[cfg(feature = "tracing")]
    pub fn layer<S>(&self) -> impl tracing_subscriber::Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
    {
        self.parts().bridge.layer()
    }

    /// What telemetry is configured to do, without secrets, and what needs attention. Looks for a second
    /// version of `opentelemetry` in this program, which reads the program's file once.
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// assert!(telemetry.describe().to_string().contains("checkout"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn describe(&self) -> Description {
        Description {
            duplicates: Duplicates::of_this_program().clone(),
            ..self.parts().description.clone()
        }
    }

    /// Delivers everything that was recorded so far, within `timeout`. From any thread, inside a runtime or
    /// not; it blocks, see [`force_flush_async`](Telemetry::force_flush_async).
    ///
    /// # Errors
    /// Where not everything was delivered, or not in time.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// # let telemetry = throughline::Telemetry::disabled();
    /// // Before the process is frozen, as functions as a service are:
    /// telemetry.force_flush(Duration::from_secs(2))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn force_flush(&self, timeout: Duration) -> Result<(), Error> {
        match &self.parts().delivery {
            Some(delivery) => delivery.flush(timeout),
            None => Ok(()),
        }
    }

    /// As [`force_flush`](Telemetry::force_flush), without blocking, on any runtime.
    ///
    /// # Errors
    /// As [`force_flush`](Telemetry::force_flush).
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn freeze(telemetry: &throughline::Telemetry) -> Result<(), throughline::Error> {
    /// telemetry.force_flush_async(Duration::from_secs(2)).await?;
    /// # Ok(())
    /// # }
    /// # let telemetry = throughline::Telemetry::disabled();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(freeze(&telemetry)).unwrap();
    /// ```
    pub async fn force_flush_async(&self, timeout: Duration) -> Result<(), Error> {
        self.elsewhere(move |telemetry| telemetry.force_flush(timeout))
            .await
    }

    /// Delivers everything and ends, within `timeout`: spans and log records first, then metrics with what
    /// they say about those. A second call waits for the first and says the same. From any thread, inside
    /// a runtime of either flavour or not, with or without a collector; it blocks, see
    /// [`shutdown_async`](Telemetry::shutdown_async).
    ///
    /// # Errors
    /// Where not everything was delivered, or not in time. Telemetry has ended all the same.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// # let telemetry = throughline::Telemetry::disabled();
    ///
    /// if let Err(error) = telemetry.shutdown(Duration::from_secs(5)) {
    ///     eprintln!("{error}"); // what was lost, and why
    /// }
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        self.inner.shutdown(timeout)
    }

    /// As [`shutdown`](Telemetry::shutdown), without blocking, on any runtime.
    ///
    /// # Errors
    /// As [`shutdown`](Telemetry::shutdown).
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn serve() {}
    /// # async fn run(telemetry: throughline::Telemetry) -> Result<(), throughline::Error> {
    /// serve().await; // until it is told to stop
    /// telemetry.shutdown_async(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(run(throughline::Telemetry::disabled())).unwrap();
    /// ```
    pub async fn shutdown_async(&self, timeout: Duration) -> Result<(), Error> {
        self.elsewhere(move |telemetry| telemetry.shutdown(timeout))
            .await
    }

    /// Waits in a thread of its own: the delivery thread keeps the time, but an exporter that blocks it could
    /// make a future wait for ever.
    async fn elsewhere(
        &self,
        wait: impl FnOnce(&Telemetry) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        if self.is_disabled() {
            return Ok(());
        }
        let (send, result) = oneshot::channel();
        let telemetry = self.clone();
        std::thread::Builder::new()
            .name("throughline-wait".to_owned())
            .spawn(move || {
                // The future may have been dropped.
                let _ = send.send(wait(&telemetry));
            })
            .map_err(Error::thread)?;
        result
            .await
            .unwrap_or_else(|_| Err(Error::undelivered(vec!["the wait panicked".to_owned()])))
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    /// Says what needs attention.
    pub(crate) fn say_notices(&self) {
        for notice in &self.parts().description.notices {
            tracing::warn!(target: "throughline", "{notice}");
        }
    }

    /// Says it where this program contains a second version of `opentelemetry`.
    pub(crate) fn look_for_duplicates() {
        // Reading the program takes a moment that nobody should wait for. Without a thread, `describe` still
        // says it.
        let _ = std::thread::Builder::new()
            .name("throughline-look".to_owned())
            .spawn(|| {
                let duplicates = Duplicates::of_this_program();
                if let Duplicates::Found(_) = duplicates {
                    tracing::warn!(target: "throughline", "{duplicates}");
                }
            });
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }
}

/// What it is called and whether it runs: never what it holds, which is users' data.
impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.parts().service)
            .field("disabled", &self.is_disabled())
            .field("shut_down", &self.inner.is_shut_down())
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn service(&self) -> &str {
        &self.parts.service
    }

    /// A no-op is never in the way.
    pub(crate) fn is_shut_down(&self) -> bool {
        let delivery = self.parts.delivery.as_ref();
        delivery.is_none_or(Delivery::is_shut_down)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), Error> {
        match &self.parts.delivery {
            Some(delivery) => delivery.shutdown(timeout),
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.is_shut_down() {
            return;
        }
        if let Err(error) = self.shutdown(Telemetry::DROP_TIMEOUT) {
            tracing::warn!(target: "throughline", "when telemetry was dropped: {error}");
        }
    }
}
