//! The effective configuration: code beats environment, environment beats default, and each value knows
//! where it came from.
//!
//! Everything is decided here before anything is built, so that what is refused leaves nothing behind.

mod batch;
mod environment;
mod exit;
#[cfg(feature = "logs")]
mod logs;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
mod resolve;
mod retention;
mod sampler;
mod traces;

use std::fmt;

#[cfg(feature = "otlp")]
pub use otlp::Otlp;
#[cfg(feature = "prometheus")]
pub use prometheus::Prometheus;

pub(crate) use environment::Lookup;
pub(crate) use exit::Exit;
#[cfg(feature = "logs")]
pub(crate) use logs::LogSettings;
pub(crate) use resolve::{Resolved, Signals, resolve};
pub(crate) use retention::OUTLIERS;
pub(crate) use traces::TraceSettings;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Code,
    /// Code, though this variable says something, too.
    CodeBeats(&'static str),
    Variable(&'static str),
    Detected,
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Code => f.write_str("code"),
            Source::CodeBeats(name) => write!(f, "code; {name} is set and ignored"),
            Source::Variable(name) => f.write_str(name),
            Source::Detected => f.write_str("detected"),
            Source::Default => f.write_str("default"),
        }
    }
}

/// The first that is given: code, the environment, the default.
pub(crate) fn pick<T>(
    code: Option<T>,
    environment: Option<T>,
    variable: &'static str,
    default: impl FnOnce() -> T,
) -> (T, Source) {
    match (code, environment) {
        (Some(value), Some(_)) => (value, Source::CodeBeats(variable)),
        (Some(value), None) => (value, Source::Code),
        (None, Some(value)) => (value, Source::Variable(variable)),
        (None, None) => (default(), Source::Default),
    }
}
