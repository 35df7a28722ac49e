//! The field's laws, written from their descriptions, as baselines.
//!
//! Each is asked for the same total per second and otherwise has its own defaults. They decide by the
//! trace's randomness, as all do here, so that they differ in their probabilities alone. How probabilities
//! travel (Jaeger's to its clients, Datadog's from agent to tracer) is modelled where it takes more than a
//! second.

mod datadog;
mod ema_throughput;
mod jaeger;
mod java_rate_limiting;
mod windowed;

use crate::candidate::{Candidate, Setup};

pub use datadog::Datadog;
pub use ema_throughput::EmaThroughput;
pub use jaeger::Jaeger;
pub use java_rate_limiting::JavaRateLimiting;
pub use windowed::Windowed;

/// All of them.
pub fn all(setup: &Setup) -> Vec<Box<dyn Candidate>> {
    vec![
        Box::new(JavaRateLimiting::new(setup)),
        Box::new(EmaThroughput::new(setup)),
        Box::new(Windowed::new(setup)),
        Box::new(Datadog::new(setup)),
        Box::new(Jaeger::new(setup)),
    ]
}
