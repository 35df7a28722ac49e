//! The state as metrics.

use std::sync::Arc;

use opentelemetry::KeyValue;
use throughline_model::SelfMeter;

use super::shared::Shared;
use super::state::AdaptiveState;

/// Name, unit, description and value.
type Gauge = (
    &'static str,
    &'static str,
    &'static str,
    fn(&AdaptiveState) -> f64,
);

/// Reports on this sampler once the meter is bound, for as long as it lives.
pub(super) fn observe(shared: &Arc<Shared>, meter: &SelfMeter) {
    // Callbacks live as long as their provider, which may be longer than the sampler.
    let shared = Arc::downgrade(shared);
    meter.when_bound(move |meter| {
        let state = move || Some(shared.upgrade()?.state());
        let sums: [Gauge; 3] = [
            (
                "throughline.sampler.target",
                "{trace}/s",
                "How many traces should be sampled, as far as the load allows.",
                |state| state.budget_per_second,
            ),
            (
                "throughline.sampler.sampled",
                "{trace}/s",
                "How many traces are sampled.",
                |state| state.sampled_per_second,
            ),
            (
                "throughline.sampler.load",
                "1",
                "How busy the process is; 1 is all that it can do.",
                |state| state.load,
            ),
        ];
        for (name, unit, description, of) in sums {
            let state = state.clone();
            meter
                .f64_observable_gauge(name)
                .with_description(description)
                .with_unit(unit)
                .with_callback(move |gauge| {
                    if let Some(state) = state() {
                        gauge.observe(of(&state), &[]);
                    }
                })
                .build();
        }
        meter
            .f64_observable_gauge("throughline.sampler.rate")
            .with_description("The share of an operation's traces that is sampled.")
            .with_unit("1")
            .with_callback(move |gauge| {
                for operation in state().into_iter().flat_map(|state| state.operations) {
                    let name = KeyValue::new("sampler.operation", String::from(operation.name));
                    gauge.observe(operation.rate, &[name]);
                }
            })
            .build();
    });
}
