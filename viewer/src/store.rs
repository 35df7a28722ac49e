//! The newest telemetry, in bounded memory.
//!
//! ```text
//!             share of Limits::bytes
//!   spans        9/16   by trace     ┐ the lowest rank goes first, of equal ranks the one that was touched
//!   logs         2/16   by trace     ┘ longest ago; ranks come from pins
//!   recent logs  1/16   a ring
//!   metrics      4/16   by series, the one updated longest ago goes first
//!
//!   pins: 3 an outlier exemplar of a histogram   2 another exemplar   1 among the slowest of its operation
//! ```
//!
//! An exemplar is worth nothing once its trace is gone, and it arrives up to a whole export interval
//! after the trace: so what a kept exemplar points at is evicted last, and until the exemplars are here,
//! the slowest traces of each operation stand in for them. What is pinned may fill three quarters of
//! the room, so that new traces always have some.

mod exemplars;
mod limits;
mod metrics;
mod origins;
mod pins;
mod shelf;
mod slowest;
mod totals;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use limits::{Limits, Losses, Usage};
pub use metrics::Series;

use crate::data::{Footprint, LogRecord, Point, Span, TraceId};
use metrics::Metrics;
use origins::Origins;
use pins::{Pin, Pins};
use shelf::{ITEM, Shelf};
use slowest::Slowest;

/// The newest telemetry, in bounded memory. All methods may be called from any thread.
///
/// What it hands out is shared, not copied, and stays as it was.
///
/// ```
/// # use std::sync::Arc;
/// # use throughline_viewer::*;
/// # let id = TraceId::from_bytes(&[1; 16]).unwrap();
/// # let origin = Arc::new(Origin {
/// #     resource: [("service.name", Value::from("checkout"))].into_iter().collect(),
/// #     scope: Scope::default(),
/// # });
/// # let span = Span {
/// #     origin: origin.clone(), trace: id, id: SpanId::from_bytes(&[2; 8]).unwrap(), parent: None,
/// #     name: "charge card".into(), kind: SpanKind::Client,
/// #     start: Time::from_nanos(1), end: Time::from_nanos(400_000_001),
/// #     attributes: Attributes::default(), events: [].into(), links: [].into(), status: Status::default(), dropped: 0,
/// # };
/// # let log = LogRecord {
/// #     origin: origin.clone(), time: span.start, severity: Severity::WARN, body: "declined".into(),
/// #     attributes: Attributes::default(), event: "".into(), trace: Some(id), span: Some(span.id),
/// # };
/// # let slow = Exemplar {
/// #     time: span.end, value: 0.4, trace: Some(id), span: Some(span.id), attributes: Attributes::default(),
/// # };
/// # let point = Point {
/// #     series: SeriesId {
/// #         origin, name: "charge.duration".into(), unit: "s".into(), kind: Kind::Histogram,
/// #         attributes: Attributes::default(),
/// #     },
/// #     description: "".into(), start: Time::from_nanos(1), time: Time::from_nanos(10_000_000_001),
/// #     temporality: Temporality::Cumulative,
/// #     value: Total::Histogram(Histogram {
/// #         count: 200, sum: None, min: None, max: Some(0.4), bounds: [0.01, 0.1].into(), counts: vec![199, 0, 1],
/// #     }),
/// #     exemplars: vec![slow],
/// # };
/// let store = Store::new(Limits::default());
/// store.add_spans([span]);
/// store.add_logs([log]);
/// store.add_points([point]);
/// store.count_malformed(1);
///
/// let trace = store.trace(store.recent_traces(1)[0]).unwrap();
/// assert_eq!((trace.spans.len(), trace.logs.len()), (1, 1));
/// assert_eq!(store.recent_logs(10), trace.logs);
/// assert_eq!(&*store.series()[0].id.name, "charge.duration");
/// assert_eq!(store.report(&Default::default()).operations[0].count, 200);
///
/// assert!(store.usage().bytes < store.limits().bytes);
/// assert_eq!(store.losses().malformed, 1);
///
/// let seen = store.version();
/// store.add_logs([]);
/// assert!(store.version() > seen); // time to read again
/// ```
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    spans: Shelf<Span>,
    logs: Shelf<LogRecord>,
    recent: Recent,
    metrics: Metrics,
    pins: Pins,
    slowest: Slowest,
    losses: Losses,
    version: u64,
}

/// A trace as far as it has arrived.
///
/// ```
/// # use std::sync::Arc;
/// # use throughline_viewer::*;
/// # let id = TraceId::from_bytes(&[1; 16]).unwrap();
/// # let origin = Arc::new(Origin {
/// #     resource: [("service.name", Value::from("checkout"))].into_iter().collect(),
/// #     scope: Scope::default(),
/// # });
/// # let span = Span {
/// #     origin: origin.clone(), trace: id, id: SpanId::from_bytes(&[2; 8]).unwrap(), parent: None,
/// #     name: "charge card".into(), kind: SpanKind::Client,
/// #     start: Time::from_nanos(1), end: Time::from_nanos(400_000_001),
/// #     attributes: Attributes::default(), events: [].into(), links: [].into(), status: Status::default(), dropped: 0,
/// # };
/// # let store = Store::new(Limits::default());
/// # store.add_spans([span]);
/// let trace = store.trace(id).unwrap();
/// assert_eq!(trace.id, id);
/// assert_eq!(&*trace.spans[0].name, "charge card");
/// assert!(trace.logs.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// Its spans, by start time, each once. May be empty where only logs have arrived.
    pub spans: Vec<Arc<Span>>,
    /// Its log records, by time.
    pub logs: Vec<Arc<LogRecord>>,
}

impl Store {
    /// An empty store with these limits.
    pub fn new(limits: Limits) -> Self {
        let sixteenth = limits.bytes / 16;
        // The ring of recent records is at most as large as its share, and small beside the other.
        let recent = (limits.log_records / 8).min(RECENT);
        Self {
            limits,
            inner: Mutex::new(Inner {
                spans: Shelf::new(limits.spans, 9 * sixteenth, limits.spans_per_trace),
                logs: Shelf::new(
                    limits.log_records - recent,
                    2 * sixteenth,
                    limits.spans_per_trace,
                ),
                recent: Recent::new(recent, sixteenth),
                metrics: Metrics::new(limits.series, 4 * sixteenth, limits.exemplars_per_series),
                pins: Pins::default(),
                slowest: Slowest::default(),
                losses: Losses::default(),
                version: 0,
            }),
        }
    }

    /// Takes spans in, and evicts others where there is no room.
    pub fn add_spans(&self, spans: impl IntoIterator<Item = Span>) {
        let inner = &mut *self.lock();
        for span in spans {
            let pins = inner.slowest.observe(&span);
            inner.repin(&pins);
            let rank = inner.pins.rank(span.trace);
            let outcome = inner.spans.add(span.trace, span, rank);
            inner.losses.spans_refused += outcome.refused;
            inner.losses.spans_evicted += outcome.evicted;
            inner.losses.traces_evicted += outcome.entries_evicted;
            inner.losses.pinned_traces_evicted += outcome.pinned_evicted;
        }
        inner.version += 1;
    }

    /// Takes log records in, and evicts others where there is no room.
    pub fn add_logs(&self, logs: impl IntoIterator<Item = LogRecord>) {
        let inner = &mut *self.lock();
        for log in logs {
            inner.losses.log_records_evicted += inner.recent.add(&log);
            if let Some(trace) = log.trace {
                let rank = inner.pins.rank(trace);
                let outcome = inner.logs.add(trace, log, rank);
                inner.losses.log_records_refused += outcome.refused;
                inner.losses.log_records_evicted += outcome.evicted;
            }
        }
        inner.version += 1;
    }

    /// Takes points of metrics in, and evicts series where there is no room.
    pub fn add_points(&self, points: impl IntoIterator<Item = Point>) {
        let inner = &mut *self.lock();
        for point in points {
            let pins = inner.metrics.add(point, &mut inner.losses);
            inner.repin(&pins);
        }
        inner.version += 1;
    }

    /// Counts items that the receiver could not read.
    pub fn count_malformed(&self, items: u64) {
        self.lock().losses.malformed += items;
    }

    /// The trace of this id, if a span or a log record of it is held.
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        let (mut spans, mut logs) = {
            let inner = self.lock();
            (inner.spans.of(id), inner.logs.of(id))
        };
        if spans.is_empty() && logs.is_empty() {
            return None;
        }
        spans.sort_by_key(|span| (span.start, span.id));
        // A retried export sends a span twice.
        spans.dedup_by_key(|span| (span.start, span.id));
        logs.sort_by_key(|log| log.time);
        Some(Trace { id, spans, logs })
    }

    /// The ids of the traces touched last, newest first, at most `most`.
    pub fn recent_traces(&self, most: usize) -> Vec<TraceId> {
        self.lock().spans.newest(most)
    }

    /// The log records that arrived last, newest first, at most `most`.
    pub fn recent_logs(&self, most: usize) -> Vec<Arc<LogRecord>> {
        let inner = self.lock();
        inner
            .recent
            .records
            .iter()
            .rev()
            .take(most)
            .cloned()
            .collect()
    }

    /// All series, in no particular order.
    pub fn series(&self) -> Vec<Arc<Series>> {
        self.lock().metrics.all()
    }

    /// What is held now.
    pub fn usage(&self) -> Usage {
        let inner = self.lock();
        let (series, exemplars) = inner.metrics.len();
        Usage {
            bytes: inner.spans.bytes()
                + inner.logs.bytes()
                + inner.recent.bytes()
                + inner.metrics.bytes(),
            traces: inner.spans.entries(),
            spans: inner.spans.items(),
            log_records: inner.logs.items() + inner.recent.of_no_trace(),
            series,
            exemplars,
        }
    }

    /// What it was made with.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What was lost since the start, by cause.
    pub fn losses(&self) -> Losses {
        self.lock().losses
    }

    /// A number that grows with every change, so that a page knows when to read again.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock runs foreign code; a panic would leave counts off, not memory unsafe.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Applies changed pins, and moves the traces whose rank that changes.
    fn repin(&mut self, changes: &[Pin]) {
        for pin in changes {
            self.pins.apply(*pin);
        }
        for pin in changes {
            let rank = self.pins.rank(pin.trace);
            self.spans.set_rank(pin.trace, rank);
            self.logs.set_rank(pin.trace, rank);
        }
    }
}

/// How many log records the ring of recent ones holds at most.
const RECENT: usize = 1_000;

/// The log records that arrived last, whatever their trace.
#[derive(Debug)]
struct Recent {
    records: VecDeque<Arc<LogRecord>>,
    origins: Origins,
    most: usize,
    limit: usize,
    /// Of the records; the origins count their own.
    bytes: usize,
}

impl Recent {
    fn new(most: usize, limit: usize) -> Self {
        Self {
            records: VecDeque::new(),
            origins: Origins::default(),
            most,
            limit,
            bytes: 0,
        }
    }

    fn bytes(&self) -> usize {
        self.bytes + self.origins.bytes()
    }

    /// How many records are held here alone: those of a trace stand with it as well.
    fn of_no_trace(&self) -> usize {
        self.records
            .iter()
            .filter(|log| log.trace.is_none())
            .count()
    }

    /// Takes a record; says how many records of no trace were evicted for good.
    fn add(&mut self, log: &LogRecord) -> u64 {
        let need = log.footprint() + ITEM;
        let mut evicted = 0;
        loop {
            let room = self.limit.saturating_sub(self.bytes());
            if self.records.len() < self.most && need + self.origins.cost(&log.origin) <= room {
                break;
            }
            let Some(oldest) = self.records.pop_front() else {
                // Larger than the whole ring.
                return u64::from(log.trace.is_none());
            };
            self.bytes -= oldest.footprint() + ITEM;
            self.origins.release(&oldest.origin);
            evicted += u64::from(oldest.trace.is_none());
        }
        let mut log = log.clone();
        log.origin = self.origins.intern(&log.origin);
        self.bytes += need;
        self.records.push_back(Arc::new(log));
        evicted
    }
}

#[cfg(test)]
mod tests;
