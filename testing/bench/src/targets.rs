//! What the engine is to reach, as ratios of rows of one run.

use std::fmt::Write as _;

use crate::report::Row;

/// A row, by case, subject and threads.
type Place = (&'static str, &'static str, usize);

/// What is to be reached.
struct Target {
    what: &'static str,
    at_most: f64,
    ours: Place,
    than: Than,
}

enum Than {
    /// A ratio to the fastest of these.
    Times(&'static [Place]),
    /// So many nanoseconds more.
    More(Place),
    /// Bytes.
    Bytes,
}

use Than::{Bytes, More, Times};

const US: &str = "throughline";
const SDK: &str = "opentelemetry_sdk";
const COUNTERS: &str = "collect/100,000 counter series";
const HISTOGRAMS: &str = "collect/10,000 histogram series";
const TO_PROTO: &str = "opentelemetry_sdk and -proto, OTLP";
const PROBED: &str = "memory/bytes per counter series";
const SHARED: &str = "counter/bound, one series";
const IN_SPAN: &str = "throughline, on, in a sampled span";
const EVERY: &str = "throughline, collected every 10 µs";
const NOBODY: &str = "throughline, nobody collects";

macro_rules! targets {
    ($($what:literal, $at_most:expr, $ours:expr, $than:expr;)+) => {
        const TARGETS: &[Target] = &[$(Target { what: $what, at_most: $at_most, ours: $ours, than: $than }),+];
    };
}

targets! {
    "bound counter, to the fastest peer", 1.0 / 3.0, ("counter/bound", US, 1), Times(&[
        ("counter/bound", SDK, 1),
        ("counter/bound", "prometheus-client", 1),
        ("counter/bound", "prometheus", 1),
        ("counter/bound", "metrics", 1),
        ("counter/bound", "measured", 1),
    ]);
    "its cell, to a bare look-up", 1.3, ("counter/bound", "throughline-cells: one word", 1),
        Times(&[("counter/bound", "machine: thread-local look-up, chunk, cell", 1)]);
    "two threads on one series, to one thread", 1.15, (SHARED, US, 2), Times(&[("counter/bound", US, 1)]);
    "two threads on one series, to the fastest peer with an atomic", 1.0 / 8.0, (SHARED, US, 2), Times(&[
        (SHARED, SDK, 2),
        (SHARED, "prometheus-client", 2),
        (SHARED, "prometheus", 2),
        (SHARED, "metrics", 2),
        (SHARED, "measured", 2),
    ]);
    "counter with 3 attributes, to the SDK", 0.25, ("counter/3 attributes", US, 1),
        Times(&[("counter/3 attributes", SDK, 1)]);
    "the same, to prometheus-client's typed family", 1.0, ("counter/3 attributes", US, 1),
        Times(&[("counter/3 attributes", "prometheus-client, typed", 1)]);
    "the same shuffled, to sorted", 1.3, ("counter/3 attributes, shuffled", US, 1),
        Times(&[("counter/3 attributes", US, 1)]);
    "counter with 10 attributes, to the SDK", 0.25, ("counter/10 attributes", US, 1),
        Times(&[("counter/10 attributes", SDK, 1)]);
    "counter with 3 attributes, 1,000 series, to the SDK", 0.25, ("counter/3 attributes, 1,000 series", US, 1),
        Times(&[("counter/3 attributes, 1,000 series", SDK, 1)]);
    "counter with 10 attributes, 1,000 series, to the SDK", 0.25, ("counter/10 attributes, 1,000 series", US, 1),
        Times(&[("counter/10 attributes, 1,000 series", SDK, 1)]);
    "bound histogram, to the SDK", 1.0 / 3.0, ("histogram/bound", US, 1), Times(&[("histogram/bound", SDK, 1)]);
    "bound histogram, to its cells", 2.0, ("histogram/bound", US, 1),
        Times(&[("histogram/bound", "throughline-cells: sum and bucket", 1)]);
    "exponential histogram, to the SDK", 1.0 / 3.0, ("exponential histogram/bound", US, 1),
        Times(&[("exponential histogram/bound", SDK, 1)]);
    "HDR that threads may share, to `hdrhistogram` alone", 1.5, ("hdr", "throughline-hdr", 1),
        Times(&[("hdr", "hdrhistogram, alone", 1)]);
    "HDR that two threads share, to `hdrhistogram` alone", 1.5, ("hdr, shared", "throughline-hdr", 2),
        Times(&[("hdr", "hdrhistogram, alone", 1)]);
    "exemplars of a counter in a sampled span, more than none", 1.5, ("exemplars/counter", IN_SPAN, 1),
        More(("exemplars/counter", "throughline, off", 1));
    "exemplars of a histogram in a sampled span, more than none", 1.5, ("exemplars/histogram", IN_SPAN, 1),
        More(("exemplars/histogram", "throughline, off", 1));
    "exemplars of a counter, to prometheus-client's", 0.1, ("exemplars/counter", IN_SPAN, 1),
        Times(&[("exemplars/counter", "prometheus-client, with", 1)]);
    "exemplars of a histogram, to prometheus-client's", 0.1, ("exemplars/histogram", IN_SPAN, 1),
        Times(&[("exemplars/histogram", "prometheus-client, with", 1)]);
    "counter while a reader collects, to nobody", 1.2, ("collecting/counter", EVERY, 1),
        Times(&[("collecting/counter", NOBODY, 1)]);
    "histogram while a reader collects, to nobody", 1.2, ("collecting/histogram", EVERY, 1),
        Times(&[("collecting/histogram", NOBODY, 1)]);
    "100,000 counters collected to OTLP, to the SDK", 0.25, (COUNTERS, "throughline, OTLP", 1),
        Times(&[(COUNTERS, TO_PROTO, 1)]);
    "10,000 histograms collected to OTLP, to the SDK", 0.25, (HISTOGRAMS, "throughline, OTLP", 1),
        Times(&[(HISTOGRAMS, TO_PROTO, 1)]);
    "100,000 counters as text, to `measured`", 1.0, (COUNTERS, "throughline, Prometheus text", 1),
        Times(&[(COUNTERS, "measured, text", 1)]);
    "10,000 histograms as text, to `measured`", 1.0, (HISTOGRAMS, "throughline, Prometheus text", 1),
        Times(&[(HISTOGRAMS, "measured, text", 1)]);
    "100,000 counters as OpenMetrics, to prometheus-client", 0.5, (COUNTERS, "throughline, OpenMetrics", 1),
        Times(&[(COUNTERS, "prometheus-client, OpenMetrics", 1)]);
    "10,000 histograms as OpenMetrics, to prometheus-client", 0.5, (HISTOGRAMS, "throughline, OpenMetrics", 1),
        Times(&[(HISTOGRAMS, "prometheus-client, OpenMetrics", 1)]);
    "memory of a counter series, one thread, to the SDK", 0.5, (PROBED, US, 1), Times(&[(PROBED, SDK, 1)]);
    "memory of a counter series, 8 threads, to the SDK", 1.0, (PROBED, US, 8), Times(&[(PROBED, SDK, 8)]);
    "memory of an instrument", 1024.0, ("memory/bytes per instrument", US, 1), Bytes;
}

/// Those targets whose rows are all there, as a table; nothing where there is none.
pub fn targets(rows: &[Row]) -> String {
    let mut text = String::new();
    for target in TARGETS {
        let Some(measured) = target.measured(rows) else {
            continue;
        };
        if text.is_empty() {
            text.push_str("| target | at most | measured | |\n|---|---:|---:|---|\n");
        }
        let shown = |value: f64| match target.than {
            Times(_) => format!("{value:.2} ×"),
            More(_) => format!("{value:.1} ns more"),
            Bytes => format!("{value:.0} bytes"),
        };
        let met = if measured <= target.at_most {
            "met"
        } else {
            "missed"
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {met} |",
            target.what,
            shown(target.at_most),
            shown(measured),
        );
    }
    text
}

impl Target {
    fn measured(&self, rows: &[Row]) -> Option<f64> {
        let ours = value(rows, &self.ours)?;
        Some(match &self.than {
            Times(peers) => {
                let peers: Option<Vec<f64>> = peers.iter().map(|it| value(rows, it)).collect();
                ours / peers?.into_iter().fold(f64::INFINITY, f64::min)
            }
            More(other) => ours - value(rows, other)?,
            Bytes => ours,
        })
    }
}

/// The median; on one thread the fastest round, which others that use the machine disturb least.
fn value(rows: &[Row], (case, subject, threads): &Place) -> Option<f64> {
    let row = rows
        .iter()
        .find(|it| it.case == *case && it.subject == *subject && it.threads == *threads)?;
    let ns = if row.threads == 1 {
        row.ns_min
    } else {
        row.ns_median
    };
    row.bytes.or(ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::memory::PROBES;

    #[test]
    fn every_target_names_rows_that_a_run_has() {
        let cases = cases::all();
        let there = |(case, subject, threads): &Place| {
            let subjects = cases
                .iter()
                .filter(|it| it.name == *case && it.threads.contains(threads));
            let mut subjects = subjects.flat_map(|it| &it.subjects);
            subjects.any(|it| it.name == *subject)
                || PROBES
                    .iter()
                    .any(|it| (it.case, it.subject, it.threads) == (*case, *subject, *threads))
        };
        for target in TARGETS {
            let peers: &[Place] = match &target.than {
                Times(peers) => peers,
                More(other) => std::slice::from_ref(other),
                Bytes => &[],
            };
            for place in peers.iter().chain([&target.ours]) {
                assert!(there(place), "{}: {place:?}", target.what);
            }
        }
    }
}
