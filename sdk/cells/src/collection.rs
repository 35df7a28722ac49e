//! The reading side: a collection under the collector's lock.

use std::fmt;

use crate::range::{BlockRange, WordRange};
use crate::registry::Registry;
use crate::space::Extent;
use crate::sync::MutexGuard;
use crate::word::SharedWord;

/// The collector's lock of one registry; see [`Collection`](crate::Collection).
pub struct Lock<'r> {
    registry: &'r Registry,
    held: MutexGuard<'r, ()>,
}

impl<'r> Lock<'r> {
    pub(crate) fn new(registry: &'r Registry, held: MutexGuard<'r, ()>) -> Lock<'r> {
        Lock { registry, held }
    }

    /// Calls `f` once per slab that has these words.
    pub fn each(&self, range: &WordRange<'_>, f: impl FnMut(&[SharedWord])) {
        self.each_at(range.extent, f);
    }

    /// The same by place.
    pub(crate) fn each_at(&self, extent: Extent, mut f: impl FnMut(&[SharedWord])) {
        if extent == Extent::NOWHERE {
            return;
        }
        for slab in self.registry.slabs() {
            if let Some(words) = slab.words(extent) {
                f(SharedWord::slice(words));
            }
        }
    }

    /// Calls `f` once per slab that has a block here.
    pub fn each_block(&self, range: &BlockRange<'_>, f: impl FnMut(&[SharedWord])) {
        self.each_block_at(range.extent, f);
    }

    /// The same by place.
    pub(crate) fn each_block_at(&self, extent: Extent, mut f: impl FnMut(&[SharedWord])) {
        if extent == Extent::NOWHERE {
            return;
        }
        for slab in self.registry.slabs() {
            for slot in slab.slots(extent).unwrap_or_default() {
                // SAFETY: we hold the lock, and borrow it until `f` returns.
                if let Some(words) = unsafe { slot.read() } {
                    f(words);
                }
            }
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // SAFETY: slices are handed out while `self` is borrowed, so none is left.
        unsafe { self.registry.reclaim(&self.held) };
    }
}

impl fmt::Debug for Lock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}
