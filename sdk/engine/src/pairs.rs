//! Attribute pairs: hashing, comparing, and the canonical form.
//!
//! There are two hashes. [`hash`] is of a set: the sum of the hashes of its pairs, so that it does not depend on their
//! order. [`hash_places`] is of a call: of where its texts stand in memory, which a call site that gives literals
//! repeats each time. Equality is always verified in full: a hash alone decides nothing. Floats compare by their
//! bits, so that NaN equals itself.

use std::hash::{BuildHasher, Hasher};
use std::ptr;

use foldhash::fast::{FoldHasher, RandomState};
use opentelemetry::{Array, KeyValue, Value};
use throughline_model::Attributes;

use crate::view::AttributeFilter;

mod canonical;

pub(crate) use canonical::{Canonical, Given};

/// A hash of pairs that does not depend on their order.
pub(crate) fn hash<'a>(state: &RandomState, pairs: impl IntoIterator<Item = &'a KeyValue>) -> u64 {
    let hashes = pairs.into_iter().map(|pair| hash_pair(state, pair));
    hashes.fold(0, u64::wrapping_add)
}

/// A hash of the pairs that `filter` keeps, by order and by the places of their texts: no text is read.
///
/// Two calls with the same attributes may have different hashes, if their texts stand elsewhere. Texts at the same
/// places may be different: of different lengths, or made one after the other.
#[inline(always)]
pub(crate) fn hash_places(
    state: &RandomState,
    filter: &AttributeFilter,
    pairs: &[KeyValue],
) -> u64 {
    match filter {
        AttributeFilter::All => hash_places_of(state, pairs.iter()),
        _ => hash_kept_places(state, filter, pairs),
    }
}

#[inline(never)]
fn hash_kept_places(state: &RandomState, filter: &AttributeFilter, pairs: &[KeyValue]) -> u64 {
    hash_places_of(state, pairs.iter().filter(|pair| filter.keeps(pair)))
}

/// Nobody chooses addresses, though the allocator repeats them: it is enough to add them up, each shifted by another
/// number of bits, and to mix the bits at the end. Numbers are hashed: a user's request may choose them.
#[inline(always)]
fn hash_places_of<'a>(state: &RandomState, pairs: impl Iterator<Item = &'a KeyValue>) -> u64 {
    let mut sum = 0u64;
    for pair in pairs {
        let key = place(pair.key.as_str()).rotate_left(32);
        let value = match &pair.value {
            Value::String(value) => place(value.as_str()),
            other => hash_value(state.build_hasher(), other),
        };
        sum = sum.rotate_left(9).wrapping_add(key ^ value);
    }
    let mut hasher = state.build_hasher();
    hasher.write_u64(sum);
    hasher.finish()
}

#[inline(always)]
fn place(text: &str) -> u64 {
    text.as_ptr().addr() as u64
}

/// Whether what `filter` keeps of `given` is exactly the pairs of `set`, in any order. The keys of `set` are distinct,
/// and the filter keeps them.
pub(crate) fn is_same_set(set: &Attributes, filter: &AttributeFilter, given: &[KeyValue]) -> bool {
    let kept = given.iter().filter(|pair| filter.keeps(pair)).count();
    // As many pairs as distinct keys, each found: then none of `given` is left over.
    kept == set.len()
        && set.iter().enumerate().all(|(at, wanted)| {
            given
                .get(at)
                .is_some_and(|beside| is_same_pair(wanted, beside))
                || given.iter().any(|pair| is_same_pair(wanted, pair))
        })
}

/// Whether canonical pairs are those of `set`.
pub(crate) fn is_set<'a>(set: &Attributes, pairs: impl IntoIterator<Item = &'a KeyValue>) -> bool {
    let mut set = set.iter();
    pairs
        .into_iter()
        .all(|pair| set.next().is_some_and(|wanted| is_same_pair(wanted, pair)))
        && set.next().is_none()
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

/// In which order a call gave the pairs of a set: the `i`-th nibble, from the lowest, is the place in the set of the
/// `i`-th pair that was given and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order(u64);

impl Order {
    /// How many nibbles there are.
    const MAX_LEN: usize = 16;

    /// The order in which `filter` finds the pairs of `set` in `given`. `None` where it finds others, a key twice, or
    /// more than 16.
    pub(crate) fn of(
        set: &Attributes,
        filter: &AttributeFilter,
        given: &[KeyValue],
    ) -> Option<Self> {
        if set.len() > Self::MAX_LEN {
            return None;
        }
        let (mut order, mut found) = (0, 0u16);
        let kept = given.iter().filter(|pair| filter.keeps(pair));
        for (at, pair) in kept.enumerate() {
            let place = set.iter().position(|wanted| is_same_pair(wanted, pair))?;
            if at >= Self::MAX_LEN || place >= Self::MAX_LEN || found & 1 << place != 0 {
                return None;
            }
            found |= 1 << place;
            order |= (place as u64) << (4 * at);
        }
        (found.count_ones() as usize == set.len()).then_some(Self(order))
    }

    /// Whether what `filter` keeps of `given` is the pairs of `set` in this order.
    #[inline(always)]
    pub(crate) fn is(self, set: &Attributes, filter: &AttributeFilter, given: &[KeyValue]) -> bool {
        match filter {
            AttributeFilter::All => given.len() == set.len() && self.leads(set, given.iter()),
            _ => self.is_kept(set, filter, given),
        }
    }

    #[inline(never)]
    fn is_kept(self, set: &Attributes, filter: &AttributeFilter, given: &[KeyValue]) -> bool {
        let kept = || given.iter().filter(|pair| filter.keeps(pair));
        kept().count() == set.len() && self.leads(set, kept())
    }

    /// Whether each pair is the one of `set` that this order names.
    #[inline(always)]
    fn leads<'a>(self, set: &Attributes, pairs: impl Iterator<Item = &'a KeyValue>) -> bool {
        let mut order = self.0;
        for pair in pairs {
            match set.at((order & 0xf) as usize) {
                Some(wanted) if is_same_pair(wanted, pair) => order >>= 4,
                _ => return false,
            }
        }
        true
    }
}

/// The pairs of a measurement that its point does not carry.
pub(crate) fn left_out(given: &[KeyValue], point: &Attributes) -> Vec<KeyValue> {
    let mut all: Vec<&KeyValue> = given.iter().collect();
    Attributes::canonicalize(&mut all);
    let all = all.into_iter();
    all.filter(|pair| point.get(pair.key.as_str()).is_none())
        .cloned()
        .collect()
}

#[inline(always)]
pub(crate) fn is_same_pair(a: &KeyValue, b: &KeyValue) -> bool {
    is_same_text(a.key.as_str(), b.key.as_str())
        && match (&a.value, &b.value) {
            (Value::String(a), Value::String(b)) => is_same_text(a.as_str(), b.as_str()),
            (a, b) => is_same_value(a, b),
        }
}

/// Most texts are literals, and what is compared with is a copy of what an earlier call gave: the same place and length
/// is the same text, with no look at its bytes.
#[inline(always)]
fn is_same_text(a: &str, b: &str) -> bool {
    a.len() == b.len() && (ptr::eq(a, b) || has_same_bytes(a, b))
}

/// Out of line, so that the comparison above needs no register saved. So are those below.
#[inline(never)]
fn has_same_bytes(a: &str, b: &str) -> bool {
    a == b
}

#[inline(never)]
fn is_same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::I64(a), Value::I64(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(Array::F64(a)), Value::Array(Array::F64(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (Value::Array(a), Value::Array(b)) => a == b,
        // Strings were compared above.
        _ => false,
    }
}

pub(crate) fn hash_pair(state: &RandomState, pair: &KeyValue) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(pair.key.as_str().as_bytes());
    match &pair.value {
        Value::String(value) => {
            hasher.write(value.as_str().as_bytes());
            hasher.finish()
        }
        other => hash_value(hasher, other),
    }
}

/// Takes the hasher by value: one that is lent would stand in memory also where this is not called.
#[inline(never)]
fn hash_value(mut hasher: FoldHasher<'_>, value: &Value) -> u64 {
    match value {
        Value::String(value) => hasher.write(value.as_str().as_bytes()),
        Value::I64(value) => hasher.write_u64(value.cast_unsigned()),
        Value::Bool(value) => hasher.write_u8(u8::from(*value)),
        Value::F64(value) => hasher.write_u64(value.to_bits()),
        Value::Array(array) => write_array(&mut hasher, array),
        _ => {}
    }
    hasher.finish()
}

#[cold]
fn write_array(hasher: &mut impl Hasher, array: &Array) {
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
mod tests;
