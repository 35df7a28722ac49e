//! The head sampler, and what is known of it where it is one of ours.

use std::any::Any;

use opentelemetry_sdk::trace::ShouldSample;
use throughline_model::SelfMeter;
use throughline_samplers::PrioritySampler;

/// Which traces are sampled at their start.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    sampler: Box<dyn ShouldSample>,
    ours: Option<Ours>,
}

/// A handle of the same sampler.
#[derive(Clone, Debug)]
enum Ours {
    Priority(PrioritySampler),
}

impl Head {
    pub(crate) fn new<S: ShouldSample + 'static>(sampler: S) -> Self {
        let any: &dyn Any = &sampler;
        let ours = any.downcast_ref().cloned().map(Ours::Priority);
        Self {
            sampler: Box::new(sampler),
            ours,
        }
    }

    /// Has it report on itself.
    pub(crate) fn report_to(&self, meter: &SelfMeter) {
        match &self.ours {
            Some(Ours::Priority(sampler)) => sampler.report_to(meter),
            None => {}
        }
    }

    pub(crate) fn into_sampler(self) -> Box<dyn ShouldSample> {
        self.sampler
    }
}
