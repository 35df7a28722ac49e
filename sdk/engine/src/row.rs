//! A row of words, as an aggregation writes it: the thread's own, or one that threads share.
//!
//! An aggregation is written once against [`Row`]. On a thread's own words a write is a plain load and store. When
//! a thread has given its words back (it is ending, and a destructor still measures) or the process has run out
//! of words, the same code runs on a [`SharedRow`], with read-modify-write operations.

use std::sync::atomic::{AtomicU64, Ordering};

use throughline_cells::{OwnWord, SharedWord};

/// Writes to one row of words.
pub(crate) trait Row {
    /// Adds to an integer word (wrapping); a reader that sees it sees what was written before.
    fn add_release(&self, at: usize, value: u64);

    /// Applies `change` to a word. It may run more than once.
    fn update(&self, at: usize, change: impl Fn(u64) -> u64);

    /// Raises two words from `at` on to these where they are lower: that is seldom, once there were a few.
    fn widen(&self, at: usize, to: [u64; 2]);

    /// The word.
    fn load(&self, at: usize) -> u64;

    /// Overwrites the word.
    fn store(&self, at: usize, value: u64);

    /// Overwrites the word; a reader that sees it sees what was written before.
    fn store_release(&self, at: usize, value: u64);
}

/// Reads one row of words from outside.
pub(crate) trait ReadRow {
    /// A recent value.
    fn get(&self, at: usize) -> u64;

    /// A recent value; what was written before it is seen by later reads.
    fn get_acquire(&self, at: usize) -> u64;

    /// Adds the words from `at` on to `sums` (wrapping), read as [`get_acquire`](Self::get_acquire) does.
    fn add_acquire_to(&self, at: usize, sums: &mut [u64]);
}

impl Row for [OwnWord] {
    #[inline(always)]
    fn add_release(&self, at: usize, value: u64) {
        if let Some(word) = <[OwnWord]>::get(self, at) {
            word.add_release(value);
        }
    }

    #[inline(always)]
    fn update(&self, at: usize, change: impl Fn(u64) -> u64) {
        if let Some(word) = <[OwnWord]>::get(self, at) {
            word.set(change(word.get()));
        }
    }

    #[inline(always)]
    fn widen(&self, at: usize, to: [u64; 2]) {
        // One bounds check.
        if let Some([first, second, ..]) = <[OwnWord]>::get(self, at..) {
            if first.get() < to[0] {
                first.set(to[0]);
            }
            if second.get() < to[1] {
                second.set(to[1]);
            }
        }
    }

    #[inline(always)]
    fn load(&self, at: usize) -> u64 {
        <[OwnWord]>::get(self, at).map_or(0, OwnWord::get)
    }

    #[inline(always)]
    fn store(&self, at: usize, value: u64) {
        if let Some(word) = <[OwnWord]>::get(self, at) {
            word.set(value);
        }
    }

    #[inline(always)]
    fn store_release(&self, at: usize, value: u64) {
        if let Some(word) = <[OwnWord]>::get(self, at) {
            word.set_release(value);
        }
    }
}

impl ReadRow for &[OwnWord] {
    fn get(&self, at: usize) -> u64 {
        self.load(at)
    }

    fn get_acquire(&self, at: usize) -> u64 {
        // Whoever wrote is whoever reads.
        self.load(at)
    }

    fn add_acquire_to(&self, at: usize, sums: &mut [u64]) {
        let words = <[OwnWord]>::get(self, at..).unwrap_or_default();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(word.get());
        }
    }
}

impl ReadRow for &[SharedWord] {
    fn get(&self, at: usize) -> u64 {
        <[SharedWord]>::get(self, at).map_or(0, SharedWord::load)
    }

    fn get_acquire(&self, at: usize) -> u64 {
        <[SharedWord]>::get(self, at).map_or(0, SharedWord::load_acquire)
    }

    fn add_acquire_to(&self, at: usize, sums: &mut [u64]) {
        let words = <[SharedWord]>::get(self, at..).unwrap_or_default();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(word.load_acquire());
        }
    }
}

/// A row that any thread may write.
#[derive(Debug)]
pub(crate) struct SharedRow(Vec<AtomicU64>);

impl SharedRow {
    pub(crate) fn new(len: usize) -> Self {
        Self((0..len).map(|_| AtomicU64::new(0)).collect())
    }

    /// A row without words: what is written is lost.
    pub(crate) const fn empty() -> Self {
        Self(Vec::new())
    }
}

impl Row for SharedRow {
    fn add_release(&self, at: usize, value: u64) {
        if let Some(word) = self.0.get(at) {
            // Release: pairs with the acquire in `get_acquire`.
            word.fetch_add(value, Ordering::Release);
        }
    }

    fn update(&self, at: usize, change: impl Fn(u64) -> u64) {
        if let Some(word) = self.0.get(at) {
            let mut seen = word.load(Ordering::Relaxed);
            while let Err(now) =
                word.compare_exchange_weak(seen, change(seen), Ordering::Relaxed, Ordering::Relaxed)
            {
                seen = now;
            }
        }
    }

    fn widen(&self, at: usize, to: [u64; 2]) {
        for (word, to) in self.0.iter().skip(at).zip(to) {
            word.fetch_max(to, Ordering::Relaxed);
        }
    }

    fn load(&self, at: usize) -> u64 {
        ReadRow::get(self, at)
    }

    fn store(&self, at: usize, value: u64) {
        if let Some(word) = self.0.get(at) {
            word.store(value, Ordering::Relaxed);
        }
    }

    fn store_release(&self, at: usize, value: u64) {
        if let Some(word) = self.0.get(at) {
            word.store(value, Ordering::Release);
        }
    }
}

impl ReadRow for SharedRow {
    fn get(&self, at: usize) -> u64 {
        self.0
            .get(at)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    }

    fn get_acquire(&self, at: usize) -> u64 {
        self.0
            .get(at)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn add_acquire_to(&self, at: usize, sums: &mut [u64]) {
        for (sum, word) in sums.iter_mut().zip(self.0.iter().skip(at)) {
            *sum = sum.wrapping_add(word.load(Ordering::Acquire));
        }
    }
}
