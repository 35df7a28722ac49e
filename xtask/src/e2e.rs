//! `cargo xtask e2e`: the tests that need real servers and other people's parsers.

use crate::{error::Error, project::Project, tally::Tally, tools::Tools};

/// The test programs that use any of the tools: those of `testing/e2e` and `throughline-otlp`, and the one of
/// `throughline-prometheus` that hands its output to somebody else's parser.
const TARGETS: &[&str] = &["real_*", "parsers"];

pub(crate) fn run(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    let tools = Tools::install(project)?;
    let collector = project.path("collector-config/collector.yaml");
    let validate = project
        .command(&tools.collector)
        .args(["validate", "--config"]);
    validate.arg(collector).run()?;
    let prometheus = project.path("collector-config/prometheus.yml");
    let check = project.command(&tools.promtool).args(["check", "config"]);
    check.arg(prometheus).run()?;

    // The whole workspace is named, and the tests beside the quickstart, so that features are what they are in
    // `cargo test --workspace` and nothing is built twice.
    let targets = || TARGETS.iter().flat_map(|target| ["--test", target]);
    let build = project
        .cargo()
        .args(["build", "--workspace", "--bin", "quickstart"]);
    build.args(targets()).run()?;
    let quickstart = project
        .metadata()?
        .target_directory
        .join("debug/quickstart");

    let mut test = project
        .cargo()
        .args(["test", "--workspace"])
        .args(targets());
    test = test.env("THROUGHLINE_QUICKSTART", quickstart);
    for (name, path) in tools.variables() {
        test = test.env(name, path);
    }
    test.env("THROUGHLINE_REQUIRE_TOOLS", "1").test(tally)
}
