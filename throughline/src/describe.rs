//! The effective configuration as text.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use crate::duplicates::Duplicates;
use crate::settings::Source;

/// What telemetry is configured to do, as text without secrets: each value with where it came from, what
/// was ignored, where `/metrics` is. Made by [`Telemetry::describe`](crate::Telemetry::describe).
///
/// # Example
/// ```
/// use throughline::Telemetry;
///
/// # fn main() -> Result<(), throughline::Error> {
/// let telemetry = Telemetry::builder("checkout")
///     .environment(|name| match name {
///         "OTEL_METRIC_EXPORT_INTERVAL" => Some("soon".to_owned()),
/// #       name if name.ends_with("_EXPORTER") => Some("none".to_owned()),
///         _ => None,
///     })
///     .build()?;
///
/// let description = telemetry.describe();
/// println!("{description}");
/// assert!(description.notices()[0].contains("OTEL_METRIC_EXPORT_INTERVAL"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub(crate) sections: Vec<(&'static str, Lines)>,
    /// What was ignored or needs attention.
    pub(crate) notices: Vec<String>,
    pub(crate) metrics_at: Option<SocketAddr>,
    pub(crate) duplicates: Duplicates,
}

/// The values of one section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Vec<(Cow<'static, str>, String, Source)>);

impl Lines {
    pub(crate) fn push(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl fmt::Display,
        source: Source,
    ) {
        self.0.push((name.into(), value.to_string(), source));
    }
}

impl Description {
    /// What was ignored or needs attention: a variable that could not be understood, a subscriber that does
    /// not reach us. Each is one sentence.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Throughline {}", env!("CARGO_PKG_VERSION"))?;
        for (section, lines) in &self.sections {
            writeln!(f, "\n{section}")?;
            for (name, value, source) in &lines.0 {
                writeln!(f, "  {name:<28} {value}  ({source})")?;
            }
        }
        if let Some(address) = self.metrics_at {
            writeln!(f, "\nPrometheus scrapes http://{address}/metrics")?;
        }
        writeln!(f, "\nnotes")?;
        for notice in &self.notices {
            writeln!(f, "  - {notice}")?;
        }
        writeln!(f, "  - {}", self.duplicates)?;
        writeln!(
            f,
            "  - instruments and tracers taken from `opentelemetry::global` before install() stay no-ops"
        )
    }
}
