//! What was made for each attribute set, found again without a lock.
//!
//! ```text
//! buckets   [ OnceLock ]  [ OnceLock ]  [ OnceLock ] …      32, chosen by hash
//!               │
//!              Node { set, made, next: OnceLock ──► Node … }
//! ```
//!
//! Sets are declared and few, and what was made for one stays as long as its owner, so nodes are only ever
//! appended: a look-up is one acquiring load per node, and what it finds can be borrowed. Past
//! [`LIMIT`] sets nothing is kept any more, each use makes its own: memory stays bounded, and the
//! engine, which has the same limit, sends what is over to `otel.metric.overflow`.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::FixedState;
use throughline_engine::ReaderBuilder;

/// How many sets are kept: as many as the engine has series of, where nobody says.
const LIMIT: usize = ReaderBuilder::CARDINALITY_LIMIT;

/// A power of two, so that the bucket is a mask away.
const BUCKETS: usize = 32;

pub(crate) struct Series<K, T> {
    buckets: [Slot<K, T>; BUCKETS],
    /// `len <= LIMIT`, but for nodes that racing threads append at the same moment.
    len: AtomicUsize,
}

type Slot<K, T> = OnceLock<Box<Node<K, T>>>;

struct Node<K, T> {
    key: K,
    made: T,
    next: Slot<K, T>,
}

impl<K: Eq + Hash, T> Series<K, T> {
    pub(crate) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| OnceLock::new()),
            len: AtomicUsize::new(0),
        }
    }

    /// What was made for `key`; `make` runs outside of any lock, and its result may be thrown away where
    /// two threads make the same at once.
    pub(crate) fn get_or_make(&self, key: K, make: impl FnOnce(&K) -> T) -> Made<'_, T> {
        // A fixed seed: keys are declared in the program, nobody outside chooses them.
        let hash = FixedState::default().hash_one(&key);
        let mut slot = &self.buckets[hash as usize & (BUCKETS - 1)];
        loop {
            match slot.get() {
                Some(node) if node.key == key => return Made::Kept(&node.made),
                Some(node) => slot = &node.next,
                None => return self.append(slot, key, make),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn append<'a>(
        &'a self,
        mut slot: &'a Slot<K, T>,
        key: K,
        make: impl FnOnce(&K) -> T,
    ) -> Made<'a, T> {
        let made = make(&key);
        if self.len.load(Ordering::Relaxed) >= LIMIT {
            return Made::Own(made);
        }
        let mut node = Box::new(Node {
            key,
            made,
            next: OnceLock::new(),
        });
        loop {
            // Another thread may have appended meanwhile, perhaps the very same key.
            if let Err(back) = slot.set(node) {
                node = back;
            } else {
                self.len.fetch_add(1, Ordering::Relaxed);
                return match slot.get() {
                    Some(node) => Made::Kept(&node.made),
                    None => unreachable!("a set OnceLock stays set"),
                };
            }
            match slot.get() {
                Some(theirs) if theirs.key == node.key => return Made::Kept(&theirs.made),
                Some(theirs) => slot = &theirs.next,
                None => unreachable!("OnceLock::set failed, so it is set"),
            }
        }
    }
}

impl<K, T> fmt::Debug for Series<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series")
            .field("len", &self.len.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// What a [`Series`] has for a key.
#[derive(Debug)]
pub(crate) enum Made<'a, T> {
    Kept(&'a T),
    Own(T),
}

impl<T> Deref for Made<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Made::Kept(made) => made,
            Made::Own(made) => made,
        }
    }
}

#[cfg(test)]
mod tests;
