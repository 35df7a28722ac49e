//! The baselines do what their descriptions lead one to expect, so that ours are compared with the field and
//! not with a caricature of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use throughline_lab::{Candidate, Load, Measures, Recording, Setup, Workload, field, run};

/// Ten times the load for 20 s, after 60 s that are not measured and 60 s that are.
fn step(operations: usize) -> Workload {
    let seconds = Duration::from_secs;
    let load = Load::Step {
        low: 2_000.0,
        high: 20_000.0,
        up: seconds(120),
        down: seconds(140),
    };
    Workload::new("step", load, seconds(160), operations, 100.0).warmed_up_for(seconds(60))
}

fn measure(workload: &Workload, candidate: impl Candidate + 'static) -> (Measures, Recording) {
    let mut candidates: Vec<Box<dyn Candidate>> = vec![Box::new(candidate)];
    let recording = run(workload, 1, &mut candidates, &|_| {}).remove(0);
    (Measures::of(workload, &recording), recording)
}

#[test]
fn java_rate_limiting_is_exact_when_steady_and_needs_its_time_constant() {
    let workload = step(500);
    let (measures, recording) = measure(
        &workload,
        field::JavaRateLimiting::new(&Setup::of(&workload)),
    );
    // 6,000 are expected: 5 standard deviations are 6.5 %.
    assert!(measures.steady_error.abs() < 0.065, "{measures:?}");
    // A second after the step, 1 / (10 - 9 e^(-t / 5 s)) of the error is left; the mean of that second is 5.6.
    assert!((4.0..8.0).contains(&measures.peak), "{measures:?}");
    // Three time constants later it is back.
    let later: u32 = recording.kept[1_350..1_400].iter().sum();
    assert!((350..750).contains(&later), "{later} in 5 s");
    // It knows no operations: the rare ones are left out.
    assert!(measures.seen_at_least.unwrap() < 0.8, "{measures:?}");
}

#[test]
fn the_laws_with_keys_see_rare_operations_and_overshoot_by_the_step() {
    let workload = step(50);
    let setup = Setup::of(&workload);
    let (ema, _) = measure(&workload, field::EmaThroughput::new(&setup));
    let (windowed, _) = measure(&workload, field::Windowed::new(&setup));
    let (datadog, _) = measure(&workload, field::Datadog::new(&setup));
    for (name, measures) in [
        ("ema", &ema),
        ("windowed", &windowed),
        ("datadog", &datadog),
    ] {
        assert!(measures.seen.unwrap() > 0.99, "{name}: {measures:?}");
        assert!((6.0..15.0).contains(&measures.peak), "{name}: {measures:?}");
    }
    assert!(ema.steady_error.abs() < 0.1, "{ema:?}");
    // Its rates are rounded down to whole numbers.
    assert!(windowed.steady_error > 0.1, "{windowed:?}");
    // It goes by the fullest of six intervals.
    assert!(datadog.steady_error < -0.1, "{datadog:?}");
}

#[test]
fn jaeger_starts_low_doubles_at_most_and_keeps_one_a_minute_besides() {
    let load = Load::Steady { rate: 100.0 };
    let workload = Workload::new("steady", load, Duration::from_secs(3_600), 10, 10.0);
    let (measures, recording) = measure(&workload, field::Jaeger::new(&Setup::of(&workload)));
    let minute = |n: usize| recording.kept[n * 600..(n + 1) * 600].iter().sum::<u32>();
    // One of each operation at once, and 0.1 % of 6,000; then one of each a minute.
    assert!(minute(0) < 50, "{}", minute(0));
    assert!(minute(1) < 50, "{}", minute(1));
    // In the end it is near 600 a minute, give or take the 30 % that it tolerates and what is kept besides.
    assert!((400..900).contains(&minute(59)), "{}", minute(59));
    assert_eq!(measures.seen_at_least, Some(1.0));
}
