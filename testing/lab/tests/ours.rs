//! What our samplers promise, at fixed seeds, with bounds that chance passes less than once in a million.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use throughline_lab::{
    Bias, Candidate, Load, Measures, Recording, Settled, Setup, Workload, ours, run,
};

/// Student's t with 99 degrees of freedom is beyond this once in 1.4 million.
const Z: f64 = 5.2;

/// A step in a short time, so that changing probabilities count.
fn short_step(operations: usize) -> Workload {
    let seconds = Duration::from_secs;
    let load = Load::Step {
        low: 100.0,
        high: 1_000.0,
        up: seconds(4),
        down: seconds(6),
    };
    Workload::new("step", load, seconds(10), operations, 25.0).warmed_up_for(Duration::ZERO)
}

fn over_seeds(
    workload: &Workload,
    seeds: u64,
    candidate: impl Fn(&Setup) -> Box<dyn Candidate>,
) -> Vec<Recording> {
    let setup = Setup::of(workload);
    let one = |seed| run(workload, seed, &mut [candidate(&setup)], &|_| {}).remove(0);
    (1..=seeds).map(one).collect()
}

#[test]
fn totals_are_estimated_without_bias_while_probabilities_change() {
    type Make = fn(&Setup) -> Box<dyn Candidate>;
    let cases: [(Make, usize); 5] = [
        (ours::ratio, 50),
        (ours::rate_limiting, 50),
        (ours::priority, 50),
        (ours::adaptive, 50),
        (ours::adaptive, 500),
    ];
    for (candidate, operations) in cases {
        let bias = Bias::over(&over_seeds(&short_step(operations), 100, candidate));
        assert!(bias.z.abs() < Z, "{bias:?}");
        assert!(bias.mean.abs() < 0.01 + Z * bias.standard_error, "{bias:?}");
    }
}

#[test]
fn a_ratio_follows_the_load_and_a_rate_limit_does_not() {
    let workload = short_step(50);
    let ratio = Measures::over(&workload, &over_seeds(&workload, 10, ours::ratio));
    assert!(ratio.peak > 9.0, "{ratio:?}");
    let limited = Measures::over(&workload, &over_seeds(&workload, 10, ours::rate_limiting));
    // The mean of ten seconds with 25 each: a standard deviation of 6.3 %.
    assert!(limited.peak < 1.5, "{limited:?}");
}

#[test]
fn adaptive_holds_its_target_when_steady_and_sees_every_operation() {
    for operations in [50, 500] {
        let load = Load::Steady { rate: 500.0 };
        let seconds = Duration::from_secs;
        let workload = Workload::new("steady", load, seconds(660), operations, 100.0);
        let workload = workload.warmed_up_for(seconds(60));
        let measures = Measures::over(&workload, &over_seeds(&workload, 1, ours::adaptive));
        // 60,000 are expected: a standard deviation of 0.4 % at most.
        assert!(
            measures.steady_error.abs() < 0.02,
            "{operations}: {measures:?}"
        );
        assert_eq!(
            measures.seen_at_least,
            Some(1.0),
            "{operations}: {measures:?}"
        );
    }
}

#[test]
fn adaptive_withstands_ten_times_the_load_and_recovers() {
    let seconds = Duration::from_secs;
    for operations in [50, 500] {
        let load = Load::Step {
            low: 1_000.0,
            high: 10_000.0,
            up: seconds(20),
            down: seconds(56),
        };
        let workload = Workload::new("step", load, seconds(104), operations, 100.0);
        let measures = Measures::over(&workload, &over_seeds(&workload, 2, ours::adaptive));
        // The mean of two runs: a standard deviation of 7 % a second, of 3 % in 5 s.
        assert!(measures.peak <= 1.7, "{operations}: {measures:?}");
        let within = |settled, bound| matches!(settled, Settled::After(time) if time <= bound);
        assert!(
            within(measures.settled_up, 6.0),
            "{operations}: {measures:?}"
        );
        assert!(
            within(measures.settled_down, 15.0),
            "{operations}: {measures:?}"
        );
    }
}
