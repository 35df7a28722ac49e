//! What our samplers promise, at fixed seeds, with bounds that chance passes less than once in a million.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use throughline_lab::{Bias, Candidate, Load, Measures, Recording, Setup, Workload, ours, run};

/// Student's t with 99 degrees of freedom is beyond this once in 1.4 million.
const Z: f64 = 5.2;

/// A step in a short time, so that changing probabilities count.
fn short_step() -> Workload {
    let seconds = Duration::from_secs;
    let load = Load::Step {
        low: 200.0,
        high: 2_000.0,
        up: seconds(4),
        down: seconds(6),
    };
    Workload::new("step", load, seconds(10), 50, 50.0).warmed_up_for(Duration::ZERO)
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
fn a_ratio_and_a_rate_limit_estimate_totals_without_bias() {
    let workload = short_step();
    for candidate in [ours::ratio, ours::rate_limiting] {
        let bias = Bias::over(&over_seeds(&workload, 100, candidate));
        assert!(bias.z.abs() < Z, "{bias:?}");
        assert!(bias.mean.abs() < 0.01 + Z * bias.standard_error, "{bias:?}");
    }
}

#[test]
fn a_ratio_follows_the_load_and_a_rate_limit_does_not() {
    let workload = short_step();
    let ratio = Measures::over(&workload, &over_seeds(&workload, 10, ours::ratio));
    assert!(ratio.peak > 9.0, "{ratio:?}");
    let limited = Measures::over(&workload, &over_seeds(&workload, 10, ours::rate_limiting));
    // The mean of ten seconds with 50 each: a standard deviation of 4.5 %.
    assert!(limited.peak < 1.3, "{limited:?}");
}
