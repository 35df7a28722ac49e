//! From a value to the index of its bucket.
//!
//! The mantissa is looked up among the bounds of scale 7: its first bits lead to the one bound that it has to be compared
//! with. Buckets of a coarser scale are made of whole ones of a finer, so that the index at a coarser scale is a shift away.
//! Finer scales, at which a histogram is when all of its values lie close together, take a logarithm.

mod bounds;

use bounds::{BELOW, BOUNDS, SCALE};

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const BIAS: i32 = 1023;

/// The index `i` of the bucket `(base^i, base^(i+1)]` that holds `value`, where `base = 2^(2^-scale)`.
///
/// `value` is positive and finite; a subnormal one counts as the smallest normal number (specification:
/// `metrics/sdk.md`, "Handle all normal values", allows it). `scale` is −10 to 20.
///
/// Exact for scales up to 7 and for powers of two. Between them a finer scale takes the logarithm of the mantissa alone,
/// which is within an ulp or two of a bound of the bucket.
#[inline(always)]
pub(crate) fn bucket_index(value: f64, scale: i32) -> i32 {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - BIAS;
    let mantissa = bits & MANTISSA;
    if scale > SCALE {
        return fine_index(exponent, mantissa, scale);
    }
    let below = BELOW[(mantissa >> (MANTISSA_BITS - 8)) as usize];
    let below = i32::from(below) + i32::from(mantissa > BOUNDS[usize::from(below)]);
    // The bound that is 1 itself is below all mantissas but 0: a power of two is the inclusive bound of its bucket.
    ((exponent << SCALE) + below - 1) >> (SCALE - scale)
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
