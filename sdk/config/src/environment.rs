//! Everything the environment says.

use std::ffi::OsString;

use crate::reader::Reader;
use crate::words::{Exporter, LogLevel, Propagator};
use crate::{Batch, Invalid, Limits, Metrics, Otlp, Sampler, batch};

/// What the `OTEL_*` variables say. `None` is what is not set, or not understood.
///
/// ```
/// use throughline_config::Environment;
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_RESOURCE_ATTRIBUTES" => Some("service.name=checkout,service.version=1.4".into()),
///     "OTEL_LOGS_EXPORTER" => Some("none".into()),
///     _ => None,
/// });
/// assert_eq!(environment.service_name.as_deref(), Some("checkout"));
/// assert_eq!(environment.resource_attributes, [("service.version".into(), "1.4".into())]);
/// assert_eq!(environment.logs_exporters, Some(vec![]));
/// assert_eq!(environment.traces_exporters, None);
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct Environment {
    /// `OTEL_SDK_DISABLED`: no telemetry at all. Propagation goes on.
    pub sdk_disabled: bool,
    /// `OTEL_LOG_LEVEL`: how much the SDK says about itself. Default info.
    pub log_level: Option<LogLevel>,
    /// `OTEL_SERVICE_NAME`, else `service.name` of `OTEL_RESOURCE_ATTRIBUTES`.
    pub service_name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`, decoded, in the order they were written, `service.name` left out.
    pub resource_attributes: Vec<(String, String)>,
    /// `OTEL_PROPAGATORS`: each once; empty for `none`. Default trace context and baggage.
    pub propagators: Option<Vec<Propagator>>,
    /// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`: the methods that instrumentations of HTTP name, in place of those they know;
    /// each once.
    pub http_known_methods: Option<Vec<String>>,
    /// `OTEL_TRACES_SAMPLER` with its argument. Default `parentbased_always_on`.
    pub sampler: Option<Sampler>,
    /// `OTEL_TRACES_EXPORTER`: empty for `none`. Default OTLP. Never Prometheus.
    pub traces_exporters: Option<Vec<Exporter>>,
    /// `OTEL_METRICS_EXPORTER`: empty for `none`. Default OTLP.
    pub metrics_exporters: Option<Vec<Exporter>>,
    /// `OTEL_LOGS_EXPORTER`: empty for `none`. Default OTLP. Never Prometheus.
    pub logs_exporters: Option<Vec<Exporter>>,
    /// `OTEL_BSP_*`: the batches of spans.
    pub span_batch: Batch,
    /// `OTEL_BLRP_*`: the batches of log records.
    pub log_batch: Batch,
    /// `OTEL_*_LIMIT`: how much a span or a log record may hold.
    pub limits: Limits,
    /// `OTEL_METRIC*`: metrics.
    pub metrics: Metrics,
    /// `OTEL_EXPORTER_OTLP_*`: where OTLP goes and how.
    pub otlp: Otlp,
    /// `OTEL_EXPORTER_PROMETHEUS_*`: where Prometheus may scrape.
    pub prometheus: Prometheus,
}

/// Where Prometheus may scrape.
///
/// ```
/// use throughline_config::Environment;
///
/// let (environment, _) = Environment::read(|name| {
///     (name == "OTEL_EXPORTER_PROMETHEUS_PORT").then(|| "9100".into())
/// });
/// let prometheus = environment.prometheus;
/// assert_eq!(prometheus.host.as_deref().unwrap_or("localhost"), "localhost");
/// assert_eq!(prometheus.port, Some(9100));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Prometheus {
    /// `OTEL_EXPORTER_PROMETHEUS_HOST`. Default `localhost`.
    pub host: Option<String>,
    /// `OTEL_EXPORTER_PROMETHEUS_PORT`: 0 takes any free one. Default 9464.
    pub port: Option<u16>,
}

impl Environment {
    /// Reads the environment of this process. A value that is not UTF-8 is [`Invalid`].
    ///
    /// ```
    /// use throughline_config::Environment;
    ///
    /// let (environment, invalid) = Environment::from_process();
    /// for invalid in &invalid {
    ///     eprintln!("{invalid}");
    /// }
    /// println!("{:?}", environment.service_name);
    /// ```
    pub fn from_process() -> (Self, Vec<Invalid>) {
        Self::read_os(&|name| std::env::var_os(name))
    }

    /// Reads from `lookup`, which gives the value of a variable. Each name of [`VARIABLES`](crate::VARIABLES)
    /// is asked for.
    ///
    /// ```
    /// use throughline_config::{Environment, Exporter};
    ///
    /// let (environment, invalid) = Environment::read(|name| {
    ///     (name == "OTEL_METRICS_EXPORTER").then(|| "otlp,prometheus".into())
    /// });
    /// assert_eq!(environment.metrics_exporters, Some(vec![Exporter::Otlp, Exporter::Prometheus]));
    /// assert!(invalid.is_empty());
    /// ```
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> (Self, Vec<Invalid>) {
        Self::read_os(&|name| lookup(name).map(OsString::from))
    }

    fn read_os(lookup: &dyn Fn(&str) -> Option<OsString>) -> (Self, Vec<Invalid>) {
        let mut reader = Reader::new(lookup);
        let environment = Self::read_from(&mut reader);
        (environment, reader.finish())
    }

    fn read_from(reader: &mut Reader<'_>) -> Self {
        refuse_configuration_files(reader);
        let (service_name, resource_attributes) = resource(reader);
        let not_prometheus = |exporter| exporter != Exporter::Prometheus;
        Self {
            sdk_disabled: reader.flag("OTEL_SDK_DISABLED").unwrap_or(false),
            log_level: reader.word("OTEL_LOG_LEVEL"),
            service_name,
            resource_attributes,
            propagators: reader.words("OTEL_PROPAGATORS", |_| true),
            http_known_methods: reader.names("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"),
            sampler: Sampler::read(reader),
            traces_exporters: reader.words("OTEL_TRACES_EXPORTER", not_prometheus),
            metrics_exporters: reader.words("OTEL_METRICS_EXPORTER", |_| true),
            logs_exporters: reader.words("OTEL_LOGS_EXPORTER", not_prometheus),
            span_batch: Batch::read(reader, &batch::SPANS),
            log_batch: Batch::read(reader, &batch::LOG_RECORDS),
            limits: Limits::read(reader),
            metrics: Metrics::read(reader),
            otlp: Otlp::read(reader),
            prometheus: Prometheus {
                host: reader.text("OTEL_EXPORTER_PROMETHEUS_HOST"),
                port: reader.integer("OTEL_EXPORTER_PROMETHEUS_PORT", 0..=u16::MAX),
            },
        }
    }
}

/// The service's name and the other attributes: `OTEL_SERVICE_NAME` takes precedence.
fn resource(reader: &mut Reader<'_>) -> (Option<String>, Vec<(String, String)>) {
    let named = reader.text("OTEL_SERVICE_NAME");
    let (names, others): (Vec<_>, Vec<_>) = reader
        .attributes("OTEL_RESOURCE_ATTRIBUTES")
        .into_iter()
        .partition(|(key, _)| key == "service.name");
    let last = names.into_iter().next_back().map(|(_, name)| name);
    let name = named.or(last.filter(|name| !name.is_empty()));
    (name, others)
}

/// Whoever sets one expects that it alone decides; that it does not must be said.
fn refuse_configuration_files(reader: &mut Reader<'_>) {
    for name in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
        if let Some(value) = reader.text(name) {
            reader.refuse(Invalid::new(
                name,
                value,
                "no value: declarative configuration is not supported, the other variables are used",
            ));
        }
    }
}

#[cfg(test)]
mod tests;
