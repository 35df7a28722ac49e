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
            self.total.record(value, SIZE);
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
