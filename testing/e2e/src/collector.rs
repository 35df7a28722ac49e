//! A real OpenTelemetry Collector with the configuration that users get.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Failure, Look, Process, Received, Scratch, get, ports, until};

/// The configuration in `collector-config/`, unchanged; addresses and the file come in by its variables.
const CONFIGURATION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../collector-config/collector.yaml"
);
const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(20);

/// A running Collector, which writes what it receives to a file.
#[derive(Debug)]
pub struct Collector {
    process: Process,
    grpc: SocketAddr,
    http: SocketAddr,
    file: PathBuf,
}

impl Collector {
    /// Starts `program` on free loopback ports, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, ends early, or is not ready within 30 seconds.
    pub fn start(program: &Path, scratch: &Scratch) -> Result<Self, Failure> {
        let [grpc, http, health] = ports::free()?;
        let file = scratch.path("telemetry.jsonl");
        let mut command = Command::new(program);
        command.args(["--config", CONFIGURATION]);
        command.env("THROUGHLINE_COLLECTOR_GRPC", grpc.to_string());
        command.env("THROUGHLINE_COLLECTOR_HTTP", http.to_string());
        command.env("THROUGHLINE_COLLECTOR_HEALTH", health.to_string());
        command.env("THROUGHLINE_COLLECTOR_FILE", &file);
        let mut process = Process::start(
            "the Collector",
            &mut command,
            &scratch.path("collector.log"),
        )?;
        until("the Collector to be ready", READY_WITHIN, || {
            process.still_runs()?;
            Ok(match get(health, "/") {
                Ok(answer) if answer.status == 200 => Look::Found(()),
                Ok(answer) => Look::NotYet(format!("its health is {}", answer.status)),
                Err(failure) => Look::NotYet(failure.to_string()),
            })
        })?;
        Ok(Self {
            process,
            grpc,
            http,
            file,
        })
    }

    /// Where it takes OTLP over gRPC.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Where it takes OTLP over HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// What it has received and written so far; a line that is not complete yet is left for later.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not what the Collector writes.
    pub fn received(&self) -> Result<Received, Failure> {
        Received::read(&self.file)
    }

    /// Ends it in order, so that all is written, and returns what it received.
    ///
    /// # Errors
    /// It does not end within 20 seconds, or what it wrote cannot be read.
    pub fn stop(self) -> Result<Received, Failure> {
        self.process.signal("TERM")?;
        self.process.finish(STOPPED_WITHIN)?;
        Received::read(&self.file)
    }
}
