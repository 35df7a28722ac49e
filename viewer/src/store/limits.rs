//! How much is held, and what was lost.

/// How much telemetry a [`Store`](crate::Store) holds. What is over is evicted, oldest first, and counted.
///
/// ```
/// use throughline_viewer::Limits;
///
/// let limits = Limits { bytes: 16 << 20, ..Limits::default() };
/// assert_eq!(limits.spans, 200_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory, in bytes, as estimated from the sizes of what is held. Default: 64 MiB.
    pub bytes: usize,
    /// Spans. Default: 200,000.
    pub spans: usize,
    /// Spans of one trace, and log records of one trace; later ones are refused. A trace is also refused
    /// more than a quarter of the memory for spans. Default: 10,000.
    pub spans_per_trace: usize,
    /// Log records. Default: 100,000.
    pub log_records: usize,
    /// Series of metrics. Default: 10,000.
    pub series: usize,
    /// Exemplars of one series: the newest, and for histograms the largest beside them. Default: 16.
    pub exemplars_per_series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            spans: 200_000,
            spans_per_trace: 10_000,
            log_records: 100_000,
            series: 10_000,
            exemplars_per_series: 16,
        }
    }
}

/// What a [`Store`](crate::Store) holds.
///
/// ```
/// use throughline_viewer::{Limits, Store, Usage};
///
/// let store = Store::new(Limits::default());
/// assert_eq!(store.usage(), Usage::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory, in bytes, estimated.
    pub bytes: usize,
    /// Traces of which a span is held.
    pub traces: usize,
    /// Spans.
    pub spans: usize,
    /// Log records: those held with their trace, and the recent ones of no trace.
    pub log_records: usize,
    /// Series of metrics.
    pub series: usize,
    /// Exemplars.
    pub exemplars: usize,
}

/// What a [`Store`](crate::Store) lost since it was made, by cause.
///
/// ```
/// use throughline_viewer::{Limits, Losses, Store};
///
/// let store = Store::new(Limits::default());
/// store.count_malformed(2);
/// assert_eq!(store.losses(), Losses { malformed: 2, ..Losses::default() });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Spans that made room for newer ones.
    pub spans_evicted: u64,
    /// The traces that those spans were of.
    pub traces_evicted: u64,
    /// Those of the traces that an exemplar pointed at, or that were among the slowest of their operation.
    pub pinned_traces_evicted: u64,
    /// Spans refused because their trace was full, or because they were too large.
    pub spans_refused: u64,
    /// Log records that made room for newer ones.
    pub log_records_evicted: u64,
    /// Log records refused because their trace was full, or because they were too large.
    pub log_records_refused: u64,
    /// Series that made room for newer ones.
    pub series_evicted: u64,
    /// Points refused because they were too large.
    pub points_refused: u64,
    /// Points that were older than what was held, or there already.
    pub points_stale: u64,
    /// Exemplars that made room for newer or larger ones of their series.
    pub exemplars_replaced: u64,
    /// Items that could not be read: their sender was told.
    pub malformed: u64,
}
