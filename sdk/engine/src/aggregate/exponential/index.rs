//! From a value to the index of its bucket.
//!
//! The mantissa is looked up among the bounds of scale 7: its first bits lead to the one bound that it has to be compared
//! with, and to a step that makes a carry of the compare (as in [`explicit`](super::super::explicit)). Buckets of a coarser scale are
//! made of whole ones of a finer, so that the index at a coarser scale is a shift away. Finer scales, at which a histogram is when
//! all of its values lie close together, take a logarithm.

mod bounds;

use bounds::{SCALE, STEPS};

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const BIAS: i32 = 1023;

/// How many buckets are counted below that of index 0 at scale 7: as many at any coarser one, 2^10 powers of two.
const BELOW_1: u64 = 1 << (10 + SCALE);

/// The index `i` of the bucket `(base^i, base^(i+1)]` that holds `value`, where `base = 2^(2^-scale)`.
///
/// `value` is positive and finite; a subnormal one counts as the smallest normal number (specification:
/// `metrics/sdk.md`, "Handle all normal values", allows it). `scale` is −10 to 20.
///
/// Exact for scales up to 7 and for powers of two. Between them a finer scale takes the logarithm of the mantissa alone,
/// which is within an ulp or two of a bound of the bucket.
pub(crate) fn bucket_index(value: f64, scale: i32) -> i32 {
    let value = value.max(f64::MIN_POSITIVE);
    match Line::at(scale) {
        Some(line) => bucket_on_line(value, line.shift).wrapping_sub(line.zero) as i32,
        None => {
            let exponent = (value.to_bits() >> MANTISSA_BITS) as i32 - BIAS;
            fine_index(exponent, value.to_bits() & MANTISSA, scale)
        }
    }
}

/// The buckets of a scale in a row, counted from below all values.
pub(super) struct Line {
    /// How many bits of a value are dropped.
    pub(super) shift: u64,
    /// Which bucket has the index 0.
    pub(super) zero: u64,
}

impl Line {
    /// That of a scale, if it needs no logarithm.
    pub(super) fn at(scale: i32) -> Option<Self> {
        let coarser = u64::try_from(SCALE - scale).ok()?;
        Some(Self {
            shift: u64::from(MANTISSA_BITS) - SCALE as u64 + coarser,
            zero: BELOW_1 >> coarser,
        })
    }
}

/// The bucket of a value on a [`Line`]. Budget: six instructions.
///
/// `value` is positive, finite and normal.
#[inline(always)]
pub(super) fn bucket_on_line(value: f64, shift: u64) -> u64 {
    let bits = value.to_bits();
    let step = STEPS[usize::from((bits >> (MANTISSA_BITS - 8)) as u8)];
    bits.wrapping_add(step).wrapping_shr(shift as u32)
}

#[inline(never)]
fn fine_index(exponent: i32, mantissa: u64, scale: i32) -> i32 {
    if mantissa == 0 {
        return (exponent << scale) - 1;
    }
    let within = f64::from_bits(mantissa | (BIAS as u64) << MANTISSA_BITS).log2();
    let buckets = (1u32 << scale) as f64;
    // `within` is above 0 and at most 1 after rounding: the last bucket below the next power of two then.
    (exponent << scale) + (within * buckets).ceil() as i32 - 1
}

#[cfg(test)]
mod tests;
