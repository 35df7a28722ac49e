//! What a process has once: providers, the propagator, the subscriber, and the telemetry they belong to.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::BaggagePropagator;
use throughline_config::Propagator;
use throughline_model::TraceKeeper;
use throughline_samplers::propagator::TraceContextPropagator;

use crate::telemetry::{Inner, Parts};
use crate::{Error, Telemetry};

/// The telemetry that is installed, while a handle of it lives.
static INSTALLED: Mutex<Weak<Inner>> = Mutex::new(Weak::new());

/// Builds the parts and makes them the process', unless another telemetry is.
pub(crate) fn install(build: impl FnOnce() -> Result<Parts, Error>) -> Result<Telemetry, Error> {
    // Held throughout: of two that install at the same time, one is the second.
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(inner) = installed.upgrade().filter(|inner| !inner.is_shut_down()) {
        return Err(Error::already_installed(inner.service().to_owned()));
    }
    let parts = build()?;
    let propagator = propagator(&parts.propagators, parts.keeper.as_ref());
    opentelemetry::global::set_text_map_propagator(propagator);
    if let Some(provider) = &parts.meter_provider {
        opentelemetry::global::set_meter_provider(provider.clone());
    }
    if let Some(provider) = &parts.tracer_provider {
        opentelemetry::global::set_tracer_provider(provider.clone());
    }
    #[cfg(feature = "tracing")]
    let parts = {
        let mut parts = parts;
        parts.bridge.subscribe(&mut parts.description);
        parts
    };
    let telemetry = Telemetry::new(parts);
    *installed = telemetry.downgrade();
    drop(installed);
    // Now that everything is installed that may show it.
    telemetry.say_notices();
    Telemetry::look_for_duplicates();
    Ok(telemetry)
}

/// The propagators as one. None at all: context does not travel.
pub(crate) fn propagator(
    named: &[Propagator],
    keeper: Option<&Arc<dyn TraceKeeper>>,
) -> TextMapCompositePropagator {
    let propagators = named.iter().filter_map(|named| {
        let propagator: Box<dyn TextMapPropagator + Send + Sync> = match named {
            Propagator::TraceContext => Box::new(trace_context(keeper)),
            Propagator::Baggage => Box::new(BaggagePropagator::new()),
            _ => return None,
        };
        Some(propagator)
    });
    TextMapCompositePropagator::new(propagators.collect())
}

/// W3C's. Trace ids come from `opentelemetry_sdk`'s random generator, here and wherever it is not replaced.
fn trace_context(keeper: Option<&Arc<dyn TraceKeeper>>) -> TraceContextPropagator {
    let propagator = TraceContextPropagator::new().with_random_ids();
    match keeper {
        Some(keeper) => propagator.with_keeper(Arc::clone(keeper)),
        None => propagator,
    }
}
