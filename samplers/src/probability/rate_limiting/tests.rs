use std::thread;

use proptest::prelude::*;
use throughline_model::Random;
use throughline_testkit::{ManualClock, SeededRandom};

use super::super::composable::{ComposableAlwaysOff, ComposableAlwaysOn, ComposableProbability};
use super::super::randomness::Randomness;
use super::*;

fn limited<S: ComposableSampler>(
    sampler: S,
    per_second: f64,
) -> (ComposableRateLimiting<S>, ManualClock) {
    let clock = ManualClock::new();
    let sampler = ComposableRateLimiting::new(sampler, per_second, Arc::new(clock.clone()));
    (sampler.unwrap(), clock)
}

/// The probability of a span that starts now.
fn next<S: ComposableSampler>(sampler: &ComposableRateLimiting<S>) -> f64 {
    let intent = sampler.intent(&SpanStart::root("job"));
    assert!(intent.adjusted_count_reliable());
    intent.threshold().unwrap().probability()
}

/// How many spans are sampled on average while they start this often, evenly.
fn load<S: ComposableSampler>(
    sampler: &ComposableRateLimiting<S>,
    clock: &ManualClock,
    per_second: u32,
    time: Duration,
) -> f64 {
    let gap = Duration::from_secs(1) / per_second;
    let spans = time.as_nanos() / gap.as_nanos();
    (0..spans)
        .map(|_| {
            clock.advance(gap);
            next(sampler)
        })
        .sum()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn below_the_limit_everything_is_sampled() {
    let (sampler, clock) = limited(ComposableAlwaysOn::new(), 100.0);
    assert_eq!(load(&sampler, &clock, 100, SECOND), 100.0);
    assert_eq!(load(&sampler, &clock, 10, SECOND), 10.0);
}

#[test]
fn above_the_limit_the_limit_is_sampled() {
    for (limit, offered) in [(100.0, 2_000), (100.0, 110), (3.0, 5_000), (0.5, 100)] {
        let (sampler, clock) = limited(ComposableAlwaysOn::new(), limit);
        load(&sampler, &clock, offered, 20 * SECOND); // what the bucket held at first
        let sampled = load(&sampler, &clock, offered, 10 * SECOND);
        let error = sampled / (10.0 * limit) - 1.0;
        assert!(error.abs() < 0.002, "{offered}/s at {limit}/s: {sampled}");
    }
}

#[test]
fn a_step_is_absorbed_at_once() {
    let (sampler, clock) = limited(ComposableAlwaysOn::new(), 100.0);
    load(&sampler, &clock, 2_000, 10 * SECOND);
    let up = load(&sampler, &clock, 20_000, SECOND);
    assert!((100.0..106.0).contains(&up), "{up}");
    let down = load(&sampler, &clock, 2_000, SECOND);
    assert!((94.0..101.0).contains(&down), "{down}");
}

#[test]
fn a_burst_takes_what_the_bucket_holds_and_leaves_everyone_a_chance() {
    let (sampler, _) = limited(ComposableAlwaysOn::new(), 100.0);
    let probabilities: Vec<f64> = (0..100_000).map(|_| next(&sampler)).collect();
    assert_eq!(probabilities[0], 1.0);
    assert!(probabilities.iter().all(|p| *p > 0.0));
    let sampled: f64 = probabilities.iter().sum();
    assert!((99.9..100.1).contains(&sampled), "{sampled}");
}

#[test]
fn at_a_low_rate_the_second_span_still_has_half_a_chance() {
    let (sampler, clock) = limited(ComposableAlwaysOn::new(), 0.1);
    assert_eq!(
        [next(&sampler), next(&sampler), next(&sampler)],
        [1.0, 0.5, 0.25]
    );
    clock.advance(20 * SECOND);
    assert_eq!(next(&sampler), 1.0);
}

#[test]
fn the_other_sampler_has_its_way_until_it_is_too_much() {
    let tenth = ComposableProbability::new(0.1).unwrap();
    let (sampler, clock) = limited(tenth.clone(), 100.0);
    load(&sampler, &clock, 500, 5 * SECOND);
    let intent = sampler.intent(&SpanStart::root("job"));
    assert_eq!(intent.threshold(), tenth.threshold());

    load(&sampler, &clock, 5_000, 10 * SECOND);
    let sampled = load(&sampler, &clock, 5_000, SECOND);
    assert!((99.5..100.5).contains(&sampled), "{sampled}");
    assert!(sampler.intent(&SpanStart::root("job")).threshold() > tenth.threshold());
}

#[test]
fn what_is_dropped_anyway_takes_no_token() {
    let (sampler, _) = limited(ComposableAlwaysOff, 100.0);
    for _ in 0..1_000 {
        assert_eq!(sampler.intent(&SpanStart::root("job")).threshold(), None);
    }
    assert_eq!(sampler.take(1.0), 1.0);
}

#[test]
fn threads_that_race_hand_out_what_one_would() {
    let sum = |threads: usize| {
        let (sampler, _) = limited(ComposableAlwaysOn::new(), 1_000.0);
        let spans = 4_000 / threads;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| (0..spans).map(|_| sampler.take(1.0)).sum::<f64>()))
                .collect();
            let sums = threads.into_iter().map(|thread| thread.join().unwrap());
            sums.sum::<f64>()
        })
    };
    assert!((sum(1) - sum(4)).abs() < 1e-6);
}

#[test]
fn a_rate_that_makes_no_sense_is_named() {
    for bad in [0.0, -1.0, 1e-7, 1e7, f64::NAN, f64::INFINITY] {
        let clock = Arc::new(ManualClock::new());
        let refused = ComposableRateLimiting::new(ComposableAlwaysOff, bad, clock).unwrap_err();
        assert!(
            refused.to_string().starts_with("per_second is "),
            "{refused}"
        );
    }
}

/// Bursts and pauses at a twentieth of the load: the estimate of how many spans there were is right within
/// 5.5 standard errors, which a correct sampler misses once in 2.6 * 10^7 runs.
#[test]
fn the_sum_of_adjusted_counts_is_unbiased() {
    let (sampler, clock) = limited(ComposableAlwaysOn::new(), 100.0);
    let random = SeededRandom::new(1);
    let (mut estimate, mut variance) = (0.0, 0.0);
    let spans = 100_000;
    for i in 0..spans {
        let busy = i % 1_000 < 900;
        clock.advance(Duration::from_micros(if busy { 100 } else { 4_100 }));
        let threshold = sampler.intent(&SpanStart::root("job")).threshold().unwrap();
        if threshold.keeps(Randomness::fresh(&random as &dyn Random)) {
            estimate += threshold.adjusted_count();
        }
        variance += threshold.adjusted_count() - 1.0; // (1 - p) / p
    }
    let z = (estimate - f64::from(spans)) / variance.sqrt();
    assert!(z.abs() < 5.5, "{estimate} of {spans}, z = {z}");
}

proptest! {
    /// The promise of the law: no more than came in and the bucket held.
    #[test]
    fn no_arrivals_take_more_than_there_is(
        per_second in 0.01..5_000.0f64,
        gaps in proptest::collection::vec(0..50_000_000u64, 1..400),
    ) {
        let (sampler, clock) = limited(ComposableAlwaysOn::new(), per_second);
        let k = per_second.max(2.0);
        let (mut sampled, mut elapsed) = (0.0, 0.0);
        for gap in gaps {
            clock.advance(Duration::from_nanos(gap));
            elapsed += gap as f64 * 1e-9;
            let probability = sampler.take(1.0);
            prop_assert!(probability > 0.0 && probability <= 1.0);
            sampled += probability;
            let there_was = k + per_second * elapsed;
            prop_assert!(sampled <= there_was * (1.0 + 1e-6) + 1e-3, "{sampled} of {there_was}");
        }
    }
}
