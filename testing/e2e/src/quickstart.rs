//! The quickstart as a process of its own, sending to a Collector and serving `/metrics`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Failure, Ledger, Look, Process, Scratch, ports, until};

/// The load takes a few seconds, the rest is for a slow machine.
const ENDED_WITHIN: Duration = Duration::from_secs(120);

/// A running quickstart.
#[derive(Debug)]
pub struct Quickstart {
    process: Process,
    metrics: SocketAddr,
    ledger: PathBuf,
}

impl Quickstart {
    /// Starts `program` with customers for a few seconds, exporting metrics once a second.
    ///
    /// `arguments` and `variables` come on top; the exporter's endpoint is among the variables.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        scratch: &Scratch,
    ) -> Result<Self, Failure> {
        let [metrics] = ports::free()?;
        let ledger = scratch.path("ledger.json");
        let mut command = Command::new(program);
        command
            .args(["--seconds", "5", "--ledger"])
            .arg(&ledger)
            .args(arguments);
        command.env("OTEL_METRIC_EXPORT_INTERVAL", "1000");
        // What is counted here shall not depend on how long the collector stands still.
        command.env("OTEL_BSP_MAX_QUEUE_SIZE", "100000");
        command.env("OTEL_BLRP_MAX_QUEUE_SIZE", "100000");
        command.env("OTEL_METRICS_EXPORTER", "otlp,prometheus");
        command.env("OTEL_EXPORTER_PROMETHEUS_HOST", metrics.ip().to_string());
        command.env("OTEL_EXPORTER_PROMETHEUS_PORT", metrics.port().to_string());
        command.envs(variables.iter().copied());
        let process = Process::start(
            "the quickstart",
            &mut command,
            &scratch.path("quickstart.log"),
        )?;
        Ok(Self {
            process,
            metrics,
            ledger,
        })
    }

    /// Where it serves `/metrics`.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Waits until the load is over, and returns what the load generator counted.
    ///
    /// # Errors
    /// It ends early, or the load is not over within two minutes.
    pub fn ledger(&mut self) -> Result<Ledger, Failure> {
        until("the quickstart's ledger", ENDED_WITHIN, || {
            if self.ledger.exists() {
                return Ledger::read(&self.ledger).map_or_else(
                    |failure| Ok(Look::NotYet(failure.to_string())),
                    |ledger| Ok(Look::Found(ledger)),
                );
            }
            self.process.still_runs()?;
            Ok(Look::NotYet("there is no such file".to_owned()))
        })
    }

    /// Waits until it has ended by itself, in order.
    ///
    /// # Errors
    /// It fails, or has not ended within two minutes.
    pub fn finish(self) -> Result<Ledger, Failure> {
        self.process.finish(ENDED_WITHIN)?;
        Ledger::read(&self.ledger)
    }

    /// Ends it as Ctrl-C does, in order.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn interrupt(self) -> Result<(), Failure> {
        self.process.signal("INT")?;
        self.process.finish(ENDED_WITHIN)
    }
}
