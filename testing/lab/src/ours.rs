//! Our own samplers, through their public API, as a service would set them.

mod composed;
mod retained;
mod traced;

use std::io;
use std::sync::Arc;

use throughline_samplers::probability::{
    ComposableAlwaysOff, ComposableAlwaysOn, ComposableParentThreshold, ComposableProbability,
    ComposableRateLimiting, ComposableSampler, CompositeSampler,
};
use throughline_samplers::{
    AdaptiveSampler, Error, Pattern, Patterns, PriorityRules, PrioritySampler, Rule,
};
use throughline_testkit::ManualClock;

use crate::candidate::{Candidate, Setup};

pub use composed::Composed;
pub use retained::retained;
pub use traced::{Arrived, CHILDREN, Holding, Traced};

/// All of them.
pub fn all(setup: &Setup) -> Vec<Box<dyn Candidate>> {
    vec![
        ratio(setup),
        rate_limiting(setup),
        priority(setup),
        adaptive(setup),
    ]
}

/// Those that decide when a trace has ended: whole pipelines.
///
/// # Errors
///
/// Where the operating system gives no runtime.
pub fn pipelines(setup: &Setup) -> io::Result<Vec<Box<dyn Candidate>>> {
    let probability = (setup.target / setup.rate).min(1.0);
    let ratio = ComposableProbability::new(probability).map_err(io::Error::other)?;
    let ratio = CompositeSampler::new(ComposableParentThreshold::new(ratio));
    let clock = ManualClock::new();
    let adaptive = adaptive_sampler(setup, &clock).map_err(io::Error::other)?;
    let clocks = ManualClock::new;
    Ok(vec![
        Box::new(retained(
            "our retention",
            setup,
            clocks(),
            ratio.clone(),
            AMPLE,
        )?),
        Box::new(retained(
            "our retention, 128 KiB",
            setup,
            clocks(),
            ratio,
            SCARCE,
        )?),
        Box::new(retained(
            "our retention, adaptive",
            setup,
            clock,
            adaptive,
            AMPLE,
        )?),
    ])
}

/// What retention may hold by default.
const AMPLE: usize = 64 << 20;
/// Less than what is open at any time.
const SCARCE: usize = 128 << 10;

/// A fixed ratio, as someone sets it who knows the load at the start.
pub fn ratio(setup: &Setup) -> Box<dyn Candidate> {
    let probability = (setup.target / setup.rate).min(1.0);
    let sampler: Box<dyn ComposableSampler> = match ComposableProbability::new(probability) {
        Ok(sampler) => Box::new(sampler),
        Err(_) => Box::new(ComposableAlwaysOff),
    };
    Box::new(Composed::new(
        "our ratio",
        sampler,
        ManualClock::new(),
        setup,
    ))
}

/// Everything, up to the target.
pub fn rate_limiting(setup: &Setup) -> Box<dyn Candidate> {
    let clock = ManualClock::new();
    let everything = ComposableAlwaysOn::new();
    let limited = ComposableRateLimiting::new(everything, setup.target, Arc::new(clock.clone()));
    let sampler: Box<dyn ComposableSampler> = match limited {
        Ok(sampler) => Box::new(sampler),
        Err(_) => Box::new(ComposableAlwaysOff),
    };
    Box::new(Composed::new("our rate limit", sampler, clock, setup))
}

/// Rules: half of the target is for the three most popular operations, half for all the others.
pub fn priority(setup: &Setup) -> Box<dyn Candidate> {
    let clock = ManualClock::new();
    let names = setup.operations.iter().take(3);
    let popular: Patterns = names.map(|name| Pattern::from(name.as_str())).collect();
    let half = setup.target / 2.0;
    let rules = PriorityRules::new()
        .rule(Rule::new("popular").span_name(popular).budget(half))
        .default_budget(half);
    let sampler: Box<dyn ComposableSampler> =
        match PrioritySampler::with_clock(rules, Arc::new(clock.clone())) {
            Ok(sampler) => Box::new(sampler),
            Err(_) => Box::new(ComposableAlwaysOff),
        };
    Box::new(Composed::new("our priority", sampler, clock, setup))
}

/// The target, shared between the operations.
pub fn adaptive(setup: &Setup) -> Box<dyn Candidate> {
    let clock = ManualClock::new();
    let sampler: Box<dyn ComposableSampler> = match adaptive_sampler(setup, &clock) {
        Ok(sampler) => Box::new(sampler),
        Err(_) => Box::new(ComposableAlwaysOff),
    };
    Box::new(Composed::new("our adaptive", sampler, clock, setup))
}

/// On a machine that is never busy; an operation that is rare enough is sampled whole.
fn adaptive_sampler(setup: &Setup, clock: &ManualClock) -> Result<AdaptiveSampler, Error> {
    AdaptiveSampler::builder()
        .target_per_second(setup.target)
        .base_rate(1.0)
        .clock(Arc::new(clock.clone()))
        .load_signal(|| 0.0)
        .build()
}
