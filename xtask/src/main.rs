//! Every chore of the project, one a file: `cargo xtask --help` lists them.
//!
//! A chore prints each command before it runs it, and a failure names the command that failed. Nothing here
//! is needed to use the crates; what a chore downloads or builds lands under `target/`.

mod bench;
mod check;
mod conformance;
mod e2e;
mod error;
mod fuzz;
mod instructions;
mod loom;
mod miri;
mod policy;
mod process;
mod project;
mod tally;
mod tools;
mod valgrind;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{error::Error, project::Project, tally::Tally};

/// The chores of this workspace.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_version_flag = true
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Everything that CI runs, the cheap checks first; ends with a table of times and `N passed, N failed`.
    Check {
        /// Go on after a step that failed, and fail at the end.
        #[arg(long)]
        keep_going: bool,
    },
    /// The rules of deny.toml on licences, sources and banned crates, read from `cargo metadata`.
    Policy,
    /// An OpenTelemetry Collector, Prometheus and a Python with parsers, under target/tools/.
    ///
    /// Prints the variables by which tests find them: `eval "$(cargo xtask tools)"`.
    Tools,
    /// The tests that need real servers and other people's parsers; sets the tools up first.
    E2e,
    /// The samplers against the rules of the specification, of the Collector's pkg/sampling and of Java's
    /// consistent sampling, as tables of cases.
    Conformance,
    /// The models of sdk/cells and of the retention buffer in every interleaving, under loom.
    Loom,
    /// The tests of sdk/cells under valgrind's memcheck.
    Valgrind,
    /// The instructions of a warm measurement, under valgrind; fails where they rose by more than 3 %.
    Instructions {
        /// Rewrites testing/hotpath/instructions.json.
        #[arg(long)]
        update: bool,
    },
    /// The fuzz targets of testing/fuzz/, each for a while; needs a nightly toolchain.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// The tests of sdk/cells under Miri; fails where no toolchain has it.
    Miri,
    /// What a measurement costs, ours beside the peers: a Markdown table on standard output.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<(), Error> {
    let project = Project::open()?;
    match chore {
        Chore::Check { keep_going } => check::run(&project, *keep_going),
        Chore::Policy => policy::run(&project),
        Chore::Tools => tools::run(&project),
        Chore::E2e => e2e::run(&project, &mut Tally::default()),
        Chore::Conformance => conformance::run(&project, &mut Tally::default()),
        Chore::Loom => loom::run(&project, &mut Tally::default()),
        Chore::Valgrind => valgrind::run(&project, &mut Tally::default()),
        Chore::Instructions { update } => instructions::run(&project, *update).map(drop),
        Chore::Fuzz { seconds } => fuzz::run(&project, *seconds),
        Chore::Miri => miri::run(&project, &mut Tally::default()),
        Chore::Bench(options) => bench::run(&project, options),
    }
}
