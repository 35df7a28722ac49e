//! What can go wrong while the engine is assembled.

use std::fmt;

/// Why a provider or a collector could not be set up. Nothing was changed.
///
/// Running never fails: what is refused while the engine runs is counted (`throughline.engine.*`) and, where
/// a person must act, told once through `tracing`.
///
/// ```
/// use throughline_engine::{Error, MeterProvider, Reader};
///
/// let blind = Reader::builder().cardinality_limit(0).build();
/// let error = MeterProvider::builder().reader(blind).build().unwrap_err();
/// assert!(matches!(error, Error::Invalid { field: "reader.cardinality_limit", .. }));
/// assert_eq!(error.to_string(), "reader.cardinality_limit is 0, expected at least 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that it cannot have.
    Invalid {
        /// Which setting: `view.boundaries`, `instrument.name`, …
        field: &'static str,
        /// The value as it was given.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// The reader already belongs to a provider: a reader has one for life.
    ReaderTaken,
    /// The provider was shut down.
    Shutdown,
}

impl Error {
    pub(crate) fn invalid(
        field: &'static str,
        value: impl fmt::Debug,
        expected: &'static str,
    ) -> Self {
        Error::Invalid {
            field,
            value: format!("{value:?}"),
            expected,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid {
                field,
                value,
                expected,
            } => write!(f, "{field} is {value}, expected {expected}"),
            Error::ReaderTaken => {
                f.write_str("the reader already belongs to a provider; build another one")
            }
            Error::Shutdown => f.write_str("the provider was shut down"),
        }
    }
}

impl std::error::Error for Error {}
