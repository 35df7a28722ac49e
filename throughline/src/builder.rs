//! How telemetry is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::trace::{ShouldSample, SpanExporter};
use throughline_engine::{ExemplarFilter, Outliers, Selector, TemporalityPreference, View};
use throughline_model::{Clock, Push, Random, SystemClock, SystemRandom};
use throughline_samplers::Retention;

#[cfg(feature = "logs")]
use crate::delivery::LogSink;
use crate::delivery::SpanSink;
use crate::sampler::Head;
use crate::settings::Lookup;
#[cfg(feature = "otlp")]
use crate::settings::Otlp;
#[cfg(feature = "prometheus")]
use crate::settings::Prometheus;
use crate::{Error, Telemetry, pipeline};

/// Sets telemetry up. Made by [`Telemetry::builder`].
///
/// Code beats environment: what is not said here comes from the `OTEL_*` variables
/// ([`configuration`](crate::configuration)), then from the specification's defaults.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use throughline::{Otlp, Prometheus, Telemetry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = Telemetry::builder("checkout")
///     .version(env!("CARGO_PKG_VERSION"))
///     .namespace("shop")
///     .resource_attribute("deployment.environment.name", "production")
///     .otlp(Otlp::grpc("http://localhost:4317").gzip())
///     .prometheus(Prometheus::at("127.0.0.1:0"))
///     .metric_interval(Duration::from_secs(10))
/// #   .otlp(Otlp::new().signals([]))
///     .build()?;
/// println!("{}", telemetry.describe());
/// telemetry.shutdown(Duration::from_secs(5))?;
/// # Ok(())
/// # }
/// ```
///
/// What is recorded, and how much of it:
/// ```
/// use throughline::opentelemetry_sdk::trace::Sampler;
/// use throughline::{Aggregation, ExemplarFilter, Selector, Telemetry, TemporalityPreference, View};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = Telemetry::builder("checkout")
///     .sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.1))))
///     .view(View::select(Selector::name("*.duration")).aggregation(Aggregation::exponential()))
///     .exemplar_filter(ExemplarFilter::TraceBased)
///     .temporality(TemporalityPreference::Delta)
///     .cardinality_limit(500)
///     .tracing_filter("info,checkout=debug,hyper=off")
///     .without_console()
/// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing before `install` or `build`"]
pub struct TelemetryBuilder {
    pub(crate) service_name: String,
    pub(crate) resource: Vec<KeyValue>,
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Otlp,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<Prometheus>,
    pub(crate) span_exporter: Option<SpanSink>,
    /// With the name of its type.
    pub(crate) metric_exporter: Option<(Box<dyn Push>, &'static str)>,
    #[cfg(feature = "logs")]
    pub(crate) log_exporter: Option<LogSink>,
    pub(crate) sampler: Option<Head>,
    pub(crate) retention: Option<Retention>,
    pub(crate) outliers: Vec<(Selector, Outliers)>,
    pub(crate) views: Vec<View>,
    pub(crate) exemplar_filter: Option<ExemplarFilter>,
    pub(crate) temporality: Option<TemporalityPreference>,
    pub(crate) cardinality_limit: Option<usize>,
    pub(crate) metric_interval: Option<Duration>,
    #[cfg(feature = "tracing")]
    pub(crate) tracing: crate::bridge::BridgeSettings,
    pub(crate) environment: Lookup,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl TelemetryBuilder {
    pub(crate) fn new(service_name: String) -> Self {
        Self {
            service_name,
            resource: Vec::new(),
            #[cfg(feature = "otlp")]
            otlp: Otlp::new(),
            #[cfg(feature = "prometheus")]
            prometheus: None,
            span_exporter: None,
            metric_exporter: None,
            #[cfg(feature = "logs")]
            log_exporter: None,
            sampler: None,
            retention: None,
            outliers: Vec::new(),
            views: Vec::new(),
            exemplar_filter: None,
            temporality: None,
            cardinality_limit: None,
            metric_interval: None,
            #[cfg(feature = "tracing")]
            tracing: Default::default(),
            environment: Lookup::Process,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// The service's version: `service.version`.
    pub fn version(self, version: impl Into<Value>) -> Self {
        self.resource_attribute("service.version", version)
    }

    /// What groups services: `service.namespace`.
    pub fn namespace(self, namespace: impl Into<Value>) -> Self {
        self.resource_attribute("service.namespace", namespace)
    }

    /// An attribute of the resource, which every span, metric and log record carries. Beats
    /// `OTEL_RESOURCE_ATTRIBUTES` and what is detected.
    pub fn resource_attribute(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.resource.push(KeyValue::new(key, value));
        self
    }

    /// Where OTLP goes, and how. Default: what the environment says, else HTTP/protobuf to
    /// `http://localhost:4318`.
    #[cfg(feature = "otlp")]
    pub fn otlp(mut self, otlp: Otlp) -> Self {
        self.otlp = otlp;
        self
    }

    /// Serves `/metrics` to Prometheus, beside the push over OTLP. Default: only where
    /// `OTEL_METRICS_EXPORTER` names `prometheus`, since it opens a port.
    #[cfg(feature = "prometheus")]
    pub fn prometheus(mut self, prometheus: Prometheus) -> Self {
        self.prometheus = Some(prometheus);
        self
    }

    /// Sends spans through this exporter in place of OTLP. It runs on the delivery thread and must not
    /// block it; a panic fails its batch alone.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline::Telemetry;
    /// use throughline_testkit::CollectingSpanExporter;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let exporter = CollectingSpanExporter::new();
    /// let telemetry = Telemetry::builder("checkout")
    ///     .span_exporter(exporter.clone())
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    ///
    /// telemetry.operation("charge card").build().run(|| ());
    /// telemetry.force_flush(Duration::from_secs(5))?;
    /// assert_eq!(exporter.spans()[0].name, "charge card");
    /// # Ok(())
    /// # }
    /// ```
    pub fn span_exporter(mut self, exporter: impl SpanExporter + 'static) -> Self {
        self.span_exporter = Some(SpanSink::new(exporter));
        self
    }

    /// Sends metrics through this exporter in place of OTLP. It runs on the delivery thread and must not
    /// block it; a panic fails its push alone.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline::{Telemetry, model::Number};
    /// use throughline_testkit::{CollectingPush, NONE, Seen};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let exporter = CollectingPush::new();
    /// let telemetry = Telemetry::builder("checkout")
    ///     .metric_exporter(exporter.clone())
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    ///
    /// telemetry.counter::<u64>("orders").build().add(3);
    /// telemetry.force_flush(Duration::from_secs(5))?;
    /// assert_eq!(exporter.snapshots()[0].number("orders", NONE), Number::U64(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn metric_exporter<E: Push + 'static>(mut self, exporter: E) -> Self {
        self.metric_exporter = Some((Box::new(exporter), std::any::type_name::<E>()));
        self
    }

    /// Sends log records through this exporter in place of OTLP. It runs on the delivery thread and must
    /// not block it; a panic fails its batch alone.
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    /// use throughline::opentelemetry_sdk::error::OTelSdkResult;
    /// use throughline::opentelemetry_sdk::logs::{LogBatch, LogExporter};
    ///
    /// #[derive(Debug)]
    /// struct Print;
    ///
    /// impl LogExporter for Print {
    ///     async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
    ///         for (record, _scope) in batch.iter() {
    ///             println!("{:?}", record.body());
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .log_exporter(Print)
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "logs")]
    pub fn log_exporter(
        mut self,
        exporter: impl opentelemetry_sdk::logs::LogExporter + 'static,
    ) -> Self {
        self.log_exporter = Some(LogSink::new(exporter));
        self
    }

    /// Which traces are sampled at their start: one of ours, or any sampler for `opentelemetry_sdk`. Beats
    /// `OTEL_TRACES_SAMPLER`. Default: all, unless the caller decided.
    ///
    /// What an [`AdaptiveSampler`](crate::AdaptiveSampler) says about errors and slow traces holds for retention, unless
    /// [`retention`](Self::retention) says something else.
    ///
    /// # Example
    /// ```
    /// use throughline::{AdaptiveSampler, Telemetry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .sampler(AdaptiveSampler::builder().target_per_second(50.0).build()?)
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sampler(mut self, sampler: impl ShouldSample + 'static) -> Self {
        self.sampler = Some(Head::new(sampler));
        self
    }

    /// Which traces are kept although the sampler did not choose them, and how much may wait for that decision.
    /// Default: every one with an error or an outlier, and half of those that take 500 ms or more.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline::{Retention, Slow, Telemetry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .retention(
    ///         Retention::new()
    ///             .slow(Slow::Above(Duration::from_millis(200)), 1.0)
    ///             .max_bytes(16 << 20),
    ///     )
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Records only what the sampler chooses: nothing waits for the end of its trace. Exemplars still resolve; those of
    /// outliers that were not sampled are missing.
    pub fn without_retention(self) -> Self {
        self.retention(Retention::new().share(0.0))
    }

    /// Which measurements of these histograms are outliers, whose traces are kept. A view's own choice comes first, then
    /// the one that was added first. Default: what is above the quantile 0.999 of the last minute, in histograms whose
    /// name ends in `.duration` and whose unit is `s`, which those of operations are.
    ///
    /// # Example
    /// ```
    /// use throughline::{Outliers, Selector, Telemetry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .outliers(Selector::name("charge_card.duration"), Outliers::above(0.3))
    ///     .outliers(Selector::name("batch.duration"), Outliers::none())
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn outliers(mut self, histograms: Selector, outliers: Outliers) -> Self {
        self.outliers.push((histograms, outliers));
        self
    }

    /// Adds a view: what becomes of the instruments it selects. Views apply in the order they were added.
    pub fn view(mut self, view: View) -> Self {
        self.views.push(view);
        self
    }

    /// Which measurements may become exemplars. Beats `OTEL_METRICS_EXEMPLAR_FILTER`. Default:
    /// [`Resolvable`](ExemplarFilter::Resolvable), so that every exemplar has a trace that was delivered.
    pub fn exemplar_filter(mut self, filter: ExemplarFilter) -> Self {
        self.exemplar_filter = Some(filter);
        self
    }

    /// Which instruments are pushed as deltas. Beats
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`; Prometheus is always cumulative. Default: none.
    pub fn temporality(mut self, preference: TemporalityPreference) -> Self {
        self.temporality = Some(preference);
        self
    }

    /// How many attribute sets a stream tells apart, at least 1; what is over goes to
    /// `otel.metric.overflow=true`. Default: 2000.
    pub fn cardinality_limit(mut self, limit: usize) -> Self {
        self.cardinality_limit = Some(limit);
        self
    }

    /// The time from one push of metrics to the next, more than zero. Beats `OTEL_METRIC_EXPORT_INTERVAL`.
    /// Default: 60 s.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = Some(interval);
        self
    }

    /// Which `tracing` spans and events are exported, as `tracing_subscriber::filter::Targets` reads it:
    /// `info,shop=debug,noisy=off`. What the console shows is `RUST_LOG`'s affair. Default: `info`.
    #[cfg(feature = "tracing")]
    pub fn tracing_filter(mut self, targets: impl Into<String>) -> Self {
        self.tracing.filter = Some(targets.into());
        self
    }

    /// Leaves standard error alone: by default our subscriber writes events there, as `RUST_LOG` says;
    /// where it says nothing, as `info,opentelemetry=warn` would.
    #[cfg(feature = "tracing")]
    pub fn without_console(mut self) -> Self {
        self.tracing.console = false;
        self
    }

    /// Leaves the global `tracing` subscriber alone: add [`Telemetry::layer`] to yours.
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    /// use tracing_subscriber::layer::SubscriberExt;
    /// use tracing_subscriber::util::SubscriberInitExt;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .without_subscriber()
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .install()?;
    /// tracing_subscriber::registry().with(telemetry.layer()).init();
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tracing")]
    pub fn without_subscriber(mut self) -> Self {
        self.tracing.subscriber = false;
        self
    }

    /// Where the time comes from, for operations, metrics and exporters. Default: the operating system.
    ///
    /// # Example
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use throughline::Telemetry;
    /// use throughline_testkit::{CollectingSpanExporter, ManualClock};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (clock, exporter) = (ManualClock::new(), CollectingSpanExporter::new());
    /// let telemetry = Telemetry::builder("checkout")
    ///     .clock(Arc::new(clock.clone()))
    ///     .span_exporter(exporter.clone())
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    ///
    /// let nap = Duration::from_millis(20);
    /// telemetry.operation("nap").build().run(|| clock.advance(nap));
    /// telemetry.force_flush(Duration::from_secs(5))?;
    /// let span = &exporter.spans()[0];
    /// assert_eq!(span.end_time.duration_since(span.start_time)?, nap);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where chance comes from, for ids of this process, exemplars and the jitter of retries. Trace ids are
    /// `opentelemetry_sdk`'s. Default: seeded by the operating system.
    ///
    /// # Example
    /// ```
    /// use std::sync::Arc;
    /// use throughline::Telemetry;
    /// use throughline_testkit::SeededRandom;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .random(Arc::new(SeededRandom::new(7))) // the same `service.instance.id` in each run
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Reads variables from here in place of the process' environment.
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// let telemetry = Telemetry::builder("checkout")
    ///     .environment(|name| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned()))
    ///     .build()?;
    /// assert!(telemetry.is_disabled());
    /// # Ok(())
    /// # }
    /// ```
    pub fn environment(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Lookup::Given(Box::new(lookup));
        self
    }

    /// Builds telemetry and makes it the process': the global meter and tracer providers, the propagator,
    /// and the `tracing` subscriber where none is set yet.
    ///
    /// Instruments and tracers that were taken from `opentelemetry::global` before stay no-ops.
    ///
    /// # Errors
    /// A setting that cannot be used, a port for Prometheus that is taken, and
    /// [`is_already_installed`](Error::is_already_installed) while another one is installed and not shut
    /// down. Nothing is left behind then.
    ///
    /// # Example
    /// ```
    /// use throughline::{Telemetry, opentelemetry::global, tracing};
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// let telemetry = Telemetry::builder("checkout")
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .install()?;
    ///
    /// tracing::info_span!("load prices").in_scope(|| tracing::info!("loading")); // reaches it
    /// global::meter("shop").u64_counter("prices.loaded").build().add(12, &[]); // so does this
    /// # Ok(())
    /// # }
    /// ```
    pub fn install(self) -> Result<Telemetry, Error> {
        pipeline::install(self)
    }

    /// Builds telemetry and leaves everything global alone: for tests, and for processes with several.
    /// Libraries that use `opentelemetry::global` do not reach it; [`Telemetry::layer`] brings `tracing`.
    ///
    /// # Errors
    /// A setting that cannot be used, and a port for Prometheus that is taken.
    pub fn build(self) -> Result<Telemetry, Error> {
        pipeline::build(self)
    }
}

impl fmt::Debug for TelemetryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryBuilder")
            .field("service_name", &self.service_name)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}
