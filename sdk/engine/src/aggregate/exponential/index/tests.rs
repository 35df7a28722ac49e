use proptest::prelude::*;

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
