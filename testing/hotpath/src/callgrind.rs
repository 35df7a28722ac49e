//! This program again, under callgrind, a kind of measurement at a time.

use std::collections::BTreeMap;
use std::process::Command;

use crate::kinds;

/// Instructions per measurement of all kinds.
pub(crate) fn count_all() -> Result<BTreeMap<String, f64>, String> {
    kinds::names()
        .map(|kind| Ok((kind.to_owned(), count(kind)?)))
        .collect()
}

fn count(kind: &str) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*counted_steps*")
        .arg(program)
        .args(["run", kind])
        .output()
        .map_err(|error| format!("valgrind: {error} (`apt-get install valgrind`)"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let collected = errors
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
    match collected {
        // To a tenth: what chance decides, when the next exemplar is due, is less.
        Some(all) if all > 0 && output.status.success() => {
            Ok((10.0 * all as f64 / kinds::STEPS as f64).round() / 10.0)
        }
        _ => Err(format!("{kind} under valgrind: {errors}")),
    }
}
