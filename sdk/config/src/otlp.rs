//! Where OTLP goes and how (specification: `protocol/exporter.md`).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::pairs::{Headers, without_credentials};
use crate::reader::Reader;
use crate::words::words;

/// The `OTEL_EXPORTER_OTLP_*` variables as they were written: the general ones and those of each signal.
///
/// ```
/// use throughline_config::{Endpoint, Environment, Signal};
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://collector:4318/shop/".into()),
///     "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" => Some("https://metrics.example.com/in".into()),
///     _ => None,
/// });
/// assert!(environment.otlp.traces.endpoint.is_none());
/// let endpoint = |signal| environment.otlp.signal(signal).endpoint;
/// assert_eq!(endpoint(Signal::Traces), Some(Endpoint::Base("http://collector:4318/shop/".into())));
/// assert_eq!(endpoint(Signal::Metrics), Some(Endpoint::Exact("https://metrics.example.com/in".into())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Otlp {
    /// `OTEL_EXPORTER_OTLP_*`, for all signals.
    pub general: OtlpVariables,
    /// `OTEL_EXPORTER_OTLP_TRACES_*`.
    pub traces: OtlpVariables,
    /// `OTEL_EXPORTER_OTLP_METRICS_*`.
    pub metrics: OtlpVariables,
    /// `OTEL_EXPORTER_OTLP_LOGS_*`.
    pub logs: OtlpVariables,
}

/// One family of variables, as it was written.
///
/// ```
/// use throughline_config::{Compression, Environment};
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_EXPORTER_OTLP_COMPRESSION" => Some("gzip".into()),
///     "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" => Some("https://me:s3cret@logs.example.com".into()),
///     _ => None,
/// });
/// assert_eq!(environment.otlp.general.compression, Some(Compression::Gzip));
/// assert_eq!(environment.otlp.logs.compression, None);
/// assert!(!format!("{:?}", environment.otlp.logs).contains("s3cret"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OtlpVariables {
    /// `…ENDPOINT`. It may hold credentials: `Debug` hides them.
    pub endpoint: Option<String>,
    /// `…PROTOCOL`
    pub protocol: Option<Protocol>,
    /// `…HEADERS`
    pub headers: Option<Headers>,
    /// `…TIMEOUT`
    pub timeout: Option<Duration>,
    /// `…COMPRESSION`
    pub compression: Option<Compression>,
    /// `…INSECURE`
    pub insecure: Option<bool>,
    /// `…CERTIFICATE`
    pub certificate: Option<PathBuf>,
    /// `…CLIENT_KEY`
    pub client_key: Option<PathBuf>,
    /// `…CLIENT_CERTIFICATE`
    pub client_certificate: Option<PathBuf>,
}

/// What holds for one signal: its own variables, else the general ones.
///
/// ```
/// use throughline_config::{Environment, Signal};
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_EXPORTER_OTLP_HEADERS" => Some("tenant=shop".into()),
///     "OTEL_EXPORTER_OTLP_METRICS_HEADERS" => Some("api-key=1234".into()),
///     "OTEL_EXPORTER_OTLP_CERTIFICATE" => Some("/etc/ca.pem".into()),
///     _ => None,
/// });
/// let metrics = environment.otlp.signal(Signal::Metrics);
/// assert_eq!(metrics.headers.iter().collect::<Vec<_>>(), [("api-key", "1234")]);
/// assert_eq!(metrics.certificate, Some("/etc/ca.pem".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OtlpSettings {
    /// Where to. Default `http://localhost:4318` as a base for HTTP, `http://localhost:4317` for gRPC.
    pub endpoint: Option<Endpoint>,
    /// How. Default HTTP with protobuf.
    pub protocol: Option<Protocol>,
    /// Headers or gRPC metadata. Those of the signal replace the general ones, they do not add to them.
    pub headers: Headers,
    /// How long one export may take, retries included. Default 10 s.
    pub timeout: Option<Duration>,
    /// Default none.
    pub compression: Option<Compression>,
    /// Whether a gRPC endpoint without `http` or `https` is reached without TLS. Default false.
    pub insecure: Option<bool>,
    /// A PEM file with the certificates to trust.
    pub certificate: Option<PathBuf>,
    /// A PEM file with the client's private key.
    pub client_key: Option<PathBuf>,
    /// A PEM file with the client's certificate chain.
    pub client_certificate: Option<PathBuf>,
}

/// Where OTLP goes. `Display` and `Debug` hide credentials.
///
/// ```
/// use throughline_config::{Endpoint, Signal};
///
/// let base = Endpoint::Base("http://collector:4318".into());
/// assert_eq!(base.variable(Signal::Logs), "OTEL_EXPORTER_OTLP_ENDPOINT");
///
/// let exact = Endpoint::Exact("https://me:s3cret@logs.example.com/in".into());
/// assert_eq!(exact.variable(Signal::Logs), "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT");
/// assert_eq!(exact.to_string(), "https://[redacted]@logs.example.com/in");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// From `OTEL_EXPORTER_OTLP_ENDPOINT`: over HTTP a signal's path is added to it.
    Base(String),
    /// From the signal's own variable: used as it is.
    Exact(String),
}

words! {
    /// What is sent. Its word is the one in URLs and variables.
    ///
    /// ```
    /// use throughline_config::Signal;
    ///
    /// assert_eq!(Signal::Traces.as_str(), "traces");
    /// assert_eq!(format!("v1/{}", Signal::Traces), "v1/traces");
    /// ```
    pub enum Signal {
        /// Spans.
        Traces = "traces",
        /// Metrics.
        Metrics = "metrics",
        /// Log records.
        Logs = "logs",
    }
}

words! {
    /// How OTLP is transported. (`http/json` is not supported.)
    ///
    /// ```
    /// use throughline_config::{Environment, Protocol};
    ///
    /// let (environment, _) = Environment::read(|name| {
    ///     (name == "OTEL_EXPORTER_OTLP_PROTOCOL").then(|| "grpc".into())
    /// });
    /// assert_eq!(environment.otlp.general.protocol, Some(Protocol::Grpc));
    /// assert_eq!(Protocol::HttpProtobuf.as_str(), "http/protobuf");
    /// ```
    pub enum Protocol {
        /// Protobuf over gRPC.
        Grpc = "grpc",
        /// Protobuf over HTTP. The default.
        HttpProtobuf = "http/protobuf",
    }
}

words! {
    /// How requests are compressed.
    ///
    /// ```
    /// use throughline_config::{Environment, Compression};
    ///
    /// let (environment, _) = Environment::read(|name| {
    ///     (name == "OTEL_EXPORTER_OTLP_COMPRESSION").then(|| "GZIP".into())
    /// });
    /// assert_eq!(environment.otlp.general.compression, Some(Compression::Gzip));
    /// assert_eq!(Compression::Gzip.as_str(), "gzip");
    /// ```
    pub enum Compression {
        /// Not at all. The default.
        None = "none",
        /// With gzip.
        Gzip = "gzip",
    }
}

impl Otlp {
    /// What holds for `signal`.
    pub fn signal(&self, signal: Signal) -> OtlpSettings {
        let (own, general) = (self.own(signal), &self.general);
        let exact = own.endpoint.clone().map(Endpoint::Exact);
        let base = || general.endpoint.clone().map(Endpoint::Base);
        OtlpSettings {
            endpoint: exact.or_else(base),
            protocol: own.protocol.or(general.protocol),
            headers: first(&own.headers, &general.headers).unwrap_or_default(),
            timeout: own.timeout.or(general.timeout),
            compression: own.compression.or(general.compression),
            insecure: own.insecure.or(general.insecure),
            certificate: first(&own.certificate, &general.certificate),
            client_key: first(&own.client_key, &general.client_key),
            client_certificate: first(&own.client_certificate, &general.client_certificate),
        }
    }

    fn own(&self, signal: Signal) -> &OtlpVariables {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            general: OtlpVariables::read(reader, &GENERAL),
            traces: OtlpVariables::read(reader, &TRACES),
            metrics: OtlpVariables::read(reader, &METRICS),
            logs: OtlpVariables::read(reader, &LOGS),
        }
    }
}

fn first<T: Clone>(own: &Option<T>, general: &Option<T>) -> Option<T> {
    own.as_ref().or(general.as_ref()).cloned()
}

impl OtlpVariables {
    fn read(reader: &mut Reader<'_>, names: &Names) -> Self {
        Self {
            endpoint: reader.endpoint(names.endpoint),
            protocol: reader.word(names.protocol),
            headers: reader.headers(names.headers),
            timeout: reader.timeout(names.timeout),
            compression: reader.word(names.compression),
            insecure: reader.flag(names.insecure),
            certificate: reader.text(names.certificate).map(PathBuf::from),
            client_key: reader.text(names.client_key).map(PathBuf::from),
            client_certificate: reader.text(names.client_certificate).map(PathBuf::from),
        }
    }
}

impl fmt::Debug for OtlpVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.as_deref().map(without_credentials);
        f.debug_struct("OtlpVariables")
            .field("endpoint", &endpoint)
            .field("protocol", &self.protocol)
            .field("headers", &self.headers)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("insecure", &self.insecure)
            .field("certificate", &self.certificate)
            .field("client_key", &self.client_key)
            .field("client_certificate", &self.client_certificate)
            .finish()
    }
}

impl Endpoint {
    /// What was written.
    pub fn as_str(&self) -> &str {
        match self {
            Endpoint::Base(url) | Endpoint::Exact(url) => url,
        }
    }

    /// The variable it came from, for an error about what it names.
    pub fn variable(&self, signal: Signal) -> &'static str {
        match (self, signal) {
            (Endpoint::Base(_), _) => GENERAL.endpoint,
            (Endpoint::Exact(_), Signal::Traces) => TRACES.endpoint,
            (Endpoint::Exact(_), Signal::Metrics) => METRICS.endpoint,
            (Endpoint::Exact(_), Signal::Logs) => LOGS.endpoint,
        }
    }

    /// Whether it could be one. Whoever connects looks closer, and knows the protocol.
    pub(crate) fn is_plausible(value: &str) -> bool {
        if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return false;
        }
        match value.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                matches!(scheme.as_str(), "http" | "https")
                    && !rest.starts_with(['/', '?', '#', ':'])
                    && !rest.is_empty()
            }
            None => !value.starts_with(['/', ':']),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&without_credentials(self.as_str()))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Endpoint::Base(_) => "Base",
            Endpoint::Exact(_) => "Exact",
        };
        f.debug_tuple(name)
            .field(&without_credentials(self.as_str()))
            .finish()
    }
}

/// The names of one family of variables.
struct Names {
    endpoint: &'static str,
    protocol: &'static str,
    headers: &'static str,
    timeout: &'static str,
    compression: &'static str,
    insecure: &'static str,
    certificate: &'static str,
    client_key: &'static str,
    client_certificate: &'static str,
}

macro_rules! names {
    ($prefix:literal) => {
        Names {
            endpoint: concat!($prefix, "ENDPOINT"),
            protocol: concat!($prefix, "PROTOCOL"),
            headers: concat!($prefix, "HEADERS"),
            timeout: concat!($prefix, "TIMEOUT"),
            compression: concat!($prefix, "COMPRESSION"),
            insecure: concat!($prefix, "INSECURE"),
            certificate: concat!($prefix, "CERTIFICATE"),
            client_key: concat!($prefix, "CLIENT_KEY"),
            client_certificate: concat!($prefix, "CLIENT_CERTIFICATE"),
        }
    };
}

static GENERAL: Names = names!("OTEL_EXPORTER_OTLP_");
static TRACES: Names = names!("OTEL_EXPORTER_OTLP_TRACES_");
static METRICS: Names = names!("OTEL_EXPORTER_OTLP_METRICS_");
static LOGS: Names = names!("OTEL_EXPORTER_OTLP_LOGS_");
