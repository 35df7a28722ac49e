//! What stops a chore.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why a chore did not succeed; the text names the command or the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`{command}` cannot be started: {source}")]
    NotStarted { command: String, source: io::Error },
    #[error("`{command}` ended with {status}")]
    CommandFailed { command: String, status: ExitStatus },
    #[error("`{command}` failed {failed} of its tests")]
    TestsFailed { command: String, failed: u64 },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Rule(String),
}

/// Gives an [`io::Result`] the path that it is about.
pub(crate) trait AtPath<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, Error>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(|source| Error::File {
            path: path.into(),
            source,
        })
    }
}
