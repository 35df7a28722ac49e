//! Which rule is the first that matches, without trying them one by one.
//!
//! ```text
//!   span name ──► its patterns  ──► {2, 7, 31}  ┐
//!   route     ──► its patterns  ──► {2, 40}     ├─ each with the rules that do not ask for it,
//!   kind      ──►               ──► {2, 7, 31}  │  then all of them AND-ed: the lowest bit wins
//!   tier=gold ──► its values    ──► {2, 31, 40} ┘
//! ```
//!
//! What a decision costs depends on the span, how long its name is and how many of its attributes any rule
//! asks for, and hardly on how many rules there are.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value};

use super::bits::Bits;
use super::pattern::{Pattern, Patterns, Wanted};
use super::rule::{ROUTE, Rule};
use super::text_index::TextIndex;
use crate::probability::SpanStart;

/// Rules, compiled. For any span, `first` is what trying one after the other would find.
pub(super) struct Index {
    /// By kind: the rules that take such spans.
    kinds: [Bits; 5],
    names: Texts,
    routes: Texts,
    operations: Bits,
    attributes: Attributes,
}

/// A text that rules may ask for.
#[derive(Default)]
struct Texts {
    index: TextIndex,
    /// The rules with a condition on it.
    asked_by: Bits,
    /// Whether a rule asks for it or for an operation, which it may be.
    looked_at: bool,
}

#[derive(Default)]
struct Attributes {
    /// Bit `n % 64` is set if a key of n bytes is asked for: most keys are not, and need no look-up.
    lengths: u64,
    keys: HashMap<Box<str>, Asked, FixedState>,
    values: Vec<Values>,
    /// The rules with a condition on one attribute or more.
    asked_by: Bits,
    /// The rules with conditions on several.
    asked_several_by: Bits,
}

/// What one attribute is asked for.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// Its place among [`ROUTE`].
    route: Option<u8>,
    /// Its place among [`Attributes::values`].
    value: Option<u16>,
}

/// The values of one attribute.
#[derive(Default)]
struct Values {
    texts: TextIndex,
    integers: HashMap<i64, Bits, FixedState>,
    floats: HashMap<u64, Bits, FixedState>,
    bools: [Bits; 2],
    /// The rules with a condition on it.
    asked_by: Bits,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self {
            kinds: [Bits::first(rules.len()); 5],
            names: Texts::new(rules, |rule| [&rule.span_name, &rule.operation]),
            routes: Texts::new(rules, |rule| [&rule.route, &rule.operation]),
            operations: Bits::NONE,
            attributes: Attributes::new(rules),
        };
        for (place, rule) in rules.iter().enumerate() {
            if rule.operation.is_some() {
                index.operations.insert(place);
            }
            for (kind, taken) in KINDS.iter().zip(&mut index.kinds) {
                if rule
                    .kind
                    .as_ref()
                    .is_some_and(|kinds| !kinds.contains(kind))
                {
                    taken.remove(place);
                }
            }
        }
        index
    }

    /// The first of these rules, from which it was made, that is for the span.
    pub(super) fn first(&self, rules: &[Rule], span: &SpanStart<'_>) -> Option<usize> {
        let mut left = self.kinds[kind(span.kind)];
        let name = self.names.of(Some(span.name));
        left = left.without(&self.names.asked_by.without(&name));
        let route = if self.attributes.lengths == 0 {
            Bits::NONE
        } else {
            let (route, others) = self.attributes.look(span.attributes, &mut left);
            left = left.without(&others);
            self.routes.of(route)
        };
        left = left.without(&self.routes.asked_by.without(&route));
        left = left.without(&self.operations.without(&name.or(&route)));
        loop {
            let lowest = left.lowest()?;
            // One that wants several attributes is still in the set when one of them is missing.
            if !self.attributes.asked_several_by.contains(lowest) || rules[lowest].matches(span) {
                return Some(lowest);
            }
            left.remove(lowest);
        }
    }
}

impl Texts {
    /// From the patterns of these conditions, of which the first is on this text alone.
    fn new(rules: &[Rule], conditions: impl Fn(&Rule) -> [&Option<Patterns>; 2]) -> Self {
        let mut texts = Self::default();
        let mut patterns = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            let conditions = conditions(rule);
            if conditions[0].is_some() {
                texts.asked_by.insert(place);
            }
            for pattern in conditions.into_iter().flatten().flat_map(|it| &it.0) {
                if let Wanted::Text(text) = &pattern.0 {
                    patterns.push((text, place));
                }
            }
        }
        texts.looked_at = !patterns.is_empty();
        texts.index = TextIndex::new(patterns);
        texts
    }

    #[inline]
    fn of(&self, text: Option<&str>) -> Bits {
        match text {
            Some(text) if self.looked_at => self.index.of(text),
            _ => Bits::NONE,
        }
    }
}

impl Attributes {
    fn new(rules: &[Rule]) -> Self {
        let mut attributes = Self::default();
        let mut texts = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            if rule.route.is_some() || rule.operation.is_some() {
                for (rank, key) in ROUTE.into_iter().enumerate() {
                    attributes.asked(key).route = Some(rank as u8);
                }
            }
            if !rule.attributes.is_empty() {
                attributes.asked_by.insert(place);
            }
            if rule.attributes.len() > 1 {
                attributes.asked_several_by.insert(place);
            }
            for (key, patterns) in &rule.attributes {
                let number = attributes.values(key.as_str());
                texts.resize_with(attributes.values.len(), Vec::new);
                let values = &mut attributes.values[number];
                values.asked_by.insert(place);
                for pattern in &patterns.0 {
                    match &pattern.0 {
                        Wanted::Text(text) => texts[number].push((text, place)),
                        _ => values.insert(pattern, place),
                    }
                }
            }
        }
        for (values, texts) in attributes.values.iter_mut().zip(texts) {
            values.texts = TextIndex::new(texts);
        }
        attributes
    }

    fn asked(&mut self, key: &str) -> &mut Asked {
        self.lengths |= length(key);
        self.keys.entry(key.into()).or_default()
    }

    /// The place of this attribute's values.
    fn values(&mut self, key: &str) -> usize {
        let next = self.values.len();
        let number = *self.asked(key).value.get_or_insert(next as u16) as usize;
        if number == next {
            self.values.push(Values::default());
        }
        number
    }

    /// The route, and the rules that an attribute rules out; those that one says no to leave `left` at once.
    #[inline]
    fn look<'a>(&self, given: &'a [KeyValue], left: &mut Bits) -> (Option<&'a str>, Bits) {
        let mut routes = [None; ROUTE.len()];
        let mut yes = Bits::NONE;
        for (at, attribute) in given.iter().enumerate() {
            let key = attribute.key.as_str();
            if self.lengths & length(key) == 0 {
                continue;
            }
            let Some(asked) = self.keys.get(key) else {
                continue;
            };
            // Should a key occur twice, the last one counts.
            if given[at + 1..]
                .iter()
                .any(|later| later.key == attribute.key)
            {
                continue;
            }
            if let Some(rank) = asked.route {
                routes[rank as usize] = Some(&attribute.value);
            }
            if let Some(number) = asked.value {
                let values = &self.values[number as usize];
                let wanted = values.of(&attribute.value);
                *left = left.without(&values.asked_by.without(&wanted));
                yes = yes.or(&wanted);
            }
        }
        let route = match routes.into_iter().flatten().next() {
            Some(Value::String(route)) => Some(route.as_str()),
            _ => None,
        };
        (route, self.asked_by.without(&yes))
    }
}

impl Values {
    fn insert(&mut self, pattern: &Pattern, rule: usize) {
        let bits = match pattern.0 {
            Wanted::Integer(number) => self.integers.entry(number).or_default(),
            Wanted::Float(number) => self.floats.entry(number.to_bits()).or_default(),
            Wanted::Bool(wanted) => &mut self.bools[usize::from(wanted)],
            Wanted::Text(_) => return,
        };
        bits.insert(rule);
    }

    fn of(&self, value: &Value) -> Bits {
        let found = match value {
            Value::String(text) => return self.texts.of(text.as_str()),
            Value::Bool(given) => Some(&self.bools[usize::from(*given)]),
            Value::I64(number) => self.integers.get(number),
            Value::F64(number) => match Wanted::of(*number) {
                Wanted::Integer(number) => self.integers.get(&number),
                _ => self.floats.get(&number.to_bits()),
            },
            _ => None,
        };
        found.copied().unwrap_or_default()
    }
}

const KINDS: [SpanKind; 5] = [
    SpanKind::Client,
    SpanKind::Server,
    SpanKind::Producer,
    SpanKind::Consumer,
    SpanKind::Internal,
];

/// Its place among `KINDS`.
fn kind(kind: &SpanKind) -> usize {
    match kind {
        SpanKind::Client => 0,
        SpanKind::Server => 1,
        SpanKind::Producer => 2,
        SpanKind::Consumer => 3,
        SpanKind::Internal => 4,
    }
}

fn length(key: &str) -> u64 {
    1 << (key.len() % 64)
}

#[cfg(test)]
mod tests;
