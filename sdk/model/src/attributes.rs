//! A canonical attribute set: sorted by key, each key once, cheap to clone.

use std::borrow::Borrow;
use std::slice;
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
/// assert_eq!(a.at(1), Some(&KeyValue::new("b", 3)));
/// assert_eq!((a.len(), a.is_empty()), (2, false));
/// ```
///
/// A set takes 8 bytes for each pair that it shares with others: there are many sets and few pairs.
///
/// ```
/// use std::sync::Arc;
/// # use opentelemetry::KeyValue;
/// # use throughline_model::Attributes;
///
/// let get = Arc::new(KeyValue::new("method", "GET"));
/// let route = |route| Arc::new(KeyValue::new("route", route));
/// let sets = ["/a", "/b"].map(|at| Attributes::new([Arc::clone(&get), route(at)]));
/// assert_eq!(sets[0].at(0), sets[1].at(0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Attributes(Arc<[Arc<KeyValue>]>);

impl Attributes {
    /// Sorts the pairs by key and keeps the last value of each key.
    pub fn new<P: Into<Arc<KeyValue>>>(pairs: impl IntoIterator<Item = P>) -> Self {
        let pairs: Arc<[Arc<KeyValue>]> = pairs.into_iter().map(Into::into).collect();
        if pairs.is_empty() {
            // Without an allocation.
            return Self::default();
        }
        if pairs.is_sorted_by(|a, b| a.key.as_str() < b.key.as_str()) {
            return Self(pairs);
        }
        let mut pairs = pairs.to_vec();
        Self::canonicalize(&mut pairs);
        Self(pairs.into())
    }

    /// Sorts pairs by key and keeps the last value of each key.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_model::Attributes;
    ///
    /// let given = [KeyValue::new("b", 1), KeyValue::new("a", 2), KeyValue::new("b", 3)];
    /// let mut pairs: Vec<&KeyValue> = given.iter().collect();
    /// Attributes::canonicalize(&mut pairs);
    /// assert_eq!(pairs, [&KeyValue::new("a", 2), &KeyValue::new("b", 3)]);
    /// ```
    pub fn canonicalize<P: Borrow<KeyValue>>(pairs: &mut Vec<P>) {
        fn key<P: Borrow<KeyValue>>(pair: &P) -> &str {
            pair.borrow().key.as_str()
        }
        // The sort is stable, so of equal keys the last given stands last; `dedup_by` hands over
        // (later, earlier) and removes the later one, so the later value moves into the earlier place.
        pairs.sort_by(|a, b| key(a).cmp(key(b)));
        pairs.dedup_by(|later, earlier| {
            let same = key(later) == key(earlier);
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }

    /// The pairs that `keep` takes, shared with this set.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_model::Attributes;
    ///
    /// let all = Attributes::new([KeyValue::new("user.id", 7), KeyValue::new("tier", "gold")]);
    /// let kept = all.filter(|pair| pair.key.as_str() != "user.id");
    /// assert_eq!(kept, Attributes::new([KeyValue::new("tier", "gold")]));
    /// ```
    pub fn filter(&self, keep: impl Fn(&KeyValue) -> bool) -> Self {
        Self::new(self.0.iter().filter(|pair| keep(pair)).map(Arc::clone))
    }

    /// The value of `key`, if the set has it. Logarithmic in the size of the set.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|pair| pair.key.as_str().cmp(key));
        at.ok().map(|at| &self.0[at].value)
    }

    /// The pair at a place, in the order of the keys.
    #[inline]
    pub fn at(&self, place: usize) -> Option<&KeyValue> {
        self.0.get(place).map(Arc::as_ref)
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> AttributesIter<'_> {
        AttributesIter(self.0.iter())
    }

    /// How many keys the set has.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set has no keys.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The pairs of a set, sorted by key. See [`Attributes::iter`].
///
/// ```
/// use opentelemetry::KeyValue;
/// use throughline_model::Attributes;
///
/// let set = Attributes::new([KeyValue::new("b", 1), KeyValue::new("a", 2)]);
/// assert_eq!(set.iter().len(), 2);
/// assert_eq!(set.iter().next_back(), Some(&KeyValue::new("b", 1)));
/// ```
#[derive(Clone, Debug)]
pub struct AttributesIter<'a>(slice::Iter<'a, Arc<KeyValue>>);

impl<'a> Iterator for AttributesIter<'a> {
    type Item = &'a KeyValue;

    #[inline]
    fn next(&mut self) -> Option<&'a KeyValue> {
        self.0.next().map(Arc::as_ref)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for AttributesIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(Arc::as_ref)
    }
}

impl ExactSizeIterator for AttributesIter<'_> {}

impl FromIterator<KeyValue> for Attributes {
    fn from_iter<I: IntoIterator<Item = KeyValue>>(pairs: I) -> Self {
        Self::new(pairs)
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = &'a KeyValue;
    type IntoIter = AttributesIter<'a>;

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
