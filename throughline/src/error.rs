//! What can go wrong when telemetry is built, flushed or shut down.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What went wrong: which setting, what it was, what was expected.
///
/// Only building, flushing and shutting down return errors. Recording never does: what is refused there is
/// counted under `otel.sdk.*` and said once through `tracing`.
///
/// # Example
/// ```
/// use throughline::{Otlp, Telemetry};
///
/// let error = Telemetry::builder("checkout")
///     .otlp(Otlp::grpc("ftp://collector"))
///     .build()
///     .unwrap_err();
/// assert!(error.is_invalid());
/// assert!(error.to_string().contains("ftp://collector"));
/// ```
#[derive(Debug)]
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Invalid {
        field: String,
        value: String,
        expected: String,
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    AlreadyInstalled {
        service: String,
    },
    #[cfg(feature = "prometheus")]
    Prometheus {
        /// What decided the address.
        setting: &'static str,
        error: Box<throughline_prometheus::Error>,
    },
    Thread(std::io::Error),
    Timeout {
        what: &'static str,
        after: Duration,
    },
    Undelivered(Vec<String>),
    Engine(throughline_engine::Error),
    Queue(throughline_samplers::Error),
}

impl Error {
    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::from_kind(Kind::Invalid {
            field: field.into(),
            value: value.into(),
            expected: expected.into(),
            source: None,
        })
    }

    /// Puts the cause behind an [`invalid`](Error::invalid) setting.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        if let Kind::Invalid { source, .. } = &mut *self.0 {
            *source = Some(cause.into());
        }
        self
    }

    pub(crate) fn already_installed(service: String) -> Self {
        Self::from_kind(Kind::AlreadyInstalled { service })
    }

    pub(crate) fn thread(error: std::io::Error) -> Self {
        Self::from_kind(Kind::Thread(error))
    }

    pub(crate) fn timeout(what: &'static str, after: Duration) -> Self {
        Self::from_kind(Kind::Timeout { what, after })
    }

    pub(crate) fn undelivered(causes: Vec<String>) -> Self {
        Self::from_kind(Kind::Undelivered(causes))
    }

    #[cfg(feature = "prometheus")]
    pub(crate) fn prometheus(setting: &'static str, error: throughline_prometheus::Error) -> Self {
        Self::from_kind(Kind::Prometheus {
            setting,
            error: Box::new(error),
        })
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(error: throughline_otlp::Error) -> Self {
        let field = format!("OTLP {}", error.field());
        Self::invalid(field, error.value(), error.expected()).because(error)
    }

    fn from_kind(kind: Kind) -> Self {
        Self(Box::new(kind))
    }

    /// Whether another [`Telemetry`](crate::Telemetry) is installed in this process and not shut down.
    ///
    /// # Example
    /// ```
    /// use throughline::Telemetry;
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// let telemetry = Telemetry::builder("checkout")
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .install()?;
    ///
    /// let error = Telemetry::builder("cart")
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .install()
    ///     .unwrap_err();
    /// assert!(error.is_already_installed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_already_installed(&self) -> bool {
        matches!(*self.0, Kind::AlreadyInstalled { .. })
    }

    /// Whether a setting was refused, in code, in a variable or in a file that one of them names. The message says which,
    /// what it is, and what was expected.
    ///
    /// # Example
    /// ```
    /// use throughline::{Retention, Telemetry};
    ///
    /// let error = Telemetry::builder("checkout")
    ///     .retention(Retention::new().errors(2.0))
    /// #     .environment(|_| None)
    ///     .build()
    ///     .unwrap_err();
    /// assert!(error.is_invalid());
    /// assert_eq!(error.to_string(), "retention.errors is 2: expected 0, or 2^-56 to 1");
    /// ```
    pub fn is_invalid(&self) -> bool {
        use throughline_engine::Error as Engine;
        use throughline_samplers::Error as Samplers;
        match &*self.0 {
            Kind::Invalid { .. } | Kind::Engine(Engine::Invalid { .. }) => true,
            Kind::Queue(error) => matches!(
                error,
                Samplers::Setting { .. }
                    | Samplers::Rule { .. }
                    | Samplers::InFile { .. }
                    | Samplers::Unreadable { .. }
            ),
            _ => false,
        }
    }

    /// Whether the endpoint for Prometheus could not be set up, for example since its port is taken.
    ///
    /// # Example
    /// ```
    /// use std::net::TcpListener;
    /// use throughline::{Prometheus, Telemetry};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let taken = TcpListener::bind("127.0.0.1:0")?;
    /// let error = Telemetry::builder("checkout")
    ///     .prometheus(Prometheus::at(taken.local_addr()?.to_string()))
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()
    ///     .unwrap_err();
    /// assert!(error.is_prometheus());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "prometheus")]
    pub fn is_prometheus(&self) -> bool {
        matches!(*self.0, Kind::Prometheus { .. })
    }

    /// Whether the time given was not enough.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// # use throughline::Telemetry;
    /// # fn main() -> Result<(), throughline::Error> {
    /// # let telemetry = Telemetry::builder("checkout")
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    /// #     .build()?;
    ///
    /// let error = telemetry.shutdown(Duration::ZERO).unwrap_err(); // no time at all
    /// assert!(error.is_timeout());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(*self.0, Kind::Timeout { .. })
    }

    /// Whether something was lost on its way out. The message says what and why.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use throughline::Telemetry;
    /// use throughline_testkit::CollectingSpanExporter;
    ///
    /// # fn main() -> Result<(), throughline::Error> {
    /// let exporter = CollectingSpanExporter::new();
    /// let telemetry = Telemetry::builder("checkout")
    ///     .span_exporter(exporter.clone())
    /// #     .environment(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
    ///     .build()?;
    ///
    /// exporter.refuse_with(Some("the disk is full"));
    /// telemetry.operation("charge card").build().run(|| ());
    /// let error = telemetry.force_flush(Duration::from_secs(5)).unwrap_err();
    /// assert!(error.is_undelivered());
    /// assert!(error.to_string().contains("the disk is full"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_undelivered(&self) -> bool {
        matches!(*self.0, Kind::Undelivered(_))
    }
}

impl From<throughline_engine::Error> for Error {
    fn from(error: throughline_engine::Error) -> Self {
        Self::from_kind(Kind::Engine(error))
    }
}

impl From<throughline_samplers::Error> for Error {
    fn from(error: throughline_samplers::Error) -> Self {
        Self::from_kind(Kind::Queue(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Invalid {
                field,
                value,
                expected,
                ..
            } => write!(f, "{field} is {value:?}: expected {expected}"),
            Kind::AlreadyInstalled { service } => write!(
                f,
                "telemetry for the service {service:?} is already installed in this process: install \
                 once and clone the handle, or shut the first one down before"
            ),
            #[cfg(feature = "prometheus")]
            Kind::Prometheus { setting, error } => {
                write!(f, "/metrics cannot be served, as {setting} asks: {error}")?;
                if let throughline_prometheus::Error::Bind { .. } = **error {
                    f.write_str(
                        "; choose another port with `.prometheus(..)` or \
                         OTEL_EXPORTER_PROMETHEUS_PORT, 0 takes any free one",
                    )?;
                }
                Ok(())
            }
            Kind::Thread(error) => write!(f, "the delivery thread cannot be started: {error}"),
            Kind::Timeout { what, after } => write!(f, "{what} took longer than {after:?}"),
            Kind::Undelivered(causes) => {
                write!(f, "not everything was delivered: {}", causes.join("; "))
            }
            Kind::Engine(error) => error.fmt(f),
            Kind::Queue(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Invalid { source, .. } => source.as_deref().map(|it| it as _),
            #[cfg(feature = "prometheus")]
            Kind::Prometheus { error, .. } => Some(&**error as _),
            Kind::Thread(error) => Some(error),
            Kind::Engine(error) => Some(error),
            Kind::Queue(error) => Some(error),
            _ => None,
        }
    }
}
