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

/// A hash of the pairs that `filter` keeps. It does not depend on their order.
#[inline]
pub(crate) fn hash(state: &RandomState, filter: &AttributeFilter, pairs: &[KeyValue]) -> u64 {
    let sum = |sum: u64, pair: &KeyValue| sum.wrapping_add(hash_pair(state, pair));
    match filter {
        AttributeFilter::All => pairs.iter().fold(0, sum),
        _ => pairs.iter().filter(|pair| filter.keeps(pair)).fold(0, sum),
    }
}

/// Whether what `filter` keeps of `given` is exactly the pairs of `set`, in any order. The keys of `set` are distinct,
/// and the filter keeps them.
#[inline]
pub(crate) fn is_same_set(set: &[KeyValue], filter: &AttributeFilter, given: &[KeyValue]) -> bool {
    let kept = match filter {
        AttributeFilter::All => given.len(),
        _ => given.iter().filter(|pair| filter.keeps(pair)).count(),
    };
    // As many pairs as distinct keys, each found: then none of `given` is left over.
    kept == set.len()
        && set.iter().enumerate().all(|(at, wanted)| {
            given
                .get(at)
                .is_some_and(|beside| is_same_pair(wanted, beside))
                || given.iter().any(|pair| is_same_pair(wanted, pair))
        })
}

/// Whether what `filter` keeps of `given` is the pairs of `list`, in their order.
pub(crate) fn is_same_list(
    list: &[KeyValue],
    filter: &AttributeFilter,
    given: &[KeyValue],
) -> bool {
    let mut kept = given.iter().filter(|pair| filter.keeps(pair));
    list.iter()
        .all(|wanted| kept.next().is_some_and(|pair| is_same_pair(wanted, pair)))
        && kept.next().is_none()
}

/// The canonical form of what `filter` keeps: sorted, each key once, the last value wins.
pub(crate) fn canonical(given: &[KeyValue], filter: &AttributeFilter) -> Attributes {
    Attributes::new(given.iter().filter(|pair| filter.keeps(pair)).cloned())
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
        let all = &AttributeFilter::All;
        let set = [kv("a", 1), kv("b", "x"), kv("c", f64::NAN)];
        let shuffled = [kv("c", f64::NAN), kv("a", 1), kv("b", "x")];
        let state = RandomState::default();
        assert!(is_same_set(&set, all, &shuffled));
        assert_eq!(hash(&state, all, &set), hash(&state, all, &shuffled));
        assert!(!is_same_set(&set, all, &[kv("a", 1), kv("b", "x")]));
        assert!(!is_same_set(
            &set,
            all,
            &[kv("a", 1), kv("a", 1), kv("c", f64::NAN)]
        ));
        assert!(!is_same_set(&[kv("a", 1)], all, &[kv("a", "1")]));
        assert!(!is_same_set(&[kv("a", 0.0)], all, &[kv("a", -0.0)]));
    }

    #[test]
    fn moving_a_letter_from_value_to_value_makes_another_set() {
        let all = &AttributeFilter::All;
        let (one, two) = ([kv("k", "ab"), kv("l", "c")], [kv("k", "a"), kv("l", "bc")]);
        let state = RandomState::default();
        assert!(!is_same_set(&one, all, &two));
        assert_ne!(hash(&state, all, &one), hash(&state, all, &two));
    }

    #[test]
    fn what_a_filter_drops_makes_no_difference() {
        let filter = &AttributeFilter::Keep(["a".into(), "b".into()].into());
        let set = [kv("a", 1), kv("b", "x")];
        let given = [kv("user", 7), kv("b", "x"), kv("user", 8), kv("a", 1)];
        let state = RandomState::default();
        assert!(is_same_set(&set, filter, &given));
        assert_eq!(hash(&state, filter, &set), hash(&state, filter, &given));
        assert!(!is_same_set(&set, filter, &[kv("a", 1), kv("user", 7)]));
        assert!(!is_same_set(&set, filter, &[kv("a", 1), kv("a", 1)]));
        assert!(is_same_list(&[kv("b", "x"), kv("a", 1)], filter, &given));
        assert!(!is_same_list(&set, filter, &given));
    }
}
