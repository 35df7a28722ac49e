//! The quickstart's load generator's own count of what it sent and what came back.

use std::{fs, path::Path};

use serde::Deserialize;

use crate::Failure;

/// What the load generator counted on its side, independent of any telemetry.
///
/// The file is `[{"request": "place order", "status": 201, "count": 7}, …]`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Ledger {
    /// One entry for each request and status.
    pub entries: Vec<Entry>,
}

/// How often one request was answered in one way.
#[derive(Debug, Deserialize, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was asked for, such as `place order`.
    pub request: String,
    /// The status of the answer; 0 if there was none.
    pub status: u16,
    /// How many.
    pub count: u64,
}

impl Ledger {
    /// Reads the file that `--ledger` wrote.
    ///
    /// # Errors
    /// The file is not there, or is no such list.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(Failure::doing(file.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("{}: {error}", file.display())))
    }

    /// How many answers there were to this request.
    pub fn answers(&self, request: &str) -> u64 {
        self.entries
            .iter()
            .filter(|entry| entry.request == request && entry.status != 0)
            .map(|entry| entry.count)
            .sum()
    }
}
