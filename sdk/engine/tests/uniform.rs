//! Exemplars are a uniform sample of the measurements of their interval (specification: `metrics/sdk.md`,
//! "SimpleFixedSizeExemplarReservoir", "AlignedHistogramBucketExemplarReservoir").
//!
//! The seeds are fixed, so these tests give the same result in each run; a correct implementation with a random seed would
//! fail one of them less than once in a million runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::sync::Arc;

use common::bench_with;
use opentelemetry::metrics::Histogram;
use throughline_engine::ExemplarFilter;
use throughline_model::{Exemplar, Snapshot};
use throughline_testkit::{NONE, SeededRandom, Seen};

const MEASUREMENTS: usize = 60;
const ROUNDS: usize = 2_400;

/// The number of standard deviations that a normal variable passes once in 10^7 times.
const SIGMAS: f64 = 5.4;

/// Asserts that every place was taken about as often as the others: Pearson's statistic has `n − 1` degrees of freedom,
/// so by Wilson and Hilferty its cube root is nearly normal. Sampling without replacement only makes it smaller.
fn assert_uniform(taken: &[u64], what: &str) {
    let total: u64 = taken.iter().sum();
    let expected = total as f64 / taken.len() as f64;
    assert!(expected > 30.0, "{what}: too few, {total}");
    let statistic: f64 = taken
        .iter()
        .map(|&count| (count as f64 - expected).powi(2) / expected)
        .sum();
    let freedom = (taken.len() - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    let sigmas = ((statistic / freedom).cbrt() - (1.0 - spread)) / spread.sqrt();
    assert!(sigmas < SIGMAS, "{what}: {sigmas:.1} sigmas: {taken:?}");
}

fn count(taken: &mut [u64], exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        taken[exemplar.value.as_f64() as usize] += 1;
    }
}

fn of(snapshot: &Snapshot) -> &[Exemplar] {
    &snapshot.histogram("h", NONE).exemplars
}

struct Run {
    bench: common::Bench,
    histogram: Histogram<f64>,
}

/// One bucket for all: aligned with a bound above all, or of fixed size without bounds.
fn run(seed: u64, bounds: Vec<f64>) -> Run {
    let bench = bench_with(|builder| {
        builder
            .exemplar_filter(ExemplarFilter::AlwaysOn)
            .random(Arc::new(SeededRandom::new(seed)))
    });
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(bounds)
        .build();
    Run { bench, histogram }
}

#[test]
fn one_thread_one_per_bucket() {
    let Run { bench, histogram } = run(1, vec![1e9]);
    let mut taken = vec![0; MEASUREMENTS];
    for _ in 0..ROUNDS {
        (0..MEASUREMENTS).for_each(|at| histogram.record(at as f64, &[]));
        count(&mut taken, of(&bench.delta.collect()));
    }
    assert_eq!(taken.iter().sum::<u64>(), ROUNDS as u64);
    assert_uniform(&taken, "aligned");
}

#[test]
fn one_thread_fixed_size() {
    let Run { bench, histogram } = run(2, vec![]);
    let mut taken = vec![0; MEASUREMENTS];
    // The reservoir has as many places as the machine has processors, which may be one.
    for _ in 0..ROUNDS {
        (0..MEASUREMENTS).for_each(|at| histogram.record(at as f64, &[]));
        count(&mut taken, of(&bench.delta.collect()));
    }
    assert_uniform(&taken, "fixed size");
}

#[test]
fn two_readers_that_collect_at_different_times() {
    let Run { bench, histogram } = run(3, vec![1e9]);
    let (mut of_delta, mut of_total) = (vec![0; MEASUREMENTS], vec![0; MEASUREMENTS]);
    for _ in 0..ROUNDS {
        for at in 0..MEASUREMENTS {
            histogram.record(at as f64, &[]);
            // The other reader collects within this one's interval: twice, at places that favour nobody it could know.
            if at == 6 || at == 36 {
                count(&mut of_total, of(&bench.cumulative.collect()));
            }
        }
        count(&mut of_delta, of(&bench.delta.collect()));
    }
    assert_uniform(&of_delta, "delta");
    // Its intervals: 7..=36 of a round, and 37.. with 0..=6 of the next (the first one is cut short).
    assert_uniform(&of_total[7..=36], "first interval");
    let rest: Vec<u64> = of_total[37..]
        .iter()
        .chain(&of_total[..=6])
        .copied()
        .collect();
    assert_uniform(&rest, "second interval");
}

#[test]
fn several_threads_that_take_turns_and_threads_that_end() {
    let Run { bench, histogram } = run(4, vec![1e9]);
    let mut taken = vec![0; MEASUREMENTS];
    let (to_worker, work) = std::sync::mpsc::channel::<usize>();
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let of_worker = histogram.clone();
        scope.spawn(move || {
            for at in work {
                of_worker.record(at as f64, &[]);
                done.send(()).unwrap();
            }
        });
        for round in 0..ROUNDS {
            for at in 0..MEASUREMENTS {
                if at % 3 == 0 {
                    to_worker.send(at).unwrap();
                    is_done.recv().unwrap();
                } else if round % 40 == 0 && at == 30 {
                    std::thread::scope(|inner| {
                        inner.spawn(|| histogram.record(at as f64, &[]));
                    });
                } else {
                    histogram.record(at as f64, &[]);
                }
            }
            count(&mut taken, of(&bench.delta.collect()));
        }
        drop(to_worker);
    });
    assert_uniform(&taken, "threads");
}

/// opentelemetry-go #8309: one off, once the reservoir is full. A few measurements show it best.
#[test]
fn few_measurements() {
    const FEW: usize = 5;
    let Run { bench, histogram } = run(7, vec![1e9]);
    let mut taken = vec![0; FEW];
    for _ in 0..8_000 {
        (0..FEW).for_each(|at| histogram.record(at as f64, &[]));
        count(&mut taken, of(&bench.delta.collect()));
    }
    assert_uniform(&taken, "few");
}

/// Of many measurements a handful is offered: the skips must not wear the sample out.
#[test]
fn long_intervals() {
    const LONG: usize = 3_000;
    let Run { bench, histogram } = run(5, vec![1e9]);
    let mut taken = vec![0; 20];
    for _ in 0..700 {
        (0..LONG).for_each(|at| histogram.record((at * 20 / LONG) as f64, &[]));
        count(&mut taken, of(&bench.delta.collect()));
    }
    assert_uniform(&taken, "long");
}

#[test]
fn the_sampled_spans_among_all() {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };
    let bench = bench_with(|builder| builder.random(Arc::new(SeededRandom::new(6))));
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![1e9])
        .build();
    let sampled = Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    ));
    let mut taken = vec![0; MEASUREMENTS];
    for _ in 0..ROUNDS {
        for at in 0..MEASUREMENTS {
            // One in four is eligible.
            let _guard = (at % 4 == 1).then(|| sampled.clone().attach());
            histogram.record(at as f64, &[]);
        }
        count(&mut taken, of(&bench.delta.collect()));
    }
    assert!((0..MEASUREMENTS).all(|at| at % 4 == 1 || taken[at] == 0));
    let eligible: Vec<u64> = taken.into_iter().skip(1).step_by(4).collect();
    assert_eq!(eligible.iter().sum::<u64>(), ROUNDS as u64);
    assert_uniform(&eligible, "eligible");
}
