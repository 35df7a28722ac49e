//! `cargo xtask loom`: the models of the cells and of the retention buffer in every interleaving.

use crate::{error::Error, project::Project, tally::Tally};

/// In a target directory of their own, since the flag changes every crate; the cells' in release, since loom runs
/// each of them many thousand times.
pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    let cells = ["-p", "throughline-cells", "--release", "--test", "loom"];
    let retention = ["-p", "throughline-samplers", "--lib", "retention::models"];
    for models in [cells.as_slice(), &retention] {
        let test = project
            .cargo()
            .args(["test", "--target-dir", "target/loom"]);
        test.args(models)
            .env("RUSTFLAGS", "--cfg loom")
            .test(tally)?;
    }
    Ok(())
}
