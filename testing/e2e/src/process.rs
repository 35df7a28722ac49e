//! A child process that writes to a log and does not outlive its test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{Failure, Look, until};

/// A program under test, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the command with its output, both kinds, in the file `log`.
    ///
    /// # Errors
    /// The log cannot be written, or the program cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self, Failure> {
        let output = File::create(log).map_err(Failure::doing(log.display()))?;
        let errors = output.try_clone().map_err(Failure::doing(log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        let child = child.map_err(Failure::doing(format_args!(
            "starting {:?}",
            command.get_program()
        )))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// Fails if the process has ended, with the last line of its log.
    ///
    /// # Errors
    /// The process has ended.
    pub fn still_runs(&mut self) -> Result<(), Failure> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => {
                let log = self.log();
                let last = log.lines().next_back().unwrap_or("nothing in its log");
                Err(Failure::new(format!(
                    "{} ended with {status}: {last}",
                    self.name
                )))
            }
        }
    }

    /// Everything that it has written so far.
    pub fn log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits for it to end by itself, successfully.
    ///
    /// # Errors
    /// It did not end in time, or failed.
    pub fn finish(mut self, within: Duration) -> Result<(), Failure> {
        let what = format!("the end of {}", self.name);
        let status = until(&what, within, || {
            Ok(self
                .ended()?
                .map_or_else(|| Look::NotYet("it still runs".to_owned()), Look::Found))
        })?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("{} ended with {status}", self.name)))
        }
    }

    /// Asks it to end by a signal such as `TERM`.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn signal(&self, signal: &str) -> Result<(), Failure> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(&id)
            .status();
        let sent = sent.map_err(Failure::doing("starting `kill`"))?;
        if sent.success() {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "`kill -{signal} {id}` ended with {sent}"
            )))
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child
            .try_wait()
            .map_err(Failure::doing(format_args!("looking at {}", self.name)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
