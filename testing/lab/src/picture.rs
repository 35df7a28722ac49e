//! Pictures of rates over time, as SVG.

use std::fmt::Write;
use std::time::Duration;

use crate::recording::{BIN, Recording, bin};
use crate::svg::{self, STYLE, text};
use crate::workload::Workload;

/// One sampler's line in a [`Picture`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it kept.
    pub recording: &'a Recording,
    /// Whether it is one of ours, which stand out.
    pub ours: bool,
}

/// The sampled rate of several samplers over time, one below the other on one scale: multiples of the
/// target, logarithmic, so that half and double are as far from it. Each window of time is a column.
///
/// Colours follow the reader's scheme, light or dark.
#[derive(Debug)]
pub struct Picture<'a> {
    /// What is drawn.
    pub workload: &'a Workload,
    /// From when to when, one column each, with its heading.
    pub windows: &'a [(&'a str, Duration, Duration)],
}

const LEFT: f64 = 168.0;
const COLUMN: f64 = 340.0;
const GAP: f64 = 44.0;
const TOP: f64 = 58.0;
const HEIGHT: f64 = 46.0;
const SPACE: f64 = 14.0;
/// Multiples of the target at the edges of a row.
const LOWEST: f64 = 0.25;
const HIGHEST: f64 = 16.0;
/// Points of a line.
const POINTS: usize = 240;

impl Picture<'_> {
    /// The SVG.
    pub fn svg(&self, rows: &[Row<'_>]) -> String {
        let columns = self.windows.len() as f64;
        let width = LEFT + columns * (COLUMN + GAP);
        let bottom = TOP + (rows.len() + 1) as f64 * (HEIGHT + SPACE);
        let height = bottom + 26.0;
        let mut svg = svg::open(width, height, STYLE);
        let keys = self.workload.operations.len();
        let target = self.workload.target;
        text(
            &mut svg,
            8.0,
            20.0,
            "b",
            &format!(
                "{}, {keys} operations: sampled per second over the target of {target}",
                self.workload.name
            ),
        );
        for (column, window) in self.windows.iter().enumerate() {
            let left = LEFT + column as f64 * (COLUMN + GAP);
            text(&mut svg, left, 46.0, "s", window.0);
            self.load(&mut svg, rows, left, window);
            for (index, row) in rows.iter().enumerate() {
                let top = TOP + (index + 1) as f64 * (HEIGHT + SPACE);
                self.panel(&mut svg, row, left, top, window);
                if column == 0 {
                    let class = if row.ours { "b" } else { "" };
                    text(&mut svg, 8.0, top + HEIGHT / 2.0 + 4.0, class, row.name);
                }
            }
            self.axis(&mut svg, left, bottom, window);
        }
        svg + "</svg>\n"
    }

    /// What comes, on a scale of its own.
    fn load(&self, svg: &mut String, rows: &[Row<'_>], left: f64, window: &Window<'_>) {
        let most = (0..=POINTS)
            .map(|point| self.workload.load.rate(time(window, point)))
            .fold(0.0, f64::max);
        let y = |rate: f64| TOP + HEIGHT - HEIGHT * rate / most;
        let mut path = format!("M{left:.0} {:.0}", TOP + HEIGHT);
        for point in 0..=POINTS {
            let rate = self.workload.load.rate(time(window, point));
            let _ = write!(path, "L{:.0} {:.1}", left + x(point), y(rate));
        }
        let _ = write!(path, "V{:.0}Z", TOP + HEIGHT);
        let _ = writeln!(svg, "<path class=\"q\" d=\"{path}\"/>");
        let label = format!("{most:.0} requests/s");
        text(svg, left + 4.0, TOP + 11.0, "s", &label);
        if left == LEFT && !rows.is_empty() {
            text(svg, 8.0, TOP + HEIGHT / 2.0 + 4.0, "s", "load");
        }
    }

    fn panel(&self, svg: &mut String, row: &Row<'_>, left: f64, top: f64, window: &Window<'_>) {
        let y = |multiple: f64| {
            let part = (multiple.clamp(LOWEST, HIGHEST) / LOWEST).ln() / (HIGHEST / LOWEST).ln();
            top + HEIGHT * (1.0 - part)
        };
        let _ = writeln!(
            svg,
            "<rect class=\"f\" x=\"{left}\" y=\"{top}\" width=\"{COLUMN}\" height=\"{HEIGHT}\"/>\
             <rect class=\"t\" x=\"{left}\" y=\"{:.1}\" width=\"{COLUMN}\" height=\"{:.1}\"/>\
             <line class=\"g\" x1=\"{left}\" x2=\"{}\" y1=\"{y1:.1}\" y2=\"{y1:.1}\"/>",
            y(1.2),
            y(0.8) - y(1.2),
            left + COLUMN,
            y1 = y(1.0),
        );
        for multiple in [1.0, 10.0] {
            let label = format!("{multiple:.0}×");
            text(svg, left + COLUMN + 3.0, y(multiple) + 3.0, "s", &label);
        }
        // As wide as a point, but a second at least: what a shorter mean shows is chance.
        let step = (window.2 - window.1) / POINTS as u32;
        let width = step.max(Duration::from_secs(1));
        let mut path = String::new();
        let height = |point: usize| {
            let end = time(window, point);
            let rate = mean(row.recording, end.saturating_sub(width), end);
            (10.0 * y(rate / self.workload.target)).round() / 10.0
        };
        let heights: Vec<f64> = (0..=POINTS).map(height).collect();
        for (point, height) in heights.iter().enumerate() {
            // Within a flat stretch a point adds nothing but bytes.
            let flat = |other: Option<usize>| other.and_then(|it| heights.get(it)) == Some(height);
            if flat(point.checked_sub(1)) && flat(Some(point + 1)) {
                continue;
            }
            let command = if point == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.0} {height}", left + x(point));
        }
        let class = if row.ours { "l o" } else { "l" };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    fn axis(&self, svg: &mut String, left: f64, top: f64, window: &Window<'_>) {
        let whole = window.2 - window.1;
        for part in 0..=4 {
            let at = window.1 + whole * part / 4;
            let place = left + COLUMN * f64::from(part) / 4.0;
            text(svg, place - 8.0, top + 2.0, "s", &clock(at));
        }
    }
}

type Window<'a> = (&'a str, Duration, Duration);

fn x(point: usize) -> f64 {
    COLUMN * point as f64 / POINTS as f64
}

fn time(window: &Window<'_>, point: usize) -> Duration {
    window.1 + (window.2 - window.1).mul_f64(point as f64 / POINTS as f64)
}

/// Kept per second between two times.
fn mean(recording: &Recording, from: Duration, to: Duration) -> f64 {
    let to = bin(to).clamp(1, recording.kept.len());
    let from = bin(from).min(to - 1);
    let count: u32 = recording.kept[from..to].iter().sum();
    f64::from(count) / ((to - from) as f64 * BIN.as_secs_f64())
}

/// Hours where there are many, else seconds.
fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    match seconds {
        0..10_000 => format!("{seconds} s"),
        _ => format!("{} h", seconds / 3600),
    }
}
