//! What the program is told on its command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use throughline_viewer::{Limits, ReportOptions, Settings, TextOptions};

/// Takes OTLP in, keeps the newest of it in memory, and prints which operations are slow and the traces that
/// show why.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Flags {
    /// Where to take OTLP over gRPC; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4317")]
    grpc: SocketAddr,

    /// Where to take OTLP over HTTP; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    http: SocketAddr,

    /// Listen on addresses that other machines can reach: nobody is asked for a password
    #[arg(long)]
    allow_public: bool,

    /// Memory for telemetry, such as 64MiB or 1GiB; the oldest goes when it is full
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    max_memory: usize,

    /// The largest request to accept, as sent and when inflated
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    max_request: usize,

    /// Print the report so often, such as 5s or 1m, besides at the end
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) report_every: Option<Duration>,

    /// How many outliers to open as traces
    #[arg(long, value_name = "COUNT", default_value_t = ReportOptions::default().outliers)]
    top: usize,

    /// Include the metrics by which an SDK reports on itself
    #[arg(long)]
    self_telemetry: bool,

    /// Columns of the report
    #[arg(long, value_name = "COLUMNS", env = "COLUMNS", default_value_t = TextOptions::default().width)]
    width: usize,

    /// Write ASCII alone
    #[arg(long)]
    ascii: bool,
}

impl Flags {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            grpc: self.grpc,
            http: self.http,
            allow_public: self.allow_public,
            max_request: self.max_request,
            limits: Limits {
                bytes: self.max_memory,
                ..Limits::default()
            },
        }
    }

    pub(crate) fn report(&self) -> ReportOptions {
        ReportOptions {
            outliers: self.top,
            self_telemetry: self.self_telemetry,
            ..ReportOptions::default()
        }
    }

    /// Colours for a terminal, unless `NO_COLOR` is set to anything (<https://no-color.org>).
    pub(crate) fn text(&self, terminal: bool) -> TextOptions {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        TextOptions {
            width: self.width,
            ascii: self.ascii,
            color: terminal && !unwanted,
            ..TextOptions::default()
        }
    }
}

/// A number of bytes, with or without a unit.
fn size(text: &str) -> Result<usize, String> {
    const EXPECTED: &str = "expected a whole number of bytes, or one with KiB, MiB or GiB";
    let (number, factor) = split(
        text,
        &[
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("", 1),
        ],
    )
    .ok_or(EXPECTED)?;
    let number: usize = number.parse().map_err(|_| EXPECTED)?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "more than this machine can address".to_owned())
}

/// A length of time with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a positive whole number with ms, s or m";
    let (number, millis) =
        split(text, &[("ms", 1), ("s", 1_000), ("m", 60_000)]).ok_or(EXPECTED)?;
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let millis = number
        .checked_mul(millis as u64)
        .filter(|millis| *millis > 0);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| EXPECTED.to_owned())
}

/// The number, and what its unit stands for.
fn split<'a>(text: &'a str, units: &[(&str, usize)]) -> Option<(&'a str, usize)> {
    let unit_at = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.trim();
    let found = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some((number, found.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_with_their_units() {
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("1 gib"), Ok(1 << 30));
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in [
            "",
            "MiB",
            "-1",
            "1.5GiB",
            "12 parsecs",
            "99999999999999999999",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(size("18446744073709551615GiB").is_err());
        for bad in ["", "5", "0s", "s", "-1s", "18446744073709551615m"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_flags_are_consistent() {
        use clap::CommandFactory;
        Flags::command().debug_assert();
        assert_eq!(
            Flags::parse_from(["throughline-viewer"]).settings().limits,
            Limits::default()
        );
    }
}
