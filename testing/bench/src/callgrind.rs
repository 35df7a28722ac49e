//! Instructions per step, under callgrind: they do not wander when the machine is busy.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde::{Deserialize, Serialize};

/// How many steps are counted.
pub const STEPS: u64 = 10_000;

/// Instructions per step, by case and subject, on one thread; the loop is included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<String, BTreeMap<String, f64>>);

impl Counts {
    /// The count of a case and a subject, if it is known.
    pub fn of(&self, case: &str, subject: &str) -> Option<f64> {
        self.0.get(case)?.get(subject).copied()
    }

    /// Adds one.
    pub fn insert(&mut self, case: &str, subject: &str, instructions: f64) {
        let subjects = self.0.entry(case.to_owned()).or_default();
        subjects.insert(subject.to_owned(), instructions);
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Names the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let wrong = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        serde_json::from_str(&text).map_err(|error| wrong(&error))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let wrong = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
        let mut text = serde_json::to_string_pretty(self).map_err(|error| wrong(&error))?;
        text.push('\n');
        fs::write(path, text).map_err(|error| wrong(&error))
    }
}

/// Counts one subject of one case: this program again, under callgrind, as `one CASE SUBJECT`.
///
/// # Errors
/// If valgrind is not there, or if the program failed under it.
pub fn count(case: &str, subject: &str) -> Result<f64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*counted_steps*")
        .arg(program)
        .args(["one", case, subject])
        .output()
        .map_err(|error| format!("valgrind: {error} (`apt-get install valgrind`)"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let collected = errors
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
    match collected {
        Some(instructions) if output.status.success() => Ok(instructions as f64 / STEPS as f64),
        _ => Err(format!("{case}, {subject} under valgrind: {errors}")),
    }
}
