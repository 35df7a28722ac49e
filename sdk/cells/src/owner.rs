//! The writing side: a thread's right to one slab.

use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::block::{OwnBlock, Slot};
use crate::range::{BlockRange, WordRange};
use crate::registry::Registry;
use crate::slab::{Local, Slab};
use crate::space::Extent;
use crate::sync::AtomicU64;
use crate::word::OwnWord;

/// The right to write to one slab, held by one thread from its first measurement to its end. Dropping it lets the slab
/// wait, values included, for the next thread; nothing is folded, since only a collector ever sums.
///
/// Invariant: of all owners, one alone has this slab.
pub struct Owner<'r> {
    registry: &'r Registry,
    slab: NonNull<Slab>,
    /// The view on this slab.
    local: Local,
    /// Takes `Send` and `Sync` away.
    here: PhantomData<*mut ()>,
}

impl<'r> Owner<'r> {
    /// The caller just took `slab` out of the registry's books, or made it.
    pub(crate) fn new(registry: &'r Registry, slab: NonNull<Slab>) -> Owner<'r> {
        Owner {
            registry,
            slab,
            local: Local::empty(),
            here: PhantomData,
        }
    }

    /// Runs `f` on this thread's words of `range`; `None` if the range is another registry's.
    pub fn with<R>(&self, range: &WordRange<'_>, f: impl FnOnce(&[OwnWord]) -> R) -> Option<R> {
        if !ptr::eq(self.registry, range.registry) {
            return None;
        }
        // SAFETY: the slab is freed with the registry alone, which is borrowed.
        let words = match unsafe { self.local.words(&range.extent) } {
            Some(words) => words,
            None => self.touch_words(range.extent)?,
        };
        // SAFETY: an owner is neither `Send` nor `Sync`, and has the slab alone.
        Some(f(unsafe { OwnWord::slice(words) }))
    }

    /// Runs `f` on this thread's block of `range`; `None` from inside another call on the same range, and if the range
    /// is another registry's.
    pub fn with_block<R>(
        &self,
        range: &BlockRange<'_>,
        f: impl FnOnce(&mut OwnBlock<'_>) -> R,
    ) -> Option<R> {
        if !ptr::eq(self.registry, range.registry) {
            return None;
        }
        // SAFETY: the slab is freed with the registry alone, which is borrowed.
        let slot = match unsafe { self.local.slot(&range.extent) } {
            Some(slot) => slot,
            None => self.touch_slot(range.extent)?,
        };
        // SAFETY: an owner is neither `Send` nor `Sync`, and has the slab alone; the range is borrowed meanwhile, and
        // it is this registry's.
        unsafe { slot.enter(&self.registry.retired, f) }
    }

    /// Makes the chunk of these words; `None` for a range without words.
    pub(crate) fn touch_words(&self, extent: Extent) -> Option<&'r [AtomicU64]> {
        // SAFETY: this thread owns the slab, and `local` views it.
        let touch = || unsafe { self.local.touch_words(self.slab(), extent) };
        (extent != Extent::NOWHERE).then(touch)
    }

    /// Makes the chunk of this slot; `None` for a range without a slot.
    pub(crate) fn touch_slot(&self, extent: Extent) -> Option<&'r Slot> {
        // SAFETY: this thread owns the slab, and `local` views it.
        let touch = || unsafe { self.local.touch_slot(self.slab(), extent) };
        (extent != Extent::NOWHERE).then(touch)
    }

    /// The view on this slab, as it is now.
    pub(crate) fn local(&self) -> &Local {
        &self.local
    }

    fn slab(&self) -> &'r Slab {
        // SAFETY: made by `Slab::new` from a box; freed with the registry alone, which is borrowed.
        unsafe { self.slab.as_ref() }
    }
}

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        self.registry.leave(self.slab);
    }
}

impl fmt::Debug for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").finish_non_exhaustive()
    }
}
