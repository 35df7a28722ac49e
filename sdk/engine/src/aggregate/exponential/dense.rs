//! An exponential histogram as plain data: what merging, rescaling and subtracting are done on.

use throughline_model::ExponentialBuckets;

use super::index::bucket_index;
use crate::number::Measured;

/// An exponential histogram as plain data.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    pub(super) scale: i32,
    pub(super) zeros: u64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
    pub(super) sum: f64,
    /// Known of what was recorded here, not of what was merged.
    pub(super) min: f64,
    pub(super) max: f64,
}

/// A run of buckets. The first and the last are not empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets {
    low: i32,
    counts: Vec<u64>,
}

impl Dense {
    pub(crate) fn new(scale: i32) -> Self {
        Self {
            scale,
            zeros: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.zeros + self.positive.total() + self.negative.total()
    }

    /// How many are above zero.
    pub(crate) fn above_zero(&self) -> u64 {
        self.positive.total()
    }

    /// Counts a value.
    pub(crate) fn record(&mut self, value: f64, max_size: usize) {
        self.sum = self.sum.plus(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value == 0.0 {
            self.zeros += 1;
            return;
        }
        self.make_room(value, max_size);
        let index = bucket_index(value.abs(), self.scale);
        self.side(value).add(index, 1);
    }

    /// Goes to a scale at which the value's bucket and the others are `max_size` at most, and counts nothing yet: the
    /// value's bucket is there, empty.
    pub(super) fn make_room(&mut self, value: f64, max_size: usize) {
        loop {
            let index = bucket_index(value.abs(), self.scale);
            if self.side(value).len_with(index) <= max_size {
                self.side(value).reach(index);
                return;
            }
            self.downscale(1);
        }
    }

    /// Adds another one, at the coarsest scale of both, or a coarser one at which it fits.
    pub(crate) fn merge(&mut self, mut other: Self, max_size: usize) {
        let scale = self.scale.min(other.scale);
        // One that has counted nothing has no scale to keep.
        if other.positive.is_empty() && other.negative.is_empty() {
            self.zeros += other.zeros;
            self.sum = self.sum.plus(other.sum);
            return;
        }
        self.downscale(self.scale - scale);
        other.downscale(other.scale - scale);
        while self.positive.len_over(&other.positive) > max_size
            || self.negative.len_over(&other.negative) > max_size
        {
            self.downscale(1);
            other.downscale(1);
        }
        self.zeros += other.zeros;
        self.sum = self.sum.plus(other.sum);
        for (mine, theirs) in [
            (&mut self.positive, &other.positive),
            (&mut self.negative, &other.negative),
        ] {
            for (index, count) in theirs.iter() {
                mine.add(index, count);
            }
        }
    }

    /// The smallest bound of a bucket that at most `above` of what was counted are above; −∞ if that is all of it.
    pub(crate) fn bound(&self, above: u64) -> f64 {
        self.bucket_of(above)
            .map_or(f64::NEG_INFINITY, |(_, upper)| upper)
    }

    /// The bounds of the bucket that holds the largest value but this many.
    pub(crate) fn bucket_of(&self, largest: u64) -> Option<(f64, f64)> {
        let power = |index: i32| (f64::from(index) * (-f64::from(self.scale)).exp2()).exp2();
        let positive = self.positive.iter().collect::<Vec<_>>().into_iter().rev();
        // From the largest value to the smallest. The buckets of negative values mirror those of positive ones.
        let buckets = positive
            .map(|(index, count)| ((power(index), power(index + 1)), count))
            .chain([((0.0, 0.0), self.zeros)])
            .chain(
                (self.negative.iter())
                    .map(|(index, count)| ((-power(index + 1), -power(index)), count)),
            );
        let mut seen = 0u64;
        for (bounds, count) in buckets {
            seen = seen.saturating_add(count);
            if seen > largest {
                return Some(bounds);
            }
        }
        None
    }

    /// What was counted since `before`, which was an earlier state of this one.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let (mut now, mut before) = (self.clone(), before.clone());
        // A total never becomes finer, so it is the former one that has to follow.
        now.downscale(self.scale - before.scale);
        before.downscale(before.scale - now.scale);
        let less = |now: &Buckets, before: &Buckets| {
            let mut left = Buckets::default();
            for (index, count) in now.iter() {
                left.add(index, count.wrapping_sub(before.at(index)));
            }
            left
        };
        Self {
            zeros: now.zeros.wrapping_sub(before.zeros),
            positive: less(&now.positive, &before.positive),
            negative: less(&now.negative, &before.negative),
            sum: now.sum.minus(before.sum),
            ..Self::new(now.scale)
        }
    }

    /// Whether a minimum and a maximum lie in the outermost buckets.
    pub(super) fn has_extremes(&self, min: f64, max: f64) -> (bool, bool) {
        (
            self.position(min) == self.lowest(),
            self.position(max) == self.highest(),
        )
    }

    /// Buckets ordered by value: negative ones, the zeros, positive ones.
    fn position(&self, value: f64) -> Option<(i8, i64)> {
        let index = |value: f64| i64::from(bucket_index(value, self.scale));
        match value {
            _ if !value.is_finite() => None,
            0.0 => Some((0, 0)),
            _ if value > 0.0 => Some((1, index(value))),
            _ => Some((-1, -index(-value))),
        }
    }

    fn lowest(&self) -> Option<(i8, i64)> {
        let negative = self.negative.high().map(|high| (-1, -i64::from(high)));
        let zeros = (self.zeros > 0).then_some((0, 0));
        let positive = (!self.positive.is_empty()).then(|| (1, i64::from(self.positive.low())));
        negative.or(zeros).or(positive)
    }

    fn highest(&self) -> Option<(i8, i64)> {
        let positive = self.positive.high().map(|high| (1, i64::from(high)));
        let zeros = (self.zeros > 0).then_some((0, 0));
        let negative = (!self.negative.is_empty()).then(|| (-1, -i64::from(self.negative.low())));
        positive.or(zeros).or(negative)
    }

    fn side(&mut self, value: f64) -> &mut Buckets {
        if value < 0.0 {
            &mut self.negative
        } else {
            &mut self.positive
        }
    }

    fn downscale(&mut self, by: i32) {
        if by > 0 {
            self.scale -= by;
            self.positive.downscale(by);
            self.negative.downscale(by);
        }
    }
}

impl Buckets {
    pub(super) fn low(&self) -> i32 {
        self.low
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn high(&self) -> Option<i32> {
        (!self.is_empty()).then(|| self.low + self.counts.len() as i32 - 1)
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn at(&self, index: i32) -> u64 {
        let within = usize::try_from(i64::from(index) - i64::from(self.low));
        within
            .ok()
            .and_then(|within| self.counts.get(within))
            .copied()
            .unwrap_or(0)
    }

    /// Index and count of each, empty ones in between included.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, u64)> {
        (self.low..).zip(self.counts.iter().copied())
    }

    /// Adds to a bucket; adding nothing changes nothing.
    pub(super) fn add(&mut self, index: i32, count: u64) {
        if count > 0 {
            self.reach(index);
            self.counts[(index - self.low) as usize] += count;
        }
    }

    /// How many buckets there would be with this one.
    fn len_with(&self, index: i32) -> usize {
        match self.high() {
            None => 1,
            Some(high) => {
                (i64::from(high.max(index)) - i64::from(self.low.min(index)) + 1) as usize
            }
        }
    }

    /// How many buckets there would be with those of `other`.
    fn len_over(&self, other: &Self) -> usize {
        match (self.high(), other.high()) {
            (_, None) => self.len(),
            (None, _) => other.len(),
            (Some(mine), Some(theirs)) => {
                (i64::from(mine.max(theirs)) - i64::from(self.low.min(other.low)) + 1) as usize
            }
        }
    }

    /// Grows to this bucket.
    fn reach(&mut self, index: i32) {
        match self.high() {
            None => {
                self.low = index;
                self.counts.push(0);
            }
            Some(_) if index < self.low => {
                let more = (self.low - index) as usize;
                self.counts.splice(0..0, std::iter::repeat_n(0, more));
                self.low = index;
            }
            Some(high) if index > high => {
                self.counts.resize((index - self.low) as usize + 1, 0);
            }
            Some(_) => {}
        }
    }

    fn downscale(&mut self, by: i32) {
        // All indices fall together long before: there are 31 scales.
        let by = by.min(31);
        let mut coarser = Self::default();
        for (index, count) in self.iter() {
            coarser.reach(index >> by);
            coarser.add(index >> by, count);
        }
        *self = coarser;
    }
}

impl From<Buckets> for ExponentialBuckets {
    fn from(buckets: Buckets) -> Self {
        Self {
            offset: buckets.low,
            counts: buckets.counts,
        }
    }
}

#[cfg(test)]
mod tests;
