//! The labels of a point: scope and attributes, translated, sorted, joined where they collide, escaped.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::hash_table::Entry;
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use throughline_model::Attributes;

use super::form::Form;
use super::fragments::Fragments;
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
    /// Which scope of the snapshot it is.
    at: usize,
    pairs: Vec<Pair<'a>>,
    /// Attributes whose label is one of the three reserved ones
    /// (specification: `compatibility/prometheus_and_openmetrics.md`, "Instrumentation Scope").
    pub(super) dropped: u64,
}

const SCOPE_NAME: &str = "otel_scope_name";
const SCOPE_VERSION: &str = "otel_scope_version";
const SCOPE_SCHEMA_URL: &str = "otel_scope_schema_url";

impl<'a> ScopeLabels<'a> {
    pub(super) fn new(at: usize, scope: &'a InstrumentationScope, names: &mut Names<'a>) -> Self {
        let mut labels = Self {
            at,
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

    /// No labels, which all scopes have that have none.
    pub(super) fn none() -> Self {
        Self {
            at: usize::MAX,
            pairs: Vec::new(),
            dropped: 0,
        }
    }
}

/// Renders the labels of one point after another, in buffers that are reused.
#[derive(Default)]
pub(super) struct Labels<'a> {
    pub(super) names: Names<'a>,
    /// Points of different keys, the last one first: those beside which `le` is free, and those beside which it is taken.
    points: [[Point<'a>; KEY_SETS]; 2],
    fragments: Fragments<'a>,
    hasher: RandomState,
    /// How many forms there were.
    forms: u32,
    /// Of an exemplar.
    pairs: Vec<Pair<'a>>,
    value: String,
}

/// How many sets of keys may take turns. Series stand in the order of their making, so that one attribute that only some of
/// them have, as `error.type`, makes two sets, and three make eight.
const KEY_SETS: usize = 8;

/// The labels of a point. The next one mostly has the same keys, so that only its values are new.
#[derive(Default)]
struct Point<'a> {
    /// Of which scope.
    scope: Option<usize>,
    /// The attributes' keys, each with the place of its pair.
    keys: Vec<(&'a str, usize)>,
    /// Sorted by label. Where the form was enough for later points, the values are those of an earlier one: [`refill`]
    /// comes before they are read.
    ///
    /// [`refill`]: Self::refill
    pairs: Vec<Pair<'a>>,
    form: Option<Form<'a>>,
}

impl<'a> Point<'a> {
    /// Whether another point has these keys.
    fn is_like(&self, scope: usize, attributes: &Attributes) -> bool {
        self.scope == Some(scope)
            && self.keys.len() == attributes.len()
            && (self.keys.iter().zip(attributes)).all(|((key, _), pair)| {
                let other = pair.key.as_str();
                std::ptr::eq(*key, other) || *key == other
            })
    }

    /// Takes the values of a point that has the same keys.
    fn refill(&mut self, attributes: &'a Attributes) {
        for ((_, place), attribute) in self.keys.iter().zip(attributes) {
            self.pairs[*place].value = Text::Value(&attribute.value);
        }
    }

    fn fill(
        &mut self,
        scope: &ScopeLabels<'a>,
        le: bool,
        attributes: &'a Attributes,
        names: &mut Names<'a>,
    ) {
        self.scope = Some(scope.at);
        self.pairs.clear();
        self.pairs.extend_from_slice(&scope.pairs);
        for attribute in attributes {
            let mut label = names.of(attribute.key.as_str());
            if le && names.text(label) == "le" {
                label = names.of("exported_le");
            }
            self.pairs.push(Pair {
                label,
                key: attribute.key.as_str(),
                value: Text::Value(&attribute.value),
            });
        }
        sort(&mut self.pairs, names);
        self.keys.clear();
        for attribute in attributes {
            let is_it = |pair: &Pair<'_>| matches!(pair.value, Text::Value(value) if std::ptr::eq(value, &attribute.value));
            // It was pushed above.
            let place = self.pairs.iter().position(is_it).unwrap_or_default();
            self.keys.push((attribute.key.as_str(), place));
        }
    }

    /// The form of its labels; none where two keys became one.
    fn form(&self, id: u32, names: &Names<'_>, hasher: &RandomState) -> Option<Form<'a>> {
        let is_one = |pair: &[Pair<'_>]| names.text(pair[0].label) == names.text(pair[1].label);
        if self.pairs.windows(2).any(is_one) {
            return None;
        }
        let mut form = Form::new(id, self.keys.iter().map(|(key, _)| *key).collect());
        let mut fixed = String::new();
        for (place, pair) in self.pairs.iter().enumerate() {
            let label = names.text(pair.label);
            if let Some(attribute) = self.keys.iter().position(|(_, of)| *of == place) {
                form.attribute(label, attribute);
                continue;
            }
            fixed.clear();
            match pair.value {
                Text::Str(value) => fixed.push_str(value),
                Text::Value(value) => attribute::push_value(&mut fixed, value),
            }
            if !fixed.is_empty() {
                form.fixed(label, &fixed, hasher);
            }
        }
        Some(form)
    }
}

impl<'a> Labels<'a> {
    /// Appends `a="1",b="2"` and gives the sum of the labels' hashes.
    ///
    /// Sorted by label, so that equal label sets are equal text, and have equal sums. `le` says whether `le` is taken.
    #[inline]
    pub(super) fn point(
        &mut self,
        out: &mut String,
        scope: &ScopeLabels<'a>,
        attributes: &'a Attributes,
        le: bool,
    ) -> u64 {
        let start = out.len();
        loop {
            let last = &self.points[usize::from(le)][0];
            if last.scope == Some(scope.at)
                && let Some(form) = &last.form
                && let Some(hash) = form.write(out, attributes, &mut self.fragments, &self.hasher)
            {
                return hash;
            }
            out.truncate(start);
            if !self.turn(scope, attributes, le) {
                return self.by_pairs(out, attributes, le);
            }
        }
    }

    /// Puts a point of these keys first; `false` where it is there already.
    #[cold]
    fn turn(&mut self, scope: &ScopeLabels<'a>, attributes: &'a Attributes, le: bool) -> bool {
        let points = &mut self.points[usize::from(le)];
        let is_like = |point: &Point<'a>| point.is_like(scope.at, attributes);
        let like = points.iter().position(is_like);
        if like == Some(0) {
            return false;
        }
        points[..=like.unwrap_or(KEY_SETS - 1)].rotate_right(1);
        if like.is_none() {
            self.forms += 1;
            points[0].fill(scope, le, attributes, &mut self.names);
            points[0].form = points[0].form(self.forms, &self.names, &self.hasher);
        }
        true
    }

    /// The same pair by pair, where the first point has these keys and its form does not fit.
    #[cold]
    fn by_pairs(&mut self, out: &mut String, attributes: &'a Attributes, le: bool) -> u64 {
        let point = &mut self.points[usize::from(le)][0];
        point.refill(attributes);
        let mut hash = 0u64;
        write(
            &self.names,
            &point.pairs,
            &mut self.value,
            out,
            |_, _| true,
            |label| {
                hash = hash.wrapping_add(self.hasher.hash_one(label));
            },
        );
        hash
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
        sort(&mut self.pairs, &self.names);
        let mut characters = 0;
        write(
            &self.names,
            &self.pairs,
            &mut self.value,
            out,
            |name, value| {
                let taken = ids && (name == "trace_id" || name == "span_id");
                if !taken {
                    characters += name.len() + value.chars().count();
                }
                !taken
            },
            |_| {},
        );
        characters
    }
}

/// By label, then by key.
fn sort(pairs: &mut [Pair<'_>], names: &Names<'_>) {
    pairs.sort_unstable_by(|a, b| (names.text(a.label), a.key).cmp(&(names.text(b.label), b.key)));
}

/// Appends the pairs whose label and value `keep` takes; those of one label together are one value. `written` gets each.
fn write(
    names: &Names<'_>,
    pairs: &[Pair<'_>],
    joined: &mut String,
    out: &mut String,
    mut keep: impl FnMut(&str, &str) -> bool,
    mut written: impl FnMut(&str),
) {
    let mut first = true;
    for same in pairs.chunk_by(|a, b| names.text(a.label) == names.text(b.label)) {
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
                joined.clear();
                for (at, pair) in same.iter().enumerate() {
                    if at > 0 {
                        joined.push(';');
                    }
                    match pair.value {
                        Text::Str(value) => joined.push_str(value),
                        Text::Value(value) => attribute::push_value(&mut *joined, value),
                    }
                }
                &*joined
            }
        };
        if value.is_empty() || !keep(name, value) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        let start = out.len();
        out.push_str(name);
        out.push_str("=\"");
        push_escaped(out, value);
        out.push('"');
        written(&out[start..]);
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
    // Most texts have nothing special: one pass that does not stop is made of vector instructions.
    if !text.bytes().fold(false, |found, b| found | special(b)) {
        return out.push_str(text);
    }
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

/// The label sets that a family has already, as ranges of the exposition itself, each with the sum of its labels' hashes.
#[derive(Default)]
pub(super) struct Seen(hashbrown::HashTable<(u64, Range<usize>)>);

impl Seen {
    /// Begins a family of at most so many label sets.
    pub(super) fn begin(&mut self, points: usize) {
        self.0.clear();
        // Once: growing moves all of them.
        self.0.reserve(points, |(hash, _)| *hash);
    }

    /// Takes note of the label set that stands in `text` at `range`, unless it has it already: then `false`.
    pub(super) fn add(&mut self, text: &str, hash: u64, range: Range<usize>) -> bool {
        let labels = &text[range.clone()];
        let is_it = |(_, other): &(u64, Range<usize>)| text[other.clone()] == *labels;
        match self.0.entry(hash, is_it, |(hash, _)| *hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert((hash, range));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
