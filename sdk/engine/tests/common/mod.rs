//! What the tests of the engine share.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "each test file uses a part of it"
)]

use std::sync::Arc;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use throughline_engine::{
    ExemplarFilter, MeterProvider, MeterProviderBuilder, Reader, TemporalityPreference,
};
use throughline_testkit::{InMemoryReader, ManualClock, SeededRandom};

/// A provider with a cumulative and a delta reader, under a manual clock and seeded chance.
pub struct Bench {
    pub provider: MeterProvider,
    pub meter: Meter,
    pub clock: ManualClock,
    pub cumulative: InMemoryReader,
    pub delta: InMemoryReader,
}

/// With the default filter, views and limits.
pub fn bench() -> Bench {
    bench_with(|builder| builder)
}

/// With what `set_up` changes.
pub fn bench_with(set_up: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder) -> Bench {
    let clock = ManualClock::new();
    let reader = |preference| Reader::builder().temporality(preference).build();
    let (cumulative, delta) = (
        reader(TemporalityPreference::Cumulative),
        reader(TemporalityPreference::Delta),
    );
    let builder = MeterProvider::builder()
        .reader(cumulative.clone())
        .reader(delta.clone())
        .clock(Arc::new(clock.clone()))
        .random(Arc::new(SeededRandom::new(7)));
    let provider = set_up(builder).build().unwrap();
    Bench {
        meter: provider.meter("test"),
        provider,
        clock,
        cumulative: InMemoryReader::new(cumulative),
        delta: InMemoryReader::new(delta),
    }
}

/// With exemplars of every measurement.
pub fn always_on() -> Bench {
    bench_with(|builder| builder.exemplar_filter(ExemplarFilter::AlwaysOn))
}
