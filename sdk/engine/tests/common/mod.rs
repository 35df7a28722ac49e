//! What the tests of the engine share.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "each test file uses a part of it"
)]

pub mod keeper;

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

/// Runs `f` and returns the warnings of the engine meanwhile, on this thread.
pub fn warnings(f: impl FnOnce()) -> Vec<String> {
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    #[derive(Clone, Default)]
    struct Gather(Arc<std::sync::Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Gather {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            struct Message(String);
            impl tracing::field::Visit for Message {
                fn record_debug(
                    &mut self,
                    field: &tracing::field::Field,
                    value: &dyn std::fmt::Debug,
                ) {
                    if field.name() == "message" {
                        self.0 = format!("{value:?}");
                    }
                }
            }
            let metadata = event.metadata();
            if metadata.target() == "throughline" && *metadata.level() == tracing::Level::WARN {
                let mut message = Message(String::new());
                event.record(&mut message);
                self.0.lock().unwrap().push(message.0);
            }
        }
    }

    let gather = Gather::default();
    let subscriber = tracing_subscriber::registry().with(gather.clone());
    tracing::subscriber::with_default(subscriber, f);
    std::mem::take(&mut *gather.0.lock().unwrap())
}
