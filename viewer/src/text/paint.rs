//! Lines of styled text.

use super::TextOptions;
use super::clean::{clean, cut, width};

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Heading,
    Dim,
    Bar,
    Marked,
    Warning,
    Error,
}

impl Style {
    /// The parameters of its escape sequence.
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Heading => "1",
            Style::Dim => "2",
            Style::Bar => "36",
            Style::Marked => "1;33",
            Style::Warning => "33",
            Style::Error => "31",
        }
    }
}

/// Where lines are written.
#[derive(Debug)]
pub(super) struct Canvas {
    text: String,
    pub(super) width: usize,
    pub(super) ascii: bool,
    color: bool,
}

impl Canvas {
    pub(super) fn new(options: &TextOptions) -> Self {
        Self {
            text: String::new(),
            width: options.width.max(60),
            ascii: options.ascii,
            color: options.color,
        }
    }

    /// Foreign text, safe and at most `columns` wide.
    pub(super) fn fit(&self, text: &str, columns: usize) -> String {
        cut(&clean(text, self.ascii), columns, self.ascii)
    }

    /// Foreign text, safe, filled up with spaces on the right to exactly `columns`.
    pub(super) fn left(&self, text: &str, columns: usize) -> String {
        let mut text = self.fit(text, columns);
        let missing = columns.saturating_sub(width(&text));
        text.extend(std::iter::repeat_n(' ', missing));
        text
    }

    /// Our own text, filled up with spaces on the left.
    pub(super) fn right(&self, text: &str, columns: usize) -> String {
        let missing = columns.saturating_sub(width(text));
        format!("{}{text}", " ".repeat(missing))
    }

    /// One line of pieces that are safe already. What passes the width is cut, spaces at its end are not written.
    pub(super) fn line(&mut self, pieces: &[(Style, &str)]) {
        let mut room = self.width;
        let filled = pieces
            .iter()
            .rposition(|(_, text)| !text.trim_end().is_empty());
        let last = filled.unwrap_or(0);
        for (at, (style, text)) in pieces.iter().take(last + 1).enumerate() {
            let text = if at == last { text.trim_end() } else { text };
            let text = cut(text, room, self.ascii);
            room -= width(&text).min(room);
            if text.is_empty() {
                continue;
            }
            if self.color && *style != Style::Plain {
                self.text.push_str("\u{1b}[");
                self.text.push_str(style.code());
                self.text.push('m');
                self.text.push_str(&text);
                self.text.push_str("\u{1b}[0m");
            } else {
                self.text.push_str(&text);
            }
        }
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
