//! The labels of a point: scope and attributes, translated, sorted, joined where they collide, escaped.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;
use opentelemetry::{InstrumentationScope, KeyValue, Value};

use super::{attribute, name};

/// Label names that attribute keys were translated to, each key once per rendering.
#[derive(Default)]
pub(super) struct Names<'a> {
    known: HashMap<&'a str, Label, RandomState>,
    text: String,
}

type Label = (u32, u32);

impl<'a> Names<'a> {
    fn of(&mut self, key: &'a str) -> Label {
        if let Some(label) = self.known.get(key) {
            return *label;
        }
        let start = self.text.len();
        name::push_label(&mut self.text, key);
        self.remember(key, start)
    }

    fn of_scope(&mut self, key: &'a str) -> Label {
        // Not remembered: the same key of a point has another label.
        let start = self.text.len();
        let mut prefixed = String::from("otel_scope_");
        prefixed.push_str(key);
        name::push_label(&mut self.text, &prefixed);
        self.label(start)
    }

    fn remember(&mut self, key: &'a str, start: usize) -> Label {
        let label = self.label(start);
        self.known.insert(key, label);
        label
    }

    fn label(&self, start: usize) -> Label {
        // Keys of 4 GiB do not reach an exposition.
        (start as u32, self.text.len() as u32)
    }

    fn text(&self, label: Label) -> &str {
        &self.text[label.0 as usize..label.1 as usize]
    }
}

/// One key and value, with the label that the key became.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    label: Label,
    key: &'a str,
    value: Text<'a>,
}

#[derive(Clone, Copy)]
enum Text<'a> {
    Str(&'a str),
    Value(&'a Value),
}

/// The labels that a scope gives to each of its points.
pub(super) struct ScopeLabels<'a> {
    pairs: Vec<Pair<'a>>,
    /// Attributes whose label is one of the three reserved ones
    /// (specification: `compatibility/prometheus_and_openmetrics.md`, "Instrumentation Scope").
    pub(super) dropped: u64,
}

const SCOPE_NAME: &str = "otel_scope_name";
const SCOPE_VERSION: &str = "otel_scope_version";
const SCOPE_SCHEMA_URL: &str = "otel_scope_schema_url";

impl<'a> ScopeLabels<'a> {
    pub(super) fn new(scope: &'a InstrumentationScope, names: &mut Names<'a>) -> Self {
        let mut labels = Self {
            pairs: Vec::with_capacity(3),
            dropped: 0,
        };
        for attribute in scope.attributes() {
            let label = names.of_scope(attribute.key.as_str());
            if [SCOPE_NAME, SCOPE_VERSION, SCOPE_SCHEMA_URL].contains(&names.text(label)) {
                labels.dropped += 1;
                continue;
            }
            labels.pairs.push(Pair {
                label,
                key: attribute.key.as_str(),
                value: Text::Value(&attribute.value),
            });
        }
        for (key, value) in [
            (SCOPE_NAME, Some(scope.name())),
            (SCOPE_VERSION, scope.version()),
            (SCOPE_SCHEMA_URL, scope.schema_url()),
        ] {
            if let Some(value) = value {
                labels.pairs.push(Pair {
                    label: names.of(key),
                    key,
                    value: Text::Str(value),
                });
            }
        }
        labels
    }

    pub(super) fn none() -> Self {
        Self {
            pairs: Vec::new(),
            dropped: 0,
        }
    }
}

/// Renders the labels of one point after another, in buffers that are reused.
#[derive(Default)]
pub(super) struct Labels<'a> {
    pub(super) names: Names<'a>,
    pairs: Vec<Pair<'a>>,
    value: String,
}

impl<'a> Labels<'a> {
    /// Writes `a="1",b="2"` into `out`, which is cleared before.
    ///
    /// Sorted by label, so that equal label sets are equal text. `le` says whether `le` is taken.
    pub(super) fn point(
        &mut self,
        out: &mut String,
        scope: &ScopeLabels<'a>,
        attributes: impl IntoIterator<Item = &'a KeyValue>,
        le: bool,
    ) {
        self.pairs.clear();
        self.pairs.extend_from_slice(&scope.pairs);
        for attribute in attributes {
            let mut label = self.names.of(attribute.key.as_str());
            if le && self.names.text(label) == "le" {
                label = self.names.of("exported_le");
            }
            self.pairs.push(Pair {
                label,
                key: attribute.key.as_str(),
                value: Text::Value(&attribute.value),
            });
        }
        out.clear();
        self.write(out, |_, _| true);
    }

    /// Appends the labels of an exemplar and returns how many characters they count: names and values,
    /// without what the notation adds (OpenMetrics, "Exemplars"). Keys that became `trace_id` or `span_id`
    /// are left out where `ids` are there to take them.
    pub(super) fn exemplar(
        &mut self,
        out: &mut String,
        attributes: impl IntoIterator<Item = &'a KeyValue>,
        ids: bool,
    ) -> usize {
        self.pairs.clear();
        for attribute in attributes {
            self.pairs.push(Pair {
                label: self.names.of(attribute.key.as_str()),
                key: attribute.key.as_str(),
                value: Text::Value(&attribute.value),
            });
        }
        let mut characters = 0;
        self.write(out, |name, value| {
            let taken = ids && (name == "trace_id" || name == "span_id");
            if !taken {
                characters += name.len() + value.chars().count();
            }
            !taken
        });
        characters
    }

    /// Appends the pairs whose label and value `keep` takes; those of one label together are one value.
    fn write(&mut self, out: &mut String, mut keep: impl FnMut(&str, &str) -> bool) {
        let names = &self.names;
        self.pairs.sort_unstable_by(|a, b| {
            (names.text(a.label), a.key).cmp(&(names.text(b.label), b.key))
        });
        let mut first = true;
        for same in self
            .pairs
            .chunk_by(|a, b| names.text(a.label) == names.text(b.label))
        {
            let name = names.text(same[0].label);
            // The common case borrows; values are put together only where there is something to do.
            let value = match same {
                [
                    Pair {
                        value: Text::Str(value),
                        ..
                    },
                ] => value,
                [
                    Pair {
                        value: Text::Value(Value::String(value)),
                        ..
                    },
                ] => value.as_str(),
                _ => {
                    self.value.clear();
                    for (at, pair) in same.iter().enumerate() {
                        if at > 0 {
                            self.value.push(';');
                        }
                        match pair.value {
                            Text::Str(value) => self.value.push_str(value),
                            Text::Value(value) => attribute::push_value(&mut self.value, value),
                        }
                    }
                    &self.value
                }
            };
            if value.is_empty() || !keep(name, value) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            out.push_str(name);
            out.push_str("=\"");
            push_escaped(out, value);
            out.push('"');
        }
    }
}

/// Appends `value` with backslash, double quote and line feed escaped.
pub(super) fn push_escaped(out: &mut String, value: &str) {
    push_escaping(out, value, |b| matches!(b, b'\\' | b'"' | b'\n'));
}

/// Appends a description. OpenMetrics escapes quotes in it, text 0.0.4 does not.
pub(super) fn push_help(out: &mut String, help: &str, quotes: bool) {
    push_escaping(out, help, |b| {
        matches!(b, b'\\' | b'\n') || (quotes && b == b'"')
    });
}

fn push_escaping(out: &mut String, text: &str, special: impl Fn(u8) -> bool) {
    let mut rest = text;
    // Every special character is ASCII, so the cuts fall on character boundaries.
    while let Some(at) = rest.bytes().position(&special) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// The label sets that a family has already, as ranges of the exposition itself.
#[derive(Default)]
pub(super) struct Seen {
    hasher: RandomState,
    ranges: hashbrown::HashTable<Range<usize>>,
}

impl Seen {
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }

    /// Whether `labels` stands in `text` already, in a range that was [added](Self::add).
    pub(super) fn has(&self, text: &str, labels: &str) -> bool {
        let hash = self.hash(labels);
        self.ranges
            .find(hash, |range| &text[range.clone()] == labels)
            .is_some()
    }

    pub(super) fn add(&mut self, text: &str, range: Range<usize>) {
        let hash = self.hash(&text[range.clone()]);
        let hasher = &self.hasher;
        self.ranges.insert_unique(hash, range, |range| {
            std::hash::BuildHasher::hash_one(hasher, &text[range.clone()])
        });
    }

    fn hash(&self, labels: &str) -> u64 {
        std::hash::BuildHasher::hash_one(&self.hasher, labels)
    }
}
