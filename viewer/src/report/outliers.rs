//! Outliers: the exemplars that stand out, each with its trace.

use std::collections::{HashMap, HashSet};

use super::distribution::Quantile;
use super::operations::Group;
use crate::data::{Attributes, SpanId, Time, TraceId};
use crate::store::{Store, Trace};

/// A trace that an exemplar of an operation's slowest measurements points at.
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
/// let outlier = &store.report(&ReportOptions::default()).outliers[0];
/// assert!(outlier.sighting.seconds > outlier.p99.unwrap().seconds);
/// assert!(outlier.is_resolved());
/// assert_eq!(&*outlier.trace.as_ref().unwrap().spans[0].name, "charge card");
/// ```
#[derive(Clone, Debug)]
pub struct Outlier {
    /// The measurement that stands out most.
    pub sighting: Sighting,
    /// The median of its operation.
    pub p50: Option<Quantile>,
    /// What one in a hundred of its operation is above.
    pub p99: Option<Quantile>,
    /// Outlying measurements of other operations, or other spans, in the same trace; largest first.
    pub also: Vec<Sighting>,
    /// The trace; `None` if nothing of it is held.
    pub trace: Option<Trace>,
}

impl Outlier {
    /// Whether the span that the exemplar was measured in is here: what every exemplar promises.
    pub fn is_resolved(&self) -> bool {
        let (Some(trace), Some(span)) = (&self.trace, self.sighting.span) else {
            return false;
        };
        trace.spans.iter().any(|have| have.id == span)
    }
}

/// An exemplar, and where it was seen.
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
/// let sighting = &store.report(&ReportOptions::default()).outliers[0].sighting;
/// assert_eq!((sighting.metric.as_str(), sighting.seconds), ("charge.duration", 0.4));
/// assert_eq!(store.trace(sighting.trace).unwrap().spans[0].id, sighting.span.unwrap());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// The `service.name`.
    pub service: String,
    /// The name of the histogram.
    pub metric: String,
    /// All attributes of the measurement: the series' and those that only the exemplar has.
    pub attributes: Attributes,
    /// What was measured, in seconds.
    pub seconds: f64,
    /// When.
    pub time: Time,
    /// In which trace.
    pub trace: TraceId,
    /// In which span.
    pub span: Option<SpanId>,
}

struct Candidate<'a> {
    sighting: Sighting,
    group: &'a Group,
}

/// The `most` outliers of all operations. The worst of each operation come before the second of each, so that
/// one slow operation does not hide the others; within such a round the slowest stands first. A trace appears once.
pub(super) fn find(store: &Store, groups: &[Group], most: usize) -> Vec<Outlier> {
    let mut rows: Vec<_> = groups
        .iter()
        .map(|group| candidates(group).into_iter())
        .collect();
    let mut taken: HashSet<TraceId> = HashSet::new();
    let mut order: Vec<TraceId> = Vec::new();
    let mut by_trace: HashMap<TraceId, Vec<Candidate<'_>>> = HashMap::new();
    loop {
        let mut round: Vec<Candidate<'_>> = Vec::new();
        for row in &mut rows {
            // What was taken in an earlier round is only added to its trace.
            for candidate in row.by_ref() {
                let trace = candidate.sighting.trace;
                if taken.contains(&trace) {
                    by_trace.entry(trace).or_default().push(candidate);
                } else {
                    round.push(candidate);
                    break;
                }
            }
        }
        if round.is_empty() {
            break;
        }
        round.sort_by(|a, b| by_severity(&a.sighting, &b.sighting));
        for candidate in round {
            let trace = candidate.sighting.trace;
            if taken.insert(trace) {
                order.push(trace);
            }
            by_trace.entry(trace).or_default().push(candidate);
        }
    }
    let outliers = order.into_iter().take(most).filter_map(|trace| {
        let mut candidates = by_trace.remove(&trace)?.into_iter();
        let first = candidates.next()?;
        let mut also: Vec<Sighting> = candidates.map(|candidate| candidate.sighting).collect();
        also.sort_by(by_severity);
        Some(Outlier {
            p50: first.group.row.p50,
            p99: first.group.row.p99,
            sighting: first.sighting,
            also,
            trace: store.trace(trace),
        })
    });
    outliers.collect()
}

/// The exemplars of a row above its p99, or in its highest bucket; none if that is where its median lies too.
fn candidates(group: &Group) -> Vec<Candidate<'_>> {
    let (Some(p50), Some(p99), Some(top)) = (group.row.p50, group.row.p99, group.top) else {
        return Vec::new();
    };
    let floor = p99.seconds.min(top);
    let mut found = Vec::new();
    for series in &group.series {
        for exemplar in series.exemplars() {
            let seconds = exemplar.value * group.scale;
            let Some(trace) = exemplar.trace else {
                continue;
            };
            if seconds < floor || seconds <= p50.seconds || group.row.count < 2 {
                continue;
            }
            let attributes = series
                .id
                .attributes
                .iter()
                .chain(exemplar.attributes.iter());
            found.push(Candidate {
                group,
                sighting: Sighting {
                    service: group.row.service.clone(),
                    metric: group.row.metric.clone(),
                    attributes: attributes
                        .map(|(key, value)| (key, value.clone()))
                        .collect(),
                    seconds,
                    time: exemplar.time,
                    trace,
                    span: exemplar.span,
                },
            });
        }
    }
    found.sort_by(|a, b| by_severity(&a.sighting, &b.sighting));
    found
}

/// The slowest first; of equals the newest, and then whatever keeps the order the same.
fn by_severity(a: &Sighting, b: &Sighting) -> std::cmp::Ordering {
    let slower = b.seconds.total_cmp(&a.seconds);
    let newer = b.time.cmp(&a.time);
    slower
        .then(newer)
        .then_with(|| (a.trace, &a.metric, a.span).cmp(&(b.trace, &b.metric, b.span)))
}
