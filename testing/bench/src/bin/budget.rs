//! Whether a service of 100,000 requests a second keeps its budget: a table on standard output, in under a minute.

use std::process::ExitCode;

use throughline_bench::budget::{lines, markdown};

fn main() -> ExitCode {
    match lines() {
        Ok(lines) => {
            print!("{}", markdown(&lines));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
