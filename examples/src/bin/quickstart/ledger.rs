//! What the load generator saw with its own eyes: the count that telemetry is checked against.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Answers by request and status, counted on the client's side.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<(&'static str, u16), u64>>);

impl Ledger {
    /// Counts one answer.
    pub(crate) fn count(&self, request: &'static str, status: u16) {
        *self.lock().entry((request, status)).or_default() += 1;
    }

    /// How many answers there were.
    pub(crate) fn total(&self) -> u64 {
        self.lock().values().sum()
    }

    /// How many answers were a refusal: a status of 400 or above.
    pub(crate) fn refused(&self) -> u64 {
        self.lock()
            .iter()
            .filter(|((_, status), _)| *status >= 400)
            .map(|(_, n)| n)
            .sum()
    }

    /// `[{"request": "place order", "status": 201, "count": 7}, …]`
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let row = |((request, status), count): (&(&str, u16), &u64)| serde_json::json!({ "request": request, "status": status, "count": count });
        self.lock().iter().map(row).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(&'static str, u16), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
