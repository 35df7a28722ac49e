//! The whole pipeline, from the tracer to the exporter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use throughline_lab::ours::{Arrived, CHILDREN, Traced, ratio};
use throughline_lab::{Load, Setup, Workload, run};
use throughline_model::SelfMeter;
use throughline_samplers::SpanQueue;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::probability::*;
use throughline_testkit::ManualClock;

#[test]
fn what_arrives_at_the_exporter_is_what_the_sampler_said() {
    let load = Load::Steady { rate: 500.0 };
    let workload = Workload::new("steady", load, Duration::from_secs(10), 10, 50.0);
    let setup = Setup::of(&workload);
    let (queue, worker) = SpanQueue::new(BatchSettings::spans(), &SelfMeter::new()).unwrap();
    let roots = ComposableProbability::new(0.1).unwrap();
    let sampler = CompositeSampler::new(ComposableParentThreshold::new(roots));
    let clock = ManualClock::new();
    let mut traced = Traced::new("traced", &setup, clock, sampler, queue, worker, ()).unwrap();
    let traced_recording = run(&workload, 1, &mut [Box::new(&mut traced)], &|_| {}).remove(0);
    let plain_recording = run(&workload, 1, &mut [ratio(&setup)], &|_| {}).remove(0);
    assert_eq!(traced_recording.totals, plain_recording.totals);
    assert_eq!(traced_recording.kept, plain_recording.kept);
    assert_eq!(traced_recording.estimate, plain_recording.estimate);
    let roots = traced_recording
        .kept
        .iter()
        .map(|kept| u64::from(*kept))
        .sum();
    let spans = roots * u64::from(CHILDREN + 1);
    assert_eq!(traced.arrived(), Arrived { roots, spans });
}
