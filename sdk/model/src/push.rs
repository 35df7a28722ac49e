//! The port from whoever collects to whoever sends.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::Snapshot;

/// The future of one push.
pub type PushFuture<'a> = Pin<Box<dyn Future<Output = Result<(), PushError>> + Send + 'a>>;

/// Sends a snapshot and says what became of it. Exporters that push implement it.
///
/// Retries are the implementation's own affair; the result is that of the last attempt. Dropping the
/// future gives the push up. A snapshot without points is not sent.
pub trait Push: Send + Sync + fmt::Debug {
    /// Sends one snapshot. `Ok` means that the receiver acknowledged every point.
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a>;
}

/// Why a batch did not arrive, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The receiver took the batch and refused some of it (OTLP's partial success).
    Rejected {
        /// How many points, spans or records it refused.
        items: u64,
        /// What it said.
        message: String,
    },
    /// The receiver refused the batch for good: sending it again would not help.
    Refused {
        /// The status code, as the protocol writes it: `INVALID_ARGUMENT`, `400`.
        code: String,
        /// What the receiver said.
        message: String,
    },
    /// The receiver could not be reached or asked to come back later, until the retries were used up.
    Unavailable {
        /// How many attempts were made.
        attempts: u32,
        /// What the last attempt said.
        message: String,
    },
    /// The time for the batch, retries included, ran out.
    Timeout(Duration),
    /// The exporter was shut down.
    Shutdown,
}

impl PushError {
    /// The value of `error.type` in self-telemetry: a small set of words or the protocol's code.
    pub fn error_type(&self) -> &str {
        match self {
            PushError::Rejected { .. } => "rejected",
            PushError::Refused { code, .. } => code,
            PushError::Unavailable { .. } => "unavailable",
            PushError::Timeout(_) => "timeout",
            PushError::Shutdown => "already_shutdown",
        }
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Rejected { items, message } => {
                write!(f, "the receiver rejected {items} items: {message}")
            }
            PushError::Refused { code, message } => {
                write!(f, "the receiver refused the batch with {code}: {message}")
            }
            PushError::Unavailable { attempts, message } => {
                write!(
                    f,
                    "the receiver was unavailable after {attempts} attempts: {message}"
                )
            }
            PushError::Timeout(after) => {
                write!(f, "the batch was not acknowledged within {after:?}")
            }
            PushError::Shutdown => f.write_str("the exporter was shut down"),
        }
    }
}

impl std::error::Error for PushError {}
