//! Collects when the test says so.

use std::sync::Arc;
use std::time::Duration;

use throughline_model::{Collect, Snapshot};

/// Collects from anything that implements [`Collect`], when the test says so.
///
/// ```
/// # use std::time::Duration;
/// # use throughline_model::{Collect, CollectError, Snapshot};
/// # #[derive(Debug)] struct Nothing;
/// # impl Collect for Nothing {
/// #     fn collect(&self, _: Duration) -> Result<Snapshot, CollectError> { Ok(Snapshot::default()) }
/// # }
/// use throughline_testkit::InMemoryReader;
///
/// let reader = InMemoryReader::new(Nothing); // usually a reader of the engine
/// assert!(reader.collect().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct InMemoryReader(Arc<dyn Collect>);

impl InMemoryReader {
    /// How long a collection may take before the test fails: far longer than any should.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Reads from `source`.
    pub fn new(source: impl Collect + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// What was measured so far.
    ///
    /// # Panics
    /// When the source gives no snapshot; the message says why.
    #[track_caller]
    pub fn collect(&self) -> Snapshot {
        match self.0.collect(Self::DEADLINE) {
            Ok(snapshot) => snapshot,
            Err(error) => panic!("no snapshot: {error}"),
        }
    }
}
