//! What a stream keeps of the attributes of a call, in canonical form; each text is read once.

use std::borrow::Borrow;

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;
use throughline_model::Attributes;

use super::{Order, hash_pair};
use crate::view::AttributeFilter;

/// Pairs sorted by key, each key once: the last value that was given wins.
#[derive(Debug)]
pub(crate) struct Canonical<'a> {
    pairs: Vec<Given<'a>>,
    /// How many pairs there were before each key was there once.
    kept: usize,
}

/// A pair as it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    pub(crate) pair: &'a KeyValue,
    pub(crate) hash: u64,
    /// How many were given and kept before it.
    at: usize,
}

impl Borrow<KeyValue> for Given<'_> {
    fn borrow(&self) -> &KeyValue {
        self.pair
    }
}

impl<'a> Canonical<'a> {
    /// Of what `filter` keeps of `given`.
    pub(crate) fn of(state: &RandomState, filter: &AttributeFilter, given: &'a [KeyValue]) -> Self {
        let mut pairs = Vec::with_capacity(given.len());
        let kept = given.iter().filter(|pair| filter.keeps(pair));
        pairs.extend(kept.enumerate().map(|(at, pair)| Given {
            pair,
            hash: hash_pair(state, pair),
            at,
        }));
        let kept = pairs.len();
        Attributes::canonicalize(&mut pairs);
        Self { pairs, kept }
    }

    /// The hash of the set, as [`hash`](super::hash) has it.
    pub(crate) fn hash(&self) -> u64 {
        let hashes = self.pairs.iter().map(|given| given.hash);
        hashes.fold(0, u64::wrapping_add)
    }

    /// The pairs, sorted by key.
    pub(crate) fn given(&self) -> &[Given<'a>] {
        &self.pairs
    }

    /// The pairs, sorted by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a KeyValue> {
        self.pairs.iter().map(|given| given.pair)
    }

    /// Whether each key was given once.
    pub(crate) fn is_distinct(&self) -> bool {
        self.pairs.len() == self.kept
    }

    /// In which order they were given. `None` where a key was given twice, and where there are too many.
    pub(crate) fn order(&self) -> Option<Order> {
        let fits = self.is_distinct() && self.kept <= Order::MAX_LEN;
        let nibbles = self.pairs.iter().enumerate();
        fits.then(|| {
            Order(nibbles.fold(0, |order, (place, given)| {
                order | (place as u64) << (4 * given.at)
            }))
        })
    }
}
