//! What can be wrong with a range, a window or a merge.

use std::fmt;

/// Why a range or a window could not be made, or counts not be merged. Nothing was changed.
///
/// ```
/// use throughline_hdr::{Error, Range};
///
/// let error = Range::new(1, 1, 3).unwrap_err();
/// assert!(matches!(error, Error::Invalid { field: "range.high", .. }));
/// assert_eq!(error.to_string(), "range.high is 1, expected at least twice range.low");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that it cannot have.
    Invalid {
        /// Which setting: `range.low`, `range.high`, `range.digits`, `window.span`, `window.parts`, `quantile`.
        field: &'static str,
        /// The value as it was given.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// Counts of different units cannot be merged.
    Units {
        /// The unit of the counts that were to be added to.
        ours: f64,
        /// The unit of the counts that were to be added.
        theirs: f64,
    },
}

impl Error {
    pub(crate) fn invalid(
        field: &'static str,
        value: impl fmt::Debug,
        expected: &'static str,
    ) -> Self {
        Self::Invalid {
            field,
            value: format!("{value:?}"),
            expected,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid {
                field,
                value,
                expected,
            } => write!(f, "{field} is {value}, expected {expected}"),
            Self::Units { ours, theirs } => write!(
                f,
                "the unit of the counts is {theirs:?}, expected {ours:?}, as those they are added to"
            ),
        }
    }
}

impl std::error::Error for Error {}
