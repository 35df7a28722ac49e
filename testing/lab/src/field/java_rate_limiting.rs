//! OpenTelemetry Java's consistent rate limiting.

use std::time::Duration;

use crate::candidate::{Candidate, Setup};
use crate::recording::Recording;
use crate::request::Request;

/// One probability for all operations: the target over the rate at which spans come, which is estimated by
/// exponential smoothing over irregular intervals (D. J. Wright, 1986), time constant 5 s.
///
/// Source: opentelemetry-java-contrib, `consistent-sampling`, `ConsistentRateLimitingSampler`.
#[derive(Debug)]
pub struct JavaRateLimiting {
    target: f64,
    /// Spans in the window, weighted.
    count: f64,
    /// Seconds in the window, weighted.
    seconds: f64,
    last: Duration,
}

/// In seconds.
const TAU: f64 = 5.0;

impl JavaRateLimiting {
    /// One that has seen nothing yet.
    pub fn new(setup: &Setup) -> Self {
        Self {
            target: setup.target,
            count: 0.0,
            seconds: 0.0,
            last: Duration::ZERO,
        }
    }
}

impl Candidate for JavaRateLimiting {
    fn name(&self) -> &'static str {
        "Java rate limiting"
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        let waited = (request.at - self.last).as_secs_f64();
        let decay = (-waited / TAU).exp();
        self.count = self.count * decay + 1.0;
        self.seconds = self.seconds * decay + waited;
        self.last = request.at;
        let probability = (self.target * self.seconds / self.count).min(1.0);
        if request.falls_within(probability) {
            kept.keep(request, 1.0 / probability);
        }
    }
}
