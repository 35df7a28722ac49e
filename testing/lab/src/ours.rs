//! Our own samplers, through their public API, as a service would set them.

mod composed;
mod traced;

use std::sync::Arc;

use throughline_samplers::probability::{
    ComposableAlwaysOff, ComposableAlwaysOn, ComposableProbability, ComposableRateLimiting,
    ComposableSampler,
};
use throughline_testkit::ManualClock;

use crate::candidate::{Candidate, Setup};

pub use composed::Composed;
pub use traced::{Arrived, CHILDREN, Traced};

/// All of them.
pub fn all(setup: &Setup) -> Vec<Box<dyn Candidate>> {
    vec![ratio(setup), rate_limiting(setup)]
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
