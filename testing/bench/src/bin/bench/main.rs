//! The bench's command line, see the library's documentation. `cargo xtask bench` calls it.

mod budget;
mod instructions;
mod memory;
mod times;

use std::process::ExitCode;

use clap::Parser;

/// Throughline beside its peers.
#[derive(Debug, Parser)]
enum Command {
    Times(times::Arguments),
    Instructions(instructions::Arguments),
    /// Whether a service of 100,000 requests a second keeps its budget: a table on standard output, in under a minute.
    Budget,
    /// Steps of one subject of one case, to be counted from outside.
    #[command(hide = true)]
    One {
        case: String,
        subject: String,
    },
    /// The memory of one probe in a process of its own.
    #[command(hide = true)]
    Probe {
        at: usize,
    },
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Times(arguments) => times::run(&arguments),
        Command::Instructions(arguments) => instructions::run(&arguments),
        Command::Budget => budget::run(),
        Command::One { case, subject } => instructions::one(&case, &subject),
        Command::Probe { at } => memory::run(at),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
