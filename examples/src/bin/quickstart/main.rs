//! `cargo run --release --bin quickstart`: a shop under load, and its outliers opened as traces.
//!
//! Everything is real: HTTP on loopback, handlers, an SQLite database, OTLP to a receiver, `/metrics`.
//! The long tail has a cause that the traces show: the stock audit holds the database's write lock.

mod arguments;
mod database;
mod ledger;
mod load;
mod pool;
mod progress;
mod receiver;
mod run;
mod shop;
mod stop;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match run::run(&arguments::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough, as `head` has.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
