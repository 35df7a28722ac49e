//! `cargo xtask miri`: the tests of the cells under Miri, where a toolchain has it.

use crate::{error::Error, project::Project, tally::Tally};

/// Miri is a component of nightly alone, and not every network gives it.
const TOOLCHAIN: &str = "+nightly";

/// True if there is a toolchain with Miri, and with the sources of the standard library that Miri wants.
pub(crate) fn is_there(project: &Project) -> bool {
    let miri = || project.cargo().args([TOOLCHAIN, "miri"]);
    miri().arg("--version").works() && miri().arg("setup").run().is_ok()
}

/// What to say where it is missing.
pub(crate) const MISSING: &str = "NO MIRI HERE: `cargo +nightly miri setup` does not run, so nothing was checked by it. \
                                  `rustup +nightly component add miri rust-src` gives it where the network does.";

pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    if !is_there(project) {
        return Err(Error::Rule(MISSING.to_owned()));
    }
    let test = project.cargo().args([
        TOOLCHAIN,
        "miri",
        "test",
        "-p",
        "throughline-cells",
        "--lib",
        "--tests",
    ]);
    let test = test.args(["--target-dir", "target/miri"]);
    // A property test tries few cases: each runs hundreds of times slower.
    test.env("PROPTEST_CASES", "2")
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .test(tally)
}
