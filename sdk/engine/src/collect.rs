//! One collection of one reader.

use std::sync::Arc;
use std::time::Duration;

use throughline_model::{CollectError, ScopeMetrics, Snapshot};

use crate::provider::Shared;

pub(crate) fn collect(
    provider: &Shared,
    reader: usize,
    deadline: Duration,
) -> Result<Snapshot, CollectError> {
    if provider.is_shut_down() {
        return Err(CollectError::Shutdown);
    }
    let parts = &provider.parts;
    let began = parts.clock.monotonic();
    let meters = provider.lock_meters().clone();
    if parts.clock.monotonic().saturating_sub(began) > deadline {
        return Err(CollectError::Timeout(deadline));
    }
    let now = parts.clock.now();
    let cells = throughline_cells::lock();
    let scopes = meters.iter().filter_map(|meter| {
        let metrics: Vec<_> = meter
            .streams()
            .iter()
            .filter_map(|stream| stream.collect(reader, &cells, now))
            .collect();
        (!metrics.is_empty()).then(|| ScopeMetrics {
            scope: meter.scope().clone(),
            metrics,
        })
    });
    Ok(Snapshot {
        resource: Arc::clone(&parts.resource),
        scopes: scopes.collect(),
    })
}
