//! What is shown.

use std::fmt::Write as _;

use serde::Serialize;

/// One number of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The case.
    pub case: String,
    /// Who was measured.
    pub subject: String,
    /// How many threads did it at once; for memory, how many have touched every series.
    pub threads: usize,
    /// Nanoseconds per step in the fastest round.
    pub ns_min: Option<f64>,
    /// Nanoseconds per step in the median round; in cases of single steps, of the median step.
    pub ns_median: Option<f64>,
    /// Nanoseconds that 99 % of single steps kept to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ns_p99: Option<f64>,
    /// Nanoseconds that 99.9 % of single steps kept to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ns_p999: Option<f64>,
    /// Instructions per step, of `instructions.json`; on one thread alone.
    pub instructions: Option<f64>,
    /// Bytes per series (or per instrument), in cases of memory.
    pub bytes: Option<f64>,
}

impl Row {
    /// One that has no number yet.
    pub(crate) fn new(case: &str, subject: &str, threads: usize) -> Self {
        Self {
            case: case.to_owned(),
            subject: subject.to_owned(),
            threads,
            ns_min: None,
            ns_median: None,
            ns_p99: None,
            ns_p999: None,
            instructions: None,
            bytes: None,
        }
    }

    /// Of a probe of memory.
    pub fn of_bytes(case: &str, subject: &str, threads: usize, bytes: f64) -> Self {
        Self {
            bytes: Some(bytes),
            ..Self::new(case, subject, threads)
        }
    }
}

/// The rows as Markdown: one table a case and number of threads. The last column is the median (or the bytes, or the
/// 99th percentile of single steps) over that of the first subject.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    let same = |a: &Row, b: &Row| a.case == b.case && a.threads == b.threads;
    for table in rows.chunk_by(same) {
        let first = &table[0];
        let threads = match first.threads {
            1 => "1 thread".to_owned(),
            n => format!("{n} threads"),
        };
        let in_bytes = first.bytes.is_some();
        let of_singles = first.ns_p99.is_some();
        let columns = if of_singles {
            "p50 | p99 | p99.9 | ratio |\n|---|---:|---:|---:|---:|"
        } else if in_bytes {
            "bytes | ratio |\n|---|---:|---:|"
        } else {
            "min | median | instructions | ratio |\n|---|---:|---:|---:|---:|"
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {}, {threads} | {columns}", first.case);
        for row in table {
            let ratio = |of: fn(&Row) -> Option<f64>| match (of(row), of(first)) {
                (Some(this), Some(first)) if first > 0.0 => format!("{:.2}", this / first),
                _ => String::new(),
            };
            let _ = if of_singles {
                writeln!(
                    text,
                    "| {} | {} | {} | {} | {} |",
                    row.subject,
                    time(row.ns_median),
                    time(row.ns_p99),
                    time(row.ns_p999),
                    ratio(|row| row.ns_p99),
                )
            } else if in_bytes {
                let bytes = row.bytes.unwrap_or_default();
                let ratio = ratio(|row| row.bytes);
                writeln!(text, "| {} | {bytes:.0} | {ratio} |", row.subject)
            } else {
                let instructions = row.instructions.map(|n| format!("{n:.1}"));
                writeln!(
                    text,
                    "| {} | {} | {} | {} | {} |",
                    row.subject,
                    time(row.ns_min),
                    time(row.ns_median),
                    instructions.unwrap_or_default(),
                    ratio(|row| row.ns_median),
                )
            };
        }
        text.push('\n');
    }
    text
}

fn time(ns: Option<f64>) -> String {
    match ns {
        None => String::new(),
        Some(ns) if ns < 100.0 => format!("{ns:.2} ns"),
        Some(ns) if ns < 10e3 => format!("{ns:.0} ns"),
        Some(ns) if ns < 10e6 => format!("{:.1} µs", ns / 1e3),
        Some(ns) => format!("{:.1} ms", ns / 1e6),
    }
}
