//! `cargo xtask conformance`: the samplers against the rules that others sample by.

use crate::{error::Error, project::Project, tally::Tally};

/// The tables of cases in samplers/tests/conformance/; `cargo test --workspace` runs them too.
pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    let test = project
        .cargo()
        .args(["test", "-p", "throughline-samplers"])
        .args(["--test", "conformance"]);
    test.test(tally)
}
