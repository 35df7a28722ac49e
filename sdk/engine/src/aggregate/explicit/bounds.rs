//! The bounds of a histogram, and the way from a value to its bucket.
//!
//! The first bits of a value, exponent and a bit or some of the mantissa, are its place on a line. Where no two bounds stand
//! in one place, the place says which one bound the value has to be compared with:
//!
//! ```text
//! bounds       0        5        10       25       50    75  100 …
//! places     … ↓ │ │ │  ↓  │  │  ↓  │  │  ↓  │  │  ↓  │  ↓  │ ↓
//! below        0  1 1 1  1   2 2   2   3 3   3   4 4  4   5  5  6 …      how many bounds stand in lower places
//! ```
//!
//! That is two loads and a compare, of integers and with no branch that the value decides. A binary search waits for one
//! compare of floats after the other, and until it is done the processor does not know which word it will write.

use std::sync::Arc;

use crate::aggregate::rank::rank;

/// Inclusive upper bounds of buckets, strictly increasing.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    all: Arc<[f64]>,
    /// `None` where two bounds would stand in one place, or none is above 0.
    places: Option<Arc<Places>>,
}

/// How many places there are: of 12 powers of two, as the specification's default bounds span, 8 in each, and some.
const PLACES: usize = 128;

/// Which bounds stand below which places.
#[derive(Debug)]
struct Places {
    /// What is subtracted from a rank: then those of the place before that of the lowest positive bound begin at 0, and what is
    /// lower counts as 0.
    begin: u64,
    /// How many bits of the rest are dropped; the others are the place. What is beyond the last one belongs to it.
    dropped: u32,
    /// How many bounds stand in lower places.
    below: [u8; PLACES],
    /// The ranks of the bounds.
    ranks: Box<[u64]>,
}

impl Bounds {
    pub(super) fn new(all: &[f64]) -> Self {
        Self {
            all: all.into(),
            places: Places::new(all).map(Arc::new),
        }
    }

    pub(super) fn all(&self) -> &Arc<[f64]> {
        &self.all
    }

    /// The bucket of a value: the first whose bound is not below it.
    #[inline(always)]
    pub(super) fn bucket(&self, value: f64) -> usize {
        match &self.places {
            Some(places) => places.bucket(value),
            None => self.all.partition_point(|bound| *bound < value),
        }
    }
}

impl Places {
    fn new(bounds: &[f64]) -> Option<Self> {
        let lowest = rank(*bounds.iter().find(|bound| **bound > 0.0)?);
        let highest = rank(*bounds.last()?);
        // As few bits as leave room for a place before the lowest one's.
        let span = |dropped: &u32| (highest >> dropped) - (lowest >> dropped);
        let dropped = (0..u64::BITS).find(|dropped| span(dropped) < PLACES as u64 - 1)?;
        let mut places = Self {
            begin: ((lowest >> dropped) - 1) << dropped,
            dropped,
            below: [0; PLACES],
            // 0.0 stands for both zeros, and −0.0 is not above it.
            ranks: bounds.iter().map(|bound| rank(bound + 0.0)).collect(),
        };
        let taken: Vec<usize> = places.ranks.iter().map(|it| places.place(*it)).collect();
        if taken.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        for (place, below) in places.below.iter_mut().enumerate() {
            *below = taken.partition_point(|taken| *taken < place) as u8;
        }
        Some(places)
    }

    #[inline(always)]
    fn bucket(&self, value: f64) -> usize {
        let rank = rank(value);
        let below = usize::from(self.below[self.place(rank)]);
        below + usize::from(self.ranks.get(below).is_some_and(|bound| *bound < rank))
    }

    #[inline(always)]
    fn place(&self, rank: u64) -> usize {
        let place = rank.saturating_sub(self.begin) >> self.dropped;
        place.min(PLACES as u64 - 1) as usize
    }
}

#[cfg(test)]
mod tests;
