//! Merged counts of one layout, in chunks that are there when something is in them.

use std::collections::VecDeque;

use crate::block::CHUNK;

/// Counts by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    /// Which chunk the first one is.
    first: usize,
    chunks: VecDeque<Option<Box<[u64; CHUNK]>>>,
}

impl Chunks {
    /// The counts of a chunk, which is there from now on.
    pub(crate) fn chunk(&mut self, chunk: usize) -> &mut [u64; CHUNK] {
        if self.chunks.is_empty() {
            self.first = chunk;
        }
        while chunk < self.first {
            self.chunks.push_front(None);
            self.first -= 1;
        }
        let at = chunk - self.first;
        if at >= self.chunks.len() {
            self.chunks.resize(at + 1, None);
        }
        self.chunks[at].get_or_insert_with(|| Box::new([0; CHUNK]))
    }

    /// Adds to a slot.
    pub(crate) fn add(&mut self, slot: usize, n: u64) {
        let count = &mut self.chunk(slot / CHUNK)[slot % CHUNK];
        *count = count.wrapping_add(n);
    }

    /// Adds all counts of another one of the same layout.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (chunk, counts) in other.chunks() {
            for (mine, theirs) in self.chunk(chunk).iter_mut().zip(counts) {
                *mine = mine.wrapping_add(*theirs);
            }
        }
    }

    /// What is counted here and not in `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let mut delta = Self::default();
        for (chunk, counts) in self.chunks() {
            let earlier = chunk
                .checked_sub(before.first)
                .and_then(|at| before.chunks.get(at)?.as_deref());
            let earlier = earlier.unwrap_or(&[0; CHUNK]);
            if counts == earlier {
                continue;
            }
            for ((delta, now), then) in delta.chunk(chunk).iter_mut().zip(counts).zip(earlier) {
                *delta = now.saturating_sub(*then);
            }
        }
        delta
    }

    /// The slots that something is in, ascending, with their counts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        self.chunks().flat_map(|(chunk, counts)| {
            let slots = (chunk * CHUNK..).zip(counts.iter().copied());
            slots.filter(|(_, count)| *count > 0)
        })
    }

    pub(crate) fn total(&self) -> u64 {
        let counts = self.chunks().flat_map(|(_, counts)| counts);
        counts.fold(0, |total, count| total.saturating_add(*count))
    }

    fn chunks(&self) -> impl Iterator<Item = (usize, &[u64; CHUNK])> {
        (self.first..)
            .zip(&self.chunks)
            .filter_map(|(chunk, counts)| Some((chunk, &**counts.as_ref()?)))
    }
}
