//! `cargo xtask e2e`: the tests that need real servers and other people's parsers.

use crate::{error::Error, project::Project, tally::Tally, tools::Tools};

pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    let tools = Tools::install(project)?;
    let validate = project
        .command(&tools.collector)
        .args(["validate", "--config"]);
    validate
        .arg(project.path("collector-config/collector.yaml"))
        .run()?;
    let check = project.command(&tools.promtool).args(["check", "config"]);
    check
        .arg(project.path("collector-config/prometheus.yml"))
        .run()?;

    // All tests of this kind are in files that start with `real_`. The whole workspace is named, so that features are
    // what they are in `cargo test --workspace` and nothing is built twice.
    let mut test = project
        .cargo()
        .args(["test", "--workspace", "--test", "real_*"]);
    for (name, path) in tools.variables() {
        test = test.env(name, path);
    }
    test.env("THROUGHLINE_REQUIRE_TOOLS", "1").test(tally)
}
