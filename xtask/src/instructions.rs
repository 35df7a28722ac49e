//! `cargo xtask instructions`: how many instructions a warm measurement needs, against testing/hotpath/instructions.json.

use crate::{error::Error, process::Run, project::Project};

/// Where the counts are kept.
const FILE: &str = "testing/hotpath/instructions.json";

/// How the program says that it was built by another compiler than the file's.
const NOT_JUDGED: &str = "NOT JUDGED";

/// What to say where valgrind is missing.
pub(crate) const MISSING: &str = "NO VALGRIND HERE: `valgrind --version` does not run, so that no instruction was \
                                  counted. `apt-get install valgrind` gives it.";

/// What came of it.
pub(crate) enum Verdict {
    Fine,
    /// Shown and not judged: the counts of the file are another compiler's.
    NotJudged,
}

/// Whether instructions can be counted.
pub(crate) fn is_there(project: &Project) -> bool {
    project.command("valgrind").arg("--version").works()
}

pub(crate) fn run(project: &Project, update: bool) -> Result<Verdict, Error> {
    if !is_there(project) {
        return Err(Error::Rule(MISSING.to_owned()));
    }
    let verb = if update { "update" } else { "check" };
    let output = program(project)
        .args([verb, &compiler(project)?, FILE])
        .output()?;
    print!("{output}");
    if output.lines().any(|line| line.starts_with(NOT_JUDGED)) {
        eprintln!("INSTRUCTIONS {NOT_JUDGED}: the compiler is another one than that of {FILE}");
        return Ok(Verdict::NotJudged);
    }
    Ok(Verdict::Fine)
}

fn program(project: &Project) -> Run {
    let run = project.cargo().args(["run", "--release", "--locked"]);
    run.args(["--quiet", "--package", "throughline-hotpath", "--"])
}

/// The compiler and what it compiles for: what decides how many instructions there are, beside the lock file.
fn compiler(project: &Project) -> Result<String, Error> {
    let told = project.command("rustc").arg("-vV").output()?;
    let field = |name: &str| {
        let found = told.lines().find_map(|line| line.strip_prefix(name));
        found.map(str::trim).unwrap_or_default()
    };
    Ok(format!(
        "rustc {} ({}), {}",
        field("release:"),
        field("commit-hash:"),
        field("host:")
    ))
}
