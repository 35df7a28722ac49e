//! `bench probe`: what a process has resident after a probe.

use std::env;
use std::process::Command;

use throughline_bench::{PROBES, Probe, Row, probe};

pub(crate) fn run(at: usize) -> Result<(), String> {
    let asked = PROBES.get(at).ok_or("no such probe")?;
    println!("{}", probe(asked)?);
    Ok(())
}

/// One probe in a process of its own.
pub(crate) fn in_a_process(at: usize, probe: &Probe) -> Result<Row, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["probe", &at.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let bytes = text.trim().parse::<f64>().map_err(|_| {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!("{}, {}: {errors}", probe.case, probe.subject)
    })?;
    Ok(Row::of_bytes(
        probe.case,
        probe.subject,
        probe.threads,
        bytes,
    ))
}
