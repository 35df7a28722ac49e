//! The budget of a service at 100,000 requests a second: processor, memory, scrapes.
//!
//! Nothing here depends on a network: the service is a `tower` service in this process, driven by this thread. The share
//! of a processor is measured twice: as fast as it can, from the time that a request takes longer than one that nobody
//! measures; and at 100,000 requests a second, from the processor time of all threads of this process, with a
//! collection each second and the delivery of spans among them.

mod exposition;
mod processor;
mod service;

use std::fmt::Write as _;
use std::time::Instant;

use crate::cases::hdr;
use crate::memory::resident;
use service::Variant;

/// Requests a second.
pub(crate) const RATE: f64 = 100_000.0;

/// What a budget says about one thing.
#[derive(Clone, Debug)]
pub struct Line {
    /// What is measured.
    pub what: String,
    /// What it may be at most, in its unit; `None` where it is told for comparison.
    pub target: Option<f64>,
    /// What it is.
    pub measured: f64,
    /// Such as `% of a processor`.
    pub unit: &'static str,
}

/// Measures everything.
///
/// # Errors
/// If something was lost, or the system does not tell.
pub fn lines() -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    // Before anything else has taken memory.
    let process = resident()?;
    let families = exposition::families(10);
    lines.push(Line::new(
        "memory of the process before",
        None,
        mega(process),
        "MB",
    ));
    processor_time(&mut lines)?;
    lines.push(Line::new(
        "memory of the process under that load, with 50 families of 10 series each",
        Some(50.0),
        mega(resident()?),
        "MB",
    ));
    exposition::lines(&families, &mut lines)?;
    lines.push(Line::new(
        "merge of 64 HDR shards of 100,000 values each",
        Some(10.0),
        merge() / 1e6,
        "ms",
    ));
    Ok(lines)
}

/// As fast as it can, then at the rate.
fn processor_time(lines: &mut Vec<Line>) -> Result<(), String> {
    let mut variants = service::variants();
    let fastest = processor::nanoseconds(&mut variants)?;
    let (bare, paced_bare) = (fastest[0], processor::paced(&mut variants[0])?);
    for (variant, ns) in variants.iter_mut().zip(&fastest).skip(1) {
        let name = variant.name;
        let target = variant.of_metrics.then_some(1.0);
        let share = (ns - bare) * RATE / 1e9 * 100.0;
        let more = format!("{name}: {:.0} ns a request", ns - bare);
        lines.push(Line::new(&more, target, share, "% of a processor"));
        let paced = (processor::paced(variant)? - paced_bare) * 100.0;
        let paced_name = format!("{name}, paced, with delivery and a collection a second");
        lines.push(Line::new(&paced_name, target, paced, "% of a processor"));
    }
    variants.iter().try_for_each(Variant::verify)
}

/// The fastest of some.
fn merge() -> f64 {
    let recorder = hdr::recorded();
    let times = (0..9).map(|_| {
        let started = Instant::now();
        std::hint::black_box(recorder.collect().histogram());
        started.elapsed().as_nanos() as f64
    });
    times.fold(f64::INFINITY, f64::min)
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

impl Line {
    pub(crate) fn new(what: &str, target: Option<f64>, measured: f64, unit: &'static str) -> Self {
        Self {
            what: what.to_owned(),
            target,
            measured,
            unit,
        }
    }
}

/// The lines as a table.
pub fn markdown(lines: &[Line]) -> String {
    let mut text =
        "| at 100,000 requests/s | target | measured | |\n|---|---:|---:|---|\n".to_owned();
    for line in lines {
        let unit = line.unit;
        let target = line
            .target
            .map_or(String::new(), |it| format!("{it} {unit}"));
        let met = match line.target {
            Some(target) if line.measured <= target => "met",
            Some(_) => "missed",
            None => "",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {target} | {:.2} {unit} | {met} |",
            line.what, line.measured
        );
    }
    text
}
