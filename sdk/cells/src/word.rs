//! One word, seen from its two sides: the thread that owns it and the collector.

use std::fmt;
use std::marker::PhantomData;

use crate::sync::{AtomicU64, OrderedLoad, Ordering};

/// A word as the thread that owns it sees it: the only one who may write.
///
/// Every write is a plain load and a plain store, with no read-modify-write: nobody else writes, so nothing is lost
/// in between. It is neither `Send` nor `Sync`: a closure cannot hand one to another thread.
///
/// ```compile_fail
/// let words = throughline_cells::Words::new(1).unwrap();
/// words.with(|w| std::thread::scope(|s| {
///     s.spawn(|| w[0].add(1)); // `OwnWord` cannot be shared between threads safely
/// }));
/// ```
///
/// A release store goes last: whoever sees it sees what was written before.
///
/// ```
/// let latency = throughline_cells::Words::new(4).unwrap();
/// latency.with(|w| {
///     w[0].add(5); // the sum
///     w[1].set(w[1].get().max(5)); // the maximum
///     w[2].add_release(1); // the count
///     w[3].set_release(5); // the last
///     assert_eq!([w[0].get(), w[1].get(), w[2].get(), w[3].get()], [5, 5, 1, 5]);
/// });
/// ```
#[repr(transparent)]
pub struct OwnWord {
    word: AtomicU64,
    /// Takes `Send` and `Sync` away.
    here: PhantomData<*mut ()>,
}

impl OwnWord {
    /// The value that this thread wrote last (or the owner before it, of a slab that was adopted).
    #[inline]
    pub fn get(&self) -> u64 {
        // Ordered: nobody else stores. A store by an earlier owner of the slab, or the zeroing of a range before its
        // reuse, happened before: the registry's mutex lies in between.
        self.word.ordered_load()
    }

    /// Writes `value`, with no order towards other words.
    #[inline]
    pub fn set(&self, value: u64) {
        // Relaxed: the collector wants this word alone, some recent value of it.
        self.word.store(value, Ordering::Relaxed);
    }

    /// Adds `value` (wrapping), with no order towards other words.
    #[inline]
    pub fn add(&self, value: u64) {
        self.set(self.get().wrapping_add(value));
    }

    /// Writes `value`; a collector whose [`SharedWord::load_acquire`] sees it (or a later one) also sees everything
    /// that this thread wrote before.
    #[inline]
    pub fn set_release(&self, value: u64) {
        // Release: pairs with the acquire in `SharedWord::load_acquire`.
        self.word.store(value, Ordering::Release);
    }

    /// Adds `value` (wrapping), ordered as [`OwnWord::set_release`].
    #[inline]
    pub fn add_release(&self, value: u64) {
        self.set_release(self.get().wrapping_add(value));
    }

    /// The owner's side of a slice of words.
    ///
    /// # Safety
    ///
    /// - The calling thread owns the slab or block that the words belong to, and keeps it for as long as the slice
    ///   is used: it is the only one that writes.
    #[inline]
    pub(crate) unsafe fn slice(words: &[AtomicU64]) -> &[OwnWord] {
        // SAFETY: `OwnWord` is `repr(transparent)` over `AtomicU64`, so length, size and alignment are the same, and
        // the lifetime is that of the argument.
        unsafe { &*(std::ptr::from_ref(words) as *const [OwnWord]) }
    }
}

impl fmt::Debug for OwnWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnWord").field(&self.get()).finish()
    }
}

/// What [`Words::with_touched`](crate::Words::with_touched) and [`Blocks::with_touched`](crate::Blocks::with_touched) run.
pub trait OnWords {
    /// What comes of it.
    type Output;

    /// Runs on the words of the calling thread.
    fn run(self, words: &[OwnWord]) -> Self::Output;
}

/// A word as the collector sees it: some thread writes it, maybe at this moment.
///
/// ```
/// use throughline_cells::{Words, lock};
///
/// let latency = Words::new(2).unwrap();
/// latency.with(|w| {
///     w[0].set(5);
///     w[1].set_release(1);
/// });
/// lock().each(&latency, |w| {
///     if w[1].load_acquire() == 1 {
///         assert_eq!(w[0].load(), 5); // the acquire makes sure of it
///     }
/// });
/// ```
#[repr(transparent)]
pub struct SharedWord {
    word: AtomicU64,
}

impl SharedWord {
    /// A recent value. Later collections never see an earlier one.
    #[inline]
    pub fn load(&self) -> u64 {
        // Relaxed: one word alone. Collections follow each other under the collector's lock, so that reads of one
        // word are ordered and coherence forbids to step back.
        self.word.load(Ordering::Relaxed)
    }

    /// A recent value, and whatever its writer wrote before it (if it wrote with a `_release` method) is seen by
    /// loads that follow.
    #[inline]
    pub fn load_acquire(&self) -> u64 {
        // Acquire: pairs with the release in `OwnWord::set_release` and `OwnWord::add_release`.
        self.word.load(Ordering::Acquire)
    }

    /// The collector's side of a slice of words.
    #[inline]
    pub(crate) fn slice(words: &[AtomicU64]) -> &[SharedWord] {
        // SAFETY: `SharedWord` is `repr(transparent)` over `AtomicU64`, so length, size and alignment are the same,
        // and the lifetime is that of the argument.
        unsafe { &*(std::ptr::from_ref(words) as *const [SharedWord]) }
    }
}

impl fmt::Debug for SharedWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedWord").field(&self.load()).finish()
    }
}
