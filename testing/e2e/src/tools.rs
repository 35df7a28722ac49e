//! Which programs a test may use.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
};

use crate::Failure;

/// The program that the variable names, such as `THROUGHLINE_COLLECTOR`.
///
/// `None` where the variable is not set: the test is skipped, which is said on standard output past the test
/// runner's capture, as `SKIPPED name_of_the_test: why`. `cargo xtask check` counts these lines.
///
/// # Errors
/// The variable names no file, or it is not set though `THROUGHLINE_REQUIRE_TOOLS` is `1`.
pub fn tool(variable: &str) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = env::var_os(variable).map(PathBuf::from) {
        let found = path.is_file();
        return if found {
            Ok(Some(path))
        } else {
            Err(Failure::new(format!(
                "{variable} names {}, which is no file",
                path.display()
            )))
        };
    }
    if env::var_os("THROUGHLINE_REQUIRE_TOOLS").is_some_and(|value| value == "1") {
        return Err(Failure::new(format!(
            "{variable} is not set: run this test by `cargo xtask e2e`"
        )));
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `println!`, which the test runner keeps to itself when a test passes.
    writeln!(
        io::stdout(),
        "SKIPPED {test}: {variable} is not set; `cargo xtask e2e` runs it"
    )
    .map_err(Failure::doing("writing to standard output"))?;
    Ok(None)
}
