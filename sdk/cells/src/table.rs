//! A growing array of cells that never move: a directory of chunks.
//!
//! ```text
//! Table.directory ──► Directory (8 entries) ──smaller──► Directory (4 entries), kept for a collector that reads it
//!                      │0│1│2│ … │
//!                       │   └────► Chunk: N cells, aligned to two cache lines, allocated by the owner when touched
//!                       └────────► Chunk
//! ```
//!
//! One thread, the owner, adds chunks and directories; collectors only read. Chunks and directories live until the
//! table is dropped, so a reference into one is good for as long as the table is borrowed.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use crate::sync::{AtomicPtr, OrderedLoad, Ordering};

/// `N` cells in one piece. Two cache lines of alignment, since processors fetch lines in pairs: a chunk of one thread
/// shares none with a chunk of another.
#[repr(align(128))]
pub(crate) struct Chunk<T, const N: usize> {
    cells: [T; N],
}

impl<T, const N: usize> Chunk<T, N> {
    /// The `len` cells from `start`.
    ///
    /// # Safety
    ///
    /// - `start + len <= N`.
    #[inline]
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &[T] {
        debug_assert!(start + len <= N);
        // SAFETY: in bounds, as the caller promises.
        unsafe { self.cells.get_unchecked(start..start + len) }
    }
}

/// An entry of a directory: null until the owner touches the chunk, then never changed.
type Entry<T, const N: usize> = AtomicPtr<Chunk<T, N>>;

/// An array of entries that does not grow; the table replaces it by a larger copy.
struct Directory<T, const N: usize> {
    entries: Box<[Entry<T, N>]>,
    /// The one before, null for the first. Its entries are copies: it owns no chunk.
    smaller: *mut Directory<T, N>,
}

/// The cells of one slab, of one kind.
pub(crate) struct Table<T, const N: usize> {
    /// The newest directory, null before the first touch. Written by the owner alone.
    directory: AtomicPtr<Directory<T, N>>,
    /// It owns chunks of `T`.
    owns: PhantomData<Chunk<T, N>>,
}

impl<T: Default, const N: usize> Table<T, N> {
    pub(crate) fn new() -> Table<T, N> {
        Table {
            directory: AtomicPtr::new(ptr::null_mut()),
            owns: PhantomData,
        }
    }

    /// The chunk, if its owner ever touched it. For the collector.
    pub(crate) fn chunk(&self, index: u32) -> Option<&Chunk<T, N>> {
        // Acquire: pairs with the release in `grow`.
        let directory = self.directory.load(Ordering::Acquire);
        // SAFETY: null or made by `grow` from a box, released before it was visible, and not freed while the table
        // is borrowed.
        let directory = unsafe { directory.as_ref() }?;
        // Acquire: pairs with the release in `touch` (or, for an entry that was copied, in `grow`).
        let chunk = directory
            .entries
            .get(index as usize)?
            .load(Ordering::Acquire);
        // SAFETY: null or made by `touch` from a box, and not freed while the table is borrowed.
        unsafe { chunk.as_ref() }
    }

    /// Makes the chunk if there is none yet, and refreshes the owner's view.
    ///
    /// # Safety
    ///
    /// - The calling thread owns the slab that this table belongs to, and no other thread calls this.
    pub(crate) unsafe fn touch(&self, index: u32, view: &View<T, N>) -> &Chunk<T, N> {
        let index = index as usize;
        // Ordered: the owner wrote it, or an owner before it, with the registry's mutex in between.
        let mut directory = self.directory.ordered_load();
        // SAFETY: null or made by `grow`, and not freed while the table is borrowed.
        if unsafe { directory.as_ref() }.is_none_or(|d| d.entries.len() <= index) {
            directory = self.grow(directory, index + 1);
        }
        // SAFETY: not null: it has more than `index` entries. Not freed while the table is borrowed.
        let entries = unsafe { &(*directory).entries };
        view.entries.set(entries.as_ptr());
        view.len.set(entries.len());
        let entry = &entries[index];
        // Ordered: as above.
        let mut chunk = entry.ordered_load();
        if chunk.is_null() {
            chunk = Box::into_raw(Box::new(Chunk {
                cells: std::array::from_fn(|_| T::default()),
            }));
            // Release: pairs with the acquire of the entry in `chunk`; the collector sees the cells made.
            entry.store(chunk, Ordering::Release);
        }
        // SAFETY: made by `touch` from a box, and not freed while the table is borrowed.
        unsafe { &*chunk }
    }

    /// Publishes a larger copy of `old` with room for `wanted` entries. The old one is kept: a collector may be
    /// reading it.
    fn grow(&self, old: *mut Directory<T, N>, wanted: usize) -> *mut Directory<T, N> {
        // SAFETY: null or made by an earlier call, and not freed while the table is borrowed.
        let copied = unsafe { old.as_ref() }.map_or(&[][..], |old| &old.entries);
        let entries = (0..wanted.next_power_of_two())
            .map(|index| {
                // Ordered: written by owners alone. The release below publishes the copy.
                let chunk = copied.get(index).map(OrderedLoad::ordered_load);
                AtomicPtr::new(chunk.unwrap_or(ptr::null_mut()))
            })
            .collect();
        let larger = Box::into_raw(Box::new(Directory {
            entries,
            smaller: old,
        }));
        // Release: pairs with the acquire of the directory in `chunk`; the collector sees the entries, and the chunks
        // behind those that were copied.
        self.directory.store(larger, Ordering::Release);
        larger
    }
}

impl<T, const N: usize> Drop for Table<T, N> {
    fn drop(&mut self) {
        let mut newest = true;
        // Ordered: `&mut self` says that every other use happened before. So below.
        let mut next = self.directory.ordered_load();
        while !next.is_null() {
            // SAFETY: made by `grow` from a box, in this list once, and nobody borrows the table any more.
            let directory = unsafe { Box::from_raw(next) };
            for entry in directory.entries.iter().filter(|_| newest) {
                let chunk = entry.ordered_load();
                if !chunk.is_null() {
                    // SAFETY: made by `touch` from a box. The newest directory names every chunk, once, and only its
                    // entries are freed.
                    drop(unsafe { Box::from_raw(chunk) });
                }
            }
            newest = false;
            next = directory.smaller;
        }
    }
}

/// What the owner keeps at hand: the entries of its newest directory. Empty until the first touch.
///
/// Invariant: `entries` points to `len` entries of a directory of the owner's own slab.
pub(crate) struct View<T, const N: usize> {
    entries: Cell<*const Entry<T, N>>,
    len: Cell<usize>,
}

impl<T, const N: usize> View<T, N> {
    pub(crate) const fn empty() -> View<T, N> {
        View {
            entries: Cell::new(ptr::null()),
            len: Cell::new(0),
        }
    }

    /// Becomes a copy of `other`.
    pub(crate) fn copy(&self, other: &View<T, N>) {
        self.entries.set(other.entries.get());
        self.len.set(other.len.get());
    }

    /// The chunk, if this view knows that it was touched.
    ///
    /// # Safety
    ///
    /// - The slab that the view was filled from has not been freed, and is not during `'s`.
    #[inline]
    pub(crate) unsafe fn chunk<'s>(&self, index: u32) -> Option<&'s Chunk<T, N>> {
        let index = index as usize;
        if index >= self.len.get() {
            return None;
        }
        // SAFETY: `index < len`, the number of entries that the pointer leads to.
        let entry = unsafe { self.entries.get().add(index) };
        // SAFETY: in bounds, and directories are kept until the slab is freed.
        let entry = unsafe { &*entry };
        // Ordered: written by owners of the slab alone, see `touch`.
        let chunk = entry.ordered_load();
        // SAFETY: null or made by `touch` from a box, and kept until the slab is freed.
        unsafe { chunk.as_ref() }
    }
}
