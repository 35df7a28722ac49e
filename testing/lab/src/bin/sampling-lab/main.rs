//! `cargo run --release --bin sampling-lab`: samplers under the same load, in numbers and pictures.

mod arguments;
mod bench;
mod candidates;
mod output;
mod parallel;
mod plan;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match bench::run(&arguments::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough, as `head` has.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sampling-lab: {error}");
            ExitCode::FAILURE
        }
    }
}
