//! What one thread owns: its words and its slots, at the addresses that all slabs share.

use std::ptr::NonNull;

use crate::block::Slot;
use crate::space::Extent;
use crate::sync::{AtomicU64, Ordering};
use crate::table::{Table, View};

/// 4 KiB, the most that one first touch costs a thread in memory, and the longest range.
pub(crate) const WORDS_PER_CHUNK: usize = if cfg!(loom) { 2 } else { 512 };

/// Slots are rarer than words, so their chunks are smaller.
pub(crate) const SLOTS_PER_CHUNK: usize = if cfg!(loom) { 2 } else { 32 };

/// One thread's cells. Made by the first thread that owns it (so the memory is near that thread), never freed while
/// its registry lives.
pub(crate) struct Slab {
    pub(crate) words: Table<AtomicU64, WORDS_PER_CHUNK>,
    pub(crate) slots: Table<Slot, SLOTS_PER_CHUNK>,
    /// The slab made before this one; null for the first. Never changed.
    pub(crate) older: *mut Slab,
}

impl Slab {
    /// One without cells, on the heap. Whoever frees it makes it a box again.
    pub(crate) fn new(older: *mut Slab) -> NonNull<Slab> {
        NonNull::from(Box::leak(Box::new(Slab {
            words: Table::new(),
            slots: Table::new(),
            older,
        })))
    }

    /// The words of a range, if this slab has them.
    pub(crate) fn words(&self, extent: Extent) -> Option<&[AtomicU64]> {
        let chunk = self.words.chunk(extent.chunk)?;
        // SAFETY: an extent of the words' space lies inside a chunk.
        Some(unsafe { chunk.slice(extent.start.into(), extent.len.into()) })
    }

    /// The slots of a range, if this slab has them.
    pub(crate) fn slots(&self, extent: Extent) -> Option<&[Slot]> {
        let chunk = self.slots.chunk(extent.chunk)?;
        // SAFETY: an extent of the slots' space lies inside a chunk.
        Some(unsafe { chunk.slice(extent.start.into(), extent.len.into()) })
    }

    /// Zeroes a range that has no handle any more.
    pub(crate) fn zero(&self, extent: Extent) {
        for word in self.words(extent).unwrap_or_default() {
            // Relaxed: the owner's last stores, and the next owner's first loads, are ordered by the registry's mutex.
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Frees the blocks of slots that have no handle any more.
    ///
    /// # Safety
    ///
    /// - As [`Slot::clear`].
    pub(crate) unsafe fn clear(&self, extent: Extent) {
        for slot in self.slots(extent).unwrap_or_default() {
            // SAFETY: passed on to the caller.
            unsafe { slot.clear() };
        }
    }
}

/// What the owner of a slab keeps at hand, two directories: so that a look-up does not go through the slab.
pub(crate) struct Local {
    words: View<AtomicU64, WORDS_PER_CHUNK>,
    slots: View<Slot, SLOTS_PER_CHUNK>,
}

impl Local {
    /// Of no slab.
    pub(crate) const fn empty() -> Local {
        Local {
            words: View::empty(),
            slots: View::empty(),
        }
    }

    /// Becomes a copy of `other`.
    pub(crate) fn copy(&self, other: &Local) {
        self.words.copy(&other.words);
        self.slots.copy(&other.slots);
    }

    /// The words of a range, if this thread touched their chunk before.
    ///
    /// The extent comes by reference: by value its three fields would be loaded as one and taken apart again.
    ///
    /// # Safety
    ///
    /// - The slab has not been freed, and is not for as long as the words are used.
    #[inline(always)]
    pub(crate) unsafe fn words<'s>(&self, extent: &Extent) -> Option<&'s [AtomicU64]> {
        // SAFETY: passed on to the caller.
        let chunk = unsafe { self.words.chunk(extent.chunk) }?;
        // SAFETY: an extent of the words' space lies inside a chunk.
        Some(unsafe { chunk.slice(extent.start.into(), extent.len.into()) })
    }

    /// The slot of a range of one, if this thread touched its chunk before.
    ///
    /// # Safety
    ///
    /// - The slab has not been freed, and is not for as long as the slot is used.
    #[inline(always)]
    pub(crate) unsafe fn slot<'s>(&self, extent: &Extent) -> Option<&'s Slot> {
        // SAFETY: passed on to the caller.
        let chunk = unsafe { self.slots.chunk(extent.chunk) }?;
        // SAFETY: an extent of the slots' space lies inside a chunk.
        unsafe { chunk.slice(extent.start.into(), 1) }.first()
    }

    /// Makes the chunk of these words in `slab`.
    ///
    /// # Safety
    ///
    /// - The calling thread owns `slab`, and this is its view.
    pub(crate) unsafe fn touch_words<'s>(&self, slab: &'s Slab, extent: Extent) -> &'s [AtomicU64] {
        // SAFETY: passed on to the caller.
        let chunk = unsafe { slab.words.touch(extent.chunk, &self.words) };
        // SAFETY: an extent of the words' space lies inside a chunk.
        unsafe { chunk.slice(extent.start.into(), extent.len.into()) }
    }

    /// Makes the chunk of this slot in `slab`.
    ///
    /// # Safety
    ///
    /// - The calling thread owns `slab`, and this is its view.
    pub(crate) unsafe fn touch_slot<'s>(&self, slab: &'s Slab, extent: Extent) -> &'s Slot {
        // SAFETY: passed on to the caller.
        let chunk = unsafe { slab.slots.touch(extent.chunk, &self.slots) };
        // SAFETY: an extent of the slots' space lies inside a chunk, and has one slot.
        unsafe { &chunk.slice(extent.start.into(), 1)[0] }
    }
}
