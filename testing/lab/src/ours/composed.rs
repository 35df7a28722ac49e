//! Any composable sampler as a candidate.

use std::sync::Arc;
use std::time::Duration;

use throughline_samplers::probability::{ComposableSampler, Randomness, SpanStart};
use throughline_testkit::ManualClock;

use crate::candidate::{Candidate, Setup};
use crate::recording::Recording;
use crate::request::Request;

/// A composable sampler that is asked about each root span, and compared with the trace's randomness as the
/// composite sampler does.
#[derive(Debug)]
pub struct Composed<S> {
    name: &'static str,
    sampler: S,
    clock: ManualClock,
    /// Where the clock stands.
    now: Duration,
    operations: Arc<[String]>,
}

impl<S: ComposableSampler> Composed<S> {
    /// This sampler, which reads this clock if it reads any.
    pub fn new(name: &'static str, sampler: S, clock: ManualClock, setup: &Setup) -> Self {
        Self {
            name,
            sampler,
            clock,
            now: Duration::ZERO,
            operations: setup.operations.clone(),
        }
    }

    fn advance_to(&mut self, now: Duration) {
        self.clock.advance(now - self.now);
        self.now = now;
    }
}

impl<S: ComposableSampler> Candidate for Composed<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        self.advance_to(request.at);
        let span = SpanStart::root(&self.operations[request.operation as usize]);
        let threshold = self.sampler.intent(&span).threshold();
        let randomness = Randomness::from_bits(request.randomness);
        if let (Some(threshold), Some(randomness)) = (threshold, randomness)
            && threshold.keeps(randomness)
        {
            kept.keep(request, threshold.adjusted_count());
        }
    }

    fn tick(&mut self, now: Duration, _: &mut Recording) {
        self.advance_to(now);
    }
}
