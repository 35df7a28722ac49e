//! Making foreign text safe and fit for a column.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with everything a terminal could act on written out as an escape.
///
/// Control characters (escape sequences, line ends, C1), the marks that turn the direction of text, and what
/// has no width of its own and could hide a name inside another. With `ascii`, whatever else is not ASCII, too.
pub(super) fn clean(text: &str, ascii: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            '\t' => clean.push_str("\\t"),
            _ if char.is_control() || is_hidden(char) || (ascii && !char.is_ascii()) => {
                clean.extend(char.escape_unicode());
            }
            _ => clean.push(char),
        }
    }
    clean
}

fn is_hidden(char: char) -> bool {
    matches!(
        char,
        // Soft hyphen, Arabic letter mark, zero-width and direction marks, line and paragraph separators,
        // overrides and isolates, invisible operators, byte order mark, interlinear marks, tags.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// How many columns the text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns` columns, cut with an ellipsis where it is longer.
pub(super) fn cut(text: &str, columns: usize, ascii: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let ellipsis = if ascii { "..." } else { "…" };
    let Some(room) = columns.checked_sub(width(ellipsis)) else {
        return ".".repeat(columns);
    };
    let mut used = 0;
    let mut kept = String::new();
    for char in text.chars() {
        used += char.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(char);
    }
    kept.push_str(ellipsis);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_passes() {
        let hostile = "a\u{1b}[2Jb\r\nc\u{9b}31md\u{202e}e\u{200b}f\u{7f}\u{0}\u{2028}\u{e0041}";
        let clean = clean(hostile, false);
        assert_eq!(
            clean,
            "a\\u{1b}[2Jb\\r\\nc\\u{9b}31md\\u{202e}e\\u{200b}f\\u{7f}\\u{0}\\u{2028}\\u{e0041}"
        );
        assert!(clean.chars().all(|char| !char.is_control()));
    }

    #[test]
    fn letters_of_other_scripts_pass_unless_ascii_is_asked_for() {
        assert_eq!(clean("größe 注文", false), "größe 注文");
        assert_eq!(clean("ö注", true), "\\u{f6}\\u{6ce8}");
    }

    #[test]
    fn a_cut_text_never_takes_more_columns_than_it_may() {
        assert_eq!(cut("checkout", 8, false), "checkout");
        assert_eq!(cut("checkout", 7, false), "checko…");
        assert_eq!(cut("checkout", 7, true), "chec...");
        // Each of these letters takes two columns.
        assert_eq!(cut("注文注文", 4, false), "注…");
        for columns in 0..12 {
            assert!(width(&cut("注文 abc 注文 def", columns, false)) <= columns);
        }
    }
}
