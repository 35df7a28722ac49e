//! The retention buffer behind a head sampler, as a candidate.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::ShouldSample;
use throughline_model::SelfMeter;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Retention, RetentionBuffer, Slow};
use throughline_testkit::ManualClock;

use super::traced::{Holding, Traced};
use crate::candidate::Setup;

/// A pipeline that keeps every error and everything that takes as long as an outlier, besides what `head` samples,
/// and holds at most `max_bytes` of spans.
///
/// # Errors
///
/// Where a setting makes no sense, or the operating system gives no runtime.
pub fn retained(
    name: &'static str,
    setup: &Setup,
    clock: ManualClock,
    head: impl ShouldSample + 'static,
    max_bytes: usize,
) -> io::Result<Traced> {
    let (buffer, worker) = Retention::new()
        .slow(Slow::Above(SLOW), 1.0)
        .max_bytes(max_bytes)
        .clock(Arc::new(clock.clone()))
        .build(BatchSettings::spans(), &SelfMeter::new())
        .map_err(io::Error::other)?;
    let head: Box<dyn ShouldSample> = Box::new(head);
    let sampler = buffer.sampler(head);
    Traced::new(name, setup, clock, sampler, buffer.clone(), worker, buffer)
}

/// From when on a request is slow: every outlier is, and hardly any other.
const SLOW: Duration = Duration::from_millis(500);

impl Holding for RetentionBuffer {
    fn bytes(&self) -> u64 {
        RetentionBuffer::bytes(self) as u64
    }

    fn evicted(&self) -> u64 {
        self.counts().lost()
    }

    fn share(&self) -> f64 {
        self.probability()
    }
}
