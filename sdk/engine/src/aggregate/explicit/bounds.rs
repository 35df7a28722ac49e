//! The bounds of a histogram, and the way from a value to its bucket.
//!
//! The first bits of a positive value, exponent and a bit or some of the mantissa, are its place on a line. Where no two bounds
//! stand in one place, the place says which one bound the value has to be compared with:
//!
//! ```text
//! bounds       0        5        10       25       50    75  100 …
//! places       ·     │  ↓  │  │  ↓  │  │  ↓  │  │  ↓  │  ↓  │ ↓
//! below                 1   2 2   2   3 3   3   4 4  4   5  5  6 …       how many bounds stand in lower places
//! ```
//!
//! That compare is a carry. A place's step is such that the rest of the bits, added to it, carries into the bits of the
//! place where the value is above the bound, and these then are the bucket:
//!
//! ```text
//! value   [ place | rest ]
//! step  + [ below − place | 2^n − 1 − the bound's rest ]          n: how many bits the rest has
//!       = [ bucket | … ]
//! ```
//!
//! Two loads, no compare, and no branch that the value decides. A binary search waits for one compare of floats after the
//! other, and until it is done the processor does not know which word it will write.

use std::sync::Arc;

/// Inclusive upper bounds of buckets, strictly increasing.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    all: Arc<[f64]>,
    places: Places,
}

/// How many places there may be: of 16 powers of two, 8 in each.
const PLACES: u64 = 128;

/// The places from the lowest positive bound's on.
#[derive(Clone, Debug)]
struct Places {
    /// What is not above this has no place here: 0, or infinity where there are no places.
    floor: f64,
    /// What is below the lowest positive bound is in the same bucket as it.
    lowest: f64,
    /// What is above the highest bound is in the same bucket as the next float.
    highest: f64,
    /// How many bits the rest has.
    rest: u32,
    /// The place of the lowest one.
    first: u64,
    /// Shared with the stream's other handles.
    steps: Arc<[u64]>,
}

impl Bounds {
    pub(super) fn new(all: &[f64]) -> Self {
        Self {
            all: all.into(),
            places: Places::new(all).unwrap_or_else(Places::none),
        }
    }

    pub(super) fn all(&self) -> &Arc<[f64]> {
        &self.all
    }

    /// The bucket of a value: the first whose bound is not below it.
    pub(super) fn bucket(&self, value: f64) -> usize {
        self.quick(value)
            .unwrap_or_else(|| self.all.partition_point(|bound| *bound < value))
    }

    /// The bucket of a value above 0; `None` of others, and where two bounds would stand in one place.
    #[inline(always)]
    pub(super) fn quick(&self, value: f64) -> Option<usize> {
        (value > self.places.floor).then(|| self.places.bucket(value))?
    }
}

impl Places {
    /// `None` where two bounds would stand in one place, or none is above 0.
    fn new(bounds: &[f64]) -> Option<Self> {
        let not_above_0 = bounds.partition_point(|bound| *bound <= 0.0);
        let positive: Vec<u64> = bounds[not_above_0..].iter().map(|b| b.to_bits()).collect();
        let (lowest, highest) = (*positive.first()?, *positive.last()? + 1);
        // As few places as keep the bounds apart. Of 56 bits, which hold the buckets below, 8 are left.
        let apart = |rest: &u32| (positive.array_windows()).all(|[a, b]| a >> rest < b >> rest);
        let rest = (0..=56).rev().find(apart)?;
        let (first, last) = (lowest >> rest, highest >> rest);
        if last - first >= PLACES || bounds.len() > 254 {
            return None;
        }
        let step = |place: u64| {
            let below = positive.partition_point(|bound| bound >> rest < place);
            // The highest value of the place: where no bound stands in it, nothing is above this.
            let none = (place << rest) + ((1 << rest) - 1);
            // The next bound may stand in a higher place.
            let bound = positive.get(below).map_or(none, |bound| none.min(*bound));
            // The bucket behind the bound: the first value above it carries into just this.
            let above = (not_above_0 + below + 1) as u64;
            (above << rest).wrapping_sub(bound + 1)
        };
        Some(Self {
            floor: 0.0,
            lowest: f64::from_bits(lowest),
            highest: f64::from_bits(highest),
            rest,
            first,
            steps: (first..=last).map(step).collect(),
        })
    }

    fn none() -> Self {
        Self {
            floor: f64::INFINITY,
            lowest: 0.0,
            highest: 0.0,
            rest: 0,
            first: 0,
            steps: Arc::new([]),
        }
    }

    /// The bucket of a value above 0.
    #[inline(always)]
    fn bucket(&self, value: f64) -> Option<usize> {
        // Written so that each is one instruction.
        let at = if value > self.lowest {
            value
        } else {
            self.lowest
        };
        let at = if at < self.highest { at } else { self.highest };
        let at = at.to_bits();
        let place = (at >> self.rest).wrapping_sub(self.first);
        let step = self.steps.get(place as usize)?;
        Some((at.wrapping_add(*step) >> self.rest) as usize)
    }
}

#[cfg(test)]
mod tests;
