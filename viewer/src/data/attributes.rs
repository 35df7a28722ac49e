//! Attribute sets and their values.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::Footprint;
use super::id::hex;

/// The value of an attribute, or the body of a log record.
///
/// ```
/// use throughline_viewer::Value;
///
/// let tier = Value::from("gold");
/// assert_eq!(tier.as_text(), Some("gold"));
/// assert_eq!(Value::List([tier, 2.into()].into()).to_string(), "[gold, 2]");
/// ```
#[derive(Clone, Debug)]
pub enum Value {
    /// No value was given.
    Empty,
    /// Text, as it was sent: it may hold control characters.
    Text(Box<str>),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number. Two NaN of the same bits are equal here.
    Double(f64),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A list.
    List(Box<[Value]>),
    /// A map.
    Map(Attributes),
}

impl Value {
    /// The text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Empty, Value::Empty) => true,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            // By bits, so that a value is equal to itself and a set can be a key.
            (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Value::Empty => {}
            Value::Text(text) => text.hash(state),
            Value::Bool(truth) => truth.hash(state),
            Value::Int(number) => number.hash(state),
            Value::Double(number) => number.to_bits().hash(state),
            Value::Bytes(bytes) => bytes.hash(state),
            Value::List(list) => list.hash(state),
            Value::Map(map) => map.hash(state),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Empty => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Double(number) => write!(f, "{number}"),
            Value::Bytes(bytes) => {
                f.write_str("0x")?;
                hex(f, bytes)
            }
            Value::List(list) => {
                f.write_str("[")?;
                for (at, value) in list.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
            Value::Map(map) => write!(f, "{{{map}}}"),
        }
    }
}

impl Footprint for Value {
    fn footprint(&self) -> usize {
        size_of::<Self>()
            + match self {
                Value::Text(text) => text.footprint(),
                Value::Bytes(bytes) => bytes.len() + super::BLOCK,
                Value::List(list) => list.footprint(),
                // Its own size is in that of the value.
                Value::Map(map) => map.footprint() - size_of::<Attributes>(),
                Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Double(_) => 0,
            }
    }
}

/// A set of attributes: sorted by key, each key once, the last value given wins.
///
/// ```
/// use throughline_viewer::{Attributes, Value};
///
/// let set: Attributes = [("b", Value::from(1)), ("a", "x".into()), ("b", 2.into())].into_iter().collect();
/// assert_eq!(set.get("b"), Some(&Value::Int(2)));
/// assert_eq!(set.text("a"), Some("x"));
/// assert_eq!(set.iter().next(), Some(("a", &Value::from("x"))));
/// assert_eq!(set.len(), 2);
/// assert!(!set.is_empty());
/// assert_eq!(set.to_string(), "a=x b=2");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(Box<[(Box<str>, Value)]>);

impl Attributes {
    /// The value of `key`, if the set has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|(have, _)| (**have).cmp(key));
        at.ok().map(|at| &self.0[at].1)
    }

    /// The text under `key`, if the set has it and it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// How many keys the set has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<Box<str>>> FromIterator<(K, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Box<str>, Value)> = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        // A stable sort keeps equal keys in the order given; `dedup_by` hands over (later, earlier) and
        // removes the later one, so the later value is swapped into the earlier place.
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(pairs.into())
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " " })?;
            write!(f, "{key}={value}")?;
        }
        Ok(())
    }
}

impl Footprint for Attributes {
    fn footprint(&self) -> usize {
        let pairs = self.0.iter();
        let pairs: usize = pairs
            .map(|(key, value)| size_of::<Box<str>>() + key.footprint() + value.footprint())
            .sum();
        size_of::<Self>() + if pairs == 0 { 0 } else { pairs + super::BLOCK }
    }
}
