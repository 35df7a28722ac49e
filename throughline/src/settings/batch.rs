//! How items wait for their batch.

use throughline_config::Batch;
use throughline_samplers::batch::BatchSettings;

use super::{Source, pick};
use crate::describe::Lines;

/// A queue's defaults and the names of its variables.
pub(super) struct Names {
    default: fn() -> BatchSettings,
    schedule_delay: &'static str,
    max_queue_size: &'static str,
    max_export_batch_size: &'static str,
    export_timeout: &'static str,
}

pub(super) const SPANS: Names = Names {
    default: BatchSettings::spans,
    schedule_delay: "OTEL_BSP_SCHEDULE_DELAY",
    max_queue_size: "OTEL_BSP_MAX_QUEUE_SIZE",
    max_export_batch_size: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    export_timeout: "OTEL_BSP_EXPORT_TIMEOUT",
};

#[cfg(feature = "logs")]
pub(super) const LOG_RECORDS: Names = Names {
    default: BatchSettings::log_records,
    schedule_delay: "OTEL_BLRP_SCHEDULE_DELAY",
    max_queue_size: "OTEL_BLRP_MAX_QUEUE_SIZE",
    max_export_batch_size: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    export_timeout: "OTEL_BLRP_EXPORT_TIMEOUT",
};

pub(super) fn resolve(names: &Names, from: &Batch, lines: &mut Lines) -> BatchSettings {
    let default = (names.default)();
    let (delay, source) = pick(None, from.schedule_delay, names.schedule_delay, || {
        default.schedule_delay
    });
    lines.push("delay of a batch", format!("{delay:?}"), source);
    let (queue, source) = pick(None, from.max_queue_size, names.max_queue_size, || {
        default.max_queue_size
    });
    lines.push("queue", queue, source);
    // A queue that was made smaller than the default batch makes the batch smaller, too.
    let (batch, source) = pick(
        None,
        from.max_export_batch_size,
        names.max_export_batch_size,
        || default.max_export_batch_size.min(queue),
    );
    lines.push("batch", batch, source);
    let (timeout, source) = pick(None, from.export_timeout, names.export_timeout, || {
        default.export_timeout
    });
    if source != Source::Default {
        lines.push("timeout of a batch", format!("{timeout:?}"), source);
    }
    BatchSettings {
        schedule_delay: delay,
        max_queue_size: queue,
        max_export_batch_size: batch,
        export_timeout: timeout,
        ..default
    }
}
