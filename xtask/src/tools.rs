//! `cargo xtask tools`: the real servers and parsers that tests run against, under `target/tools/`.
//!
//! What is there already, in the version wanted, is kept. Nothing is installed on the machine itself, and no
//! service is started.

mod collector;
mod prometheus;
mod python;

use std::{env, fs, path::Path, path::PathBuf};

use crate::{error::AtPath, error::Error, process::Run, project::Project};

/// Where the tools are.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) collector: PathBuf,
    pub(crate) prometheus: PathBuf,
    pub(crate) promtool: PathBuf,
    python: PathBuf,
}

impl Tools {
    /// Finds or builds all of them.
    pub(crate) fn install(project: &Project) -> Result<Self, Error> {
        let dir = project.path("target/tools");
        fs::create_dir_all(&dir).at(&dir)?;
        let python = python::install(project, &dir.join("venv"))?;
        let (prometheus, promtool) = prometheus::install(project, &dir.join("prometheus"))?;
        let collector = collector::install(project, &dir.join("collector"))?;
        Ok(Self {
            collector,
            prometheus,
            promtool,
            python,
        })
    }

    /// The variables by which tests find the tools.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 4] {
        [
            ("THROUGHLINE_COLLECTOR", &self.collector),
            ("THROUGHLINE_PROMETHEUS", &self.prometheus),
            ("THROUGHLINE_PROMTOOL", &self.promtool),
            ("THROUGHLINE_PYTHON", &self.python),
        ]
    }
}

/// Installs the tools and prints the variables for a shell: `eval "$(cargo xtask tools)"`.
pub(crate) fn run(project: &Project) -> Result<(), Error> {
    for (name, path) in Tools::install(project)?.variables() {
        println!("export {name}='{}'", path.display());
    }
    Ok(())
}

/// One way to come by a tool: what it is called, and the attempt.
type Way<'a, T> = (&'a str, &'a dyn Fn() -> Result<T, Error>);

/// The first way that works, or an error that tells why none did.
fn first_of<T>(what: &str, ways: &[Way<'_, T>]) -> Result<T, Error> {
    let mut reasons = String::new();
    for (way, attempt) in ways {
        match attempt() {
            Ok(found) => {
                eprintln!("{what}: {way}");
                return Ok(found);
            }
            Err(error) => {
                eprintln!("{what}: not {way}: {error}");
                reasons.push_str(&format!("\n  {way}: {error}"));
            }
        }
    }
    Err(Error::Rule(format!(
        "{what} is nowhere to be had:{reasons}"
    )))
}

/// A program of this name in one of the folders of PATH.
fn on_path(program: &str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file());
    found.ok_or_else(|| Error::Rule(format!("no `{program}` on PATH")))
}

/// True if `dir` was made from exactly `recipe`, as [`remember`] left it there.
fn made_from(dir: &Path, recipe: &str) -> bool {
    fs::read_to_string(dir.join(RECIPE)).is_ok_and(|made| made == recipe)
}

/// Notes in `dir` what it was made from, once everything is in place.
fn remember(dir: &Path, recipe: &str) -> Result<(), Error> {
    let path = dir.join(RECIPE);
    fs::write(&path, recipe).at(path)
}

/// Makes `dir` empty.
fn afresh(dir: &Path) -> Result<(), Error> {
    if dir.exists() {
        fs::remove_dir_all(dir).at(dir)?;
    }
    fs::create_dir_all(dir).at(dir)
}

/// The file in a tool's folder that holds what the tool was made from.
const RECIPE: &str = "made-from";

/// Go, kept from fetching another toolchain, and with the same result in every folder.
fn go(project: &Project) -> Run {
    let go = project.command("go").env("GOTOOLCHAIN", "local");
    go.env("GOFLAGS", "-trimpath -buildvcs=false")
        .env("CGO_ENABLED", "0")
}
