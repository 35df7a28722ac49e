//! The port from the engine to whoever wants its numbers.

use std::fmt;
use std::time::Duration;

use crate::Snapshot;

/// Takes what was measured so far. The engine's readers implement it; push loops and scrape endpoints call it.
///
/// A collection may run users' callbacks, so it can take as long as they do: call it where blocking is
/// allowed. `deadline` is how long it may go on running them. Those that are left when it has passed are not run; what
/// was measured is reported all the same, and [`Snapshot::incomplete`] says so. One callback that takes long delays a
/// collection by no more than itself, and takes nobody else's numbers away. An error loses nothing: what was measured is in
/// the next collection.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::{Collect, CollectError, Snapshot};
///
/// #[derive(Debug)]
/// struct Nothing;
/// impl Collect for Nothing {
///     fn collect(&self, _deadline: Duration) -> Result<Snapshot, CollectError> {
///         Ok(Snapshot::default())
///     }
/// }
/// assert!(Nothing.collect(Duration::from_secs(1)).unwrap().is_empty());
/// ```
pub trait Collect: Send + Sync + fmt::Debug {
    /// Collects within `deadline`.
    ///
    /// # Errors
    /// [`CollectError`] says why there is no snapshot.
    fn collect(&self, deadline: Duration) -> Result<Snapshot, CollectError>;
}

/// Why a collection gave no snapshot.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::CollectError;
///
/// let late = CollectError::Timeout(Duration::from_secs(5));
/// assert_eq!(late.to_string(), "the collection took longer than 5s");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CollectError {
    /// The reader belongs to no provider yet.
    NotRegistered,
    /// The provider was shut down.
    Shutdown,
    /// The deadline passed: before the collection could begin where it is an error, before it was done where a snapshot is
    /// [incomplete](Snapshot::incomplete).
    Timeout(Duration),
    /// It was asked for from inside a collection of the same reader, by one of its callbacks: it would wait for itself.
    Reentrant,
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CollectError::NotRegistered => {
                f.write_str("the reader is not registered with a provider")
            }
            CollectError::Shutdown => f.write_str("the provider was shut down"),
            CollectError::Timeout(after) => write!(f, "the collection took longer than {after:?}"),
            CollectError::Reentrant => {
                f.write_str("the reader is collecting already, and one of its callbacks asked for another collection")
            }
        }
    }
}

impl std::error::Error for CollectError {}
