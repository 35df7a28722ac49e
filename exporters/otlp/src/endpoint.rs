//! Where one signal goes, and how.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::uri::{PathAndQuery, Uri};

use crate::{Error, Tls};

/// The settings of one signal's way out (specification: `protocol/exporter.md`, "Configuration Options").
///
/// Every part is checked when it is set, so that an exporter built from an endpoint has nothing left to
/// refuse. `Debug` shows the names of headers and never their values.
///
/// ```
/// use std::time::Duration;
/// use throughline_otlp::{Compression, Endpoint, Protocol, Signal, Tls};
///
/// let endpoint = Endpoint::base(Protocol::HttpProtobuf, "https://collector:4318", Signal::Metrics)?
///     .with_header("authorization", "Bearer secret")?
///     .with_timeout(Duration::from_secs(5))
///     .with_compression(Compression::Gzip)
///     .with_tls(Tls::default())
///     .with_max_request_size(1 << 20)?
///     .with_max_response_size(64 << 10)?;
/// assert_eq!(endpoint.url(), "https://collector:4318/v1/metrics");
/// assert_eq!(endpoint.protocol(), Protocol::HttpProtobuf);
/// assert_eq!(endpoint.timeout(), Duration::from_secs(5));
/// assert_eq!(endpoint.compression(), Compression::Gzip);
/// assert!(endpoint.is_secure());
/// assert!(endpoint.header_names().eq(["authorization"]));
/// assert!(!format!("{endpoint:?}").contains("secret"));
/// # Ok::<(), throughline_otlp::Error>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    uri: Uri,
    protocol: Protocol,
    headers: HeaderMap,
    timeout: Duration,
    compression: Compression,
    tls: Tls,
    max_request_size: usize,
    max_response_size: usize,
}

/// How requests travel.
///
/// ```
/// use throughline_otlp::{Endpoint, Protocol, Signal};
///
/// let url = |protocol| Endpoint::local(protocol, Signal::Logs).url();
/// assert_eq!(url(Protocol::Grpc), "http://localhost:4317/");
/// assert_eq!(url(Protocol::HttpProtobuf), "http://localhost:4318/v1/logs");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `grpc`: protobuf in gRPC over HTTP/2, port 4317 by default.
    Grpc,
    /// `http/protobuf`: protobuf in HTTP/1.1 POST requests, port 4318 by default.
    HttpProtobuf,
}

/// How request bodies are compressed.
///
/// ```
/// use throughline_otlp::{Compression, Endpoint, Protocol, Signal};
///
/// let endpoint = Endpoint::local(Protocol::Grpc, Signal::Traces);
/// assert_eq!(endpoint.compression(), Compression::None);
/// assert_eq!(endpoint.with_compression(Compression::Gzip).compression(), Compression::Gzip);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all; the default.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

/// What an endpoint receives.
///
/// ```
/// use throughline_otlp::{Endpoint, Protocol, Signal};
///
/// for (signal, path) in [(Signal::Traces, "traces"), (Signal::Metrics, "metrics"), (Signal::Logs, "logs")] {
///     let endpoint = Endpoint::base(Protocol::HttpProtobuf, "http://collector", signal)?;
///     assert_eq!(endpoint.url(), format!("http://collector/v1/{path}"));
/// }
/// # Ok::<(), throughline_otlp::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

/// The longest wait that "no limit" stands for: as many milliseconds as 32 bits can say, 49 days
/// (specification: `configuration/common.md`, "Timeout").
const NO_LIMIT: Duration = Duration::from_millis(u32::MAX as u64);

const URL_EXPECTED: &str = "a URL such as http://localhost:4318, with the scheme http or https";

impl Endpoint {
    /// The time for one batch when none is set: 10 s.
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Protocol, Signal};
    ///
    /// let endpoint = Endpoint::local(Protocol::Grpc, Signal::Traces);
    /// assert_eq!(endpoint.timeout(), Endpoint::DEFAULT_TIMEOUT);
    /// ```
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// The largest request when none is set: 4 MiB, which is what gRPC servers accept unless they are
    /// told otherwise. (OTLP recommends that clients *refuse* what is over 64 MiB; we split instead,
    /// early enough for every receiver.)
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Protocol, Signal};
    ///
    /// // For a receiver that takes a quarter of what others do.
    /// let endpoint = Endpoint::local(Protocol::Grpc, Signal::Traces)
    ///     .with_max_request_size(Endpoint::DEFAULT_MAX_REQUEST_SIZE / 4)?;
    /// # Ok::<(), throughline_otlp::Error>(())
    /// ```
    pub const DEFAULT_MAX_REQUEST_SIZE: usize = 4 * 1024 * 1024;

    /// The largest response when none is set: 4 MiB (OTLP, "OTLP/HTTP Response").
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Protocol, Signal};
    ///
    /// // For a receiver that explains itself at length.
    /// let endpoint = Endpoint::local(Protocol::Grpc, Signal::Traces)
    ///     .with_max_response_size(2 * Endpoint::DEFAULT_MAX_RESPONSE_SIZE)?;
    /// # Ok::<(), throughline_otlp::Error>(())
    /// ```
    pub const DEFAULT_MAX_RESPONSE_SIZE: usize = 4 * 1024 * 1024;

    /// A signal's own endpoint, such as `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` has: the URL is used as it
    /// is, only an absent path becomes `/` (specification: `protocol/exporter.md`, "Endpoint URLs for
    /// OTLP/HTTP").
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Protocol};
    ///
    /// let endpoint = Endpoint::new(Protocol::HttpProtobuf, "https://metrics.example.com/in")?;
    /// assert_eq!(endpoint.url(), "https://metrics.example.com/in");
    /// assert!(Endpoint::new(Protocol::Grpc, "https://metrics.example.com/in").is_err());
    /// # Ok::<(), throughline_otlp::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where `url` is no URL with the scheme `http` or `https` and a host, where it carries a user or a
    /// password (send those as a header), and for gRPC where it has a path, which gRPC cannot send.
    pub fn new(protocol: Protocol, url: &str) -> Result<Self, Error> {
        Ok(Self::from_uri(protocol, parse(protocol, url)?))
    }

    /// The endpoint all signals share, such as `OTEL_EXPORTER_OTLP_ENDPOINT` has: over HTTP the signal's
    /// path (`v1/traces`, `v1/metrics`, `v1/logs`) is appended.
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Protocol, Signal};
    ///
    /// let url = "http://collector:4318/mycollector/";
    /// let endpoint = Endpoint::base(Protocol::HttpProtobuf, url, Signal::Traces)?;
    /// assert_eq!(endpoint.url(), "http://collector:4318/mycollector/v1/traces");
    /// # Ok::<(), throughline_otlp::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Endpoint::new`].
    pub fn base(protocol: Protocol, url: &str, signal: Signal) -> Result<Self, Error> {
        let uri = parse(protocol, url)?;
        let uri = match protocol {
            Protocol::Grpc => uri,
            Protocol::HttpProtobuf => append(uri, signal.path())
                .map_err(|error| Error::new("url", redacted(url), URL_EXPECTED).because(error))?,
        };
        Ok(Self::from_uri(protocol, uri))
    }

    /// The collector on this machine: `http://localhost:4317` for gRPC, `http://localhost:4318` with the
    /// signal's path for HTTP.
    ///
    /// ```
    /// use throughline_otlp::{Endpoint, Protocol, Signal};
    ///
    /// let endpoint = Endpoint::local(Protocol::HttpProtobuf, Signal::Traces);
    /// assert_eq!(endpoint.url(), "http://localhost:4318/v1/traces");
    /// assert!(!endpoint.is_secure());
    /// ```
    pub fn local(protocol: Protocol, signal: Signal) -> Self {
        let url = match (protocol, signal) {
            (Protocol::Grpc, _) => "http://localhost:4317/",
            (Protocol::HttpProtobuf, Signal::Traces) => "http://localhost:4318/v1/traces",
            (Protocol::HttpProtobuf, Signal::Metrics) => "http://localhost:4318/v1/metrics",
            (Protocol::HttpProtobuf, Signal::Logs) => "http://localhost:4318/v1/logs",
        };
        Self::from_uri(protocol, Uri::from_static(url))
    }

    fn from_uri(protocol: Protocol, uri: Uri) -> Self {
        Self {
            uri,
            protocol,
            headers: HeaderMap::new(),
            timeout: Self::DEFAULT_TIMEOUT,
            compression: Compression::None,
            tls: Tls::default(),
            max_request_size: Self::DEFAULT_MAX_REQUEST_SIZE,
            max_response_size: Self::DEFAULT_MAX_RESPONSE_SIZE,
        }
    }

    /// Sends `name: value` with every request; a second value for a name replaces the first. A
    /// `user-agent` stands before ours.
    ///
    /// # Errors
    /// Where the name or the value is not one that HTTP can carry, or the name is one that the protocol
    /// sets itself (`content-type`, `te`, `grpc-…`). The value never stands in the error.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let parsed = HeaderName::from_str(name).map_err(|error| {
            Error::new(
                "headers",
                name,
                "a header name: letters, digits and hyphens",
            )
            .because(error)
        })?;
        if is_reserved(&parsed) {
            return Err(Error::new(
                "headers",
                name,
                "a header that the protocol does not set itself",
            ));
        }
        let mut value = HeaderValue::from_str(value).map_err(|error| {
            Error::new("headers", name, "a value of visible ASCII characters").because(error)
        })?;
        value.set_sensitive(true);
        self.headers.insert(parsed, value);
        Ok(self)
    }

    /// The longest time for one batch, all its attempts and the waits between them together; 10 s by
    /// default, zero means no limit. A batch is one request: a snapshot that is split has this much for
    /// each part.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = match timeout {
            Duration::ZERO => NO_LIMIT,
            timeout => timeout.min(NO_LIMIT),
        };
        self
    }

    /// How request bodies are compressed; not at all by default.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Whom an `https` endpoint trusts and who we are; a plain `http` endpoint does not use it.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The largest request in bytes, before compression; 4 MiB by default. Larger batches are split; a
    /// single span or point that is larger is not sent and counted as failed.
    ///
    /// # Errors
    /// Where it is zero.
    pub fn with_max_request_size(mut self, bytes: usize) -> Result<Self, Error> {
        self.max_request_size = positive("max_request_size", bytes)?;
        Ok(self)
    }

    /// The largest response in bytes that is read; 4 MiB by default. A larger one fails its batch.
    ///
    /// # Errors
    /// Where it is zero.
    pub fn with_max_response_size(mut self, bytes: usize) -> Result<Self, Error> {
        self.max_response_size = positive("max_response_size", bytes)?;
        Ok(self)
    }

    /// The URL that requests go to, without its query.
    pub fn url(&self) -> String {
        without_query(&self.uri)
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The time for one batch.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The compression.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The names of the headers that are sent, without their values.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.keys().map(HeaderName::as_str)
    }

    /// Whether the connection is encrypted.
    pub fn is_secure(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// The host, without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        let host = self.uri.host().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, where absent the scheme's own.
    pub(crate) fn port(&self) -> u16 {
        let default = if self.is_secure() { 443 } else { 80 };
        self.uri.port_u16().unwrap_or(default)
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(crate) fn max_request_size(&self) -> usize {
        self.max_request_size
    }

    pub(crate) fn max_response_size(&self) -> usize {
        self.max_response_size
    }

    /// The text without the values of our headers: a receiver may say them back to us.
    pub(crate) fn without_secrets(&self, mut text: String) -> String {
        // What is shorter is no secret, and cutting it out could make nonsense of the text.
        const SHORTEST: usize = 6;
        for value in self
            .headers
            .values()
            .filter_map(|value| value.to_str().ok())
        {
            // The whole value, then its parts: `Bearer`, and what matters.
            for part in std::iter::once(value).chain(value.split_whitespace()) {
                if part.len() >= SHORTEST && text.contains(part) {
                    text = text.replace(part, "…");
                }
            }
        }
        text
    }

    /// What goes with every request: the user's headers and our `User-Agent` (specification:
    /// `protocol/exporter.md`, "User Agent": a distribution stands before the exporter).
    pub(crate) fn request_headers(&self) -> HeaderMap {
        const OURS: &str = concat!("throughline/", env!("CARGO_PKG_VERSION"), " (otlp; rust)");
        let mut headers = self.headers.clone();
        let agent = match headers
            .get(USER_AGENT)
            .and_then(|theirs| theirs.to_str().ok())
        {
            Some(theirs) => HeaderValue::from_str(&format!("{theirs} {OURS}")).ok(),
            None => None,
        };
        headers.insert(USER_AGENT, agent.unwrap_or(HeaderValue::from_static(OURS)));
        headers
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url())
            .field("protocol", &self.protocol)
            .field("headers", &self.header_names().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Signal {
    /// The path below a base URL (OTLP, "OTLP/HTTP Request").
    fn path(self) -> &'static str {
        match self {
            Signal::Traces => "v1/traces",
            Signal::Metrics => "v1/metrics",
            Signal::Logs => "v1/logs",
        }
    }
}

fn parse(protocol: Protocol, url: &str) -> Result<Uri, Error> {
    let refuse = |expected| Error::new("url", redacted(url), expected);
    let uri = Uri::from_str(url.trim()).map_err(|error| refuse(URL_EXPECTED).because(error))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(refuse(URL_EXPECTED));
    }
    if uri.host().is_none_or(|host| host.is_empty()) {
        return Err(refuse("a URL with a host"));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(refuse(
            "a URL without user and password: send an `authorization` header",
        ));
    }
    // `http` keeps a port that is empty or too large as text and reports none.
    let after_host = authority
        .rsplit_once(']')
        .map_or(authority, |(_, rest)| rest);
    if after_host.contains(':') && uri.port_u16().is_none() {
        return Err(refuse("a URL with a port between 1 and 65535"));
    }
    if protocol == Protocol::Grpc && uri.path() != "/" {
        return Err(refuse("a URL without a path: gRPC has none"));
    }
    Ok(uri)
}

fn append(uri: Uri, path: &str) -> Result<Uri, http::Error> {
    let mut joined = uri.path().to_owned();
    if !joined.ends_with('/') {
        joined.push('/');
    }
    joined.push_str(path);
    if let Some(query) = uri.query() {
        joined.push('?');
        joined.push_str(query);
    }
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_str(&joined)?);
    Ok(Uri::from_parts(parts)?)
}

fn without_query(uri: &Uri) -> String {
    format!(
        "{}://{}{}",
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map_or("", |authority| authority.as_str()),
        uri.path()
    )
}

/// The URL as an error may print it: no query, nothing before an `@`.
fn redacted(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.rsplit_once('@') {
        None => url.to_owned(),
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://…@{host}"),
            None => format!("…@{host}"),
        },
    }
}

/// Headers that a user's value would break.
fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 8] = [
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "transfer-encoding",
    ];
    RESERVED.contains(&name.as_str()) || name.as_str().starts_with("grpc-")
}

fn positive(field: &'static str, bytes: usize) -> Result<usize, Error> {
    match bytes {
        0 => Err(Error::new(field, "0", "a number of bytes of at least 1")),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;
