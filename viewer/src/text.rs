//! The report as plain text for a terminal.
//!
//! Names, values and messages come from whoever sent them: nothing of theirs reaches the terminal that it could take
//! for a command (see `clean`).

mod bar;
mod clean;
mod guides;
mod lines;
mod paint;
mod table;
mod tree;
mod units;
mod waterfall;

use std::fmt;

use crate::report::Report;
use paint::{Canvas, Style};

/// How the text looks.
///
/// ```
/// use throughline_viewer::{Limits, Store, TextOptions};
///
/// let report = Store::new(Limits::default()).report(&Default::default());
/// let text = report.text(&TextOptions { ascii: true, ..TextOptions::default() });
/// assert!(text.is_ascii());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of a line; less than 60 is taken as 60. Default: 100.
    pub width: usize,
    /// Whether only ASCII is written: other characters appear as escapes. Default: false.
    pub ascii: bool,
    /// Whether colours are written, as ANSI escapes. Default: false.
    pub color: bool,
    /// Spans shown of one trace; the errors, the exemplar's own and the longest are shown first. Default: 40.
    pub spans: usize,
    /// Log records and events shown of one trace; the gravest are shown first. Default: 30.
    pub notes: usize,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            width: 100,
            ascii: false,
            color: false,
            spans: 40,
            notes: 30,
        }
    }
}

impl Report {
    /// The report as text, each line ended.
    pub fn text(&self, options: &TextOptions) -> String {
        let mut canvas = Canvas::new(options);
        table::operations(self, &mut canvas);
        table::numbers(self, &mut canvas);
        // Last, where a reader's eye is: the rest has scrolled away.
        outliers(self, options, &mut canvas);
        held(self, &mut canvas);
        canvas.finish()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&TextOptions::default()))
    }
}

fn outliers(report: &Report, options: &TextOptions, canvas: &mut Canvas) {
    canvas.blank();
    canvas.line(&[(Style::Heading, "OUTLIERS")]);
    if report.outliers.is_empty() {
        let why = if report.operations.is_empty() {
            "none: no histogram of a time has arrived yet"
        } else {
            "none: no exemplar lies above the p99 of its operation"
        };
        canvas.line(&[(Style::Plain, "  "), (Style::Dim, why)]);
    }
    for (at, outlier) in report.outliers.iter().enumerate() {
        if at > 0 {
            canvas.blank();
        }
        waterfall::outlier(at + 1, outlier, &report.losses, options, canvas);
    }
}

/// What is held, and what was lost.
fn held(report: &Report, canvas: &mut Canvas) {
    let usage = &report.usage;
    canvas.blank();
    canvas.line(&[(
        Style::Dim,
        &format!(
            "held: {} spans of {} traces, {} log records, {} series, {} exemplars in {} of {}",
            units::count(usage.spans as u64),
            units::count(usage.traces as u64),
            units::count(usage.log_records as u64),
            units::count(usage.series as u64),
            units::count(usage.exemplars as u64),
            units::bytes(usage.bytes as f64),
            units::bytes(report.limits.bytes as f64),
        ),
    )]);
    if report.self_telemetry_hidden > 0 {
        let hidden = units::count(report.self_telemetry_hidden as u64);
        canvas.line(&[(
            Style::Dim,
            &format!("not shown: {hidden} series by which an SDK reports on itself"),
        )]);
    }
    let losses = &report.losses;
    let causes = [
        (losses.spans_evicted, "spans evicted for newer ones"),
        (
            losses.pinned_traces_evicted,
            "evicted traces were slow or had an exemplar",
        ),
        (losses.spans_refused, "spans refused: their trace was full"),
        (losses.log_records_evicted, "log records evicted"),
        (
            losses.log_records_refused,
            "log records refused: their trace was full",
        ),
        (losses.series_evicted, "series evicted"),
        (losses.points_refused, "points refused: too large"),
        (losses.points_stale, "points were old or repeated"),
        (
            losses.malformed,
            "items were malformed: their sender was told",
        ),
    ];
    for (lost, cause) in causes {
        if lost > 0 {
            canvas.line(&[(
                Style::Warning,
                &format!("lost: {} {cause}", units::count(lost)),
            )]);
        }
    }
}
