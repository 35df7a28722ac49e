//! `cargo xtask fuzz`: the targets of `testing/fuzz/`, each for a while, with cargo-fuzz on nightly.

use std::path::PathBuf;

use crate::{error::Error, project::Project};

/// The version of cargo-fuzz that is built into target/tools/.
const VERSION: &str = "0.13.2";

/// What is fuzzed: the file names in testing/fuzz/fuzz_targets/.
const TARGETS: [&str; 4] = ["accept", "environment", "sampling_rules", "trace_state"];

pub(crate) fn run(project: &Project, seconds: u32) -> Result<(), Error> {
    let program = install(project)?;
    for target in TARGETS {
        let fuzz = project.command(&program).args(["fuzz", "run"]);
        let fuzz = fuzz.args(["--fuzz-dir", "testing/fuzz", "--target-dir", "target/fuzz"]);
        let fuzz = fuzz.arg(target).arg("--");
        fuzz.arg(format!("-max_total_time={seconds}"))
            .env("RUSTUP_TOOLCHAIN", "nightly")
            .run()?;
    }
    Ok(())
}

/// cargo-fuzz, built if it is missing or of another version.
fn install(project: &Project) -> Result<PathBuf, Error> {
    let dir = project
        .path("target/tools")
        .join(format!("cargo-fuzz-{VERSION}"));
    let program = dir.join("bin/cargo-fuzz");
    if !program.is_file() {
        let install = project.cargo().args(["install", "--locked", "--root"]);
        let install = install.arg(&dir).args(["--version", VERSION, "cargo-fuzz"]);
        install.run()?;
    }
    Ok(program)
}
