//! One collection of one reader.
//!
//! ```text
//! users' callbacks and collectors, no lock held ──► the deadline? ──► the cells' lock: streams make points
//!     ──► no lock held: what became of the exemplars' spans? ──► Snapshot
//! ```
//!
//! Until the callbacks are done nothing is read, so that a collection that is given up loses nothing.

use std::sync::Arc;
use std::time::Duration;

use throughline_model::{CollectError, ScopeMetrics, Snapshot};

use crate::meter::MeterCore;
use crate::provider::Shared;

pub(crate) fn collect(
    provider: &Shared,
    reader: usize,
    deadline: Duration,
) -> Result<Snapshot, CollectError> {
    let began = provider.parts.clock.monotonic();
    let result = try_collect(provider, reader, deadline);
    if let Some(duration) = provider.duration.get() {
        let took = provider.parts.clock.monotonic().saturating_sub(began);
        let component_type = provider.parts.readers[reader].component_type;
        duration.record(component_type, reader, took, result.as_ref().err());
    }
    result
}

fn try_collect(
    provider: &Shared,
    reader: usize,
    deadline: Duration,
) -> Result<Snapshot, CollectError> {
    let meters = provider.lock_meters().clone();
    if provider.is_shut_down() {
        return Err(CollectError::Shutdown);
    }
    run_callbacks(provider, &meters, reader, deadline).inspect_err(|_| {
        for meter in &meters {
            for stream in meter.streams() {
                stream.discard(reader);
            }
        }
    })?;
    Ok(read(provider, &meters, reader))
}

/// Runs what users registered, and stops where the deadline has passed: what was not run is run next time.
fn run_callbacks(
    provider: &Shared,
    meters: &[Arc<MeterCore>],
    reader: usize,
    deadline: Duration,
) -> Result<(), CollectError> {
    let clock = &provider.parts.clock;
    let began = clock.monotonic();
    for producer in meters.iter().flat_map(|meter| meter.producers()) {
        producer.run(reader, &provider.parts);
        if clock.monotonic().saturating_sub(began) > deadline {
            return Err(CollectError::Timeout(deadline));
        }
    }
    Ok(())
}

fn read(provider: &Shared, meters: &[Arc<MeterCore>], reader: usize) -> Snapshot {
    let parts = &provider.parts;
    let (now, monotonic) = (parts.clock.now(), parts.clock.monotonic());
    let cells = throughline_cells::lock();
    let read = meters.iter().map(|meter| {
        let metrics: Vec<_> = meter
            .streams()
            .into_iter()
            .filter_map(|stream| {
                stream.tick(&cells, monotonic);
                let metric = stream.collect(reader, &cells, now)?;
                Some((stream, metric))
            })
            .collect();
        (meter, metrics)
    });
    let read: Vec<_> = read.collect();
    drop(cells);
    let scopes = read.into_iter().filter_map(|(meter, metrics)| {
        let metrics: Vec<_> = metrics
            .into_iter()
            .map(|(stream, mut metric)| {
                stream.settle(reader, &mut metric);
                metric
            })
            .collect();
        (!metrics.is_empty()).then(|| ScopeMetrics {
            scope: meter.scope().clone(),
            metrics,
        })
    });
    Snapshot {
        resource: Arc::clone(&parts.resource),
        scopes: scopes.collect(),
    }
}

/// Brings the streams of synchronous instruments up to date between collections.
pub(crate) fn tick(provider: &Shared) {
    let meters = provider.lock_meters().clone();
    let now = provider.parts.clock.monotonic();
    let streams: Vec<_> = meters.iter().flat_map(|meter| meter.streams()).collect();
    let cells = throughline_cells::lock();
    for stream in streams {
        stream.tick(&cells, now);
    }
}
