//! From a value to its slot and back: what `hdrhistogram` does, in seven instructions.
//!
//! ```text
//!  unit = 0, half = 2                    values          slots
//!  first two runs, in units              0 .. 7          0 1 2 3 4 5 6 7
//!  next octave, two by two               8 .. 15         8 9 10 11
//!  next octave, four by four             16 .. 31        12 13 14 15
//! ```
//!
//! Above the first runs, each octave has `2^half` slots: a slot is at most `1 / 2^half` of its values wide. Slots of a
//! layout with a smaller `half` or a larger `unit` are unions of slots of this one.

use std::num::NonZeroU64;

/// Where values are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Bits of a value that are never told apart: 0 to 62.
    unit: u32,
    /// Slots per octave, as a power of two: 4, 7, 10, 14 or 17. `unit + half + 1 <= 63`.
    half: u32,
    /// The bits that the first two runs tell apart.
    mask: NonZeroU64,
}

impl Layout {
    /// Of `digits` decimal digits, 1 to 5, and `low`, at least 1. `None` where the two do not fit in 63 bits.
    pub(crate) fn new(low: u64, digits: u8) -> Option<Self> {
        let unit = low.ilog2();
        // `2 * 10^digits` in units, up to the next power of two: single steps up to there.
        let half = (2 * 10u64.pow(digits.into())).next_power_of_two().ilog2() - 1;
        if unit + half >= 63 {
            return None;
        }
        let mask = NonZeroU64::new(((2 << half) - 1) << unit)?;
        Some(Self { unit, half, mask })
    }

    /// The slot of a value.
    #[inline(always)]
    pub(crate) fn slot(&self, value: u64) -> usize {
        // `mask` makes sure of `shift >= unit`.
        let shift = (self.mask | value).ilog2() - self.half;
        (u64::from(shift - self.unit) << self.half) as usize + (value >> shift) as usize
    }

    /// The lowest and the highest value of a slot.
    pub(crate) fn values(&self, slot: usize) -> (u64, u64) {
        // The first run has no octave below it.
        let octave = (slot >> self.half).saturating_sub(1) as u32;
        let shift = octave + self.unit;
        let lowest = (slot as u64 - (u64::from(octave) << self.half)) << shift;
        (lowest, lowest + ((1 << shift) - 1))
    }

    /// Slots per octave, as a power of two.
    pub(crate) fn half(&self) -> u32 {
        self.half
    }
}

#[cfg(test)]
mod tests;
