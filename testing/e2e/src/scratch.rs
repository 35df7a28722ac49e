//! A folder for one test: configurations, data and logs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::Failure;

/// How much of each log a failed test prints.
const LAST_LINES: usize = 40;

/// A temporary folder that outlives its test if the test fails.
///
/// Unless [`passed`](Self::passed) was called, dropping it keeps the folder, prints where it is, and prints the last
/// lines of each `*.log` in it.
#[derive(Debug)]
pub struct Scratch {
    dir: Option<TempDir>,
    path: PathBuf,
}

impl Scratch {
    /// A new, empty folder with `name` in its name.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("throughline-{name}-"))
            .tempdir();
        let dir = dir.map_err(Failure::doing("creating a temporary folder"))?;
        Ok(Self {
            path: dir.path().to_owned(),
            dir: Some(dir),
        })
    }

    /// A path inside the folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.path.join(inside)
    }

    /// The test has passed: the folder goes.
    pub fn passed(mut self) {
        self.dir = None;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(dir) = self.dir.take() else { return };
        let path = dir.keep();
        eprintln!("the files of this test are kept in {}", path.display());
        for log in logs(&path) {
            let text = fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- {}", log.display());
            for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
                eprintln!("{line}");
            }
        }
    }
}

fn logs(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect()
}
