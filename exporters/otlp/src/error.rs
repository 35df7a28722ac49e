//! What is wrong with a setting.

use std::error::Error as StdError;
use std::fmt;

/// A setting that cannot be used: which one, what it was, and what was expected.
///
/// Values that are secrets (headers, keys, a password in a URL) never stand in it.
///
/// ```
/// use throughline_otlp::{Endpoint, Protocol};
///
/// let error = Endpoint::new(Protocol::Grpc, "ftp://collector").unwrap_err();
/// assert_eq!(error.field(), "url");
/// assert_eq!(error.value(), "ftp://collector");
/// assert_eq!(error.expected(), "a URL such as http://localhost:4318, with the scheme http or https");
/// assert!(error.to_string().contains("ftp://collector"));
/// ```
#[derive(Debug)]
pub struct Error {
    field: &'static str,
    value: String,
    expected: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(
        field: &'static str,
        value: impl Into<String>,
        expected: &'static str,
    ) -> Self {
        Self {
            field,
            value: value.into(),
            expected,
            source: None,
        }
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The name of the setting: `url`, `headers`, `tls.ca`, …
    pub fn field(&self) -> &str {
        self.field
    }

    /// What it was set to, without secrets.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would have been accepted.
    pub fn expected(&self) -> &str {
        self.expected
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OTLP {} is `{}`, expected {}",
            self.field, self.value, self.expected
        )?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
