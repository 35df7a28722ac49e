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
//! asks for, and hardly on how many rules there are. Spans that look as one did a while ago are not searched
//! again ([`Seen`]).

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value};

use super::bits::Bits;
use super::keys::{Asked, Keys};
use super::pattern::{Pattern, Patterns, Wanted};
use super::rule::{ROUTE, Rule};
use super::seen::{ATTRIBUTES, Seen};
use super::text_index::TextIndex;
use crate::probability::SpanStart;

/// Rules, compiled. For any span, `first` is what trying one after the other would find.
pub(super) enum Index {
    /// Sets of two words cost less than those of eight.
    Small(Box<Compiled<2>>),
    Large(Box<Compiled<8>>),
}

/// How many rules there can be.
pub(super) const MAX_RULES: usize = 64 * 8;

pub(super) struct Compiled<const W: usize> {
    /// By kind: the rules that take such spans.
    kinds: [Bits<W>; 5],
    names: Texts<W>,
    routes: Texts<W>,
    operations: Bits<W>,
    /// The rules with a condition on a route or an attribute.
    asks_more: Bits<W>,
    attributes: Attributes<W>,
    seen: Seen,
}

/// A text that rules may ask for.
#[derive(Default)]
struct Texts<const W: usize> {
    index: TextIndex<W>,
    /// The rules with a condition on it.
    asked_by: Bits<W>,
    /// Whether a rule asks for it or for an operation, which it may be.
    looked_at: bool,
}

struct Attributes<const W: usize> {
    keys: Keys,
    values: Vec<Values<W>>,
    /// The rules with a condition on one attribute or more.
    asked_by: Bits<W>,
    /// The rules with conditions on several.
    asked_several_by: Bits<W>,
}

/// The values of one attribute.
#[derive(Default)]
struct Values<const W: usize> {
    texts: TextIndex<W>,
    integers: HashMap<i64, Bits<W>, FixedState>,
    floats: HashMap<u64, Bits<W>, FixedState>,
    bools: [Bits<W>; 2],
    /// The rules with a condition on it.
    asked_by: Bits<W>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        if rules.len() <= 128 {
            Self::Small(Box::new(Compiled::new(rules)))
        } else {
            Self::Large(Box::new(Compiled::new(rules)))
        }
    }

    /// The first of these rules, from which it was made, that is for the span.
    #[inline]
    pub(super) fn first(&self, rules: &[Rule], span: &SpanStart<'_>) -> Option<usize> {
        match self {
            Self::Small(compiled) => compiled.first(rules, span),
            Self::Large(compiled) => compiled.first(rules, span),
        }
    }
}

impl<const W: usize> Compiled<W> {
    fn new(rules: &[Rule]) -> Self {
        let mut index = Self {
            kinds: [Bits::first(rules.len()); 5],
            names: Texts::new(rules, |rule| [&rule.span_name, &rule.operation]),
            routes: Texts::new(rules, |rule| [&rule.route, &rule.operation]),
            operations: Bits::NONE,
            asks_more: Bits::NONE,
            attributes: Attributes::new(rules),
            seen: Seen::default(),
        };
        for (place, rule) in rules.iter().enumerate() {
            if rule.operation.is_some() {
                index.operations.insert(place);
            }
            if rule.route.is_some() || !rule.attributes.is_empty() {
                index.asks_more.insert(place);
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

    #[inline]
    fn first(&self, rules: &[Rule], span: &SpanStart<'_>) -> Option<usize> {
        if self.attributes.keys.is_empty() {
            // To look at a name takes less than to remember the span.
            return self.search(rules, span);
        }
        let values_of = |attributes: &[KeyValue]| self.attributes.values_of(attributes);
        let search = || self.search(rules, span);
        self.seen.of(span, kind(span.kind), values_of, search)
    }

    fn search(&self, rules: &[Rule], span: &SpanStart<'_>) -> Option<usize> {
        let mut left = self.kinds[kind(span.kind)];
        let name = self.names.of(Some(span.name));
        left = left.without(&self.names.asked_by.without(&name));
        let lowest = left.lowest()?;
        if !self.asks_more.contains(lowest)
            && (!self.operations.contains(lowest) || name.contains(lowest))
        {
            return Some(lowest);
        }
        let route = if self.attributes.keys.is_empty() {
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

impl<const W: usize> Texts<W> {
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
    fn of(&self, text: Option<&str>) -> Bits<W> {
        match text {
            Some(text) if self.looked_at => self.index.of(text),
            _ => Bits::NONE,
        }
    }
}

impl<const W: usize> Attributes<W> {
    fn new(rules: &[Rule]) -> Self {
        let mut asked: BTreeMap<&str, Asked> = BTreeMap::new();
        let (mut values, mut texts) = (Vec::new(), Vec::new());
        let (mut asked_by, mut asked_several_by) = (Bits::NONE, Bits::NONE);
        for (place, rule) in rules.iter().enumerate() {
            if rule.route.is_some() || rule.operation.is_some() {
                for (rank, key) in ROUTE.into_iter().enumerate() {
                    asked.entry(key).or_default().route = Some(rank);
                }
            }
            if !rule.attributes.is_empty() {
                asked_by.insert(place);
            }
            if rule.attributes.len() > 1 {
                asked_several_by.insert(place);
            }
            for (key, patterns) in &rule.attributes {
                let next = values.len();
                let entry = asked.entry(key.as_str()).or_default();
                let number = *entry.value.get_or_insert(next);
                if number == next {
                    values.push(Values::default());
                    texts.push(Vec::new());
                }
                let values: &mut Values<W> = &mut values[number];
                values.asked_by.insert(place);
                for pattern in &patterns.0 {
                    match &pattern.0 {
                        Wanted::Text(text) => texts[number].push((text, place)),
                        _ => values.insert(pattern, place),
                    }
                }
            }
        }
        for (values, texts) in values.iter_mut().zip(texts) {
            values.texts = TextIndex::new(texts);
        }
        Self {
            keys: Keys::new(asked),
            values,
            asked_by,
            asked_several_by,
        }
    }

    /// The attributes whose values decide anything, a bit each: of what may be the route, only what is.
    fn values_of(&self, given: &[KeyValue]) -> u8 {
        let asked = |attribute: &KeyValue| Some(self.keys.get(attribute.key.as_str())?.1);
        let routes = given.iter().filter_map(asked).filter_map(|it| it.route);
        let route = routes.min();
        let is_route = |asked: Asked| asked.route.is_some() && asked.route == route;
        let counts = |asked: Asked| asked.value.is_some() || is_route(asked);
        let bits = given.iter().take(ATTRIBUTES).enumerate();
        bits.filter(|(_, attribute)| asked(attribute).is_some_and(counts))
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// The route, and the rules that want an attribute of which none is as they want it. Those that one
    /// attribute says no to leave `left` at once.
    #[inline]
    fn look<'a>(&self, given: &'a [KeyValue], left: &mut Bits<W>) -> (Option<&'a str>, Bits<W>) {
        let mut routes = [None; ROUTE.len()];
        let mut yes = Bits::NONE;
        let mut seen = 0_u64;
        // From the last one: should a key occur twice, that one counts.
        for (at, attribute) in given.iter().enumerate().rev() {
            let Some((number, asked)) = self.keys.get(attribute.key.as_str()) else {
                continue;
            };
            let is_again = match 1_u64.checked_shl(number as u32) {
                Some(bit) => {
                    let is_again = seen & bit != 0;
                    seen |= bit;
                    is_again
                }
                None => given[at + 1..]
                    .iter()
                    .any(|later| later.key == attribute.key),
            };
            if is_again {
                continue;
            }
            if let Some(rank) = asked.route {
                routes[rank] = Some(&attribute.value);
            }
            if let Some(number) = asked.value {
                let values = &self.values[number];
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

impl<const W: usize> Values<W> {
    fn insert(&mut self, pattern: &Pattern, rule: usize) {
        let bits = match pattern.0 {
            Wanted::Integer(number) => self.integers.entry(number).or_default(),
            Wanted::Float(number) => self.floats.entry(number.to_bits()).or_default(),
            Wanted::Bool(wanted) => &mut self.bools[usize::from(wanted)],
            Wanted::Text(_) => return,
        };
        bits.insert(rule);
    }

    fn of(&self, value: &Value) -> Bits<W> {
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

#[cfg(test)]
mod tests;
