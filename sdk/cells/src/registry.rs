//! All slabs and the address space they share: who owns which slab, which ranges are taken, who may collect.
//!
//! Two locks. `books` is held for a few instructions (a thread starts or ends, a range is taken or given back);
//! `collector` for a whole collection. Whoever holds `collector` may take `books`; the reverse is only tried.

use std::fmt;
use std::ptr::NonNull;

use crate::block::Retired;
use crate::collection::Lock;
use crate::owner::Owner;
use crate::range::{BlockRange, WordRange};
use crate::slab::{SLOTS_PER_CHUNK, Slab, WORDS_PER_CHUNK};
use crate::space::{Extent, Space, join};
use crate::sync::{AtomicPtr, Mutex, MutexGuard, OrderedLoad, Ordering, acquire, try_acquire};

/// How many chunks of each kind there may be: 2^29 words, 4 GiB in a thread that touches all of them.
const MAX_CHUNKS: u32 = 1 << 20;

/// The process has one, a test as many as it likes. Dropping it frees every slab.
pub struct Registry {
    /// The slab made last, from which [`Slab::older`] leads to all others. A slab is never taken out.
    newest: AtomicPtr<Slab>,
    /// Blocks that their owners replaced.
    pub(crate) retired: Retired,
    /// Held for a whole collection.
    collector: Mutex<()>,
    books: Mutex<Books>,
}

struct Books {
    words: Space,
    slots: Space,
    /// Ranges whose handles are gone, still holding values: the next collector clears them, then they are free.
    dropped: Dropped,
    /// Slabs of threads that ended, values included.
    waiting: Vec<Waiting>,
}

/// See [`Books::dropped`].
#[derive(Default)]
struct Dropped {
    words: Vec<Extent>,
    slots: Vec<Extent>,
}

impl Dropped {
    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.slots.is_empty()
    }
}

/// A slab without an owner.
struct Waiting(NonNull<Slab>);

// SAFETY: whoever takes it out of the books becomes the slab's owner, on whatever thread; the mutex around the books
// orders the old owner's stores before the new one's.
unsafe impl Send for Waiting {}

impl Registry {
    /// One without slabs and without ranges.
    #[allow(clippy::new_without_default, reason = "made once, by name")]
    pub fn new() -> Registry {
        Registry {
            newest: AtomicPtr::new(std::ptr::null_mut()),
            retired: Retired::new(),
            collector: Mutex::new(()),
            books: Mutex::new(Books {
                words: Space::new(WORDS_PER_CHUNK as u16, MAX_CHUNKS),
                slots: Space::new(SLOTS_PER_CHUNK as u16, MAX_CHUNKS),
                dropped: Dropped::default(),
                waiting: Vec::new(),
            }),
        }
    }

    /// Takes a range of `len` words; see [`Words::new`](crate::Words::new).
    pub fn words(&self, len: usize) -> Option<WordRange<'_>> {
        Some(WordRange::new(self, self.take_words(len)?))
    }

    /// The same without the handle: whoever takes it gives it to [`Registry::drop_words`].
    pub(crate) fn take_words(&self, len: usize) -> Option<Extent> {
        self.take(|books| books.words.take(len))
    }

    /// Takes a slot for a block; see [`Blocks::new`](crate::Blocks::new).
    pub fn block(&self) -> Option<BlockRange<'_>> {
        Some(BlockRange::new(self, self.take_block()?))
    }

    /// The same without the handle: whoever takes it gives it to [`Registry::drop_block`].
    pub(crate) fn take_block(&self) -> Option<Extent> {
        self.take(|books| books.slots.take(1))
    }

    /// Returns a range of words whose handle is gone, values and all.
    pub(crate) fn drop_words(&self, extent: Extent) {
        // Not cleared here: this may run inside a collection, whose lock clearing needs.
        if extent != Extent::NOWHERE {
            acquire(&self.books).dropped.words.push(extent);
        }
    }

    /// Returns a slot whose handle is gone, blocks and all.
    pub(crate) fn drop_block(&self, extent: Extent) {
        // Not cleared here: as above.
        if extent != Extent::NOWHERE {
            acquire(&self.books).dropped.slots.push(extent);
        }
    }

    /// Lets a slab wait for its next owner.
    pub(crate) fn leave(&self, slab: NonNull<Slab>) {
        acquire(&self.books).waiting.push(Waiting(slab));
    }

    /// Makes the calling thread the owner of a slab: one that waits, else a new one.
    pub fn enter(&self) -> Owner<'_> {
        let mut books = acquire(&self.books);
        let slab = match books.waiting.pop() {
            Some(Waiting(slab)) => slab,
            None => {
                // Ordered: we hold the books' mutex, as did whoever stored.
                let older = self.newest.ordered_load();
                let slab = Slab::new(older);
                // Release: pairs with the acquire in `slabs`; the collector sees the slab made.
                self.newest.store(slab.as_ptr(), Ordering::Release);
                slab
            }
        };
        drop(books);
        Owner::new(self, slab)
    }

    /// Waits for the collector's lock.
    pub fn lock(&self) -> Lock<'_> {
        Lock::new(self, acquire(&self.collector))
    }

    /// Every slab ever made, owned or waiting, the newest first.
    pub(crate) fn slabs(&self) -> impl Iterator<Item = &Slab> {
        // Acquire: pairs with the release in `enter`. Each slab was released after the one it calls older.
        let mut next = self.newest.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: null or made by `Slab::new` from a box; freed with the registry alone, which is borrowed.
            let slab = unsafe { next.as_ref() }?;
            next = slab.older;
            Some(slab)
        })
    }

    /// Frees what owners retired, clears the ranges whose handles are gone, and lets them be taken again.
    ///
    /// # Safety
    ///
    /// - No slice that was handed out by a collection is in use.
    pub(crate) unsafe fn reclaim(&self, _collector: &MutexGuard<'_, ()>) {
        // SAFETY: the guard is the collector's lock, and the caller vouches for the slices.
        unsafe { self.retired.free() };
        let mut dropped = std::mem::take(&mut acquire(&self.books).dropped);
        if dropped.is_empty() {
            return;
        }
        join(&mut dropped.words);
        join(&mut dropped.slots);
        for slab in self.slabs() {
            for extent in &dropped.words {
                slab.zero(*extent);
            }
            for extent in &dropped.slots {
                // SAFETY: we hold the lock, and the handles of these are gone: an `enter` borrows the handle, so all
                // of them returned before it was dropped, and the books' mutex lies between that drop and us.
                unsafe { slab.clear(*extent) };
            }
        }
        let mut books = acquire(&self.books);
        for extent in dropped.words {
            books.words.give_back(extent);
        }
        for extent in dropped.slots {
            books.slots.give_back(extent);
        }
    }

    /// Takes a range, of those that were dropped if nobody collects at this moment.
    fn take(&self, take: impl FnOnce(&mut Books) -> Option<Extent>) -> Option<Extent> {
        let mut books = acquire(&self.books);
        if !books.dropped.is_empty() {
            drop(books);
            if let Some(collector) = try_acquire(&self.collector) {
                // SAFETY: slices of a collection are borrowed from one that holds the lock, which is ours now.
                unsafe { self.reclaim(&collector) };
            }
            books = acquire(&self.books);
        }
        take(&mut books)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Ordered: `&mut self` says that every other use happened before.
        let mut next = self.newest.ordered_load();
        while !next.is_null() {
            // SAFETY: made by `Slab::new` from a box, in this list once; owners and collections borrow the registry,
            // so there are none.
            let slab = unsafe { Box::from_raw(next) };
            next = slab.older;
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("slabs", &self.slabs().count())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
