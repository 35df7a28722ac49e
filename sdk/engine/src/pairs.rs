//! Attribute pairs: hashing, comparing, and the canonical form.
//!
//! The hash of a set is the sum of the hashes of its pairs, so that it does not depend on their order, and a call
//! that gives its attributes in a new order finds its series without sorting. Equality is always verified in
//! full: a hash alone decides nothing. Floats compare by their bits, so that NaN equals itself.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use opentelemetry::{Array, KeyValue, Value};
use throughline_model::Attributes;

use crate::view::AttributeFilter;

/// A hash that does not depend on the order of the pairs.
#[inline]
pub(crate) fn hash(state: &RandomState, pairs: &[KeyValue]) -> u64 {
    pairs
        .iter()
        .fold(0u64, |sum, pair| sum.wrapping_add(hash_pair(state, pair)))
}

/// Whether `given` holds exactly the pairs of `set`, in any order. The keys of `set` are distinct.
#[inline]
pub(crate) fn is_same_set(set: &[KeyValue], given: &[KeyValue]) -> bool {
    // As many pairs as distinct keys, each found: then none of `given` is left over.
    set.len() == given.len()
        && set.iter().zip(given).all(|(wanted, beside)| {
            is_same_pair(wanted, beside) || given.iter().any(|pair| is_same_pair(wanted, pair))
        })
}

/// Whether `given` holds the pairs of `list`, in their order.
pub(crate) fn is_same_list(list: &[KeyValue], given: &[KeyValue]) -> bool {
    list.len() == given.len() && list.iter().zip(given).all(|(a, b)| is_same_pair(a, b))
}

/// The canonical form of what `filter` keeps: sorted, each key once, the last value wins.
pub(crate) fn canonical(given: &[KeyValue], filter: &AttributeFilter) -> Attributes {
    Attributes::new(given.iter().filter(|pair| filter.keeps(pair)).cloned())
}

/// Whether a key stands in `given` twice.
pub(crate) fn has_duplicates(given: &[KeyValue]) -> bool {
    given
        .iter()
        .enumerate()
        .any(|(at, pair)| given[..at].iter().any(|before| before.key == pair.key))
}

/// The pairs of a measurement that its point does not carry.
pub(crate) fn left_out(given: &[KeyValue], point: &Attributes) -> Vec<KeyValue> {
    let all = Attributes::new(given.iter().cloned());
    all.iter()
        .filter(|pair| point.get(pair.key.as_str()).is_none())
        .cloned()
        .collect()
}

#[inline]
fn is_same_pair(a: &KeyValue, b: &KeyValue) -> bool {
    a.key.as_str() == b.key.as_str() && is_same_value(&a.value, &b.value)
}

#[inline]
fn is_same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.as_str() == b.as_str(),
        (Value::I64(a), Value::I64(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(Array::F64(a)), Value::Array(Array::F64(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (Value::Array(a), Value::Array(b)) => a == b,
        _ => false,
    }
}

#[inline]
fn hash_pair(state: &RandomState, pair: &KeyValue) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(pair.key.as_str().as_bytes());
    match &pair.value {
        Value::String(value) => hasher.write(value.as_str().as_bytes()),
        Value::I64(value) => hasher.write_u64(value.cast_unsigned()),
        Value::Bool(value) => hasher.write_u8(u8::from(*value)),
        Value::F64(value) => hasher.write_u64(value.to_bits()),
        Value::Array(array) => hash_array(&mut hasher, array),
        _ => {}
    }
    hasher.finish()
}

#[cold]
fn hash_array(hasher: &mut impl Hasher, array: &Array) {
    match array {
        Array::Bool(values) => values.iter().for_each(|v| hasher.write_u8(u8::from(*v))),
        Array::I64(values) => values
            .iter()
            .for_each(|v| hasher.write_u64(v.cast_unsigned())),
        Array::F64(values) => values.iter().for_each(|v| hasher.write_u64(v.to_bits())),
        Array::String(values) => values
            .iter()
            .for_each(|v| hasher.write(v.as_str().as_bytes())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(key: &'static str, value: impl Into<Value>) -> KeyValue {
        KeyValue::new(key, value)
    }

    #[test]
    fn a_set_is_itself_in_any_order_and_nothing_else() {
        let set = [kv("a", 1), kv("b", "x"), kv("c", f64::NAN)];
        let shuffled = [kv("c", f64::NAN), kv("a", 1), kv("b", "x")];
        let state = RandomState::default();
        assert!(is_same_set(&set, &shuffled));
        assert_eq!(hash(&state, &set), hash(&state, &shuffled));
        assert!(!is_same_set(&set, &[kv("a", 1), kv("b", "x")]));
        assert!(!is_same_set(
            &set,
            &[kv("a", 1), kv("a", 1), kv("c", f64::NAN)]
        ));
        assert!(!is_same_set(&[kv("a", 1)], &[kv("a", "1")]));
        assert!(!is_same_set(&[kv("a", 0.0)], &[kv("a", -0.0)]));
    }

    #[test]
    fn moving_a_letter_from_value_to_value_makes_another_set() {
        let (one, two) = ([kv("k", "ab"), kv("l", "c")], [kv("k", "a"), kv("l", "bc")]);
        let state = RandomState::default();
        assert!(!is_same_set(&one, &two));
        assert_ne!(hash(&state, &one), hash(&state, &two));
    }
}
