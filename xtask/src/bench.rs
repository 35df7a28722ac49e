//! `cargo xtask bench`: the program of testing/bench/, a workspace of its own.

use std::path::{Path, PathBuf};

use crate::{
    error::{AtPath, Error},
    process::Run,
    project::Project,
};

/// What is to be measured. The program runs at the root of the checkout.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: under a minute in all.
    #[arg(long)]
    quick: bool,
    /// Only cases whose name contains this. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    case: Vec<String>,
    /// Names the cases and who takes part, and ends.
    #[arg(long)]
    list: bool,
    /// Writes the rows there too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What a service of 100,000 requests a second pays: processor, memory, scrapes. Under a minute.
    #[arg(long, conflicts_with_all = ["quick", "list", "json", "case", "instructions"])]
    budget: bool,
    /// Counts instructions under valgrind in place of time; fails where one of ours needs 3 % more than in
    /// testing/bench/instructions.json.
    #[arg(long, conflicts_with_all = ["quick", "list", "json"])]
    instructions: bool,
    /// Counts the peers' instructions too, and rewrites testing/bench/instructions.json.
    #[arg(long, requires = "instructions")]
    update: bool,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<(), Error> {
    let cases = options.case.iter().flat_map(|case| ["--case", case]);
    if options.instructions {
        let run = program(project, "instructions").args(cases);
        let run = run.args(["--file", "testing/bench/instructions.json"]);
        return run.args(options.update.then_some("--update")).run();
    }
    if options.budget {
        print!("{}", program(project, "budget").output()?);
        return Ok(());
    }
    let mut run = program(project, "times").args(cases);
    run = run.args(options.quick.then_some("--quick"));
    run = run.args(options.list.then_some("--list"));
    if let Some(file) = &options.json {
        // As the caller means it; the program runs elsewhere.
        run = run.arg("--json").arg(absolute(file)?);
    }
    print!("{}", run.output()?);
    Ok(())
}

fn program(project: &Project, command: &str) -> Run {
    let run = project
        .cargo()
        .args(["run", "--release", "--locked", "--quiet"]);
    run.args(["--manifest-path", "testing/bench/Cargo.toml"])
        .args(["--", command])
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).at(path)
}
