//! Which rule a thread found lately for spans that look alike.
//!
//! The spans of an operation start alike: with its name and kind, the same keys, and the same values of those that rules
//! ask for. To see that again takes a third of what it takes to ask the index.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::{KeyValue, Value};

use super::memo::{SLOTS, place};
use crate::probability::SpanStart;

/// Who asks: no two of them are equal, not even one after the other.
pub(super) struct Seen(u64);

/// Spans with more are not remembered.
pub(super) const ATTRIBUTES: usize = 8;
/// In bytes, of all that is compared. Nor are those with more.
const LONGEST: usize = 240;
/// The name, then each attribute's key and, if it counts, its value.
const PARTS: usize = 1 + 2 * ATTRIBUTES;

/// After how many spans in a row that looked otherwise a place stops to remember each, as where a rule asks for what every
/// span has a value of its own of, …
const IN_VAIN: u8 = 4;
/// … and how many it lets pass before it tries again.
const LET_PASS: u8 = 16;

/// What a span looked like, and what was found for it.
///
/// ```text
///   text:    │GET /users│http.route│/users/{id}│tier│gold│url.path│
///   lengths:  10         10         11          4    4    8          values_of: {0, 1}
/// ```
#[derive(Clone, Copy)]
struct Slot {
    /// 0 while it is empty.
    asked_by: u64,
    kind: usize,
    attributes: usize,
    /// The attributes whose values count, a bit each.
    values_of: u8,
    /// What those are: texts, numbers and so on.
    types: [Type; ATTRIBUTES],
    lengths: [u8; PARTS],
    text: [u8; LONGEST],
    found: Option<usize>,
    /// How many spans in a row looked otherwise.
    in_vain: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Integer,
    Float,
    Bool,
    /// Which no rule can ask for.
    Other,
}

const EMPTY: Slot = Slot {
    asked_by: 0,
    kind: 0,
    attributes: 0,
    values_of: 0,
    types: [Type::Other; ATTRIBUTES],
    lengths: [0; PARTS],
    text: [0; LONGEST],
    found: None,
    in_vain: 0,
};

thread_local! {
    /// Nothing until it is needed: many threads start no span.
    static SEEN: RefCell<[Option<Box<Slot>>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

impl Default for Seen {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Seen {
    /// What `search` finds for this span of this kind, now or some time ago. It must be the same for all spans of that
    /// name and kind with the same keys, and with the same values of those attributes that `values_of` names, a bit
    /// each.
    #[inline]
    pub(super) fn of(
        &self,
        span: &SpanStart<'_>,
        kind: usize,
        values_of: impl FnOnce(&[KeyValue]) -> u8,
        search: impl Fn() -> Option<usize>,
    ) -> Option<usize> {
        if span.attributes.len() > ATTRIBUTES {
            return search();
        }
        let found = SEEN.try_with(|slots| {
            // Never borrowed twice: `search` looks at rules alone.
            let mut slots = slots.try_borrow_mut().ok()?;
            let slot = slots[place(span.name)].get_or_insert_with(|| Box::new(EMPTY));
            if slot.asked_by == self.0 && slot.kind == kind && slot.is_like(span) {
                slot.in_vain = 0;
                return Some(slot.found);
            }
            let found = search();
            slot.in_vain = slot.in_vain.wrapping_add(1);
            if slot.in_vain <= IN_VAIN || slot.in_vain.is_multiple_of(LET_PASS) {
                slot.kind = kind;
                slot.found = found;
                let fits = slot.fill(span, values_of(span.attributes));
                slot.asked_by = if fits.is_some() { self.0 } else { 0 };
            }
            Some(found)
        });
        match found {
            Ok(Some(found)) => found,
            // The thread ends.
            _ => search(),
        }
    }
}

impl Slot {
    #[inline]
    fn is_like(&self, span: &SpanStart<'_>) -> bool {
        let mut lengths = self.lengths.iter();
        let mut text = &self.text[..];
        let mut is_next = |part: &[u8]| {
            let length = lengths.next().map_or(0, |length| usize::from(*length));
            let (first, rest) = text.split_at_checked(length).unwrap_or_default();
            text = rest;
            is_same(first, part)
        };
        if self.attributes != span.attributes.len() || !is_next(span.name.as_bytes()) {
            return false;
        }
        span.attributes.iter().enumerate().all(|(at, attribute)| {
            is_next(attribute.key.as_str().as_bytes())
                && (self.values_of >> at & 1 == 0
                    || match &attribute.value {
                        Value::String(text) => {
                            self.types[at] == Type::Text && is_next(text.as_str().as_bytes())
                        }
                        other => {
                            let (its_type, number) = number(other);
                            self.types[at] == its_type && is_next(&number)
                        }
                    })
        })
    }

    /// `None` if it is too long.
    #[cold]
    fn fill(&mut self, span: &SpanStart<'_>, values_of: u8) -> Option<()> {
        self.attributes = span.attributes.len();
        self.values_of = values_of;
        let mut lengths = self.lengths.iter_mut();
        let mut text = &mut self.text[..];
        let mut add = |part: &[u8]| -> Option<()> {
            *lengths.next()? = u8::try_from(part.len()).ok()?;
            text.split_off_mut(..part.len())?.copy_from_slice(part);
            Some(())
        };
        add(span.name.as_bytes())?;
        for (at, attribute) in span.attributes.iter().enumerate() {
            add(attribute.key.as_str().as_bytes())?;
            if values_of >> at & 1 == 1 {
                match &attribute.value {
                    Value::String(text) => {
                        self.types[at] = Type::Text;
                        add(text.as_str().as_bytes())?;
                    }
                    other => {
                        let (its_type, number) = number(other);
                        self.types[at] = its_type;
                        add(&number)?;
                    }
                }
            }
        }
        Some(())
    }
}

/// A value that is no text.
#[inline(never)]
fn number(value: &Value) -> (Type, [u8; 8]) {
    match value {
        Value::I64(number) => (Type::Integer, number.to_le_bytes()),
        Value::F64(number) => (Type::Float, number.to_le_bytes()),
        Value::Bool(truth) => (Type::Bool, i64::from(*truth).to_le_bytes()),
        _ => (Type::Other, [0; 8]),
    }
}

/// Texts of 8 to 32 bytes, as most are, take two comparisons and no call.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && match a.len() {
            8..=16 => {
                a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk()
            }
            17..=32 => {
                a.first_chunk::<16>() == b.first_chunk() && a.last_chunk::<16>() == b.last_chunk()
            }
            _ => a == b,
        }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How many of these spans are searched, where the values of the first two attributes count.
    fn searched(spans: &[(&str, usize, Vec<KeyValue>)]) -> usize {
        let (seen, searches) = (Seen::default(), Cell::new(0));
        for (name, kind, attributes) in spans {
            let mut span = SpanStart::root(name);
            span.attributes = attributes;
            let search = || {
                searches.set(searches.get() + 1);
                Some(searches.get())
            };
            seen.of(&span, *kind, |_| 0b11, search);
        }
        searches.get()
    }

    fn span(values: [Value; 3]) -> (&'static str, usize, Vec<KeyValue>) {
        let keys = ["http.route", "tier", "url.path"];
        let pairs = keys.into_iter().zip(values);
        let attributes = pairs.map(|(key, value)| KeyValue::new(key, value));
        ("GET", 1, attributes.collect())
    }

    #[test]
    fn spans_that_look_alike_are_searched_once() {
        let one = span(["/a/long/route/{id}".into(), "gold".into(), "/1".into()]);
        let alike = span(["/a/long/route/{id}".into(), "gold".into(), "/2".into()]);
        assert_eq!(searched(&[one.clone(), alike, one]), 1);
    }

    #[test]
    fn what_differs_in_anything_that_counts_is_searched_anew() {
        let one = span(["/users/{id}".into(), 1.into(), "/1".into()]);
        let others = [
            span(["/users/{ie}".into(), 1.into(), "/1".into()]),
            span(["/user/{id}".into(), 1.into(), "/1".into()]),
            span(["/users/{id}".into(), 2.into(), "/1".into()]),
            span(["/users/{id}".into(), f64::from_bits(1).into(), "/1".into()]),
            span(["/users/{id}".into(), true.into(), "/1".into()]),
            span([
                "/users/{id}".into(),
                Value::from("\u{1}\0\0\0\0\0\0\0"),
                "/1".into(),
            ]),
            (one.0, 2, one.2.clone()),
            (one.0, 1, one.2[..2].to_vec()),
            ("GETS", 1, one.2.clone()),
            ("GE", 1, one.2.clone()),
        ];
        for other in others {
            assert_eq!(searched(&[one.clone(), other.clone()]), 2, "{other:?}");
        }
    }

    #[test]
    fn texts_that_differ_in_one_byte_are_told_apart() {
        for length in [1, 7, 8, 9, 12, 16, 17, 24, 32, 33, 64] {
            let text = "x".repeat(length);
            assert!(is_same(text.as_bytes(), text.clone().as_bytes()));
            for at in 0..length {
                let mut other = text.clone().into_bytes();
                other[at] = b'y';
                assert!(!is_same(text.as_bytes(), &other), "{length}, {at}");
            }
        }
    }

    #[test]
    fn names_that_share_a_place_are_told_apart() {
        let (seen, names) = (Seen::default(), (0..1_000).map(|n| format!("GET /{n}")));
        let names: Vec<_> = names.collect();
        for round in 0..3 {
            for (n, name) in names.iter().enumerate() {
                let found = seen.of(&SpanStart::root(name), 0, |_| 0, || Some(n));
                assert_eq!(found, Some(n), "{name} in round {round}");
            }
        }
    }

    #[test]
    fn what_looks_otherwise_each_time_is_remembered_now_and_then_and_found_all_the_same() {
        let paths = (0..1_000).map(|n| span([format!("/{n}").into(), 1.into(), "/".into()]));
        let mut spans: Vec<_> = paths.collect();
        assert_eq!(searched(&spans), 1_000);
        // It is seen again once the last one of a row was remembered.
        let last = spans[999].clone();
        spans.extend(std::iter::repeat_n(last, 100));
        assert!((1_000..1_020).contains(&searched(&spans)));
    }

    #[test]
    fn what_is_too_long_or_has_too_much_is_searched_each_time() {
        let long = "x".repeat(LONGEST);
        let long = span([long.into(), 1.into(), "/".into()]);
        let many = vec![KeyValue::new("key", 1); ATTRIBUTES + 1];
        for span in [long, ("GET", 1, many)] {
            assert_eq!(searched(&[span.clone(), span]), 2);
        }
    }

    #[test]
    fn no_one_is_told_what_another_one_found() {
        let span = SpanStart::root("GET /orders");
        let (one, other) = (Seen::default(), Seen::default());
        assert_eq!(one.of(&span, 0, |_| 0, || Some(1)), Some(1));
        assert_eq!(other.of(&span, 0, |_| 0, || None), None);
    }
}
