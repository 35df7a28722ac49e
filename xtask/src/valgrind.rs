//! `cargo xtask valgrind`: the tests of the cells under memcheck.

use crate::{error::Error, project::Project, tally::Tally};

/// Any error, and any memory that nothing points at any more, fails the test program. Slabs of ended threads are
/// kept for later ones: they are reachable, and no leak.
const RUNNER: &str = "target.'cfg(all())'.runner = ['valgrind', '--quiet', '--error-exitcode=97', \
                      '--leak-check=full', '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite']";

pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    if !project.command("valgrind").args(["--version"]).works() {
        return Err(Error::Rule(
            "`valgrind --version` does not run: `apt-get install valgrind`".to_owned(),
        ));
    }
    let test = project.cargo().args([
        "test",
        "--config",
        RUNNER,
        "-p",
        "throughline-cells",
        "--lib",
        "--tests",
    ]);
    // A property test tries fewer cases: each runs some thirty times slower.
    test.env("PROPTEST_CASES", "16").test(tally)
}
