//! Attribute pairs, each once in memory, however many sets have it.
//!
//! Values are few and sets are many: five methods, five statuses and forty routes are fifty pairs and a thousand series in
//! each of several instruments. A pair is forgotten when nobody has it any more and room is needed.

use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use opentelemetry::{KeyValue, Value};
use throughline_model::Attributes;

use crate::pairs::{Canonical, Given, hash_pair, is_same_pair};

/// The attribute pairs of one provider.
#[derive(Debug, Default)]
pub(crate) struct SharedPairs {
    hasher: RandomState,
    known: Mutex<HashTable<Arc<KeyValue>>>,
}

impl SharedPairs {
    /// What hashes the pairs of this provider, here and in its streams: so each text is hashed once.
    pub(crate) fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// The set of these pairs, hashed by [`hasher`](Self::hasher).
    pub(crate) fn set(&self, pairs: &Canonical<'_>) -> Attributes {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = pairs.given().iter();
        Attributes::new(pairs.map(|given| self.share(&mut known, given)))
    }

    fn share(&self, known: &mut HashTable<Arc<KeyValue>>, given: &Given<'_>) -> Arc<KeyValue> {
        let Given { pair, hash, .. } = *given;
        let find = |copy: &KeyValue| known.find(hash, |known| is_as_good(known, pair, copy));
        // Most have been here before, and stand where they stood: there is no need of a copy.
        if let Some(found) = find(pair) {
            return Arc::clone(found);
        }
        let copy = pair.clone();
        if let Some(found) = find(&copy) {
            return Arc::clone(found);
        }
        let rehash = |pair: &Arc<KeyValue>| hash_pair(&self.hasher, pair);
        if known.len() == known.capacity() {
            known.retain(|pair| Arc::strong_count(pair) > 1);
            if known.len() > known.capacity() / 2 {
                known.reserve(known.len(), rehash);
            }
        }
        let shared = Arc::new(copy);
        known.insert_unique(hash, Arc::clone(&shared), rehash);
        shared
    }
}

/// Whether `known` may stand for `pair`, of which `copy` is a copy: whether it is the same, and found as fast.
///
/// Look-ups compare places before texts. So a literal is only shared with itself, which stands where its copy stands; a text
/// whose copy stands elsewhere will be made anew for each call, and has no place that anybody could look for.
fn is_as_good(known: &KeyValue, pair: &KeyValue, copy: &KeyValue) -> bool {
    let is = |known: &str, text: &str, copy: &str| {
        known.as_ptr() == text.as_ptr() || text.as_ptr() != copy.as_ptr()
    };
    is_same_pair(known, pair)
        && is(known.key.as_str(), pair.key.as_str(), copy.key.as_str())
        && match (&known.value, &pair.value, &copy.value) {
            (Value::String(known), Value::String(text), Value::String(copy)) => {
                is(known.as_str(), text.as_str(), copy.as_str())
            }
            _ => true,
        }
}

#[cfg(test)]
mod tests;
