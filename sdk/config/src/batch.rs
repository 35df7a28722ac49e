//! The batch processors of spans and log records.

use std::time::Duration;

use crate::Invalid;
use crate::reader::{MAX, Reader};

/// A batch processor's settings (`OTEL_BSP_*` for spans, `OTEL_BLRP_*` for log records).
///
/// `max_export_batch_size <= max_queue_size` holds where both are set; where the queue alone is set,
/// the batch must be cut down to it.
///
/// ```
/// use std::time::Duration;
/// use throughline_config::Environment;
///
/// let (environment, invalid) = Environment::read(|name| match name {
///     "OTEL_BSP_SCHEDULE_DELAY" => Some("500".into()),
///     "OTEL_BSP_MAX_QUEUE_SIZE" => Some("256".into()),
///     "OTEL_BSP_MAX_EXPORT_BATCH_SIZE" => Some("512".into()),
///     _ => None,
/// });
/// let spans = environment.span_batch;
/// assert_eq!(spans.schedule_delay, Some(Duration::from_millis(500)));
/// assert_eq!(spans.max_queue_size, Some(256));
/// // A batch that no queue could fill.
/// assert_eq!(spans.max_export_batch_size, None);
/// assert_eq!(invalid[0].expected, "at most OTEL_BSP_MAX_QUEUE_SIZE (256)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Batch {
    /// The longest wait before what is queued is sent. Default 5 s for spans, 1 s for log records.
    pub schedule_delay: Option<Duration>,
    /// How many items wait at most; more are dropped. At least 1. Default 2048.
    pub max_queue_size: Option<usize>,
    /// How many items are sent at once. At least 1. Default 512.
    pub max_export_batch_size: Option<usize>,
    /// How long one batch may take. Default 30 s.
    pub export_timeout: Option<Duration>,
}

/// The specification's default of `max_queue_size`.
const MAX_QUEUE_SIZE: usize = 2048;

/// The names of the four variables.
pub(crate) struct Names {
    schedule_delay: &'static str,
    max_queue_size: &'static str,
    max_export_batch_size: &'static str,
    export_timeout: &'static str,
}

pub(crate) const SPANS: Names = Names {
    schedule_delay: "OTEL_BSP_SCHEDULE_DELAY",
    max_queue_size: "OTEL_BSP_MAX_QUEUE_SIZE",
    max_export_batch_size: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    export_timeout: "OTEL_BSP_EXPORT_TIMEOUT",
};

pub(crate) const LOG_RECORDS: Names = Names {
    schedule_delay: "OTEL_BLRP_SCHEDULE_DELAY",
    max_queue_size: "OTEL_BLRP_MAX_QUEUE_SIZE",
    max_export_batch_size: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    export_timeout: "OTEL_BLRP_EXPORT_TIMEOUT",
};

impl Batch {
    pub(crate) fn read(reader: &mut Reader<'_>, names: &Names) -> Self {
        let max_queue_size = reader.integer(names.max_queue_size, 1..=MAX as usize);
        let queue = max_queue_size.unwrap_or(MAX_QUEUE_SIZE);
        let batch = reader.integer(names.max_export_batch_size, 1..=MAX as usize);
        if let Some(size) = batch.filter(|size| *size > queue) {
            reader.refuse(Invalid::new(
                names.max_export_batch_size,
                size.to_string(),
                format!("at most {} ({queue})", names.max_queue_size),
            ));
        }
        Self {
            schedule_delay: reader.duration(names.schedule_delay, 0),
            max_queue_size,
            max_export_batch_size: batch.filter(|size| *size <= queue),
            export_timeout: reader.timeout(names.export_timeout),
        }
    }
}
