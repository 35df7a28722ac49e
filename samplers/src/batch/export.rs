//! The port to whatever sends batches.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use throughline_model::PushError;

/// Sends batches, and says what became of each.
///
/// ```
/// use throughline_samplers::batch::{Export, Failure};
///
/// struct Print;
/// impl Export<String> for Print {
///     async fn export(&mut self, batch: Vec<String>) -> Result<(), Failure> {
///         println!("{}", batch.join("\n"));
///         Ok(())
///     }
/// }
/// ```
pub trait Export<T>: Send {
    /// Sends one batch, which is never empty. `Ok` means that all of it was acknowledged.
    ///
    /// It is not called again before it has returned, or was dropped because its time was up. Retries
    /// are its own affair. It must not block its thread.
    ///
    /// # Errors
    /// [`Failure`] says how much of the batch was lost, and why.
    fn export(&mut self, batch: Vec<T>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends what the exporter itself may have kept back. Called when a flush has exported everything.
    ///
    /// # Errors
    /// What the caller of the flush is told.
    fn flush(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Lets go of connections. Called once, after the last batch, with the time that is left.
    ///
    /// # Errors
    /// What the caller of the shutdown is told.
    fn shutdown(&mut self, timeout: Duration) -> Result<(), String> {
        let _ = timeout;
        Ok(())
    }
}

/// Why a batch, or a part of it, was not acknowledged.
///
/// ```
/// use throughline_samplers::batch::Failure;
///
/// let all = Failure::new("503", "the receiver is away");
/// assert_eq!((all.error_type.as_ref(), all.items), ("503", None));
///
/// let some = Failure::partial(3, "too old");
/// assert_eq!((some.error_type.as_ref(), some.items), ("rejected", Some(3)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The value of `error.type` in self-telemetry: from a small set of words.
    pub error_type: Cow<'static, str>,
    /// How many items were lost, if it was not the whole batch. More than there were counts as all.
    pub items: Option<u64>,
    /// What happened.
    pub message: String,
}

impl Failure {
    /// The whole batch was lost.
    pub fn new(error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.into(),
            items: None,
            message: message.into(),
        }
    }

    /// The receiver took the batch but for `items` of it.
    pub fn partial(items: u64, message: impl Into<String>) -> Self {
        Self {
            items: Some(items),
            ..Self::new("rejected", message)
        }
    }
}

/// What an exporter that knows the outcome of a push says of a batch.
impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Rejected { items, message } => Self::partial(items, message),
            error => Self::new(error.error_type().to_owned(), error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_loses_what_was_rejected_and_any_other_error_the_batch() {
        let message = "no room".to_owned();
        let rejected = PushError::Rejected { items: 3, message };
        assert_eq!(Failure::from(rejected), Failure::partial(3, "no room"));
        let timeout = PushError::Timeout(Duration::from_secs(10));
        assert_eq!(
            Failure::from(timeout),
            Failure::new("timeout", "the batch was not acknowledged within 10s")
        );
    }
}
