//! The process-wide registry, and each thread's place in it: what users of this crate call.
//!
//! Two thread-locals. `LOCAL` has no destructor and a constant initial value, so a look-up is an address and no branch;
//! `GUARD` has the destructor, is registered at a thread's first touch, and is never looked at by the hot path. When
//! `GUARD` is gone, `LOCAL` is empty again, and the slow path that follows finds out.

use std::cell::OnceCell;
use std::fmt;
use std::sync::LazyLock;

use crate::block::{OwnBlock, Slot};
use crate::collection::Lock;
use crate::owner::Owner;
use crate::registry::Registry;
use crate::slab::Local;
use crate::space::Extent;
use crate::sync::AtomicU64;
use crate::word::{OnWords, OwnWord, SharedWord};

/// Never dropped: a thread may outlive `main`.
static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

thread_local! {
    /// A view on the slab in `GUARD`; empty before the first touch and when the slab was given back.
    static LOCAL: Local = const { Local::empty() };
    /// This thread's slab.
    static GUARD: Guard = const { Guard(OnceCell::new()) };
}

struct Guard(OnceCell<Owner<'static>>);

impl Drop for Guard {
    fn drop(&mut self) {
        // First the view, then (by dropping the owner) the slab.
        let _ = LOCAL.try_with(|local| local.copy(&Local::empty()));
    }
}

/// This thread's owner; `None` once the thread has given its slab back.
fn with_owner<R>(f: impl FnOnce(&Owner<'static>) -> R) -> Option<R> {
    GUARD
        .try_with(|Guard(owner)| {
            let owner = owner.get_or_init(|| REGISTRY.enter());
            let result = f(owner);
            LOCAL.try_with(|local| local.copy(owner.local())).ok()?;
            Some(result)
        })
        .ok()?
}

/// A range of words, the same in every thread's slab, all 0 at first. Dropping it frees the range: the values are
/// gone, and a later range may take the place.
///
/// ```
/// use throughline_cells::{Words, lock};
///
/// let hits = Words::new(1).unwrap();
/// assert_eq!(hits.len(), 1);
/// std::thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| hits.with(|words| words[0].add(1)));
///     }
/// });
/// let mut total = 0;
/// lock().each(&hits, |words| total += words[0].load());
/// assert_eq!(total, 4);
/// ```
pub struct Words(Extent);

impl Words {
    /// Takes `len` words, 1 to [`Words::MAX_LEN`]. `None` for any other length, and when the address space of 2^29
    /// words is full.
    pub fn new(len: usize) -> Option<Words> {
        REGISTRY.take_words(len).map(Words)
    }

    /// A range without words, on which [`Words::with`] returns `None` always. Whoever may have none keeps this in place
    /// of an `Option`: the hot path then finds out by the test that it makes anyway.
    ///
    /// ```
    /// use throughline_cells::Words;
    ///
    /// let none = Words::none();
    /// assert_eq!(none.len(), 0);
    /// assert_eq!(none.with(|_| ()), None);
    /// ```
    pub fn none() -> Words {
        Words(Extent::NOWHERE)
    }

    /// The longest range: what a chunk holds, since a range never straddles two.
    ///
    /// ```
    /// use throughline_cells::Words;
    ///
    /// assert!(Words::new(Words::MAX_LEN).is_some());
    /// assert!(Words::new(Words::MAX_LEN + 1).is_none());
    /// ```
    pub const MAX_LEN: usize = crate::slab::WORDS_PER_CHUNK;

    /// How many words.
    #[allow(clippy::len_without_is_empty, reason = "only `Words::none` is empty")]
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len.into()
    }

    /// Runs `f` on this thread's words, `len` of them. `None`, without running `f`, once this thread has given its
    /// slab back: late in its end, inside the destructor of another thread-local.
    ///
    /// `f` may call `with` on this or another range. Not to be called from a global allocator or a signal handler.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(&[OwnWord]) -> R) -> Option<R> {
        // SAFETY: slabs of the process-wide registry are never freed.
        let words = match LOCAL.try_with(|local| unsafe { local.words(&self.0) }) {
            Ok(Some(words)) => words,
            _ => touch_words(self.0)?,
        };
        // SAFETY: this thread owns the slab that `LOCAL` views, and gives it back when it ends, not inside `f`.
        Some(f(unsafe { OwnWord::slice(words) }))
    }

    /// The same for who touched these words before (or words near them), `None` for who did not: then it is
    /// [`Words::with`] that is wanted.
    ///
    /// It calls nothing but `f`, and a method, unlike a closure, can be `#[inline(always)]`: so that a function that ends
    /// in a call of another on `None` needs no stack.
    ///
    /// ```
    /// use throughline_cells::{OnWords, OwnWord, Words};
    ///
    /// struct Add(u64);
    ///
    /// impl OnWords for Add {
    ///     type Output = ();
    ///
    ///     #[inline(always)]
    ///     fn run(self, words: &[OwnWord]) {
    ///         words[0].add(self.0);
    ///     }
    /// }
    ///
    /// let hits = Words::new(Words::MAX_LEN).unwrap();
    /// assert_eq!(hits.with_touched(Add(2)), None);
    /// assert_eq!(hits.with(|words| Add(2).run(words)), Some(()));
    /// assert_eq!(hits.with_touched(Add(3)), Some(()));
    /// assert_eq!(hits.with(|words| words[0].get()), Some(5));
    /// ```
    #[inline(always)]
    pub fn with_touched<F: OnWords>(&self, f: F) -> Option<F::Output> {
        // SAFETY: slabs of the process-wide registry are never freed.
        let words = LOCAL.try_with(|local| unsafe { local.words(&self.0) });
        // SAFETY: as in `with`.
        Some(f.run(unsafe { OwnWord::slice(words.ok()??) }))
    }
}

#[cold]
#[inline(never)]
fn touch_words(extent: Extent) -> Option<&'static [AtomicU64]> {
    with_owner(|owner| owner.touch_words(extent))?
}

impl Drop for Words {
    fn drop(&mut self) {
        REGISTRY.drop_words(self.0);
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Per thread one array of words that its owner may replace by another, of another length. Dropping the handle frees
/// the arrays of all threads.
///
/// ```
/// use throughline_cells::{Blocks, lock};
///
/// let scores = Blocks::new().unwrap();
/// scores.with(|block| {
///     block.replace(2, |new, old| {
///         assert!(old.is_none());
///         new[1].set(5);
///     });
///     // Twice the resolution: what was in word 1 goes to word 3.
///     block.replace(4, |new, old| new[3].set(old.map_or(0, |old| old[1].get())));
///     assert_eq!(block.words().map(|words| words[3].get()), Some(5));
/// });
/// let mut seen = vec![];
/// lock().each_block(&scores, |words| seen.push(words.len()));
/// assert_eq!(seen, [4]);
/// ```
pub struct Blocks(Extent);

impl Blocks {
    /// Takes a place for one array per thread. `None` when the address space of 2^25 places is full.
    pub fn new() -> Option<Blocks> {
        REGISTRY.take_block().map(Blocks)
    }

    /// A place for no array, on which [`Blocks::with`] returns `None` always: as [`Words::none`].
    ///
    /// ```
    /// use throughline_cells::Blocks;
    ///
    /// assert_eq!(Blocks::none().with(|_| ()), None);
    /// ```
    pub fn none() -> Blocks {
        Blocks(Extent::NOWHERE)
    }

    /// Runs `f` on this thread's array. `None`, without running `f`, where [`Words::with`] says so, and from inside
    /// another `with` on the same handle, whose words a replacement would pull away.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(&mut OwnBlock<'_>) -> R) -> Option<R> {
        // SAFETY: slabs of the process-wide registry are never freed.
        let slot = match LOCAL.try_with(|local| unsafe { local.slot(&self.0) }) {
            Ok(Some(slot)) => slot,
            _ => touch_slot(self.0)?,
        };
        // SAFETY: this thread owns the slab that `LOCAL` views, and gives it back when it ends, not inside `f`; the
        // handle is borrowed; there is one process-wide registry.
        unsafe { slot.enter(&REGISTRY.retired, f) }
    }

    /// Runs `f` on the words of this thread's array, for who has one; `None` for who has none, and where [`Blocks::with`]
    /// says so. As short as [`Words::with_touched`].
    ///
    /// ```
    /// use throughline_cells::{Blocks, OnWords, OwnWord};
    ///
    /// struct First;
    ///
    /// impl OnWords for First {
    ///     type Output = u64;
    ///
    ///     fn run(self, words: &[OwnWord]) -> u64 {
    ///         words[0].get()
    ///     }
    /// }
    ///
    /// let scores = Blocks::new().unwrap();
    /// assert_eq!(scores.with_touched(First), None);
    /// scores.with(|block| block.replace(1, |new, _| new[0].set(5)));
    /// assert_eq!(scores.with_touched(First), Some(5));
    /// ```
    #[inline(always)]
    pub fn with_touched<F: OnWords>(&self, f: F) -> Option<F::Output> {
        // SAFETY: slabs of the process-wide registry are never freed.
        let slot = LOCAL.try_with(|local| unsafe { local.slot(&self.0) });
        // SAFETY: as in `with`.
        unsafe { slot.ok()??.enter_words(f) }
    }
}

#[cold]
#[inline(never)]
fn touch_slot(extent: Extent) -> Option<&'static Slot> {
    with_owner(|owner| owner.touch_slot(extent))?
}

impl Drop for Blocks {
    fn drop(&mut self) {
        REGISTRY.drop_block(self.0);
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks").finish_non_exhaustive()
    }
}

/// A collection: one at a time in the process. At its end it frees what was replaced or dropped meanwhile.
///
/// Writers never wait for it. Handles may be made and dropped while it is held, on any thread.
///
/// ```
/// use throughline_cells::{Blocks, Words, lock};
///
/// let (hits, scores) = (Words::new(1).unwrap(), Blocks::new().unwrap());
/// hits.with(|words| words[0].add(2));
/// scores.with(|block| block.replace(1, |new, _old| new[0].set(7)));
///
/// let collection = lock();
/// let (mut hit, mut scored) = (0, 0);
/// collection.each(&hits, |words| hit += words[0].load());
/// collection.each_block(&scores, |words| scored += words[0].load());
/// drop(collection);
/// assert_eq!((hit, scored), (2, 7));
/// ```
#[must_use = "dropping it ends the collection"]
#[derive(Debug)]
pub struct Collection(Lock<'static>);

/// Begins a collection; waits for another thread's to end.
///
/// A thread that holds one must not ask for a second: it would wait for itself.
///
/// ```
/// use throughline_cells::{Words, lock};
///
/// let hits = Words::new(1).unwrap();
/// let collection = lock();
/// // Another thread measures meanwhile, and waits for nobody.
/// std::thread::scope(|s| {
///     s.spawn(|| hits.with(|words| words[0].add(1)));
/// });
/// let mut total = 0;
/// collection.each(&hits, |words| total += words[0].load());
/// assert_eq!(total, 1);
/// ```
pub fn lock() -> Collection {
    Collection(REGISTRY.lock())
}

impl Collection {
    /// Calls `f` with the words of each thread that ever touched them (or words near them: then all are 0), threads
    /// that ended included; a thread that took over an ended one's slab counts as the same.
    ///
    /// Whatever happened before this call is seen; what happens meanwhile may be seen. The values of one word never
    /// step back from one collection to the next, if its writers only add.
    pub fn each(&self, words: &Words, f: impl FnMut(&[SharedWord])) {
        self.0.each_at(words.0, f);
    }

    /// Calls `f` with the array of each thread that has one.
    pub fn each_block(&self, blocks: &Blocks, f: impl FnMut(&[SharedWord])) {
        self.0.each_block_at(blocks.0, f);
    }
}
