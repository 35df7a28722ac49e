//! What can go wrong with a queue or a sampler.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;

/// Why a queue or a sampler was not built, or a flush or shutdown did not deliver everything.
///
/// ```
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{Error, SpanQueue, batch::BatchSettings};
///
/// let settings = BatchSettings { max_queue_size: 0, ..BatchSettings::spans() };
/// let error = SpanQueue::new(settings, &SelfMeter::new()).unwrap_err();
/// assert!(matches!(error, Error::Setting { field: "max_queue_size", .. }));
/// assert_eq!(error.to_string(), "max_queue_size is 0: expected at least 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense.
    Setting {
        /// The name of the field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// A rule makes no sense.
    Rule {
        /// The rule's id, or its place, such as `high_value[0]`, where it has none.
        rule: String,
        /// The name of the field; `attributes.` and the attribute's name where it is a condition on one.
        field: String,
        /// Its value.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// Something in a file makes no sense.
    InFile {
        /// The file as it was named; `None` for a text that came from elsewhere.
        file: Option<String>,
        /// The line, from 1.
        line: usize,
        /// The way to the value, such as `sampler.rules[2].rate`, or `TOML` where it is none.
        field: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: String,
    },
    /// A file cannot be read.
    Unreadable {
        /// The file as it was named.
        file: String,
        /// Why.
        message: String,
    },
    /// Batches were sent and failed while the caller waited.
    Failed {
        /// How many items were lost.
        items: u64,
        /// The last failure's `error.type`.
        error_type: Cow<'static, str>,
        /// What the exporter said last.
        message: String,
    },
    /// The exporter itself could not flush what it kept back, or could not shut down.
    Exporter {
        /// What it said.
        message: String,
    },
    /// The time ran out. The delivery goes on where it was a flush; what is left is dropped where it was
    /// a shutdown.
    Timeout(Duration),
    /// The queue was shut down already.
    AlreadyShutdown,
    /// Called on the thread that delivers, which cannot wait for itself.
    DeliveryThread,
    /// The worker was dropped before the queue was shut down: nothing is delivered any more.
    WorkerGone,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Setting {
                field,
                value,
                expected,
            } => write!(f, "{field} is {value}: expected {expected}"),
            Error::Rule {
                rule,
                field,
                value,
                expected,
            } => write!(f, "rule {rule:?}: {field} is {value}: expected {expected}"),
            Error::InFile {
                file,
                line,
                field,
                value,
                expected,
            } => {
                match file {
                    Some(file) => write!(f, "{file}:{line}: ")?,
                    None => write!(f, "line {line}: ")?,
                }
                write!(f, "{field} is {value}: expected {expected}")
            }
            Error::Unreadable { file, message } => write!(f, "{file} cannot be read: {message}"),
            Error::Failed {
                items,
                error_type,
                message,
            } => {
                let items = match items {
                    1 => "1 item was".to_owned(),
                    many => format!("{many} items were"),
                };
                write!(f, "{items} lost ({error_type}): {message}")
            }
            Error::Exporter { message } => write!(f, "the exporter failed: {message}"),
            Error::Timeout(after) => write!(f, "not everything was delivered within {after:?}"),
            Error::AlreadyShutdown => f.write_str("the queue was shut down already"),
            Error::DeliveryThread => f.write_str("the delivery thread cannot wait for itself"),
            Error::WorkerGone => f.write_str("the worker of the queue is gone"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for OTelSdkError {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout(after) => OTelSdkError::Timeout(after),
            Error::AlreadyShutdown => OTelSdkError::AlreadyShutdown,
            other => OTelSdkError::InternalFailure(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_is_no_plural() {
        let said = |items| {
            let (error_type, message) = ("timeout".into(), "late".into());
            Error::Failed {
                items,
                error_type,
                message,
            }
            .to_string()
        };
        assert_eq!(said(1), "1 item was lost (timeout): late");
        assert_eq!(said(2), "2 items were lost (timeout): late");
    }
}
