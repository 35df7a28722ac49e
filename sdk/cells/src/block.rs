//! Arrays of words that their owner replaces and the collector frees.
//!
//! ```text
//!           owner: publishes a new block (release)        collector: reads it (acquire), under its lock
//! Slot.current ──► Block (new)
//!                  Block (old) ◄── Retired list ◄── owner pushes (release); collector takes all (acquire) and frees
//! ```
//!
//! The owner never frees, because a collector may be reading the old block; the collector frees at the end of a
//! collection, when nobody reads.

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Life, OrderedLoad, Ordering};
use crate::word::{OnWords, OwnWord, SharedWord};

/// One array. Its length never changes.
pub(crate) struct Block {
    words: Box<[AtomicU64]>,
    life: Life,
    /// The next retired block; meaningful in the retired list alone.
    next: AtomicPtr<Block>,
}

impl Block {
    fn new(len: usize) -> Box<Block> {
        Box::new(Block {
            words: (0..len).map(|_| AtomicU64::new(0)).collect(),
            life: Life::default(),
            next: AtomicPtr::new(ptr::null_mut()),
        })
    }
}

/// The place of one thread's block.
pub(crate) struct Slot {
    /// Null until the owner's first replacement. The slot owns it. Written by the owner, and by the collector once the
    /// handle is gone.
    current: AtomicPtr<Block>,
    /// Whether the owner is inside [`Slot::enter`] or [`Slot::enter_words`]. Touched by the owner alone.
    entered: AtomicBool,
}

/// The owner is inside of a slot; no longer once this is dropped, also by a panic.
struct Inside<'a>(&'a AtomicBool);

impl Drop for Inside<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Default for Slot {
    fn default() -> Slot {
        Slot {
            current: AtomicPtr::new(ptr::null_mut()),
            entered: AtomicBool::new(false),
        }
    }
}

impl Slot {
    /// Runs `f` on the owner's side; `None` from inside another call on the same slot, whose words a replacement
    /// would pull away.
    ///
    /// # Safety
    ///
    /// - The calling thread owns the slab of this slot and keeps it while `f` runs.
    /// - The handle of the slot lives while `f` runs.
    /// - The collections of the slab's registry are those that free what is pushed on `retired`.
    #[inline]
    pub(crate) unsafe fn enter<R>(
        &self,
        retired: &Retired,
        f: impl FnOnce(&mut OwnBlock<'_>) -> R,
    ) -> Option<R> {
        let _inside = self.go_inside()?;
        Some(f(&mut OwnBlock {
            slot: self,
            retired,
            here: PhantomData,
        }))
    }

    /// Runs `f` on the words of the current block; `None` where there is none, and from inside another call on the same
    /// slot.
    ///
    /// # Safety
    ///
    /// - As [`Slot::enter`], but for the collections.
    #[inline(always)]
    pub(crate) unsafe fn enter_words<F: OnWords>(&self, f: F) -> Option<F::Output> {
        let _inside = self.go_inside()?;
        // SAFETY: `_inside` keeps every `OwnBlock` of the slot away, so that nothing replaces the block meanwhile; the
        // rest is passed on to the caller.
        Some(f.run(unsafe { self.own() }?))
    }

    /// The owner's way in, for one at a time.
    #[inline(always)]
    fn go_inside(&self) -> Option<Inside<'_>> {
        // Ordered, and relaxed here and in `Inside`: no other thread looks at it.
        if self.entered.ordered_load() {
            return None;
        }
        self.entered.store(true, Ordering::Relaxed);
        Some(Inside(&self.entered))
    }

    /// The words of the current block, for the owner.
    ///
    /// # Safety
    ///
    /// - The calling thread owns the slab of this slot, and is inside; nobody replaces the block for as long as the slice
    ///   is used.
    /// - The handle of the slot lives for as long.
    #[inline(always)]
    unsafe fn own(&self) -> Option<&[OwnWord]> {
        // Ordered: the owner wrote it, or an owner before it, or the collector when it cleared the slot of an earlier
        // handle, with the registry's mutex in between.
        let block = self.current.ordered_load();
        // SAFETY: null or from a box. It leaves the slot by a replacement, which the caller excludes, or by `clear`, when
        // the handle is gone.
        let block = unsafe { block.as_ref() }?;
        block.life.read();
        // SAFETY: the caller owns the slab.
        Some(unsafe { OwnWord::slice(&block.words) })
    }

    /// The words of the current block, for the collector.
    ///
    /// # Safety
    ///
    /// - The calling thread holds the collector's lock for as long as the slice is used: nothing is freed meanwhile.
    pub(crate) unsafe fn read(&self) -> Option<&[SharedWord]> {
        // Acquire: pairs with the release in `OwnBlock::replace`; the words are seen made and filled.
        let block = self.current.load(Ordering::Acquire);
        // SAFETY: null or from a box. If it was retired in between, it is freed by a collector, that is by the caller,
        // later.
        let block = unsafe { block.as_ref() }?;
        block.life.read();
        Some(SharedWord::slice(&block.words))
    }

    /// Frees the block.
    ///
    /// # Safety
    ///
    /// - The calling thread holds the collector's lock, and no slice of [`Slot::read`] is in use.
    /// - The slot's handle is gone: no owner is inside `enter`, and the last one's stores happened before.
    pub(crate) unsafe fn clear(&self) {
        // Relaxed: the owner's last stores, and the next owner's first, are ordered by the registry's mutex.
        let block = self.current.swap(ptr::null_mut(), Ordering::Relaxed);
        if !block.is_null() {
            // SAFETY: from a box; taken out of the slot, its only home, so it is freed once. Nobody reads it.
            drop(unsafe { Box::from_raw(block) });
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: no owner, no collector.
        unsafe { self.clear() };
    }
}

/// A thread's own block inside [`Blocks::with`](crate::Blocks::with): there may be none yet.
///
/// ```
/// use throughline_cells::{Blocks, OwnBlock};
///
/// /// Doubles the number of words; what each held goes to the one of twice its index.
/// fn grow(block: &mut OwnBlock<'_>) {
///     let len = block.words().map_or(1, |words| words.len() * 2);
///     block.replace(len, |new, old| {
///         for (i, word) in old.unwrap_or_default().iter().enumerate() {
///             new[i * 2].set(word.get());
///         }
///     });
/// }
///
/// let scores = Blocks::new().unwrap();
/// scores.with(|block| {
///     grow(block); // there was none
///     grow(block);
///     assert_eq!(block.words().map(<[_]>::len), Some(2));
/// });
/// ```
pub struct OwnBlock<'a> {
    slot: &'a Slot,
    retired: &'a Retired,
    /// Takes `Send` and `Sync` away.
    here: PhantomData<*mut ()>,
}

impl OwnBlock<'_> {
    /// The words, `None` before the first [`OwnBlock::replace`] on this slab.
    #[inline]
    pub fn words(&self) -> Option<&[OwnWord]> {
        // SAFETY: an `OwnBlock` exists only on the thread that owns the slab, inside `enter`, and alone. The block leaves the
        // slot by `replace` alone, which wants `&mut self` and so waits for this borrow to end.
        unsafe { self.slot.own() }
    }

    /// Puts a new array of `len` words, all 0, in place of the old one. `fill` writes the new words, from the old ones
    /// if there were any; then a collection sees either the old array or the filled new one.
    ///
    /// If `fill` panics, the old array stays.
    #[cold]
    pub fn replace(&mut self, len: usize, fill: impl FnOnce(&[OwnWord], Option<&[OwnWord]>)) {
        let new = Block::new(len);
        // SAFETY: nobody else knows the new block.
        fill(unsafe { OwnWord::slice(&new.words) }, self.words());
        // Ordered: as in `words`.
        let old = self.slot.current.ordered_load();
        // Release: pairs with the acquire in `Slot::read`.
        self.slot
            .current
            .store(Box::into_raw(new), Ordering::Release);
        if !old.is_null() {
            // SAFETY: from a box, just taken out of its slot, and `&mut self` says that no slice of it is in use here.
            unsafe { self.retired.push(old) };
        }
    }
}

impl fmt::Debug for OwnBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnBlock")
            .field("words", &self.words())
            .finish()
    }
}

/// Blocks that were replaced and wait to be freed: owners push, the collector takes all at once.
pub(crate) struct Retired {
    newest: AtomicPtr<Block>,
}

impl Retired {
    pub(crate) fn new() -> Retired {
        Retired {
            newest: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Hands `block` to the collector.
    ///
    /// # Safety
    ///
    /// - `block` is from a box, in no slot and no list, and its owner is done with it.
    unsafe fn push(&self, block: *mut Block) {
        // A guess: most often the list is empty.
        let mut newest = ptr::null_mut();
        loop {
            // SAFETY: from a box, and not freed before it is in the list. A collector may be reading its words, so it
            // is only borrowed.
            unsafe { &*block }.next.store(newest, Ordering::Relaxed);
            // Release: pairs with the acquire in `free`; the collector sees `next`, and that the slot holds another
            // block. Being read-modify-writes, pushes of several owners form one release sequence.
            match self
                .newest
                .compare_exchange(newest, block, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(other) => newest = other,
            }
        }
    }

    /// Frees all that was handed over.
    ///
    /// # Safety
    ///
    /// - The calling thread holds the collector's lock, and no slice of [`Slot::read`] is in use.
    pub(crate) unsafe fn free(&self) {
        // Acquire: pairs with the release in `push`. Afterwards no collector finds one of these in its slot.
        let mut next = self.newest.swap(ptr::null_mut(), Ordering::Acquire);
        while !next.is_null() {
            // SAFETY: from a box, in this list once, and the list is ours. The slot has held another block since before
            // the push, so neither owner nor collector can reach it.
            let block = unsafe { Box::from_raw(next) };
            next = block.next.ordered_load();
        }
    }
}

#[cfg(all(test, not(loom)))]
impl Retired {
    /// How many wait. For tests on one thread.
    pub(crate) fn len(&self) -> usize {
        let mut next = self.newest.ordered_load();
        let mut len = 0;
        // SAFETY: blocks in the list are freed by a collector, and the test does not run one meanwhile.
        while let Some(block) = unsafe { next.as_ref() } {
            len += 1;
            next = block.next.ordered_load();
        }
        len
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: no owner, no collector.
        unsafe { self.free() };
    }
}
