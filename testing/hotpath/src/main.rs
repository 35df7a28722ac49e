//! Counts the instructions of a warm measurement, of a sampling decision and of a span, under callgrind, and compares them with
//! what they were.
//!
//! ```text
//! cargo xtask instructions              fails where one kind of them needs 3 % more than in instructions.json
//! cargo xtask instructions --update     rewrites instructions.json
//! ```
//!
//! Times wander on a machine that others use; instructions do not. They depend on what compiled the program, so that the
//! file names it: built by another compiler the counts are shown and not judged. The build is that of a user, without
//! optimization at link time. What peers need, and times, are testing/bench's to tell.

mod callgrind;
mod decisions;
mod kinds;
mod record;
mod spans;

use std::path::Path;
use std::process::ExitCode;

use crate::record::Record;

/// By how much a count may rise.
const TOLERANCE: f64 = 1.03;

/// What the last line begins with when the compiler is another one than that of the file.
const NOT_JUDGED: &str = "NOT JUDGED";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["run", kind] => kinds::run(kind),
        ["check", compiler, file] => check(compiler, Path::new(file)),
        ["update", compiler, file] => update(compiler, Path::new(file)),
        _ => Err("expected `check COMPILER FILE`, `update COMPILER FILE` or `run KIND`".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn update(compiler: &str, file: &Path) -> Result<(), String> {
    let record = Record {
        compiler: compiler.to_owned(),
        instructions: callgrind::count_all()?,
    };
    for (kind, count) in &record.instructions {
        println!("{count:8.1}  {kind}");
    }
    record.write(file)
}

fn check(compiler: &str, file: &Path) -> Result<(), String> {
    let record = Record::read(file)?;
    let now = callgrind::count_all()?;
    let mut risen = Vec::new();
    for (kind, count) in &now {
        let Some(before) = record.instructions.get(kind) else {
            return Err(format!("{} does not know {kind:?}", file.display()));
        };
        let change = 100.0 * (count / before - 1.0);
        println!("{count:8.1}  {before:8.1} before, {change:+6.2} %  {kind}");
        if *count > before * TOLERANCE {
            risen.push(kind.as_str());
        }
    }
    if record.compiler != compiler {
        println!(
            "{NOT_JUDGED}: built by {compiler}, {} is by {}",
            file.display(),
            record.compiler
        );
        return Ok(());
    }
    if risen.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than 3 % more instructions than in {}: {}; what is worth it is recorded by `cargo xtask instructions --update`",
        file.display(),
        risen.join("; ")
    ))
}
