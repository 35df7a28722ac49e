//! What later stages make of what earlier ones sampled.

use throughline_model::Random;
use throughline_samplers::probability::{Randomness, Threshold};
use throughline_testkit::SeededRandom;

use crate::bits;

fn threshold(th: &str) -> Threshold {
    th.parse().unwrap()
}

fn randomness(rv: &str) -> Randomness {
    Randomness::from_bits(bits(rv)).unwrap()
}

/// Specification, "Equalizing downstream sampler", and the Collector's `UpdateTValueWithSampling`: a stage may
/// raise a threshold. It never lowers one (`ErrInconsistentSampling`): the span stays as it came.
#[test]
fn equalizing() {
    for (came_with, aim, r, leaves_with) in [
        // Raised, where the randomness is high enough for it.
        ("0", "8", "8", Some("8")),
        ("0", "8", "7fffffffffffff", None),
        ("4", "e", "e", Some("e")),
        ("4", "e", "dfffffffffffff", None),
        ("555", "aab", "aab", Some("aab")),
        ("555", "aab", "aaa", None),
        (
            "0",
            "ffffffffffffff",
            "ffffffffffffff",
            Some("ffffffffffffff"),
        ),
        ("0", "ffffffffffffff", "fffffffffffffe", None),
        // Lowered, which is refused, whatever the randomness.
        ("8", "2", "8", Some("8")),
        ("8", "2", "ff", Some("8")),
        ("8", "2", "1", Some("8")),
        ("f", "8", "f", Some("f")),
        ("8", "0", "9", Some("8")),
        // The same.
        ("c", "c", "c", Some("c")),
        ("0", "0", "0", Some("0")),
    ] {
        let left = threshold(came_with).equalized(threshold(aim), randomness(r));
        assert_eq!(
            left,
            leaves_with.map(threshold),
            "{came_with} to {aim} at {r}"
        );
    }
}

/// Collector, `README.md`, on several stages: the order of stages does not matter, the highest threshold stays,
/// and what is left counts for all that there was.
#[test]
fn stages_in_any_order() {
    let stages = ["4", "c", "8", "0", "c"].map(threshold);
    let highest = threshold("c");
    let random = SeededRandom::new(1);
    let (mut kept, spans) = (0, 4_000);
    for _ in 0..spans {
        let r = Randomness::from_bits(random.next_u64() >> 8).unwrap();
        let next = |now: Threshold, aim: Threshold| now.equalized(aim, r);
        let forth = stages.into_iter().try_fold(Threshold::ALWAYS, next);
        let back = stages.into_iter().rev().try_fold(Threshold::ALWAYS, next);
        assert_eq!(forth, highest.keeps(r).then_some(highest));
        assert_eq!(forth, back);
        kept += u32::from(forth.is_some());
    }
    let estimate = f64::from(kept) * highest.adjusted_count();
    // 5.5 standard deviations: a correct one misses it once in 2.6 * 10^7 seeds.
    let deviation = (f64::from(spans) * 3.0).sqrt();
    assert!(
        (estimate - f64::from(spans)).abs() < 5.5 * deviation,
        "{estimate} of {spans}"
    );
}
