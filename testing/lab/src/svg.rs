//! What the pictures share.

use std::fmt::Write;

/// Colours for both of the reader's schemes: text, faint fill, tolerance, target, line, ours, load, bars.
pub(crate) const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#24292f}\
.s{font-size:10px;fill:#6e7781}.b{font-weight:600}\
.f{fill:#f6f8fa}.t{fill:#2da44e;opacity:.16}.g{stroke:#2da44e;stroke-width:1;stroke-dasharray:3 3}\
.l{fill:none;stroke:#8c959f;stroke-width:1.3;stroke-linejoin:round}\
.o{stroke:#0969da;stroke-width:1.6}.q{fill:#8c959f;opacity:.25}.h{fill:#8c959f}.e{fill:#0969da}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#8d96a0}.f{fill:#161b22}.t{fill:#3fb950}\
.g{stroke:#3fb950}.l{stroke:#8d96a0}.o{stroke:#4493f8}.e{fill:#4493f8}}";

/// The beginning of a picture of this size.
pub(crate) fn open(width: f64, height: f64, style: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<style>{style}</style>\n"
    )
}

/// Words at a place.
pub(crate) fn text(svg: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.0}\" y=\"{y:.0}\">{words}</text>"
    );
}
