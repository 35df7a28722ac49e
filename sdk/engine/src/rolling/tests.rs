use throughline_model::Random;

use super::*;

/// What was seen since ever, as a stream would count it.
struct Seen {
    total: Dense,
    rolling: Rolling,
    now: Duration,
}

impl Seen {
    fn new(quantile: f64) -> Self {
        Self {
            total: Dense::new(4),
            rolling: Rolling::new(quantile, 4),
            now: Duration::from_secs(1_000),
        }
    }

    fn count(&mut self, values: impl IntoIterator<Item = f64>) {
        for value in values {
            let is_low = value <= self.rolling.low();
            self.total.record(if is_low { 0.0 } else { value }, SIZE);
        }
    }

    fn tick(&mut self, seconds: u64) -> Option<f64> {
        self.now += Duration::from_secs(seconds);
        self.rolling.tick(self.total.clone(), self.now)
    }
}

fn up_to(last: u32) -> impl Iterator<Item = f64> {
    (1..=last).map(f64::from)
}

#[test]
fn there_is_no_bound_before_enough_was_seen() {
    for (quantile, needed) in [(0.5, 100), (0.99, 100), (0.999, 1_000), (0.9999, 10_000)] {
        let mut seen = Seen::new(quantile);
        assert_eq!(seen.tick(1), None);
        seen.count(up_to(needed - 1));
        assert_eq!(seen.tick(1), None, "{quantile}");
        seen.count([1.0]);
        assert!(seen.tick(1).is_some(), "{quantile}");
    }
}

#[test]
fn the_bound_is_at_most_a_bucket_above_the_quantile_and_never_below() {
    for quantile in [0.5, 0.9, 0.99, 0.999] {
        let mut seen = Seen::new(quantile);
        seen.count(up_to(10_000));
        let bound = seen.tick(1).unwrap();
        let exact = 10_000.0 * quantile;
        assert!(
            (exact - 1.0..=exact * 1.045).contains(&bound),
            "{quantile}: {bound}"
        );
    }
}

#[test]
fn the_bound_of_what_is_not_positive_is_one_too() {
    let mut seen = Seen::new(0.9);
    seen.count(up_to(1_000).map(|value| -value));
    let bound = seen.tick(1).unwrap();
    assert!((-105.0..=-95.0).contains(&bound), "{bound}");
    seen.count(std::iter::repeat_n(0.0, 1_000));
    assert_eq!(seen.tick(1), Some(0.0));
}

/// Exponentially distributed, a thousand a second for five minutes: the bound is at most a bucket too high, so of 300,000
/// between 300 and 300 × e^(−6.9 × 0.044) = 221 are above it; five standard deviations are left either side. The seed
/// is fixed.
#[test]
fn about_as_many_are_above_the_bound_as_the_quantile_says() {
    let random = throughline_testkit::SeededRandom::new(3);
    let mut seen = Seen::new(0.999);
    let (mut bound, mut above) = (None, 0);
    for _ in 0..301 {
        let values: Vec<f64> = (0..1_000).map(|_| -random.open01().ln()).collect();
        above += bound.map_or(0, |bound| values.iter().filter(|v| **v > bound).count());
        seen.count(values);
        bound = seen.tick(1);
    }
    assert!((145..=390).contains(&above), "{above}");
}

#[test]
fn equal_values_have_none_above() {
    let mut seen = Seen::new(0.999);
    seen.count(std::iter::repeat_n(0.25, 5_000));
    let bound = seen.tick(1).unwrap();
    assert!((0.25..0.2625).contains(&bound), "{bound}");
}

#[test]
fn the_window_follows_up_at_the_next_tick_and_down_after_a_minute() {
    let mut seen = Seen::new(0.99);
    for _ in 0..20 {
        seen.count(up_to(1_000));
        seen.tick(10);
    }
    assert!(seen.tick(1).unwrap() < 1_050.0);
    // A hundredth of the window is past the old bound within a second.
    seen.count(up_to(1_000).map(|value| value * 100.0));
    assert!(seen.tick(1).unwrap() > 50_000.0);
    for _ in 0..8 {
        seen.count(up_to(1_000));
        seen.tick(10);
    }
    assert!(seen.tick(1).unwrap() < 1_050.0, "what is past is forgotten");
}

#[test]
fn a_stream_with_little_to_measure_has_a_longer_window() {
    let mut seen = Seen::new(0.99);
    // One in five seconds: a hundred take more than eight minutes.
    let mut bounds = Vec::new();
    for at in 0..1_000 {
        seen.count([f64::from(1 + at % 50)]);
        bounds.push(seen.tick(5));
    }
    assert!(bounds[..99].iter().all(Option::is_none));
    assert!(
        bounds[99..].iter().all(Option::is_some),
        "never too few again"
    );
}

#[test]
fn ticks_may_be_as_dense_as_collections_are() {
    let (mut often, mut rarely) = (Seen::new(0.9), Seen::new(0.9));
    for _ in 0..100 {
        for _ in 0..10 {
            often.count(up_to(10));
            often.tick(1);
        }
        rarely.count((0..10).flat_map(|_| up_to(10)));
        rarely.tick(10);
    }
    assert_eq!(often.tick(0), rarely.tick(0));
}

/// Latencies as they are: most near their level, some at several times that.
fn around(level: f64, random: &impl Random, count: u32) -> Vec<f64> {
    let value = |_| level * (0.2 + random.open01().ln().powi(2));
    (0..count).map(value).collect()
}

#[test]
fn where_much_is_measured_few_values_are_told_apart() {
    let random = throughline_testkit::SeededRandom::new(5);
    let mut seen = Seen::new(0.999);
    let mut apart = 0;
    for second in 0..120 {
        let values = around(1.0, &random, 2_000);
        let low = seen.rolling.low();
        if second >= 60 {
            apart += values.iter().filter(|value| **value > low).count();
        }
        seen.count(values);
        seen.tick(1);
    }
    assert!((120..6_000).contains(&apart), "{apart} of 120,000");
}

#[test]
fn where_little_is_measured_all_values_are_told_apart() {
    let random = throughline_testkit::SeededRandom::new(5);
    for (quantile, a_second) in [(0.999, 90), (0.9, 2_000)] {
        let mut seen = Seen::new(quantile);
        for _ in 0..120 {
            seen.count(around(1.0, &random, a_second));
            seen.tick(1);
            assert_eq!(seen.rolling.low(), f64::NEG_INFINITY);
        }
    }
}

#[test]
fn what_is_above_the_bound_is_told_apart_though_the_last_slot_is_far_above_it() {
    let random = throughline_testkit::SeededRandom::new(5);
    let mut seen = Seen::new(0.99);
    for _ in 0..5 {
        seen.count(around(1.0, &random, 10_000));
        seen.tick(10);
    }
    seen.count(around(100.0, &random, 200));
    let bound = seen.tick(10).unwrap();
    assert!(bound < 40.0, "half of the last ones are above 50: {bound}");
    assert!((0.0..=bound).contains(&seen.rolling.low()));
}

#[test]
fn the_bound_never_falls_to_where_values_are_not_told_apart() {
    let random = throughline_testkit::SeededRandom::new(5);
    let mut seen = Seen::new(0.99);
    seen.count(around(1.0, &random, 1_000));
    seen.tick(0);
    seen.tick(10);
    let low = seen.rolling.low();
    assert!(low > 0.0);
    // A flood of small ones: the quantile comes down to them, and nobody knows where they are.
    seen.count(around(0.1, &random, 1_000_000));
    assert_eq!(seen.tick(1), Some(low));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// However latencies and loads change: the bound is that of a window in which all were told apart, or above it; it is
    /// that one again two minutes after the last change; and what is above it is told apart.
    #[test]
    fn the_bound_is_that_of_all_values_told_apart(
        steps in proptest::collection::vec((0.01..100.0f64, 20u32..800, 1u32..40), 1..6),
        quantile in proptest::sample::select(vec![0.97, 0.99, 0.999]),
        seed in 0u64..u64::MAX,
    ) {
        let random = throughline_testkit::SeededRandom::new(seed);
        let mut seen = Seen::new(quantile);
        let (mut all, mut everything) = (Rolling::new(quantile, 4), Dense::new(4));
        let last = steps.last().map_or((1.0, 100), |(level, load, _)| (*level, *load));
        let seconds = steps.iter().flat_map(|(level, load, seconds)| {
            std::iter::repeat_n((*level, *load), *seconds as usize)
        });
        let settling = std::iter::repeat_n(last, 121);
        let mut bounds = (None, None);
        for (level, load) in seconds.chain(settling) {
            let values = around(level, &random, load);
            values.iter().for_each(|value| everything.record(*value, SIZE));
            seen.count(values);
            bounds = (seen.tick(1), all.tick(everything.clone(), seen.now));
            all.low = f64::NEG_INFINITY;
            proptest::prop_assert!(bounds.0 >= bounds.1, "{:?}", bounds);
            proptest::prop_assert!(bounds.0.unwrap_or(f64::MAX) >= seen.rolling.low());
        }
        if last.1 >= 200 {
            proptest::prop_assert_eq!(bounds.0, bounds.1);
        }
    }
}
