//! Exponential histograms as classic buckets: bounds that a whole family shares.
//!
//! [`render`](crate::render()) explains the choice. Everything here is in exponents of two: the bound of
//! exponent `e` is `2^e`, and a scale `s <= 0` has the exponents that are multiples of `2^-s`.
//!
//! ```text
//! scale 1   │ 2^0  │2^½ │ 2^1 │2^1½│ 2^2 …     buckets of the point, index i = 0, 1, 2, 3
//! scale 0   │ 2^0       │ 2^1      │ 2^2 …     index i >> 1, upper exponent (i >> 1) + 1
//! ```

use throughline_model::ExponentialHistogramPoint;

/// More bounds than this and the scale gets coarser. With the zero bound and `+Inf`, 66 series a point.
const MAX_BOUNDS: i64 = 64;

/// Both ends are widened to a multiple of this many doublings, so that they rarely move.
const BLOCK: i64 = 4;

/// The exponents of the smallest and the largest finite float that is a power of two.
const EXPONENTS: std::ops::RangeInclusive<i64> = -1074..=1023;

/// Scales that the data model allows (specification: `metrics/data-model.md`, "ExponentialHistogram").
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

/// Whether a point keeps to the data model.
pub(super) fn is_valid(point: &ExponentialHistogramPoint) -> bool {
    SCALES.contains(&point.scale) && point.zero_threshold.is_finite() && point.zero_threshold >= 0.0
}

/// The bounds of a family, and where each bucket of its points goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    scale: i32,
    negative: Side,
    positive: Side,
    bounds: Vec<f64>,
    /// Where the bound 0 stands in `bounds`.
    zero: Option<usize>,
}

impl Layout {
    /// The layout for these points, which are valid.
    pub(super) fn new<'a>(points: impl Iterator<Item = &'a ExponentialHistogramPoint>) -> Self {
        let mut scale = 0;
        let mut threshold = 0.0_f64;
        let mut zeros = false;
        let mut positive = Side::default();
        let mut negative = Side::default();
        for point in points {
            scale = scale.min(point.scale);
            threshold = threshold.max(point.zero_threshold);
            zeros |= point.zero_count > 0;
            positive.cover(point.scale, &point.positive);
            negative.cover(point.scale, &point.negative);
        }
        // With a zero bucket of some width, no bound may cut through it: what lies in it is not known.
        let least = (threshold > 0.0).then(|| exponent_above(threshold));
        if zeros && let Some(least) = least {
            positive.cover_exponent(least);
        }
        let mut layout = Self {
            scale,
            negative,
            positive,
            bounds: Vec::new(),
            zero: None,
        };
        loop {
            let step = layout.step();
            layout.positive = positive.aligned(step, least);
            layout.negative = negative.aligned(step, least);
            if layout.positive.len(step) + layout.negative.len(step) <= MAX_BOUNDS {
                break;
            }
            layout.scale -= 1;
        }
        let step = layout.step();
        let magnitudes = layout.negative.exponents(step).map(power_of_two);
        layout.bounds.extend(magnitudes.map(|magnitude| -magnitude));
        layout.bounds.reverse();
        if least.is_none() && (zeros || !layout.negative.is_empty()) {
            layout.zero = Some(layout.bounds.len());
            layout.bounds.push(0.0);
        }
        let powers = layout.positive.exponents(step).map(power_of_two);
        layout.bounds.extend(powers);
        layout
    }

    /// The upper bounds, strictly increasing and finite.
    pub(super) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// Writes the point's counts per bucket (not cumulative, the last one above the last bound).
    pub(super) fn counts(&self, point: &ExponentialHistogramPoint, counts: &mut Vec<u64>) {
        counts.clear();
        counts.resize(self.bounds.len() + 1, 0);
        let step = self.step();
        let mut add = |slot: usize, count: u64| {
            if let Some(sum) = counts.get_mut(slot) {
                *sum = sum.saturating_add(count);
            }
        };
        let negatives = self.negative.len(step) as usize;
        let first_positive = negatives + usize::from(self.zero.is_some());
        for (index, count) in populated(&point.negative) {
            // Values in [-2^upper, -2^lower): the first bound that none of them exceeds is -2^lower.
            let lower = self.coarse(index, point.scale) * step;
            let place = self.negative.place(lower, step).map_or(0, |at| at + 1);
            add(negatives - place, count);
        }
        add(self.zero.unwrap_or(first_positive), point.zero_count);
        for (index, count) in populated(&point.positive) {
            let upper = (self.coarse(index, point.scale) + 1) * step;
            let place = self.positive.place_above(upper, step);
            add(first_positive + place, count);
        }
    }

    /// How many doublings there are from one bound to the next.
    fn step(&self) -> i64 {
        1 << -self.scale
    }

    /// The bucket that bucket `index` of a point at `scale` is merged into.
    fn coarse(&self, index: i64, scale: i32) -> i64 {
        index >> (scale - self.scale)
    }
}

/// The exponents of one side's bounds, lowest and highest, both included. Empty where `low > high`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    low: i64,
    high: i64,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            low: i64::MAX,
            high: i64::MIN,
        }
    }
}

impl Side {
    fn is_empty(self) -> bool {
        self.low > self.high
    }

    fn cover_exponent(&mut self, exponent: i64) {
        self.low = self.low.min(exponent);
        self.high = self.high.max(exponent);
    }

    /// Extends the side to the edges of every bucket that holds something.
    fn cover(&mut self, scale: i32, buckets: &throughline_model::ExponentialBuckets) {
        let ends = [populated(buckets).next(), populated(buckets).next_back()];
        for (index, _) in ends.into_iter().flatten() {
            let (lower, upper) = if scale >= 0 {
                (index >> scale, (index >> scale) + 1)
            } else {
                (index << -scale, (index + 1) << -scale)
            };
            self.cover_exponent(lower.clamp(*EXPONENTS.start(), *EXPONENTS.end()));
            self.cover_exponent(upper.clamp(*EXPONENTS.start(), *EXPONENTS.end()));
        }
    }

    /// The side widened to whole blocks, at multiples of `step`, not below `least`, within what a float holds.
    fn aligned(self, step: i64, least: Option<i64>) -> Self {
        if self.is_empty() {
            return self;
        }
        let block = step.max(BLOCK);
        let floor = least.unwrap_or(i64::MIN).max(*EXPONENTS.start());
        let low = (self.low.div_euclid(block) * block).max(up(floor, step));
        let high = (up(self.high, block)).min(EXPONENTS.end().div_euclid(step) * step);
        Self {
            low,
            high: high.max(low.min(EXPONENTS.end().div_euclid(step) * step)),
        }
    }

    fn len(self, step: i64) -> i64 {
        if self.is_empty() {
            0
        } else {
            (self.high - self.low) / step + 1
        }
    }

    fn exponents(self, step: i64) -> impl Iterator<Item = i64> {
        (0..self.len(step)).map(move |at| self.low + at * step)
    }

    /// Where the bound of `exponent` stands; the highest for what is above, `None` for what is below.
    fn place(self, exponent: i64, step: i64) -> Option<usize> {
        if self.is_empty() || exponent < self.low {
            return None;
        }
        Some(((exponent.min(self.high) - self.low) / step) as usize)
    }

    /// Where the first bound of at least `exponent` stands; one past the last where there is none.
    fn place_above(self, exponent: i64, step: i64) -> usize {
        if self.is_empty() {
            return 0;
        }
        if exponent > self.high {
            return self.len(step) as usize;
        }
        ((exponent.max(self.low) - self.low) / step) as usize
    }
}

/// The smallest multiple of `step` that is at least `value`.
fn up(value: i64, step: i64) -> i64 {
    -((-value).div_euclid(step)) * step
}

/// The buckets that hold something, with their index.
fn populated(
    buckets: &throughline_model::ExponentialBuckets,
) -> impl DoubleEndedIterator<Item = (i64, u64)> {
    let offset = i64::from(buckets.offset);
    let indexed = buckets.counts.iter().enumerate();
    indexed
        .filter(|(_, count)| **count > 0)
        .map(move |(at, count)| (offset + at as i64, *count))
}

/// The lowest exponent whose power of two is at least `value`, which is above 0.
fn exponent_above(value: f64) -> i64 {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52) as i64 {
        // Subnormal: fraction * 2^-1074.
        0 => i64::from(64 - (fraction - 1).leading_zeros()) - 1074,
        biased => biased - 1023 + i64::from(fraction != 0),
    }
}

/// Two to the power of `exponent`, exactly.
fn power_of_two(exponent: i64) -> f64 {
    if exponent >= -1022 {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    } else {
        f64::from_bits(1 << (exponent + 1074))
    }
}

#[cfg(test)]
mod tests;
