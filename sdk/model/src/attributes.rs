//! A canonical attribute set: sorted by key, each key once, cheap to clone.

use std::sync::Arc;

use opentelemetry::{KeyValue, Value};

/// A set of attributes in canonical form: sorted by key, each key once, the last value given wins.
///
/// Cloning shares the storage. Two sets are equal when they hold the same keys and values, whatever the
/// order they were given in (specification: `common/README.md`, "Attribute Collections").
///
/// ```
/// use opentelemetry::{KeyValue, Value};
/// use throughline_model::Attributes;
///
/// let a = Attributes::new([KeyValue::new("b", 1), KeyValue::new("a", 2), KeyValue::new("b", 3)]);
/// let b = Attributes::new([KeyValue::new("a", 2), KeyValue::new("b", 3)]);
/// assert_eq!(a, b);
/// assert_eq!(a.get("b"), Some(&Value::I64(3)));
///
/// let keys: Vec<&str> = a.iter().map(|pair| pair.key.as_str()).collect();
/// assert_eq!(keys, ["a", "b"]);
/// assert_eq!(a.as_slice().last(), Some(&KeyValue::new("b", 3)));
/// assert_eq!((a.len(), a.is_empty()), (2, false));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Attributes(Arc<[KeyValue]>);

impl Attributes {
    /// Sorts the pairs by key and keeps the last value of each key.
    pub fn new(pairs: impl IntoIterator<Item = KeyValue>) -> Self {
        let mut pairs: Vec<KeyValue> = pairs.into_iter().collect();
        // The sort is stable, so of equal keys the last given stands last; `dedup_by` hands over
        // (later, earlier) and removes the later one, so the later value moves into the earlier place.
        pairs.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
        pairs.dedup_by(|later, earlier| {
            let same = later.key == earlier.key;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(pairs.into())
    }

    /// The value of `key`, if the set has it. Logarithmic in the size of the set.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|pair| pair.key.as_str().cmp(key));
        at.ok().map(|at| &self.0[at].value)
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> std::slice::Iter<'_, KeyValue> {
        self.0.iter()
    }

    /// The pairs as a slice, sorted by key.
    pub fn as_slice(&self) -> &[KeyValue] {
        &self.0
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

impl FromIterator<KeyValue> for Attributes {
    fn from_iter<I: IntoIterator<Item = KeyValue>>(pairs: I) -> Self {
        Self::new(pairs)
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = &'a KeyValue;
    type IntoIter = std::slice::Iter<'a, KeyValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_three_values_for_one_key_the_last_wins() {
        let set = Attributes::new([
            KeyValue::new("k", 1),
            KeyValue::new("a", 0),
            KeyValue::new("k", 2),
            KeyValue::new("k", 3),
        ]);
        assert_eq!(set.len(), 2);
        assert_eq!(set.get("k"), Some(&Value::I64(3)));
        assert_eq!(set.get("a"), Some(&Value::I64(0)));
        assert_eq!(set.get("z"), None);
    }
}
