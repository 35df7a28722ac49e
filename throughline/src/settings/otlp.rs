//! Where OTLP goes, as code says it and as it turns out.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use throughline_config::{Environment, VARIABLES};
use throughline_otlp::{Compression, Endpoint, Protocol, Signal, Tls};

use super::{Source, pick};
use crate::Error;
use crate::describe::Lines;

/// Where OTLP goes and how, for [`TelemetryBuilder::otlp`](crate::TelemetryBuilder::otlp). What is not said
/// here comes from the `OTEL_EXPORTER_OTLP_*` variables, then from their defaults: HTTP/protobuf to
/// `http://localhost:4318`, 10 s, no compression.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use throughline::{Otlp, Protocol, Signal};
///
/// let otlp = Otlp::grpc("https://collector.example:4317")
///     .header("authorization", "Bearer s3cret")
///     .timeout(Duration::from_secs(5))
///     .gzip();
/// assert!(!format!("{otlp:?}").contains("s3cret"));
///
/// // Traces and metrics alone, as protobuf over HTTP:
/// let two = Otlp::http("http://localhost:4318").signals([Signal::Traces, Signal::Metrics]);
///
/// // Code says how, the environment where; or the other way round:
/// let how = Otlp::new().protocol(Protocol::Grpc);
/// let there = Otlp::new().endpoint("http://collector.example:4318");
/// # let _ = (two, how, there);
/// ```
#[derive(Clone, Default)]
#[must_use = "it takes effect when given to `TelemetryBuilder::otlp`"]
pub struct Otlp {
    endpoint: Option<String>,
    protocol: Option<Protocol>,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    compression: Option<Compression>,
    tls: Option<Tls>,
    signals: Option<Vec<Signal>>,
}

impl Otlp {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over gRPC to this URL, for example `http://localhost:4317`. It has no path.
    pub fn grpc(url: impl Into<String>) -> Self {
        Self::new().protocol(Protocol::Grpc).endpoint(url)
    }

    /// As protobuf over HTTP to this base URL, for example `http://localhost:4318`; `v1/traces`,
    /// `v1/metrics` and `v1/logs` are added.
    pub fn http(url: impl Into<String>) -> Self {
        Self::new().protocol(Protocol::HttpProtobuf).endpoint(url)
    }

    /// The URL, with `http` or `https`. Beats `OTEL_EXPORTER_OTLP_ENDPOINT` and that of each signal.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The protocol. Beats `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Sends a header with every request, for example a token. Headers given here stand beside those of
    /// `OTEL_EXPORTER_OTLP_HEADERS` and beat those of the same name. Values are never shown.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The longest time for one batch, all its attempts together; zero is no limit. Beats
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Compresses with gzip. Beats `OTEL_EXPORTER_OTLP_COMPRESSION`.
    pub fn gzip(mut self) -> Self {
        self.compression = Some(Compression::Gzip);
        self
    }

    /// Whom an `https` endpoint trusts, and who we are to it. Beats `OTEL_EXPORTER_OTLP_CERTIFICATE` and its
    /// siblings. Default: what the operating system trusts.
    ///
    /// # Example
    /// ```
    /// use throughline::{Otlp, Tls};
    ///
    /// # fn otlp() -> Result<Otlp, Box<dyn std::error::Error>> {
    /// let otlp = Otlp::grpc("https://collector.example:4317")
    ///     .tls(Tls::default().with_ca_file("ca.pem")?);
    /// # Ok(otlp)
    /// # }
    /// # assert!(otlp().unwrap_err().to_string().contains("ca.pem"));
    /// ```
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Which signals leave over OTLP; none, with an empty list. Beats `OTEL_TRACES_EXPORTER`,
    /// `OTEL_METRICS_EXPORTER` and `OTEL_LOGS_EXPORTER`. Default: all three.
    pub fn signals(mut self, signals: impl Into<Vec<Signal>>) -> Self {
        self.signals = Some(signals.into());
        self
    }

    /// Whether code says if a signal leaves over OTLP.
    pub(crate) fn has(&self, signal: Signal) -> Option<bool> {
        self.signals.as_ref().map(|it| it.contains(&signal))
    }

    /// Whose endpoint this variable says: `TRACES_`, or nothing for all. `None` where it says none, or code does.
    pub(crate) fn endpoint_of<'a>(&self, variable: &'a str) -> Option<&'a str> {
        let rest = variable.strip_prefix("OTEL_EXPORTER_OTLP_")?;
        rest.strip_suffix("ENDPOINT")
            .filter(|_| self.endpoint.is_none())
    }

    /// A notice where the URL of `endpoint` has a query and its protocol cannot send one. It may be a secret.
    pub(crate) fn unsent_query(
        &self,
        signal: Signal,
        environment: &Environment,
        endpoint: &Endpoint,
    ) -> Option<String> {
        let signal = config_signal(signal);
        let from = environment.otlp.signal(signal).endpoint;
        let (url, name) = match (&self.endpoint, &from) {
            (Some(url), _) => (url.as_str(), "`.otlp(..)`"),
            (None, Some(url)) => (url.as_str(), url.variable(signal)),
            (None, None) => return None,
        };
        let is_unsent = endpoint.protocol() == Protocol::Grpc && url.contains('?');
        is_unsent.then(|| {
            format!("ignored: the query of {name}: gRPC cannot send one, expected a header")
        })
    }

    /// The endpoint of one signal.
    ///
    /// # Errors
    /// What is refused: the field or variable, its value, what was expected.
    pub(crate) fn resolve(
        &self,
        signal: Signal,
        environment: &Environment,
        lines: &mut Lines,
    ) -> Result<Endpoint, Error> {
        let from = environment.otlp.signal(config_signal(signal));
        let named = |suffix: &'static str| variable(environment, signal, suffix);

        let (protocol, source) = pick(
            self.protocol,
            from.protocol.and_then(protocol_of),
            named("PROTOCOL"),
            || Protocol::HttpProtobuf,
        );
        lines.push("protocol", protocol_name(protocol), source);

        let mut endpoint = match (&self.endpoint, &from.endpoint) {
            (Some(url), _) => Endpoint::base(protocol, url, signal)
                .map_err(|error| refused("`.otlp(..)`", "endpoint", error))?,
            (None, Some(url)) => {
                let name = url.variable(config_signal(signal));
                let whole = with_scheme(url.as_str(), protocol, from.insecure);
                match url {
                    throughline_config::Endpoint::Base(_) => {
                        Endpoint::base(protocol, &whole, signal)
                    }
                    throughline_config::Endpoint::Exact(_) => Endpoint::new(protocol, &whole),
                }
                .map_err(|error| refused(name, "", error))?
            }
            (None, None) => Endpoint::local(protocol, signal),
        };
        let named_by = from
            .endpoint
            .as_ref()
            .map(|url| url.variable(config_signal(signal)));
        let source = match (&self.endpoint, named_by) {
            (Some(_), Some(name)) => Source::CodeBeats(name),
            (Some(_), None) => Source::Code,
            (None, Some(name)) => Source::Variable(name),
            (None, None) => Source::Default,
        };
        lines.push("endpoint", endpoint.url(), source);

        for (name, value) in from.headers.iter() {
            endpoint = endpoint
                .with_header(name, value)
                .map_err(|error| refused(named("HEADERS"), "", error))?;
            lines.push("header", name, Source::Variable(named("HEADERS")));
        }
        for (name, value) in &self.headers {
            endpoint = endpoint
                .with_header(name, value)
                .map_err(|error| refused("`.otlp(..)`", "header", error))?;
            lines.push("header", name, Source::Code);
        }

        let (timeout, source) = pick(self.timeout, from.timeout, named("TIMEOUT"), || {
            Endpoint::DEFAULT_TIMEOUT
        });
        endpoint = endpoint.with_timeout(timeout);
        lines.push("timeout", format!("{timeout:?}"), source);

        let (compression, source) = pick(
            self.compression,
            from.compression.and_then(compression_of),
            named("COMPRESSION"),
            || Compression::None,
        );
        endpoint = endpoint.with_compression(compression);
        if compression == Compression::Gzip {
            lines.push("compression", "gzip", source);
        }

        if let Some(tls) = &self.tls {
            endpoint = endpoint.with_tls(tls.clone());
            lines.push("tls", "given", Source::Code);
        } else if let Some(tls) = tls_of(&from, &named, lines)? {
            endpoint = endpoint.with_tls(tls);
        }
        Ok(endpoint)
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Otlp")
            .field("endpoint", &self.endpoint.as_deref().map(without_secrets))
            .field("protocol", &self.protocol)
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("tls", &self.tls.is_some())
            .field("signals", &self.signals)
            .finish()
    }
}

/// A URL without what may be a secret: user and password, query, fragment.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = url.split_at(start);
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}…{}", &rest[at..]),
        None => url.to_owned(),
    }
}

/// The certificates that the environment names.
fn tls_of(
    from: &throughline_config::OtlpSettings,
    named: &dyn Fn(&'static str) -> &'static str,
    lines: &mut Lines,
) -> Result<Option<Tls>, Error> {
    if from.certificate.is_none() && from.client_key.is_none() && from.client_certificate.is_none()
    {
        return Ok(None);
    }
    let mut tls = Tls::default();
    let mut said = |suffix, path: &PathBuf| {
        let name = named(suffix);
        lines.push("tls", path.display(), Source::Variable(name));
        name
    };
    if let Some(path) = &from.certificate {
        let name = said("CERTIFICATE", path);
        tls = tls
            .with_ca_file(path)
            .map_err(|error| refused(name, "", error))?;
    }
    match (&from.client_certificate, &from.client_key) {
        (Some(certificate), Some(key)) => {
            let name = said("CLIENT_CERTIFICATE", certificate);
            said("CLIENT_KEY", key);
            tls = tls
                .with_identity_files(certificate, key)
                .map_err(|error| refused(name, "", error))?;
        }
        (Some(path), None) | (None, Some(path)) => {
            let (given, missing) = match from.client_key {
                None => (named("CLIENT_CERTIFICATE"), named("CLIENT_KEY")),
                Some(_) => (named("CLIENT_KEY"), named("CLIENT_CERTIFICATE")),
            };
            let expected = format!("{missing} beside it: a client needs both");
            return Err(Error::invalid(given, path.display().to_string(), expected));
        }
        (None, None) => {}
    }
    Ok(Some(tls))
}

/// gRPC may be given without a scheme; `OTEL_EXPORTER_OTLP_INSECURE` says which it is then (specification:
/// `protocol/exporter.md`, "Insecure").
fn with_scheme(url: &str, protocol: Protocol, insecure: Option<bool>) -> String {
    match (url.contains("://"), protocol, insecure) {
        (true, ..) | (_, Protocol::HttpProtobuf, _) => url.to_owned(),
        (false, Protocol::Grpc, Some(true)) => format!("http://{url}"),
        (false, Protocol::Grpc, _) => format!("https://{url}"),
    }
}

fn refused(setting: &str, field: &str, error: throughline_otlp::Error) -> Error {
    let field = match field {
        "" => setting.to_owned(),
        field => format!("{setting} {field}"),
    };
    Error::invalid(field, error.value(), error.expected()).because(error)
}

/// The variable that said it: the signal's own, or the general one.
fn variable(environment: &Environment, signal: Signal, suffix: &'static str) -> &'static str {
    use throughline_config::OtlpVariables;
    let own: &OtlpVariables = match signal {
        Signal::Traces => &environment.otlp.traces,
        Signal::Metrics => &environment.otlp.metrics,
        Signal::Logs => &environment.otlp.logs,
    };
    let is_own = match suffix {
        "PROTOCOL" => own.protocol.is_some(),
        "HEADERS" => own.headers.is_some(),
        "TIMEOUT" => own.timeout.is_some(),
        "COMPRESSION" => own.compression.is_some(),
        "CERTIFICATE" => own.certificate.is_some(),
        "CLIENT_KEY" => own.client_key.is_some(),
        "CLIENT_CERTIFICATE" => own.client_certificate.is_some(),
        _ => false,
    };
    let part = match (is_own, signal) {
        (false, _) => "",
        (true, Signal::Traces) => "TRACES_",
        (true, Signal::Metrics) => "METRICS_",
        (true, Signal::Logs) => "LOGS_",
    };
    let name = format!("OTEL_EXPORTER_OTLP_{part}{suffix}");
    let known = VARIABLES.iter().find(|it| it.name == name);
    known.map_or("OTEL_EXPORTER_OTLP_*", |it| it.name)
}

fn config_signal(signal: Signal) -> throughline_config::Signal {
    match signal {
        Signal::Traces => throughline_config::Signal::Traces,
        Signal::Metrics => throughline_config::Signal::Metrics,
        Signal::Logs => throughline_config::Signal::Logs,
    }
}

fn protocol_of(protocol: throughline_config::Protocol) -> Option<Protocol> {
    match protocol {
        throughline_config::Protocol::Grpc => Some(Protocol::Grpc),
        throughline_config::Protocol::HttpProtobuf => Some(Protocol::HttpProtobuf),
        _ => None,
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "grpc",
        Protocol::HttpProtobuf => "http/protobuf",
    }
}

fn compression_of(compression: throughline_config::Compression) -> Option<Compression> {
    match compression {
        throughline_config::Compression::None => Some(Compression::None),
        throughline_config::Compression::Gzip => Some(Compression::Gzip),
        _ => None,
    }
}
