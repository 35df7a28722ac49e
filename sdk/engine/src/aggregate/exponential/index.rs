//! From a value to the index of its bucket.

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const BIAS: i32 = 1023;

/// The index `i` of the bucket `(base^i, base^(i+1)]` that holds `value`, where `base = 2^(2^-scale)`.
///
/// `value` is positive and finite; a subnormal one counts as the smallest normal number (specification:
/// `metrics/sdk.md`, "Handle all normal values", allows it). `scale` is −10 to 20.
///
/// Exact for scales up to 0 and for powers of two. Between them a positive scale takes the logarithm of the
/// mantissa alone, which is within an ulp or two of a bound of the bucket.
#[inline]
pub(in crate::aggregate) fn bucket_index(value: f64, scale: i32) -> i32 {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - BIAS;
    let mantissa = bits & MANTISSA;
    if scale <= 0 {
        // A power of two is the upper bound of its bucket, inclusive.
        (exponent - i32::from(mantissa == 0)) >> -scale
    } else if mantissa == 0 {
        (exponent << scale) - 1
    } else {
        let within = f64::from_bits(mantissa | (BIAS as u64) << MANTISSA_BITS).log2();
        let buckets = (1u32 << scale) as f64;
        // `within` is above 0 and at most 1 after rounding: the last bucket below the next power of two then.
        (exponent << scale) + (within * buckets).ceil() as i32 - 1
    }
}

#[cfg(test)]
mod tests;
