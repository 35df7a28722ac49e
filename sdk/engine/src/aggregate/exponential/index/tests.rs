use proptest::prelude::*;

use super::bounds::BOUNDS;
use super::*;

#[test]
fn powers_of_two_are_the_inclusive_upper_bounds_of_their_buckets_at_every_scale() {
    for scale in -10..=20 {
        for exponent in -1022..=1023 {
            let power = f64::from(exponent).exp2();
            let index = bucket_index(power, scale);
            let expected = if scale >= 0 {
                (exponent << scale) - 1
            } else {
                (exponent - 1) >> -scale
            };
            assert_eq!(index, expected, "2^{exponent} at {scale}");
            if exponent < 1023 {
                let expected = if scale >= 0 {
                    exponent << scale
                } else {
                    exponent >> -scale
                };
                assert_eq!(
                    bucket_index(power.next_up(), scale),
                    expected,
                    "above 2^{exponent} at {scale}"
                );
            }
            if exponent > -1022 {
                // The last bucket that ends at this power: the same as that of the power itself.
                assert_eq!(
                    bucket_index(power.next_down(), scale),
                    index,
                    "below 2^{exponent} at {scale}"
                );
            }
        }
    }
}

/// The square of a number of 32-bit digits, the lowest first.
fn square(number: &[u32]) -> Vec<u32> {
    let mut digits = vec![0u32; 2 * number.len()];
    for (at, a) in number.iter().enumerate() {
        let mut carry = 0u64;
        for (beside, b) in number.iter().enumerate() {
            let digit = &mut digits[at + beside];
            let sum = u64::from(*a) * u64::from(*b) + u64::from(*digit) + carry;
            (*digit, carry) = (sum as u32, sum >> 32);
        }
        digits[at + number.len()] = carry as u32;
    }
    digits
}

/// Whether `(1 + mantissa 2^-52)^128` is above `2^k`, without rounding.
fn is_above_bound(mantissa: u64, k: usize) -> bool {
    let number = mantissa + (1 << MANTISSA_BITS);
    let mut power = vec![number as u32, (number >> 32) as u32];
    for _ in 0..SCALE {
        power = square(&power);
    }
    let bit = 52 * 128 + k;
    let high = power[bit / 32] >> (bit % 32) != 0 || power[bit / 32 + 1..].iter().any(|d| *d != 0);
    let exactly = power[bit / 32] == 1 << (bit % 32)
        && power
            .iter()
            .enumerate()
            .all(|(at, d)| at == bit / 32 || *d == 0);
    high && !exactly
}

#[test]
fn the_bounds_of_the_table_are_exact() {
    for (k, bound) in BOUNDS.into_iter().enumerate().take(128) {
        assert!(!is_above_bound(bound, k), "{k}");
        assert!(is_above_bound(bound + 1, k), "{k}");
        let value = |mantissa: u64| f64::from_bits(mantissa | 1023 << MANTISSA_BITS);
        let (at, above) = (value(bound), value(bound + 1));
        assert_eq!(bucket_index(at, SCALE), k as i32 - 1);
        assert_eq!(bucket_index(above, SCALE), k as i32);
        assert_eq!(bucket_index(at, SCALE - 2), (k as i32 - 1) >> 2);
    }
    assert_eq!(BOUNDS[128], 1 << MANTISSA_BITS);
}

#[test]
fn the_table_and_the_logarithm_agree_where_both_can_tell() {
    let mut bits = 1u64;
    for _ in 0..100_000 {
        bits = bits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mantissa = bits >> 12;
        // Further from a bound than a logarithm may be wrong.
        if BOUNDS.iter().any(|bound| mantissa.abs_diff(*bound) < 8) {
            continue;
        }
        let value = f64::from_bits(mantissa | 1030 << MANTISSA_BITS);
        assert_eq!(
            bucket_index(value, SCALE),
            fine_index(7, mantissa, SCALE),
            "{value}"
        );
    }
}

#[test]
fn the_ends_of_the_range_have_a_bucket() {
    for scale in -10..=20 {
        assert_eq!(
            bucket_index(f64::from_bits(1), scale),
            bucket_index(f64::MIN_POSITIVE, scale)
        );
        assert!(bucket_index(f64::MAX, scale) >= 0);
    }
    // At the coarsest scale two buckets hold every number, so that any size fits.
    assert_eq!(bucket_index(f64::MIN_POSITIVE, -10), -1);
    assert_eq!(bucket_index(f64::MAX, -10), 0);
}

/// The logarithm of `base^index` to the base 2, exactly.
fn log2_of_bound(index: i32, scale: i32) -> f64 {
    f64::from(index) * f64::from(-scale).exp2()
}

proptest! {
    #[test]
    fn every_value_lies_within_its_bucket(
        bits in (1u64 << 52)..0x7fe0_0000_0000_0000u64,
        scale in -10i32..=20,
    ) {
        let value = f64::from_bits(bits);
        let index = bucket_index(value, scale);
        // The logarithm of the whole is rounded to 2^-43 at most (exponents have 11 bits).
        let (log, slack) = (value.log2(), 2f64.powi(-41));
        prop_assert!(log_above(log, log2_of_bound(index, scale), slack), "{value} {scale} {index}");
        prop_assert!(log <= log2_of_bound(index + 1, scale) + slack, "{value} {scale} {index}");
    }

    #[test]
    fn a_coarser_scale_merges_neighbours(
        bits in (1u64 << 52)..0x7fe0_0000_0000_0000u64,
        scale in -9i32..=20,
    ) {
        let value = f64::from_bits(bits);
        // Downscaling by a shift is exact: that is what merging relies on. A value within an ulp or two of a bound may
        // be seen on either side of it.
        let fine = bucket_index(value, scale) >> 1;
        let coarse = bucket_index(value, scale - 1);
        if fine != coarse {
            let bound = log2_of_bound(fine.max(coarse), scale - 1);
            prop_assert!((value.log2() - bound).abs() < 2f64.powi(-41), "{value} {scale}");
        }
    }
}

fn log_above(log: f64, bound: f64, slack: f64) -> bool {
    log > bound - slack
}
