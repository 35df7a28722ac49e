//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// Runs a small shop under load, instrumented with Throughline, and shows its outliers as traces.
///
/// Telemetry goes to a receiver inside this program, or, where OTEL_EXPORTER_OTLP_ENDPOINT is set, to
/// that collector.
#[derive(Debug, clap::Parser)]
#[command(name = "quickstart", version)]
pub(crate) struct Arguments {
    /// How long customers come, in seconds, at most a day.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Go on until Ctrl-C.
    #[arg(long, conflicts_with = "seconds")]
    forever: bool,

    /// When the customers have gone, go on serving /metrics until Ctrl-C.
    #[arg(long)]
    pub(crate) stay: bool,

    /// Requests per second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) rate: u32,

    /// The share of traces that is sampled at their start, 0 to 1; OTEL_TRACES_SAMPLER beats it. Errors and outliers are
    /// kept whatever it is.
    #[arg(long, default_value_t = 0.01, value_name = "SHARE", value_parser = share)]
    pub(crate) sample: f64,

    /// How many outliers to open as traces.
    #[arg(long, default_value_t = 3)]
    pub(crate) outliers: usize,

    /// Write what the load generator counted to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

impl Arguments {
    /// How long customers come; `None` is until Ctrl-C.
    pub(crate) fn duration(&self) -> Option<Duration> {
        (!self.forever).then(|| Duration::from_secs(self.seconds))
    }
}
