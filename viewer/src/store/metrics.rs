//! Series of metrics and their totals.
//!
//! Both temporalities give the same total. A delta point is added. A cumulative point replaces the one
//! before; when its start time moved forward, or a total that only grows shrank, the sender began anew, and what it
//! had counted until then stays in the total (specification: `metrics/data-model.md`, "Resets and Gaps").

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::exemplars::Exemplars;
use super::limits::Losses;
use super::origins::Origins;
use super::pins::{Pin, Reason};
use super::totals;
use crate::data::{
    BLOCK, Exemplar, Footprint, Kind, Point, SeriesId, Temporality, Time, Total, TraceId,
};

/// What a series takes besides itself: slots in the table and the order, reference counts, pins.
const SERIES: usize = 320;

/// What an exemplar takes in the table of pins, and in a vector that doubles.
const EXEMPLAR: usize = 160;

/// One series and what it adds up to.
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
/// # let store = Store::new(Limits::default());
/// # store.add_spans([span]);
/// # store.add_points([point]);
/// let series = &store.series()[0];
/// assert_eq!(&*series.id.name, "charge.duration");
/// assert_eq!(series.exemplars()[0].value, 0.4);
/// assert_eq!(series.restarts, 0);
/// ```
#[derive(Clone, Debug)]
pub struct Series {
    /// Which series.
    pub id: Arc<SeriesId>,
    /// What the metric measures, in words; may be empty.
    pub description: Arc<str>,
    /// When what the total covers began; unknown where the sender did not say.
    pub start: Time,
    /// When the newest point was taken.
    pub time: Time,
    /// How often the sender began anew.
    pub restarts: u64,
    /// The total over all points and restarts; for a gauge the newest value.
    pub total: Total,
    exemplars: Exemplars,
}

impl Series {
    /// The exemplars kept: the newest, and for a histogram the largest ones beside them. By time.
    pub fn exemplars(&self) -> &[Exemplar] {
        self.exemplars.as_slice()
    }
}

#[derive(Debug)]
pub(super) struct Metrics {
    entries: HashMap<Arc<SeriesId>, Entry>,
    /// By when they were updated; the first goes first.
    order: BTreeMap<u64, Arc<SeriesId>>,
    origins: Origins,
    most: usize,
    limit: usize,
    exemplars_per_series: usize,
    bytes: usize,
    exemplars: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    series: Arc<Series>,
    /// What the sender had counted before it last began anew.
    ended: Option<Total>,
    /// What the newest point covered.
    covered: (Time, Time),
    /// How much the newest point counted, by itself.
    counted: f64,
    pins: Vec<(TraceId, Reason)>,
    bytes: usize,
    touched: u64,
}

impl Metrics {
    pub(super) fn new(most: usize, limit: usize, exemplars_per_series: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            origins: Origins::default(),
            most,
            limit,
            exemplars_per_series,
            bytes: 0,
            exemplars: 0,
            clock: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.origins.bytes()
    }

    /// Series and exemplars.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.entries.len(), self.exemplars)
    }

    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        self.entries
            .values()
            .map(|entry| Arc::clone(&entry.series))
            .collect()
    }

    /// Takes a point in; says which pins that changes.
    pub(super) fn add(&mut self, mut point: Point, losses: &mut Losses) -> Vec<Pin> {
        let mut pins = Vec::new();
        let arrived = std::mem::take(&mut point.exemplars);
        let mut entry = match self.take(&point.series) {
            Some(mut entry) => {
                losses.points_stale += u64::from(!entry.update(point));
                entry
            }
            None => {
                if self.most == 0 {
                    losses.points_refused += 1;
                    return pins;
                }
                point.series.origin = self.origins.intern(&point.series.origin);
                Entry::new(point)
            }
        };
        let series = Arc::make_mut(&mut entry.series);
        losses.exemplars_replaced += series.exemplars.keep(arrived, self.exemplars_per_series);
        let now = series.exemplars.pins(self.exemplars_per_series);
        if now != entry.pins {
            pins.extend(now.iter().map(|pin| change(*pin, true)));
            pins.extend(entry.pins.drain(..).map(|pin| change(pin, false)));
            entry.pins = now;
        }
        entry.bytes = entry.footprint();

        if entry.bytes > self.limit / 4 {
            losses.points_refused += 1;
            self.discard(entry, &mut pins);
            return pins;
        }
        while self.entries.len() >= self.most || self.bytes() + entry.bytes > self.limit {
            let Some(id) = self.order.values().next().cloned() else {
                break;
            };
            if let Some(oldest) = self.take(&id) {
                losses.series_evicted += 1;
                self.discard(oldest, &mut pins);
            }
        }
        if self.bytes() + entry.bytes > self.limit {
            losses.points_refused += 1;
            self.discard(entry, &mut pins);
            return pins;
        }
        self.put(entry);
        pins
    }

    fn put(&mut self, mut entry: Entry) {
        self.clock += 1;
        entry.touched = self.clock;
        self.bytes += entry.bytes;
        self.exemplars += entry.series.exemplars().len();
        let id = Arc::clone(&entry.series.id);
        self.order.insert(entry.touched, Arc::clone(&id));
        self.entries.insert(id, entry);
    }

    /// Takes an entry out, its use of its origin excepted.
    fn take(&mut self, id: &SeriesId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.order.remove(&entry.touched);
        self.bytes -= entry.bytes;
        self.exemplars -= entry.series.exemplars().len();
        Some(entry)
    }

    fn discard(&mut self, entry: Entry, pins: &mut Vec<Pin>) {
        self.origins.release(&entry.series.id.origin);
        pins.extend(entry.pins.into_iter().map(|pin| change(pin, false)));
    }
}

impl Entry {
    fn new(point: Point) -> Self {
        let outliers = matches!(
            point.series.kind,
            Kind::Histogram | Kind::ExponentialHistogram
        );
        Self {
            covered: (point.start, point.time),
            counted: totals::magnitude(&point.value),
            series: Arc::new(Series {
                id: Arc::new(point.series),
                description: point.description,
                start: point.start,
                time: point.time,
                restarts: 0,
                total: point.value,
                exemplars: Exemplars::new(outliers),
            }),
            ended: None,
            pins: Vec::new(),
            bytes: 0,
            touched: 0,
        }
    }

    /// Brings the total up to date; says whether the point told anything new.
    fn update(&mut self, point: Point) -> bool {
        let (last_start, last_time) = self.covered;
        let delta = point.temporality == Temporality::Delta;
        let known = point.start.is_known() && last_start.is_known();
        // A retried delta would be counted twice; an older cumulative point knows less than we do.
        let repeated = delta && known && (point.start, point.time) == self.covered;
        if repeated || (!delta && point.time < last_time) {
            return false;
        }
        let series = Arc::make_mut(&mut self.series);
        series.time = series.time.max(point.time);
        series.start = match (series.start.is_known(), point.start.is_known()) {
            (true, true) => series.start.min(point.start),
            _ => Time::UNKNOWN,
        };
        self.covered = (point.start, point.time);
        let counted = totals::magnitude(&point.value);
        match (delta, accumulates(series.id.kind)) {
            (true, _) => totals::add(&mut series.total, point.value),
            (false, false) => {
                // What is in use, or queued, was the former process's own: it went with it.
                series.total = point.value;
                series.start = point.start;
            }
            (false, true) => {
                if (known && point.start > last_start) || counted < self.counted {
                    self.ended = Some(series.total.clone());
                    series.restarts += 1;
                }
                let mut total = self.ended.clone().unwrap_or_else(|| point.value.clone());
                if self.ended.is_some() {
                    totals::add(&mut total, point.value);
                }
                series.total = total;
            }
        }
        self.counted = counted;
        true
    }

    fn footprint(&self) -> usize {
        let series = &self.series;
        let exemplars = series.exemplars().iter();
        SERIES
            + size_of::<Self>()
            + size_of::<Series>()
            + series.id.footprint()
            + series.description.footprint()
            + series.total.footprint()
            + self.ended.as_ref().map_or(0, Footprint::footprint)
            + exemplars
                .map(|exemplar| exemplar.footprint() + EXEMPLAR)
                .sum::<usize>()
            + BLOCK
    }
}

/// Whether what a cumulative stream had counted outlives the process that counted it.
fn accumulates(kind: Kind) -> bool {
    match kind {
        Kind::Sum { monotonic } => monotonic,
        Kind::Histogram | Kind::ExponentialHistogram => true,
        Kind::Gauge | Kind::Summary => false,
    }
}

fn change((trace, reason): (TraceId, Reason), holds: bool) -> Pin {
    Pin {
        trace,
        reason,
        holds,
    }
}

#[cfg(test)]
impl Metrics {
    pub(super) fn assert_consistent(&self) {
        let entries = || self.entries.values();
        assert_eq!(
            self.bytes,
            entries().map(|entry| entry.bytes).sum::<usize>()
        );
        assert_eq!(self.bytes, entries().map(Entry::footprint).sum::<usize>());
        let exemplars = entries().map(|entry| entry.series.exemplars().len());
        assert_eq!(self.exemplars, exemplars.sum::<usize>());
        assert_eq!(self.order.len(), self.entries.len());
        self.origins
            .assert_holds(entries().map(|entry| &entry.series.id.origin));
    }
}
