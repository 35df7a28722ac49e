//! One request.

use std::time::Duration;

/// A request that arrives at the service: what a sampler may know of it, and what only its end tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// When it comes, since the start of the simulation.
    pub at: Duration,
    /// Which operation is called: 0 is the most popular one. An index into [`Setup::operations`](crate::Setup).
    pub operation: u32,
    /// What its trace brings along to be decided by, less than 2^56.
    pub randomness: u64,
    /// Known when it ends: how long it took.
    pub duration: Duration,
    /// Known when it ends: it failed.
    pub error: bool,
    /// Known when it ends: it took 500 ms or more; the others hardly ever take 300.
    pub outlier: bool,
}

impl Request {
    /// Whether a consistent decision with this probability keeps it: randomness at least 1 - p.
    pub fn falls_within(&self, probability: f64) -> bool {
        self.randomness as f64 >= (1.0 - probability) * (1u64 << 56) as f64
    }
}
