//! One collection of one reader.
//!
//! ```text
//! users' callbacks and collectors, no lock held ──► the cells' lock: streams make points
//!     ──► no lock held: what became of the exemplars' spans? ──► Snapshot
//! ```
//!
//! Past the deadline no more callbacks are run, and what there is is read. The next collection begins with the first one
//! that was left out: one that always takes long holds up the others, but keeps none of them away for ever.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use throughline_model::{CollectError, ScopeMetrics, Snapshot};

use crate::meter::MeterCore;
use crate::provider::Shared;

/// Where all callbacks ran: no producer has this id.
pub(crate) const NOBODY: u64 = u64::MAX;

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
        let error = match &result {
            Ok(snapshot) => snapshot.incomplete.as_ref(),
            Err(error) => Some(error),
        };
        duration.record(component_type, reader, took, error);
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
    let ran = run_callbacks(provider, &meters, reader, deadline);
    Ok(Snapshot {
        incomplete: ran.err(),
        ..read(provider, &meters, reader)
    })
}

/// Runs what users registered, and stops where the deadline has passed: what was not run is run first next time.
fn run_callbacks(
    provider: &Shared,
    meters: &[Arc<MeterCore>],
    reader: usize,
    deadline: Duration,
) -> Result<(), CollectError> {
    let parts = &provider.parts;
    let began = parts.clock.monotonic();
    let mut producers: Vec<_> = meters.iter().flat_map(|meter| meter.producers()).collect();
    // Relaxed: a reader collects one at a time, and whoever lets it hands on what it saw.
    let left_out = parts.left_out[reader].swap(NOBODY, Ordering::Relaxed);
    let first = producers
        .iter()
        .position(|producer| producer.id == left_out);
    producers.rotate_left(first.unwrap_or(0));
    for (at, producer) in producers.iter().enumerate() {
        if parts.clock.monotonic().saturating_sub(began) > deadline {
            if let Some(slow) = at.checked_sub(1) {
                producers[slow].outlasted(deadline);
            }
            parts.tally.skipped(producers.len() - at);
            parts.left_out[reader].store(producer.id, Ordering::Relaxed);
            return Err(CollectError::Timeout(deadline));
        }
        producer.run(reader, parts);
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
        incomplete: None,
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
