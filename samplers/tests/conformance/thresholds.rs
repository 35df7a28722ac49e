//! Probabilities, thresholds, randomness: what they are and how they are written.

use opentelemetry::trace::TraceId;
use throughline_samplers::probability::{
    ComposableProbability, ComposableSampler, Randomness, SpanStart, Threshold,
};

use crate::bits;

/// Collector, `probability.go`: the threshold is 2^56 less the probability's share of 2^56, rounded to a whole
/// number; `threshold.go`: written in hexadecimal, trailing zeros dropped, 0 as `0`.
#[test]
fn full_precision() {
    let half_a_bit = 2f64.powi(-57);
    for (probability, th) in [
        (1.0, "0"),
        (0.75, "4"),
        (7.0 / 8.0, "2"),
        (1.0 / 32.0, "f8"),
        (0.3, "b3333333333334"),
        (1.0 / 7.0, "db6db6db6db6dc"),
        // Of the 53 bits of a float, those below 2^-56 are rounded away.
        (1.0 / 700.0, "ffa2608c6f2d59"),
        // One trace of 2^56 more or less, where floats are dense enough.
        (2.0 * Threshold::MIN_PROBABILITY, "fffffffffffffe"),
        (256.0 * Threshold::MIN_PROBABILITY, "ffffffffffff"),
        (1.0 - 2f64.powi(-52), "0000000000001"),
        (1.0 - 2f64.powi(-53), "00000000000008"),
        // A half rounds up to a whole trace.
        (3.0 * half_a_bit, "fffffffffffffe"),
        (5.0 * half_a_bit, "fffffffffffffd"),
    ] {
        let threshold = Threshold::with_precision(probability, 14).unwrap();
        assert_eq!(threshold.to_string(), th, "{probability}");
    }
}

/// Collector, `ErrProbabilityRange`: 2^-56 to 1, and nothing else; Java (`calculateThreshold`) refuses the
/// same, but takes 0, as the specification's ComposableProbability does: it has no threshold.
#[test]
fn range() {
    for bad in [
        Threshold::MIN_PROBABILITY.next_down(),
        2f64.powi(-57),
        f64::MIN_POSITIVE,
        -0.5,
        1.0f64.next_up(),
        2.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        assert!(Threshold::from_probability(bad).is_err(), "{bad}");
        assert!(Threshold::with_precision(bad, 14).is_err(), "{bad}");
        assert!(ComposableProbability::new(bad).is_err(), "{bad}");
    }
    for zero in [0.0, -0.0] {
        assert!(Threshold::from_probability(zero).is_err());
        let never = ComposableProbability::new(zero).unwrap();
        assert_eq!(never.intent(&SpanStart::root("span")).threshold(), None);
    }
}

/// Specification, "Converting floating-point probability to threshold value", and the Collector's
/// `ProbabilityToThresholdWithPrecision`: half of the last digit and more rounds up, leading zeros do not
/// count as precision. The specification does not count leading `f`s either.
#[test]
fn precision() {
    let rejecting = |digits: &str| 1.0 - bits(digits) as f64 / 2f64.powi(56);
    for (exact, rounded) in [
        (
            "2468ace",
            &["2", "24", "247", "2469", "2468b", "2468ad", "2468ace"][..],
        ),
        (
            "0002468ace",
            &["0002", "00024", "000247", "0002469", "0002468b"],
        ),
        // Exactly half a digit.
        ("18", &["2", "18"]),
        ("17", &["1", "17"]),
        ("3c18", &["4", "3c", "3c2", "3c18"]),
        // A carry goes through all digits.
        ("5fff8", &["6", "6", "6", "6", "5fff8"]),
        ("0ffff", &["1", "1", "1", "0ffff"]),
        // Digits that are zeros are digits.
        ("4000c", &["4", "4", "4", "4001", "4000c"]),
        // Leading f's come on top: with one digit there are three.
        ("ff2468", &["ff2", "ff24", "ff247", "ff2468"]),
    ] {
        for (precision, expected) in (1..).zip(rounded) {
            let threshold = Threshold::with_precision(rejecting(exact), precision).unwrap();
            assert_eq!(threshold.to_string(), *expected, "{exact} at {precision}");
        }
        let all = Threshold::with_precision(rejecting(exact), 14).unwrap();
        assert_eq!(all.to_string(), exact);
    }
}

/// The same rules in whole numbers, over probabilities of every magnitude.
#[test]
fn probabilities_of_every_magnitude() {
    /// Rounded to whole traces with nothing but shifts.
    fn rejected(probability: f64) -> u64 {
        let bits = probability.to_bits();
        let exponent = (bits >> 52) as i32 - 1075;
        let significand = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
        let shift = exponent + 56;
        let sampled = if shift >= 0 {
            significand << shift
        } else {
            (significand + (1 << (-shift - 1))) >> -shift
        };
        (1 << 56) - sampled as u64
    }

    /// How often a share can be multiplied by 16 and stay below 1.
    fn leading_zeros(mut share: f64) -> u32 {
        let mut zeros = 0;
        while share > 0.0 && share * 16.0 < 1.0 {
            share *= 16.0;
            zeros += 1;
        }
        zeros
    }

    for exponent in 0..=55 {
        for numerator in [1.0, 1.01, 1.125, 4.0 / 3.0, 1.5, 1.6, 1.75, 1.999_999_9] {
            let small: f64 = numerator * 2f64.powi(-exponent - 1);
            for probability in [small, 1.0 - small] {
                if !(Threshold::MIN_PROBABILITY..=1.0).contains(&probability) {
                    continue;
                }
                let exact = rejected(probability);
                let full = Threshold::with_precision(probability, 14).unwrap();
                assert_eq!(full.bits(), exact.min((1 << 56) - 1), "{probability}");
                for precision in 1..14 {
                    let leading = leading_zeros(probability).max(leading_zeros(1.0 - probability));
                    let kept = (precision + leading).min(14);
                    let unit = 1_u64 << (4 * (14 - kept));
                    let rounded = (exact + unit / 2) / unit * unit;
                    let expected = rounded.min((1 << 56) - 1);
                    let threshold = Threshold::with_precision(probability, precision).unwrap();
                    assert_eq!(threshold.bits(), expected, "{probability} at {precision}");
                }
            }
        }
    }
}

/// Collector, `threshold.go`, and Java, `parseTh`: 1 to 14 digits, zeros added on the right. Upper case is
/// not in the specification's grammar; the Collector reads it, Java does not.
#[test]
fn th_is_read() {
    for (th, value) in [
        ("0", Some("0")),
        ("00", Some("0")),
        ("1", Some("1")),
        ("10", Some("1")),
        ("01", Some("01")),
        ("00000000000001", Some("00000000000001")),
        ("ffffffffffffff", Some("ffffffffffffff")),
        ("5a0", Some("5a")),
        ("", None),
        ("g", None),
        ("A", None),
        ("+1", None),
        ("-1", None),
        ("0x1", None),
        ("1.5", None),
        (" 1", None),
        ("1_0", None),
        ("000000000000000", None),
        ("100000000000000", None),
        ("é", None),
    ] {
        let read = th.parse::<Threshold>().ok();
        assert_eq!(read.map(Threshold::bits), value.map(bits), "{th}");
        assert_eq!(read.map(|it| it.to_string()).as_deref(), value, "{th}");
    }
}

/// Collector, `ThresholdGreater`: digits count from the left, as after a point.
#[test]
fn thresholds_are_ordered_as_fractions() {
    let ascending = [
        "0",
        "00000000000001",
        "07",
        "0f",
        "567",
        "57",
        "7",
        "70000000000001",
        "f",
        "ff",
    ];
    for pair in ascending.windows(2) {
        let [lower, higher] = [0, 1].map(|i| pair[i].parse::<Threshold>().unwrap());
        assert!(lower < higher, "{pair:?}");
        // Two that are closer than floats are have one probability.
        assert!(lower.probability() >= higher.probability(), "{pair:?}");
    }
}

/// Java, `calculateAdjustedCount` and `calculateSamplingProbability`: one is the inverse of the other.
#[test]
fn counts() {
    for (th, probability, count) in [
        ("0", 1.0, 1.0),
        ("8", 0.5, 2.0),
        ("c", 0.25, 4.0),
        ("e", 0.125, 8.0),
        ("f", 0.0625, 16.0),
        ("ff", 2f64.powi(-8), 256.0),
        ("4", 0.75, 4.0 / 3.0),
        ("ffffffffffffff", 2f64.powi(-56), 2f64.powi(56)),
    ] {
        let threshold: Threshold = th.parse().unwrap();
        assert_eq!(threshold.probability(), probability, "{th}");
        assert_eq!(threshold.adjusted_count(), count, "{th}");
    }
}

/// Specification, "Decision algorithm": kept if R >= T. Collector, `TraceIDToRandomness`: R is the last seven
/// bytes of the trace id, whatever the first nine are.
#[test]
fn decisions_at_the_border() {
    let trace = |rest: u128, randomness: u64| TraceId::from(rest << 56 | u128::from(randomness));
    for th in [
        "00000000000001",
        "1",
        "8",
        "80000000000001",
        "c",
        "fd70a",
        "ffffffffffffff",
    ] {
        let threshold: Threshold = th.parse().unwrap();
        let border = threshold.bits();
        let most = (1 << 56) - 1;
        for rest in [0, 1, u128::MAX >> 56] {
            for (randomness, kept) in [
                (0, false),
                (border - 1, false),
                (border, true),
                (most, true),
            ] {
                let randomness = Randomness::from_trace_id(trace(rest, randomness));
                assert_eq!(threshold.keeps(randomness), kept, "{th} {randomness}");
            }
        }
    }
    for randomness in [0, 1, (1 << 56) - 1] {
        assert!(Threshold::ALWAYS.keeps(Randomness::from_trace_id(trace(0, randomness))));
    }
}

/// Collector, `RValueToRandomness`: exactly 14 digits. The specification's are lower case.
#[test]
fn rv_is_read() {
    for (rv, good) in [
        ("00000000000000", true),
        ("6e6d1a75832a2f", true),
        ("ffffffffffffff", true),
        ("", false),
        ("6e6d1a75832a2", false),
        ("6e6d1a75832a2f0", false),
        ("6E6D1A75832A2F", false),
        ("6e6d1a75832a2g", false),
        ("-e6d1a75832a2f", false),
        ("+e6d1a75832a2f", false),
        (" 6e6d1a75832a2", false),
    ] {
        let read = rv.parse::<Randomness>().ok();
        assert_eq!(read.map(Randomness::bits), good.then(|| bits(rv)), "{rv}");
        assert_eq!(read.map(|it| it.to_string()).as_deref(), good.then_some(rv));
    }
}
