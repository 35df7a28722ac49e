//! What series take of the resident memory, each measured in a process of its own.

use std::any::Any;
use std::fs;

use crate::rigs::ours::Engine;
use crate::rigs::populations::{self, Kind};
use crate::rigs::sdk::Sdk;

/// What can be asked for in a process of its own.
pub struct Probe {
    /// Such as `memory/counter series`.
    pub case: &'static str,
    /// Who takes the memory.
    pub subject: &'static str,
    /// How many threads have written each series.
    pub threads: usize,
    /// By how many the growth is divided.
    units: usize,
    make: fn() -> Box<dyn Any>,
}

/// How many instruments the probes of instruments make.
const INSTRUMENTS: usize = 1000;

macro_rules! probes {
    ($($case:literal { $($subject:literal, $threads:literal, $units:expr, $make:expr;)+ })+) => {
        /// All probes, ours first in each case.
        pub const PROBES: &[Probe] = &[$($(
            Probe {
                case: $case,
                subject: $subject,
                threads: $threads,
                units: $units,
                make: || Box::new($make),
            },
        )+)+];
    };
}

probes! {
    "memory/bytes per counter series" {
        "throughline", 1, 100_000, populations::engine(Kind::Counters, 1);
        "opentelemetry_sdk", 1, 100_000, populations::sdk(Kind::Counters, 1);
        "prometheus-client", 1, 100_000, populations::prometheus_client(Kind::Counters);
        "prometheus", 1, 100_000, populations::prometheus(Kind::Counters);
        "metrics", 1, 100_000, populations::metrics(Kind::Counters);
        "measured, typed", 1, 100_000, populations::measured(Kind::Counters);
        "throughline", 8, 100_000, populations::engine(Kind::Counters, 8);
        "opentelemetry_sdk", 8, 100_000, populations::sdk(Kind::Counters, 8);
    }
    "memory/bytes per histogram series" {
        "throughline", 1, 10_000, populations::engine(Kind::Histograms, 1);
        "opentelemetry_sdk", 1, 10_000, populations::sdk(Kind::Histograms, 1);
        "prometheus-client", 1, 10_000, populations::prometheus_client(Kind::Histograms);
        "prometheus", 1, 10_000, populations::prometheus(Kind::Histograms);
        "metrics", 1, 10_000, populations::metrics(Kind::Histograms);
        "measured, typed", 1, 10_000, populations::measured(Kind::Histograms);
    }
    "memory/bytes per HDR histogram of 20 values" {
        "throughline-hdr", 1, 1000, populations::hdr(1000, 1);
        "hdrhistogram", 1, 1000, populations::hdrhistogram(1000, 1);
        "throughline-hdr", 8, 1000, populations::hdr(1000, 8);
        "hdrhistogram, one per thread", 8, 1000, populations::hdrhistogram(1000, 8);
    }
    "memory/bytes per instrument" {
        "throughline", 1, INSTRUMENTS, {
            let engine = Engine::new();
            populations::lone(&engine.meter(), INSTRUMENTS);
            engine
        };
        "opentelemetry_sdk", 1, INSTRUMENTS, {
            let sdk = Sdk::new();
            populations::lone(&sdk.meter(), INSTRUMENTS);
            sdk
        };
    }
}

/// Bytes per series or instrument of one probe, as the growth of this process. Pages of its program do not count: what it
/// touches of its code the first time is no series' and no instrument's.
///
/// # Errors
/// If the system does not tell.
pub fn probe(probe: &Probe) -> Result<f64, String> {
    let before = status("RssAnon")?;
    let kept = (probe.make)();
    let after = status("RssAnon")?;
    drop(kept);
    Ok(after.saturating_sub(before) as f64 / probe.units as f64)
}

/// This process's resident memory, in bytes.
pub(crate) fn resident() -> Result<u64, String> {
    status("VmRSS")
}

/// What the system says of this process's memory, in bytes.
fn status(field: &str) -> Result<u64, String> {
    let path = "/proc/self/status";
    let status = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let kib = status.lines().find_map(|line| {
        line.strip_prefix(field)?
            .strip_prefix(':')?
            .strip_suffix("kB")?
            .trim()
            .parse::<u64>()
            .ok()
    });
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| format!("{path}: no {field}"))
}
