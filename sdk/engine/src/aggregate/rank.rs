//! Floats as integers in the same order: what is compared without waiting for a floating-point unit.

const SIGN: u64 = 1 << 63;

/// Where a finite value stands among the floats, −0.0 just below 0.0. Neither 0 nor `u64::MAX`.
#[inline(always)]
pub(super) fn rank(value: f64) -> u64 {
    let bits = value.to_bits();
    // Bits are in the order of the floats, but for the sign, and the other way round where that is set.
    let negative = (bits.cast_signed() >> 63).cast_unsigned();
    bits ^ (negative | SIGN)
}

/// The same for a value above 0, at less.
#[inline(always)]
pub(super) fn rank_of_positive(value: f64) -> u64 {
    value.to_bits().wrapping_add(SIGN)
}

/// The float of a rank; NaN of 0 and `u64::MAX`.
pub(super) fn ranked(rank: u64) -> f64 {
    let flipped = if rank & SIGN == 0 { u64::MAX } else { SIGN };
    f64::from_bits(rank ^ flipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_the_floats_and_lead_back() {
        let floats = [
            f64::MIN,
            -1.5,
            -1.0,
            -f64::MIN_POSITIVE,
            -0.0,
            0.0,
            5e-324,
            1.0,
            1.5,
            f64::MAX,
        ];
        assert!(floats.is_sorted_by(|a, b| rank(*a) < rank(*b)));
        for float in floats {
            assert_eq!(ranked(rank(float)).to_bits(), float.to_bits());
            if float > 0.0 {
                assert_eq!(rank_of_positive(float), rank(float));
            }
        }
        assert!(ranked(0).is_nan() && ranked(u64::MAX).is_nan());
    }
}
