//! Child processes: shown before they run, and named when they fail.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::{error::Error, tally::Tally};

/// One command, built up and then run in one of three ways.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    /// The variables set for this command alone, for the line that is shown.
    variables: Vec<String>,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        // `cargo run` describes this crate to its child in variables that build scripts elsewhere watch: passed on,
        // they would make cargo rebuild those crates after every switch between `cargo xtask` and plain cargo.
        for (name, _) in env::vars_os() {
            let described = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            });
            if described {
                command.env_remove(&name);
            }
        }
        Self {
            command,
            variables: Vec::new(),
        }
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push(format!("{name}={}", quoted(value.as_ref())));
        self.command.env(name, value);
        self
    }

    /// The command as one would type it.
    pub(crate) fn shown(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let words = self.variables.iter().cloned().chain(words.map(quoted));
        words.collect::<Vec<_>>().join(" ")
    }

    /// Runs it. All that it prints goes to our standard error, where the progress of a chore belongs.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        self.announce();
        self.command.stdout(io::stderr());
        let status = self.command.status().map_err(|source| Error::NotStarted {
            command: self.shown(),
            source,
        })?;
        self.succeeded(status)
    }

    /// Runs it and returns what it printed; its errors go to ours.
    pub(crate) fn output(mut self) -> Result<String, Error> {
        self.command.stderr(Stdio::inherit());
        let output = self.command.output().map_err(|source| Error::NotStarted {
            command: self.shown(),
            source,
        })?;
        self.succeeded(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// True if the program exists and succeeds; prints nothing.
    pub(crate) fn works(mut self) -> bool {
        let quiet = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }

    /// Runs `cargo test` and adds its closing lines to `tally` while passing its output through.
    pub(crate) fn test(mut self, tally: &mut Tally) -> Result<(), Error> {
        self.announce();
        let not_started = |command: String| move |source| Error::NotStarted { command, source };
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(not_started(self.shown()))?;
        let failed_before = tally.failed();
        if let Some(output) = child.stdout.take() {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            // Bytes, since a test may print what is not UTF-8.
            while reader
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let shown = io::stdout().write_all(&line);
                shown.map_err(not_started(self.shown()))?;
                tally.read(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        let status = child.wait().map_err(not_started(self.shown()))?;
        let failed = tally.failed() - failed_before;
        if failed > 0 {
            return Err(Error::TestsFailed {
                command: self.shown(),
                failed,
            });
        }
        self.succeeded(status)
    }

    fn announce(&self) {
        eprintln!("$ {}", self.shown());
    }

    fn succeeded(&self, status: std::process::ExitStatus) -> Result<(), Error> {
        if status.success() {
            Ok(())
        } else {
            Err(Error::CommandFailed {
                command: self.shown(),
                status,
            })
        }
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+*~{}#".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
