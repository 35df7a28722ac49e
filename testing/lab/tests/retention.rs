//! What the retention buffer promises, over a whole pipeline in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use throughline_lab::ours::{CHILDREN, Traced, retained};
use throughline_lab::{Bias, Candidate, Load, Measures, Recording, Setup, Workload, run};
use throughline_samplers::probability::*;
use throughline_testkit::ManualClock;

/// Student's t with 99 degrees of freedom is beyond this once in 1.4 million.
const Z: f64 = 5.2;

const AMPLE: usize = 8 << 20;
/// Less than what ten times the load holds back.
const SCARCE: usize = 48 << 10;

/// A step in a short time: in it, a scarce buffer overflows.
fn short_step(low: f64) -> Workload {
    let seconds = Duration::from_secs;
    let load = Load::Step {
        low,
        high: 10.0 * low,
        up: seconds(4),
        down: seconds(6),
    };
    Workload::new("step", load, seconds(10), 20, 6.0).warmed_up_for(Duration::ZERO)
}

/// One run with this head sampling and this bound.
fn pipeline(workload: &Workload, seed: u64, head: f64, max_bytes: usize) -> (Recording, Traced) {
    let head = ComposableParentThreshold::new(ComposableProbability::new(head).unwrap());
    let head = CompositeSampler::new(head);
    let setup = Setup::of(workload);
    let mut traced = retained("retained", &setup, ManualClock::new(), head, max_bytes).unwrap();
    let recording = run(workload, seed, &mut [Box::new(&mut traced)], &|_| {}).remove(0);
    (recording, traced)
}

#[test]
fn every_error_and_every_outlier_arrives_once_and_whole_at_two_percent() {
    let workload = short_step(40.0);
    let (recording, traced) = pipeline(&workload, 1, 0.02, AMPLE);
    let measures = Measures::of(&workload, &recording).with(traced.footprint());
    assert_eq!(measures.error_recall, 1.0, "{measures:?}");
    assert_eq!(measures.outlier_recall, 1.0, "{measures:?}");
    assert_eq!(measures.evicted, 0, "{measures:?}");
    assert!(measures.peak_bytes <= AMPLE as u64, "{measures:?}");
    let (arrived, kept) = (traced.arrived(), recording.totals.kept);
    assert_eq!(
        (arrived.roots, arrived.spans),
        (kept, kept * u64::from(CHILDREN + 1))
    );
    // Of the others, 2 % and no more: within 5 standard deviations.
    let rest = recording.totals.offered - recording.totals.errors - recording.totals.outliers;
    let (expected, more) = (0.02 * rest as f64, kept - recording.totals.errors_kept);
    assert!(
        (more as f64 - expected).abs() < 10.0 + 5.0 * expected.sqrt(),
        "{more} of {rest}"
    );
}

#[test]
fn what_is_never_at_risk_is_kept_however_little_memory_there_is() {
    let workload = short_step(200.0);
    let (recording, traced) = pipeline(&workload, 1, 0.02, 2 * SCARCE);
    let footprint = traced.footprint();
    assert!(
        footprint.evicted > 0 && traced.least_share() < 1.0,
        "{footprint:?}"
    );
    assert!(footprint.peak_bytes <= 2 * SCARCE as u64, "{footprint:?}");
    let never_at_risk = traced.least_share() / 2.0;
    let (mut safe, mut lost) = (0, 0);
    for (request, kept) in traced.outcomes().filter(|(it, _)| it.error || it.outlier) {
        if request.falls_within(never_at_risk) {
            safe += 1;
            assert!(kept, "{request:?} of {never_at_risk}");
        } else {
            lost += u64::from(!kept);
        }
    }
    assert!(safe > 10 && lost > 0, "{safe} were safe, {lost} lost");
    let (wanted, got) = (recording.totals.errors, recording.totals.errors_kept);
    assert!(got < wanted, "nothing was lost: the test says nothing");
}

#[test]
fn totals_are_estimated_without_bias_though_traces_are_evicted() {
    let workload = short_step(40.0);
    let one = |seed| pipeline(&workload, seed, 0.25, SCARCE);
    let (runs, pipelines): (Vec<Recording>, Vec<Traced>) = (1..=100).map(one).unzip();
    let evicted: u64 = pipelines.iter().map(|it| it.footprint().evicted).sum();
    assert!(evicted > 1_000, "only {evicted} were evicted");
    let bias = Bias::over(&runs);
    assert!(bias.z.abs() < Z, "{bias:?}");
    assert!(bias.mean.abs() < 0.01 + Z * bias.standard_error, "{bias:?}");
}
