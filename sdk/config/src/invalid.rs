//! What is wrong with a variable.

use std::fmt;

/// A variable whose value was not understood and therefore ignored.
///
/// ```
/// use throughline_config::Environment;
///
/// let (_, invalid) = Environment::read(|name| {
///     (name == "OTEL_EXPORTER_OTLP_HEADERS").then(|| "api-key=%zz".to_string())
/// });
/// // The key is named; its value, which may be a secret, is not.
/// assert_eq!(invalid[0].variable, "OTEL_EXPORTER_OTLP_HEADERS");
/// assert_eq!(invalid[0].value, "api-key=[redacted]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalid {
    /// The name of the variable.
    pub variable: &'static str,
    /// What it was set to, or the part of it that is wrong. The values of headers and the credentials
    /// of a URL are replaced by `[redacted]`.
    pub value: String,
    /// What would have been understood.
    pub expected: String,
}

impl Invalid {
    pub(crate) fn new(
        variable: &'static str,
        value: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            variable,
            value: value.into(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:?}: expected {}",
            self.variable, self.value, self.expected
        )
    }
}

impl std::error::Error for Invalid {}
