//! Windows and rolling quantiles, over a time that the test sets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use throughline_hdr::{Error, Range, Recorder, RollingQuantile, Window};

fn millis() -> Range {
    Range::new(1, 600_000, 3).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_window_forgets_part_by_part() {
    let recorder = Recorder::new(millis());
    let mut window = Window::new(millis(), seconds(60), 6).unwrap();
    let mut seen = vec![];
    for now in (5..=125).step_by(10) {
        if now < 65 {
            recorder.record(now);
        }
        window.tick(seconds(now), recorder.collect());
        seen.push(window.counts().len());
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 0]);
}

#[test]
fn a_late_tick_counts_what_it_finds() {
    let recorder = Recorder::new(millis());
    let mut window = Window::new(millis(), seconds(60), 6).unwrap();
    recorder.record(1);
    window.tick(seconds(1), recorder.collect());
    recorder.record(2);
    // Nobody ticked for an hour.
    window.tick(seconds(3600), recorder.collect());
    assert_eq!(window.counts().len(), 1);
    assert_eq!(window.counts().quantile(1.0), Some(2));
}

#[test]
fn a_clock_that_stands_or_steps_back_loses_nothing() {
    let recorder = Recorder::new(millis());
    let mut window = Window::new(millis(), seconds(60), 6).unwrap();
    for now in [30, 30, 10, 0, 31] {
        recorder.record(9);
        window.tick(seconds(now), recorder.collect());
    }
    assert_eq!(window.counts().len(), 5);
}

#[test]
fn a_window_names_what_is_wrong_with_it() {
    let error = Window::new(millis(), seconds(1), 0).unwrap_err();
    assert_eq!(error.to_string(), "window.parts is 0, expected at least 1");
    let error = Window::new(millis(), Duration::from_nanos(5), 6).unwrap_err();
    assert_eq!(
        error.to_string(),
        "window.span is 5ns, expected at least a nanosecond per part"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The window against a list of values with the time of the tick that found them.
    #[test]
    fn a_window_holds_the_parts_of_its_span(
        steps in prop::collection::vec((0u64..40, prop::collection::vec(1u64..600_000, 0..5)), 1..60),
        parts in 1u32..8,
    ) {
        let span = u64::from(parts) * 10;
        let recorder = Recorder::new(millis());
        let mut window = Window::new(millis(), seconds(span), parts).unwrap();
        let mut list = VecDeque::new();
        let mut now = 0;
        for (step, values) in steps {
            now += step;
            for value in values {
                recorder.record(value);
                list.push_back((now / 10, value));
            }
            window.tick(seconds(now), recorder.collect());
            list.retain(|(part, _)| part + u64::from(parts) > now / 10);
            let expected = Recorder::new(millis());
            list.iter().for_each(|(_, value)| expected.record(*value));
            prop_assert_eq!(window.counts().histogram(), expected.collect().histogram());
        }
    }
}

#[test]
fn a_rolling_quantile_follows_what_is_slow() {
    let range = Range::floats(1e-6, 60.0, 2).unwrap();
    let slow = &RollingQuantile::new(range, 0.9, seconds(60)).unwrap();
    let record = |value: f64| {
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(move || {
                    (0..500).for_each(|n| slow.record_f64(value * f64::from(n) / 500.0));
                });
            }
        });
    };
    let near = |expected: f64| {
        let bound = slow.bound();
        assert!(
            (bound / expected - 1.0).abs() < 0.011,
            "{bound} for {expected}"
        );
    };
    record(0.1);
    assert_eq!(slow.bound(), f64::INFINITY);
    slow.tick(seconds(1));
    near(0.09);
    // Slower, until nothing of the first minute is left.
    record(10.0);
    slow.tick(seconds(45));
    near(8.0);
    slow.tick(seconds(70));
    near(9.0);
    assert_eq!(slow.counts().len(), 1000);
    slow.tick(seconds(200));
    assert_eq!(slow.bound(), f64::INFINITY);
}

#[test]
fn a_rolling_quantile_waits_until_one_value_may_lie_above_it() {
    let slow = RollingQuantile::new(millis(), 0.99, seconds(60)).unwrap();
    (1..100).for_each(|n| slow.record(n));
    slow.tick(seconds(1));
    assert_eq!(slow.bound(), f64::INFINITY);
    slow.record(100);
    slow.tick(seconds(2));
    assert_eq!(slow.bound(), 99.0);
}

#[test]
fn several_tick_within_one_collection() {
    let quantiles = [0.5, 0.9].map(|q| RollingQuantile::new(millis(), q, seconds(6)).unwrap());
    for quantile in &quantiles {
        (1..=10).for_each(|n| quantile.record(n));
    }
    let cells = throughline_cells::lock();
    quantiles
        .iter()
        .for_each(|quantile| quantile.tick_within(&cells, seconds(1)));
    assert_eq!(quantiles.map(|quantile| quantile.bound()), [5.0, 9.0]);
}

#[test]
fn a_quantile_is_between_none_and_all() {
    for q in [0.0, 1.0, -0.5, f64::NAN] {
        let error = RollingQuantile::new(millis(), q, seconds(6)).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Invalid {
                    field: "quantile",
                    ..
                }
            ),
            "{error}"
        );
    }
}
