//! The port from whoever collects to whoever sends.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::Snapshot;

/// The future of one push.
///
/// ```
/// use throughline_model::{PushError, PushFuture};
///
/// fn after_shutdown() -> PushFuture<'static> {
///     Box::pin(async { Err(PushError::Shutdown) })
/// }
/// # drop(after_shutdown());
/// ```
pub type PushFuture<'a> = Pin<Box<dyn Future<Output = Result<(), PushError>> + Send + 'a>>;

/// Sends a snapshot and says what became of it. Exporters that push implement it.
///
/// Retries are the implementation's own affair; the result is that of the last attempt. Dropping the
/// future gives the push up. A snapshot without points is not sent.
///
/// ```
/// # use std::task::{Context, Poll, Waker};
/// use throughline_model::{Push, PushFuture, Snapshot};
///
/// #[derive(Debug)]
/// struct Print;
///
/// impl Push for Print {
///     fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
///         Box::pin(async move {
///             println!("{} points", snapshot.point_count());
///             Ok(())
///         })
///     }
/// }
/// # let snapshot = Snapshot::default();
/// # let done = Print.push(&snapshot).as_mut().poll(&mut Context::from_waker(Waker::noop()));
/// # assert_eq!(done, Poll::Ready(Ok(())));
/// ```
pub trait Push: Send + Sync + fmt::Debug {
    /// Sends one snapshot. `Ok` means that the receiver acknowledged every point.
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a>;
}

/// Why a batch did not arrive, or not all of it.
///
/// ```
/// use throughline_model::PushError;
///
/// let full = PushError::Unavailable { attempts: 5, message: "try again later".into() };
/// assert_eq!(full.error_type(), "unavailable");
/// assert_eq!(full.to_string(), "the receiver was unavailable after 5 attempts: try again later");
///
/// let refused = PushError::Refused { code: "400".into(), message: "no such tenant".into() };
/// assert_eq!(refused.error_type(), "400");
/// ```
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
                let s = if *items == 1 { "" } else { "s" };
                write!(f, "the receiver rejected {items} item{s}: {message}")
            }
            PushError::Refused { code, message } => {
                write!(f, "the receiver refused the batch with {code}: {message}")
            }
            PushError::Unavailable { attempts, message } => {
                let s = if *attempts == 1 { "" } else { "s" };
                write!(
                    f,
                    "the receiver was unavailable after {attempts} attempt{s}: {message}"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let rejected = |items| PushError::Rejected {
            items,
            message: "late".into(),
        };
        let unavailable = |attempts| PushError::Unavailable {
            attempts,
            message: "refused".into(),
        };
        for (error, expected) in [
            (rejected(1), "the receiver rejected 1 item: late"),
            (rejected(2), "the receiver rejected 2 items: late"),
            (
                unavailable(1),
                "the receiver was unavailable after 1 attempt: refused",
            ),
            (
                unavailable(2),
                "the receiver was unavailable after 2 attempts: refused",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
