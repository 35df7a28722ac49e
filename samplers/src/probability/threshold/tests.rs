use proptest::prelude::*;

use super::*;

fn th(probability: f64, precision: u32) -> String {
    Threshold::with_precision(probability, precision)
        .unwrap()
        .to_string()
}

/// `tracestate-probability-sampling.md`, "Converting floating-point probability to threshold value": the
/// threshold, the actual probability and the exact adjusted count at precision 3, 4 and 5.
#[test]
fn one_in_n_encodes_as_in_the_specification() {
    type Row = (f64, [&'static str; 3], [f64; 3], [f64; 3]);
    #[rustfmt::skip]
    let rows: [Row; 13] = [
        (1.0, ["0", "0", "0"], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
        (2.0, ["8", "8", "8"], [0.5, 0.5, 0.5], [2.0, 2.0, 2.0]),
        (3.0, ["aab", "aaab", "aaaab"],
            [0.333251953125, 0.3333282470703125, 0.33333301544189453],
            [3.0007326007326007, 3.00004577706569, 3.0000028610256777]),
        (4.0, ["c", "c", "c"], [0.25, 0.25, 0.25], [4.0, 4.0, 4.0]),
        (5.0, ["ccd", "cccd", "ccccd"],
            [0.199951171875, 0.1999969482421875, 0.19999980926513672],
            [5.001221001221001, 5.0000762951094835, 5.0000047683761295]),
        (8.0, ["e", "e", "e"], [0.125, 0.125, 0.125], [8.0, 8.0, 8.0]),
        (10.0, ["e66", "e666", "e6666"],
            [0.10009765625, 0.100006103515625, 0.10000038146972656],
            [9.990243902439024, 9.99938968568813, 9.999961853172863]),
        (16.0, ["f", "f", "f"], [0.0625, 0.0625, 0.0625], [16.0, 16.0, 16.0]),
        (100.0, ["fd71", "fd70a", "fd70a4"],
            [0.0099945068359375, 0.010000228881835938, 0.009999990463256836],
            [100.05496183206107, 99.99771123402633, 100.00009536752259]),
        (1e3, ["ffbe7", "ffbe77", "ffbe76d"],
            [0.0010004043579101562, 0.0009999871253967285, 0.000999998301267624],
            [999.5958055290753, 1000.012874769029, 1000.0016987352618]),
        (1e4, ["fff972", "fff9724", "fff97247"],
            [0.00010001659393310547, 0.00010000169277191162, 0.00010000006295740604],
            [9998.340882002383, 9999.830725674266, 9999.99370426336]),
        (1e5, ["ffff584", "ffff583a", "ffff583a5"],
            [9.998679161071777e-06, 1.00000761449337e-05, 1.0000003385357559e-05],
            [100013.21013412817, 99999.238556461, 99999.96614643588]),
        (1e6, ["ffffef4", "ffffef39", "ffffef391"],
            [9.98377799987793e-07, 1.00000761449337e-06, 9.999930625781417e-07],
            [1.0016248358208955e+06, 999992.38556461, 1.0000069374699865e+06]),
    ];
    for (n, digits, probabilities, counts) in rows {
        for (i, precision) in (3..=5).enumerate() {
            let threshold = Threshold::with_precision(1.0 / n, precision).unwrap();
            assert_eq!(threshold.to_string(), digits[i], "1/{n} at {precision}");
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
            assert!(close(threshold.probability(), probabilities[i]), "1/{n}");
            assert!(close(threshold.adjusted_count(), counts[i]), "1/{n}");
        }
    }
}

#[test]
fn the_default_precision_is_four() {
    assert_eq!(
        Threshold::from_probability(0.1).unwrap().to_string(),
        "e666"
    );
    assert_eq!(
        Threshold::from_probability(0.001).unwrap().to_string(),
        "ffbe77"
    );
}

#[test]
fn full_precision_does_not_round() {
    assert_eq!(th(1.0 / 3.0, 14), "aaaaaaaaaaaaac");
    assert_eq!(th(2.0 / 3.0, 14), "55555555555558");
    assert_eq!(th(1.0 - 2f64.powi(-8), 14), "01");
    assert_eq!(th(2f64.powi(-56), 14), "ffffffffffffff");
    // What rounding in decimal would hide: the neighbours of a power of two.
    assert_eq!(th(0.5f64.next_down(), 14), "80000000000004");
    assert_eq!(th((15.0 / 16.0f64).next_down(), 14), "10000000000008");
    // Below 1/16 an f64 is finer than a threshold.
    assert_eq!(th((1.0 / 16.0f64).next_down(), 14), "f");
}

#[test]
fn the_smallest_probabilities_keep_all_their_digits() {
    for (times, expected) in [
        (1.0, "ffffffffffffff"),
        (2.0, "fffffffffffffe"),
        (3.0, "fffffffffffffd"),
        (8.0, "fffffffffffff8"),
        (16.0, "fffffffffffff"),
    ] {
        for precision in [1, 3, 4, 14] {
            assert_eq!(th(times * 2f64.powi(-56), precision), expected);
        }
    }
}

#[test]
fn leading_zeros_and_effs_are_not_counted_as_precision() {
    // 1 - p = 0x0.000456789a: three zeros come for free.
    let few_rejected = 1.0 - 0x0456_789a_u64 as f64 / 2f64.powi(40);
    assert_eq!(th(few_rejected, 14), "000456789a");
    for (precision, expected) in [(1, "0004"), (2, "00045"), (4, "0004568"), (5, "00045679")] {
        assert_eq!(th(few_rejected, precision), expected);
    }
    // p = 0x0.000456789a: three effs come for free, and the digits round.
    let few_sampled = 0x0456_789a_u64 as f64 / 2f64.powi(40);
    assert_eq!(th(few_sampled, 14), "fffba98766");
    for (precision, expected) in [(1, "fffc"), (2, "fffbb"), (4, "fffba98"), (5, "fffba987")] {
        assert_eq!(th(few_sampled, precision), expected);
    }
    // Rounding may leave fewer digits than were asked for.
    assert_eq!(th(1.0 - 0x8_0701 as f64 / 2f64.powi(28), 2), "008");
}

#[test]
fn what_is_no_probability_is_refused() {
    for bad in [
        0.0,
        -0.0,
        -0.1,
        2f64.powi(-57),
        2f64.powi(-56).next_down(),
        1.0f64.next_up(),
        2.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ] {
        let refused = Threshold::from_probability(bad).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("probability is {bad}: expected 2^-56 to 1")
        );
    }
    for bad in [0, 15, u32::MAX] {
        let refused = Threshold::with_precision(0.5, bad).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("precision is {bad}: expected 1 to 14 digits")
        );
    }
}

#[test]
fn missing_digits_are_zeros_on_the_right() {
    let bits = |th: &str| th.parse::<Threshold>().unwrap().bits();
    assert_eq!(bits("0"), 0);
    assert_eq!(bits("c"), 0xc0_0000_0000_0000);
    assert_eq!(bits("01"), 0x01_0000_0000_0000);
    assert_eq!(bits("fd70a4"), 0xfd_70a4_0000_0000);
    assert_eq!(bits("123456789abcde"), 0x12_3456_789a_bcde);
}

#[test]
fn trailing_zeros_are_read_and_not_written() {
    for given in ["1", "10", "1000", "1000000000000", "10000000000000"] {
        assert_eq!(given.parse::<Threshold>().unwrap().to_string(), "1");
    }
    for given in ["0", "00", "00000000000000"] {
        assert_eq!(given.parse::<Threshold>().unwrap().to_string(), "0");
    }
    assert_eq!(
        "10000000000010".parse::<Threshold>().unwrap().to_string(),
        "1000000000001"
    );
}

#[test]
fn th_is_one_to_fourteen_lower_case_digits() {
    for bad in [
        "",
        "C",
        "x",
        "0x8",
        "-1",
        "+1",
        " 8",
        "8 ",
        "1.5",
        "100000000000000",
        "ffffffffffffffff",
        "é",
    ] {
        assert_eq!(Threshold::decode(bad), None, "{bad:?}");
        assert!(bad.parse::<Threshold>().is_err());
    }
    assert_eq!(
        "C".parse::<Threshold>().unwrap_err().to_string(),
        "th is C: expected 1 to 14 lower-case hexadecimal digits"
    );
}

#[test]
fn a_later_stage_raises_a_threshold_and_never_lowers_it() {
    let t = |th: &str| th.parse::<Threshold>().unwrap();
    let r = |rv: &str| rv.parse::<Randomness>().unwrap();
    // 8 of 16 came in.
    assert_eq!(t("8").equalized(t("e"), r("e0000000000000")), Some(t("e")));
    assert_eq!(t("8").equalized(t("e"), r("dfffffffffffff")), None);
    assert_eq!(t("8").equalized(t("2"), r("90000000000000")), Some(t("8")));
    assert_eq!(t("8").equalized(t("8"), r("80000000000000")), Some(t("8")));
    assert_eq!(t("0").equalized(t("f"), r("f0000000000000")), Some(t("f")));
    assert_eq!(t("f").equalized(t("0"), r("f0000000000000")), Some(t("f")));
    // Whatever its randomness: what came in with a higher threshold is not decided anew.
    assert_eq!(t("f").equalized(t("8"), r("00000000000000")), Some(t("f")));
}

proptest! {
    #[test]
    fn th_survives_a_round_trip(bits in 0..RANGE, zeros in 0..14u32) {
        let threshold = Threshold::from_bits(bits >> (4 * zeros) << (4 * zeros)).unwrap();
        let th = threshold.to_string();
        prop_assert!((1..=14).contains(&th.len()));
        prop_assert!(th == "0" || !th.ends_with('0'));
        prop_assert_eq!(th.parse::<Threshold>().unwrap(), threshold);
        let mut encoded = String::new();
        threshold.encode(&mut encoded);
        prop_assert_eq!(encoded, th);
    }

    // A case that is rounded twice: -27.936159977558397 and 7.
    #[test]
    fn probability_is_as_precise_as_asked(exponent in -55.0..0.0f64, precision in 1..=14u32) {
        let probability = exponent.exp2();
        let threshold = Threshold::with_precision(probability, precision).unwrap();
        let error = (threshold.probability() / probability - 1.0).abs();
        // Half of the last digit; p is at least 1/16 of the first. At four digits 1.22e-4.
        let digits = 16f64.powi(1 - precision as i32) / 2.0;
        // Before that it is rounded to a multiple of 2^-56.
        let bits = 0.5 * Threshold::MIN_PROBABILITY / probability;
        prop_assert!(error <= digits + bits + 1e-15, "{error}");
    }

    #[test]
    fn a_higher_probability_has_no_higher_threshold(a in 0.0..1.0f64, b in 0.0..1.0f64, precision in 1..=14u32) {
        let (a, b) = (a.max(1e-16), b.max(1e-16));
        let of = |p| Threshold::with_precision(p, precision).unwrap();
        prop_assert_eq!(of(a.max(b)).min(of(a.min(b))), of(a.max(b)));
    }

    #[test]
    fn a_trace_that_a_lower_probability_keeps_is_kept_by_a_higher_one(
        t in 0..RANGE, u in 0..RANGE, r in 0..RANGE,
    ) {
        let (low, high) = (Threshold::from_bits(t.min(u)).unwrap(), Threshold::from_bits(t.max(u)).unwrap());
        let randomness = Randomness::from_bits(r).unwrap();
        prop_assert_eq!(low.keeps(randomness), r >= t.min(u));
        prop_assert!(low.keeps(randomness) || !high.keeps(randomness));
    }

    #[test]
    fn equalizing_never_lowers_and_never_keeps_what_it_should_drop(
        t in 0..RANGE, aim in 0..RANGE, r in 0..RANGE,
    ) {
        let sampled = Threshold::from_bits(t.min(r)).unwrap(); // it came in, so R >= T
        let aim = Threshold::from_bits(aim).unwrap();
        let randomness = Randomness::from_bits(r).unwrap();
        match sampled.equalized(aim, randomness) {
            Some(threshold) => {
                prop_assert!(threshold >= sampled && threshold >= aim);
                prop_assert!(threshold.keeps(randomness));
            }
            None => prop_assert!(!aim.keeps(randomness)),
        }
    }

    #[test]
    fn reading_th_never_panics(th in any::<String>()) {
        let _ = th.parse::<Threshold>();
        let _ = th.parse::<Randomness>();
    }
}
