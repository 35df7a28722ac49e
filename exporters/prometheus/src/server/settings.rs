//! What the endpoint is set up with.

use std::fmt;

use throughline_model::SelfMeter;

use crate::{Error, Options};

/// What the endpoint is set up with. The default listens on `127.0.0.1:9464`.
///
/// ```
/// use throughline_model::SelfMeter;
/// use throughline_prometheus::{Options, Settings};
///
/// let settings = Settings::default()
///     .host("0.0.0.0")
///     .port(9100)
///     .bearer_token("s3cret")
///     .options(Options { created: true, ..Options::default() })
///     .self_meter(SelfMeter::new());
/// assert!(!format!("{settings:?}").contains("s3cret"));
///
/// // Without a token, where a firewall says who may scrape.
/// let settings = Settings::default().host("0.0.0.0").allow_public(true);
/// ```
#[derive(Clone)]
pub struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) bearer_token: Option<String>,
    pub(super) allow_public: bool,
    pub(super) options: Options,
    pub(super) self_meter: SelfMeter,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 9464,
            bearer_token: None,
            allow_public: false,
            options: Options::default(),
            self_meter: SelfMeter::new(),
        }
    }
}

impl Settings {
    /// The name or address to listen on. Default: `127.0.0.1`. What is not loopback needs a bearer token or
    /// [`allow_public`](Self::allow_public).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port to listen on; 0 lets the system choose. Default: 9464.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Answers only requests with `Authorization: Bearer <token>`. Visible ASCII, no spaces. Default: none.
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Allows an address that other machines can reach, without a token. Default: false.
    #[must_use]
    pub fn allow_public(mut self, allow: bool) -> Self {
        self.allow_public = allow;
        self
    }

    /// What an exposition contains besides the points.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Where the endpoint reports on itself, once it is bound:
    ///
    /// * `otel.sdk.exporter.metric_data_point.exported` `{data_point}`: points written, and with `error.type`
    ///   (a [`Cause`](crate::Cause)) points left out; each scrape counts its own.
    /// * `otel.sdk.exporter.operation.duration` `s`: scrapes, with `error.type` those that were not answered.
    /// * `throughline.prometheus.dropped` `{item}` by `error.type`: comments and attributes left out.
    ///
    /// The first two carry `otel.component.type=prometheus_http_text_metric_exporter`
    /// (semantic conventions: `otel/sdk-metrics.md`).
    #[must_use]
    pub fn self_meter(mut self, meter: SelfMeter) -> Self {
        self.self_meter = meter;
        self
    }

    pub(super) fn is_public_allowed(&self) -> bool {
        self.allow_public || self.bearer_token.is_some()
    }

    pub(super) fn check_token(&self) -> Result<(), Error> {
        match &self.bearer_token {
            Some(token) if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(Error::InvalidToken)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("bearer_token", &self.bearer_token.as_ref().map(|_| "…"))
            .field("allow_public", &self.allow_public)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
