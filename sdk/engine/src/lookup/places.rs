//! Which series calls have, by where their texts stand.
//!
//! ```text
//! slots: │ · │call│call│ · │call│ · │ · │ · │      a power of two of them, a quarter free at least
//!              │     └─ its slot was taken: in the next free one
//!              └─ in the slot that the lowest bits of its hash name
//! ```
//!
//! A hit reads one slot, and nothing beside the slots: with thousands of calls that is one cache line instead of two.

use std::mem;
use std::sync::Arc;

use crate::pairs::Order;
use crate::series::Series;

/// How many calls of one hash there are at most: each look-up of that hash compares them all. Literals that begin at one
/// place and differ in length are few. Texts made for each call all have one hash, where the allocator gives each the
/// place of the one before.
const ALIKE: usize = 4;

/// How many slots the first call makes.
const LEAST: usize = 16;

/// Calls by their places.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// None, or a power of two; at least a quarter of them is free.
    slots: Box<[Option<Placed>]>,
    /// How many are taken.
    len: usize,
}

/// A call that gives the attributes of a series in an order.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) hash: u64,
    pub(super) order: Order,
    pub(super) series: Arc<Series>,
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The call of this hash of which `is` says that it is the one.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, is: impl Fn(&Placed) -> bool) -> Option<&Placed> {
        let mut at = hash as usize;
        loop {
            // It comes to a free slot, or there is none at all.
            let placed = self.slots.get(self.wrapped(at))?.as_ref()?;
            if placed.hash == hash && is(placed) {
                return Some(placed);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Adds a call that is not there, unless there are [`ALIKE`] of its hash.
    pub(super) fn insert(&mut self, placed: Placed) {
        if self.len >= self.slots.len() / 4 * 3 {
            let room = (2 * self.slots.len()).max(LEAST);
            let slots = mem::replace(&mut self.slots, (0..room).map(|_| None).collect());
            for placed in slots.into_iter().flatten() {
                self.put(placed);
            }
        }
        self.len += usize::from(self.put(placed));
    }

    /// Keeps those that `keep` takes.
    pub(super) fn retain(&mut self, keep: impl Fn(&Placed) -> bool) {
        if self.slots.iter().flatten().all(&keep) {
            return;
        }
        let room = self.slots.len();
        let slots = mem::replace(&mut self.slots, (0..room).map(|_| None).collect());
        self.len = 0;
        for placed in slots.into_iter().flatten().filter(keep) {
            self.len += usize::from(self.put(placed));
        }
    }

    /// Puts a call into the first free slot from its own on; there is one. Says whether it did: not if it met [`ALIKE`] of
    /// its hash on the way.
    fn put(&mut self, placed: Placed) -> bool {
        let mut at = self.wrapped(placed.hash as usize);
        let mut alike = 0;
        while let Some(there) = &self.slots[at] {
            alike += usize::from(there.hash == placed.hash);
            if alike == ALIKE {
                return false;
            }
            at = self.wrapped(at + 1);
        }
        self.slots[at] = Some(placed);
        true
    }

    #[inline(always)]
    fn wrapped(&self, at: usize) -> usize {
        at & self.slots.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests;
