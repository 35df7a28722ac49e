//! The head sampler, and what is known of it where it is one of ours.

use std::any::Any;

use opentelemetry_sdk::trace::ShouldSample;
use throughline_model::SelfMeter;
use throughline_samplers::{AdaptiveSampler, PrioritySampler, Retention, RetentionBuffer};

/// Which traces are sampled at their start.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    sampler: Box<dyn ShouldSample>,
    ours: Option<Ours>,
}

/// A handle of the same sampler.
#[derive(Clone, Debug)]
enum Ours {
    Adaptive(AdaptiveSampler),
    Priority(PrioritySampler),
}

impl Head {
    pub(crate) fn new<S: ShouldSample + 'static>(sampler: S) -> Self {
        let any: &dyn Any = &sampler;
        let adaptive = any.downcast_ref().cloned().map(Ours::Adaptive);
        let ours = adaptive.or_else(|| any.downcast_ref().cloned().map(Ours::Priority));
        Self {
            sampler: Box::new(sampler),
            ours,
        }
    }

    /// What it wants kept of traces that it cannot know the end of.
    pub(crate) fn retention(&self) -> Option<Retention> {
        let Some(Ours::Adaptive(sampler)) = &self.ours else {
            return None;
        };
        Some(Retention::new().policies(sampler.policies()))
    }

    /// Shows it how full the way out is, of `room` spans, and has it report on itself.
    pub(crate) fn attach(&self, buffer: &RetentionBuffer, room: usize, meter: &SelfMeter) {
        match &self.ours {
            Some(Ours::Adaptive(sampler)) => {
                let buffer = buffer.clone();
                sampler.watch(move || buffer.queue_counts().queued as f64 / room as f64);
                sampler.report_to(meter);
            }
            Some(Ours::Priority(sampler)) => sampler.report_to(meter),
            None => {}
        }
    }

    pub(crate) fn into_sampler(self) -> Box<dyn ShouldSample> {
        self.sampler
    }
}
