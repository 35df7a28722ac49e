//! Our own samplers, through their public API, as a service would set them.

mod composed;
mod traced;

use std::sync::Arc;

use throughline_samplers::probability::{
    ComposableAlwaysOff, ComposableAlwaysOn, ComposableProbability, ComposableRateLimiting,
    ComposableSampler,
};
use throughline_samplers::{Pattern, Patterns, PriorityRules, PrioritySampler, Rule};
use throughline_testkit::ManualClock;

use crate::candidate::{Candidate, Setup};

pub use composed::Composed;
pub use traced::{Arrived, CHILDREN, Traced};

/// All of them.
pub fn all(setup: &Setup) -> Vec<Box<dyn Candidate>> {
    vec![ratio(setup), rate_limiting(setup), priority(setup)]
}

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
