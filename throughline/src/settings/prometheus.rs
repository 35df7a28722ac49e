//! Where Prometheus scrapes, as code says it and as it turns out.

use std::fmt;

use throughline_config::Environment;
use throughline_prometheus::Settings;

use super::pick;
use crate::Error;
use crate::describe::Lines;

/// Where Prometheus may scrape `/metrics`, for
/// [`TelemetryBuilder::prometheus`](crate::TelemetryBuilder::prometheus). What is not said here comes from
/// `OTEL_EXPORTER_PROMETHEUS_HOST` and `_PORT`, then it is `127.0.0.1:9464`.
///
/// # Example
/// ```
/// use throughline::Prometheus;
///
/// // On any free port: `Telemetry::prometheus_addr` says which.
/// let local = Prometheus::at("127.0.0.1:0");
///
/// // Reachable from other machines: only with a token, or with an explicit word.
/// let guarded = Prometheus::at("0.0.0.0:9464").bearer_token("s3cret");
/// assert!(!format!("{guarded:?}").contains("s3cret"));
///
/// // Where the environment says, in a network that is closed:
/// let open = Prometheus::new().allow_public();
/// # let _ = (local, open);
/// ```
#[derive(Clone, Default)]
#[must_use = "it takes effect when given to `TelemetryBuilder::prometheus`"]
pub struct Prometheus {
    address: Option<String>,
    bearer_token: Option<String>,
    allow_public: bool,
}

impl Prometheus {
    /// Where the environment says, or at `127.0.0.1:9464`.
    pub fn new() -> Self {
        Self::default()
    }

    /// At this `host:port`; port 0 takes any free one. An address that other machines can reach needs
    /// [`bearer_token`](Self::bearer_token) or [`allow_public`](Self::allow_public).
    pub fn at(address: impl Into<String>) -> Self {
        Self {
            address: Some(address.into()),
            ..Self::default()
        }
    }

    /// Answers only requests with `Authorization: Bearer <token>`.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Lets other machines read the metrics without a token.
    pub fn allow_public(mut self) -> Self {
        self.allow_public = true;
        self
    }

    /// The server's settings, and the setting that decided the address.
    pub(crate) fn resolve(
        &self,
        environment: &Environment,
        lines: &mut Lines,
    ) -> Result<(Settings, &'static str), Error> {
        let from = &environment.prometheus;
        let (host, port) = match &self.address {
            None => (None, None),
            Some(address) => {
                let (host, port) = split(address)?;
                (Some(host), Some(port))
            }
        };
        let (host, host_source) = pick(
            host,
            from.host.clone(),
            "OTEL_EXPORTER_PROMETHEUS_HOST",
            || "127.0.0.1".to_owned(),
        );
        let (port, port_source) = pick(port, from.port, "OTEL_EXPORTER_PROMETHEUS_PORT", || 9464);
        lines.push("host", &host, host_source);
        lines.push("port", port, port_source);
        let mut settings = Settings::default()
            .host(host)
            .port(port)
            .allow_public(self.allow_public);
        if let Some(token) = &self.bearer_token {
            settings = settings.bearer_token(token);
            lines.push("bearer token", "given", super::Source::Code);
        }
        let setting = match (&self.address, &from.host, from.port) {
            (Some(_), ..) => "`.prometheus(..)`",
            (None, Some(_), Some(_)) => {
                "OTEL_EXPORTER_PROMETHEUS_HOST with OTEL_EXPORTER_PROMETHEUS_PORT"
            }
            (None, Some(_), None) => "OTEL_EXPORTER_PROMETHEUS_HOST",
            (None, None, Some(_)) => "OTEL_EXPORTER_PROMETHEUS_PORT",
            (None, None, None) => "the default of OTEL_EXPORTER_PROMETHEUS_PORT",
        };
        Ok((settings, setting))
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus")
            .field("address", &self.address)
            .field("bearer_token", &self.bearer_token.as_ref().map(|_| "…"))
            .field("allow_public", &self.allow_public)
            .finish()
    }
}

/// `host:port`, `[::1]:port`.
fn split(address: &str) -> Result<(String, u16), Error> {
    let refuse = || {
        Error::invalid(
            "`.prometheus(..)`",
            address,
            "host:port, such as 127.0.0.1:9464",
        )
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(refuse)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(refuse());
    }
    let port = port.parse().map_err(|_| refuse())?;
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn addresses_are_a_host_and_a_port() {
        assert_eq!(split("127.0.0.1:0").unwrap(), ("127.0.0.1".into(), 0));
        assert_eq!(split("[::1]:9464").unwrap(), ("::1".into(), 9464));
        assert_eq!(split("localhost:80").unwrap(), ("localhost".into(), 80));
        for wrong in [
            "",
            "9464",
            "localhost",
            "localhost:",
            ":9464",
            "localhost:70000",
        ] {
            let error = split(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }
}
