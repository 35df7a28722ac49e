//! Shares as bars, as SVG.

use std::fmt::Write;

use crate::svg::{self, STYLE, text};

/// Shares of several samplers beside each other: a row each, a column per question, bars from 0 to 100 %.
///
/// Colours follow the reader's scheme, light or dark.
///
/// ```
/// use throughline_lab::Bars;
///
/// let bars = Bars { title: "What is kept", columns: &["errors"] };
/// let svg = bars.svg(&[("ratio", false, vec![Some(0.05)])]);
/// assert!(svg.contains("5.0 %"));
/// ```
#[derive(Debug)]
pub struct Bars<'a> {
    /// What the picture shows.
    pub title: &'a str,
    /// The heading of each column.
    pub columns: &'a [&'a str],
}

const LEFT: f64 = 184.0;
const COLUMN: f64 = 150.0;
const GAP: f64 = 58.0;
const TOP: f64 = 58.0;
const ROW: f64 = 26.0;
const THICK: f64 = 12.0;

impl Bars<'_> {
    /// The SVG of these rows: what it is called, whether it stands out, its shares.
    pub fn svg(&self, rows: &[(&str, bool, Vec<Option<f64>>)]) -> String {
        let width = LEFT + self.columns.len() as f64 * (COLUMN + GAP);
        let height = TOP + rows.len() as f64 * ROW + 10.0;
        let mut svg = svg::open(width, height, STYLE);
        text(&mut svg, 8.0, 20.0, "b", self.title);
        for (column, heading) in self.columns.iter().enumerate() {
            text(&mut svg, place(column), 46.0, "s", heading);
        }
        for (index, (name, stands_out, shares)) in rows.iter().enumerate() {
            let top = TOP + index as f64 * ROW;
            let class = if *stands_out { "b" } else { "" };
            text(&mut svg, 8.0, top + 11.0, class, name);
            for (column, share) in shares.iter().enumerate() {
                let Some(share) = share else { continue };
                bar(&mut svg, place(column), top, *share, *stands_out);
            }
        }
        svg + "</svg>\n"
    }
}

fn place(column: usize) -> f64 {
    LEFT + column as f64 * (COLUMN + GAP)
}

fn bar(svg: &mut String, left: f64, top: f64, share: f64, stands_out: bool) {
    let class = if stands_out { "e" } else { "h" };
    let _ = writeln!(
        svg,
        "<rect class=\"f\" x=\"{left}\" y=\"{top}\" width=\"{COLUMN}\" height=\"{THICK}\"/>\
         <rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{:.1}\" height=\"{THICK}\"/>",
        COLUMN * share.clamp(0.0, 1.0),
    );
    let percent = 100.0 * share;
    // 99.97 % is not 100 %.
    let label = match percent {
        100.0 => "100 %".to_owned(),
        10.0..99.0 => format!("{percent:.0} %"),
        99.0..100.0 => format!("{:.2} %", (percent * 100.0).floor() / 100.0),
        _ => format!("{percent:.1} %"),
    };
    text(svg, left + COLUMN + 6.0, top + 10.0, "s", &label);
}
