//! `bench budget`.

use throughline_bench::budget::{lines, markdown};

pub(crate) fn run() -> Result<(), String> {
    print!("{}", markdown(&lines()?));
    Ok(())
}
