//! The `[sampler]` table of a TOML file, and where in it something is wrong.
//!
//! ```toml
//! [sampler]
//! kind = "priority"
//! ```
//!
//! What else is in the table depends on the kind. Other tables are someone else's.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::Error;

/// What is read of a file; the rest of a larger one is not worth reading.
const LARGEST_FILE: u64 = 1 << 20;

/// The text of this file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |message: String| Error::Unreadable {
        file: path.display().to_string(),
        message,
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_string(&mut text))
        .map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(unreadable("it is larger than 1 MiB".to_owned()));
    }
    Ok(text)
}

/// A parsed text, to look up where something stands.
pub(crate) struct SettingsFile<'t> {
    path: Option<&'t Path>,
    text: &'t str,
    root: DeTable<'t>,
}

/// One step on the way to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'s> {
    Key(&'s str),
    Place(usize),
}

const SECTION: &str = "sampler";
const KIND: &str = "kind";

impl<'t> SettingsFile<'t> {
    /// Parses a text. The path is for errors alone.
    pub(crate) fn parse(path: Option<&'t Path>, text: &'t str) -> Result<Self, Error> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self {
                path,
                text,
                root: root.into_inner(),
            }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let line = line_at(text, at);
                let (_, expected) = said(error.message());
                Err(Error::InFile {
                    file: path.map(|path| path.display().to_string()),
                    line,
                    field: "TOML".to_owned(),
                    value: format!("`{}`", excerpt(text.lines().nth(line - 1).unwrap_or(""))),
                    expected,
                })
            }
        }
    }

    /// The settings in the table of this kind.
    pub(crate) fn section<T: Deserialize<'t>>(&self, kind: &str) -> Result<T, Error> {
        let missing = |steps: &[Step<'_>], expected: &str| {
            self.error(steps, "missing".to_owned(), expected.to_owned())
        };
        let section = [Step::Key(SECTION)];
        let Some((_, found)) = self.root.get_key_value(SECTION) else {
            return Err(missing(&section, "a table"));
        };
        let mut found = found.clone();
        let DeValue::Table(table) = found.get_mut() else {
            let value = self.shown(&found.span());
            return Err(self.error(&section, value, "a table".to_owned()));
        };
        let expected = format!("{kind:?}");
        let steps = [Step::Key(SECTION), Step::Key(KIND)];
        match table.remove(KIND) {
            None => return Err(missing(&steps, &expected)),
            Some(given) if given.get_ref().as_str() != Some(kind) => {
                return Err(self.error(&steps, self.shown(&given.span()), expected));
            }
            Some(_) => {}
        }
        T::deserialize(ValueDeserializer::from(found)).map_err(|error| self.refused(&error))
    }

    /// Something is wrong with a value in the table. Where it is missing, the line is that of what it is
    /// missing in.
    pub(crate) fn in_section(&self, steps: &[Step<'_>], value: String, expected: String) -> Error {
        let steps: Vec<_> = [&[Step::Key(SECTION)], steps].concat();
        self.error(&steps, value, expected)
    }

    fn error(&self, steps: &[Step<'_>], value: String, expected: String) -> Error {
        let mut at = 0;
        let mut inside: Option<&Spanned<DeValue<'_>>> = None;
        for step in steps {
            let next = match (step, inside) {
                (Step::Key(key), None) => self.root.get(*key),
                (Step::Key(key), Some(inside)) => inside.get_ref().get(*key),
                (Step::Place(place), Some(inside)) => inside.get_ref().get(*place),
                (Step::Place(_), None) => None,
            };
            let Some(next) = next else { break };
            at = next.span().start;
            inside = Some(next);
        }
        self.error_at(at, field(steps), value, expected)
    }

    /// What serde says, in our words.
    fn refused(&self, error: &toml::de::Error) -> Error {
        let span = error.span().unwrap_or(0..0);
        let mut steps = Narrowest::steps_to(span.clone(), &self.root);
        let message = error.message();
        if let Some(name) = quoted(message, "missing field") {
            steps.push(Step::Key(name));
            return self.error(&steps, "missing".to_owned(), "a value".to_owned());
        }
        let (what, expected) = said(message);
        let value = match what.starts_with("unknown field") {
            true => "unknown".to_owned(),
            false => self.shown(&span),
        };
        self.error_at(span.start, field(&steps), value, expected)
    }

    fn error_at(&self, at: usize, field: String, value: String, expected: String) -> Error {
        Error::InFile {
            file: self.path.map(|path| path.display().to_string()),
            line: line_at(self.text, at),
            field,
            value,
            expected,
        }
    }

    fn shown(&self, span: &Range<usize>) -> String {
        excerpt(self.text.get(span.clone()).unwrap_or_default())
    }
}

/// The narrowest key or value that holds a range of the text.
struct Narrowest<'s> {
    wanted: Range<usize>,
    length: usize,
    steps: Vec<Step<'s>>,
}

impl<'s> Narrowest<'s> {
    fn steps_to(wanted: Range<usize>, root: &'s DeTable<'_>) -> Vec<Step<'s>> {
        let mut search = Self {
            wanted,
            length: usize::MAX,
            steps: Vec::new(),
        };
        search.look_in(root, &mut Vec::new());
        search.steps
    }

    fn look_in(&mut self, table: &'s DeTable<'_>, steps: &mut Vec<Step<'s>>) {
        for (key, value) in table {
            steps.push(Step::Key(key.get_ref()));
            self.look_at(&key.span(), steps);
            self.look_through(value, steps);
            steps.pop();
        }
    }

    fn look_through(&mut self, value: &'s Spanned<DeValue<'_>>, steps: &mut Vec<Step<'s>>) {
        self.look_at(&value.span(), steps);
        match value.get_ref() {
            DeValue::Table(table) => self.look_in(table, steps),
            DeValue::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    steps.push(Step::Place(place));
                    self.look_through(value, steps);
                    steps.pop();
                }
            }
            _ => {}
        }
    }

    fn look_at(&mut self, span: &Range<usize>, steps: &[Step<'s>]) {
        let holds = span.start <= self.wanted.start && self.wanted.end <= span.end;
        // Of two that are equally long, the inner one, which comes later.
        if holds && span.len() <= self.length {
            self.length = span.len();
            self.steps = steps.to_vec();
        }
    }
}

/// `sampler.rules[2].rate`
fn field(steps: &[Step<'_>]) -> String {
    let mut field = String::new();
    for step in steps {
        match step {
            Step::Place(place) => field.push_str(&format!("[{place}]")),
            Step::Key(key) if field.is_empty() => field.push_str(key),
            Step::Key(key) => field.extend([".", key]),
        }
    }
    field
}

/// From 1.
fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The two halves of `…, expected …`; of a message without it, the whole stands for both.
fn said(message: &str) -> (&str, String) {
    match message.rsplit_once(", expected ") {
        Some((what, "f64")) => (what, "a number".to_owned()),
        Some((what, expected)) => (what, expected.to_owned()),
        None => (message, message.to_owned()),
    }
}

/// What stands between the backticks after these words.
fn quoted<'m>(message: &'m str, words: &str) -> Option<&'m str> {
    let quoted = message.strip_prefix(words)?.trim_start();
    quoted.strip_prefix('`')?.split('`').next()
}

/// What an error says of a value: its first line, and of that enough to find it.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests;
