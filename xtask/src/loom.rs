//! `cargo xtask loom`: the models of the cells in every interleaving.

use crate::{error::Error, project::Project, tally::Tally};

/// In release, since loom runs each model many thousand times; in a target directory of its own, since the flag
/// changes every crate.
pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    let test = project.cargo().args([
        "test",
        "-p",
        "throughline-cells",
        "--release",
        "--test",
        "loom",
    ]);
    let test = test.args(["--target-dir", "target/loom"]);
    test.env("RUSTFLAGS", "--cfg loom").test(tally)
}
