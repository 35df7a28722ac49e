//! Where things are, and how the tools that work on them are called.

use std::{env, path::PathBuf};

use crate::{
    error::{AtPath, Error},
    process::Run,
};

/// The checkout that the chores work on.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    pub(crate) fn open() -> Result<Self, Error> {
        let member = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = member.join("..");
        let root = root.canonicalize().at(&root)?;
        Ok(Self { root })
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A command that runs at the root of the checkout.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Run {
        Run::new(program).dir(&self.root)
    }

    /// Cargo itself, in the toolchain that runs this chore.
    pub(crate) fn cargo(&self) -> Run {
        self.command("cargo")
    }

    /// The workspace and everything that it depends on, as `cargo metadata` tells it.
    pub(crate) fn metadata(&self) -> Result<cargo_metadata::Metadata, Error> {
        let run = self
            .cargo()
            .args(["metadata", "--format-version=1", "--all-features"]);
        let text = run.output()?;
        cargo_metadata::MetadataCommand::parse(text)
            .map_err(|error| Error::Rule(format!("`cargo metadata`: {error}")))
    }
}
