//! Operations: histograms of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::distribution::{Distribution, Quantile};
use super::label;
use super::lifetimes::Lifetimes;
use crate::data::{Attributes, Kind, SeriesId, Total};
use crate::store::Series;

/// How one operation does: one row per service, metric and main attributes.
///
/// Series that differ in how the operation ended (`error.type`, status codes) or in the instance of the
/// service are one row.
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
/// let row = &store.report(&ReportOptions::default()).operations[0];
/// assert_eq!((row.service.as_str(), row.metric.as_str()), ("checkout", "charge.duration"));
/// assert_eq!((row.count, row.errors), (200, None));
/// assert_eq!(row.per_second, Some(20.0)); // over ten seconds
/// assert!(row.p50.unwrap().seconds < 0.01);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRow {
    /// The `service.name`.
    pub service: String,
    /// The name of the histogram.
    pub metric: String,
    /// What else names the operation.
    pub attributes: Attributes,
    /// How often it ran.
    pub count: u64,
    /// How often with an `error.type`; `None` if no series of the row ever had one.
    pub errors: Option<u64>,
    /// How often per second, over each sender's own time: from the earliest start of any of its series to its newest
    /// point; `None` where no start was sent.
    pub per_second: Option<f64>,
    /// The median.
    pub p50: Option<Quantile>,
    /// What one in a hundred is above.
    pub p99: Option<Quantile>,
    /// What one in a thousand is above.
    pub p999: Option<Quantile>,
}

/// A row and the series it was made of.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) row: OperationRow,
    pub(super) series: Vec<Arc<Series>>,
    /// The lower end of the highest bucket that holds something, in seconds.
    pub(super) top: Option<f64>,
    /// Seconds per unit of the metric.
    pub(super) scale: f64,
}

/// Whether the series is a histogram of time.
pub(super) fn is_operation(id: &SeriesId) -> bool {
    matches!(id.kind, Kind::Histogram | Kind::ExponentialHistogram)
        && seconds_per(&id.unit).is_some()
}

/// Seconds per unit, if the unit is one of time (UCUM).
pub(crate) fn seconds_per(unit: &str) -> Option<f64> {
    match unit {
        "s" => Some(1.0),
        "ms" => Some(1e-3),
        "us" | "µs" => Some(1e-6),
        "ns" => Some(1e-9),
        "min" => Some(60.0),
        "h" => Some(3_600.0),
        _ => None,
    }
}

/// Rows with their series, by service, metric and attributes.
pub(super) fn group(series: Vec<Arc<Series>>, lifetimes: &Lifetimes) -> Vec<Group> {
    // The text of the attributes orders them, and so is part of the key: equal sets have equal text.
    let mut groups: BTreeMap<(String, String, String, String), Vec<Arc<Series>>> = BTreeMap::new();
    for series in series {
        let id = &series.id;
        let key = (
            id.origin.service().to_owned(),
            id.name.to_string(),
            label::main(&id.attributes).to_string(),
            id.unit.to_string(),
        );
        groups.entry(key).or_default().push(series);
    }
    let groups = groups.into_iter();
    groups
        .filter_map(|((service, metric, ..), series)| one(service, metric, series, lifetimes))
        .collect()
}

fn one(
    service: String,
    metric: String,
    series: Vec<Arc<Series>>,
    lifetimes: &Lifetimes,
) -> Option<Group> {
    let first = &series.first()?.id;
    let scale = seconds_per(&first.unit)?;
    let attributes = label::main(&first.attributes);
    let mut distribution = Distribution::default();
    let (mut count, mut errors, mut any_error) = (0_u64, 0_u64, false);
    for series in &series {
        let measured = count_of(&series.total);
        count = count.saturating_add(measured);
        if label::failed(&series.id.attributes) {
            any_error = true;
            errors = errors.saturating_add(measured);
        }
        distribution.add(&series.total, scale);
    }
    let row = OperationRow {
        service,
        metric,
        attributes,
        count,
        errors: any_error.then_some(errors),
        per_second: lifetimes.per_second(&series),
        p50: distribution.quantile(0.5),
        p99: distribution.quantile(0.99),
        p999: distribution.quantile(0.999),
    };
    Some(Group {
        row,
        series,
        top: distribution.top(),
        scale,
    })
}

pub(super) fn count_of(total: &Total) -> u64 {
    match total {
        Total::Histogram(histogram) => histogram.count,
        Total::Exponential(histogram) => histogram.count,
        Total::Summary(summary) => summary.count,
        Total::Number(_) => 0,
    }
}
