//! The lines on the left that show what belongs to what.

use super::paint::Canvas;

/// What leads to a span.
pub(super) fn of_span(follows: &[bool], canvas: &Canvas) -> String {
    let Some((last, above)) = follows.split_last() else {
        return String::new();
    };
    let corner = match (last, canvas.ascii) {
        (true, false) => "├ ",
        (true, true) => "|-",
        (false, false) => "└ ",
        (false, true) => "`-",
    };
    levels(above, canvas) + corner
}

/// What leads to a note.
pub(super) fn of_note(follows: &[bool], canvas: &Canvas) -> String {
    levels(follows, canvas) + if canvas.ascii { "- " } else { "· " }
}

/// What passes beside the text under a span.
pub(super) fn below(follows: &[bool], canvas: &Canvas) -> String {
    levels(follows, canvas) + "  "
}

/// One guide per level, as many as the width has room for; of deeper levels the number that is missing.
fn levels(follows: &[bool], canvas: &Canvas) -> String {
    let hidden = follows.len().saturating_sub(canvas.width / 10);
    let mut guides = match hidden {
        0 => String::new(),
        some => format!("({some}) "),
    };
    for follows in &follows[hidden..] {
        guides.push_str(match (follows, canvas.ascii) {
            (true, false) => "│ ",
            (true, true) => "| ",
            (false, _) => "  ",
        });
    }
    guides
}
