//! The file that the counts are kept in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What the counts were, and what compiled the program then.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) compiler: String,
    /// Per measurement, by kind; the loop is included.
    pub(crate) instructions: BTreeMap<String, f64>,
}

impl Record {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| wrong(path, &error))?;
        serde_json::from_str(&text).map_err(|error| wrong(path, &error))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| wrong(path, &error))?;
        text.push('\n');
        fs::write(path, text).map_err(|error| wrong(path, &error))
    }
}

fn wrong(path: &Path, error: &dyn std::error::Error) -> String {
    format!("{}: {error}", path.display())
}
