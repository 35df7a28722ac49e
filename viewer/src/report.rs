//! What a person wants to know of what is held, as plain data: how each operation does, and which traces stand out.

mod distribution;
mod label;
mod lifetimes;
mod numbers;
mod operations;
mod outliers;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use distribution::Quantile;
pub use numbers::{NumberRow, NumberValue};
pub use operations::OperationRow;
pub(crate) use operations::seconds_per;
pub use outliers::{Outlier, Sighting};

use lifetimes::Lifetimes;

use crate::data::Origin;
use crate::{Limits, Losses, Series, Store, Usage};

/// What a report holds.
///
/// ```
/// use throughline_viewer::ReportOptions;
///
/// assert_eq!(ReportOptions { outliers: 3, ..ReportOptions::default() }.operations, 60);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportOptions {
    /// How many outliers. Default: 5.
    pub outliers: usize,
    /// How many rows of operations. Default: 60.
    pub operations: usize,
    /// How many rows of other metrics. Default: 60.
    pub numbers: usize,
    /// Whether the metrics by which an SDK reports on itself are included: all of a scope that has one named
    /// `otel.sdk.*`. Default: false.
    pub self_telemetry: bool,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            outliers: 5,
            operations: 60,
            numbers: 60,
            self_telemetry: false,
        }
    }
}

/// What is held, worked out. `Display` writes it as plain text, 100 columns wide;
/// [`text`](Report::text) has more say in that.
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
/// let report = store.report(&ReportOptions::default());
/// assert_eq!(report.operations.len(), report.operations_total);
/// assert!(report.outliers[0].is_resolved());
/// assert_eq!(report.text(&TextOptions::default()), report.to_string());
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// Histograms of time, by service, metric and attributes.
    pub operations: Vec<OperationRow>,
    /// How many rows `operations` would have without its limit.
    pub operations_total: usize,
    /// Exemplars that stand out, each with its trace: the worst of every operation first, then the second of each.
    pub outliers: Vec<Outlier>,
    /// Counters, gauges and histograms of other things than time, in the same order.
    pub numbers: Vec<NumberRow>,
    /// How many rows `numbers` would have without its limit.
    pub numbers_total: usize,
    /// How many series by which an SDK reports on itself were left out.
    pub self_telemetry_hidden: usize,
    /// What is held.
    pub usage: Usage,
    /// What may be held.
    pub limits: Limits,
    /// What was lost.
    pub losses: Losses,
}

impl Store {
    /// Works out what is held. The store is locked for copying references alone.
    pub fn report(&self, options: &ReportOptions) -> Report {
        let mut series = self.series();
        let all = series.len();
        let lifetimes = Lifetimes::of(&series);
        if !options.self_telemetry {
            let of_sdk: BTreeSet<*const Origin> = series
                .iter()
                .filter(|series| series.id.name.starts_with("otel.sdk."))
                .map(|series| Arc::as_ptr(&series.id.origin))
                .collect();
            series.retain(|series| !of_sdk.contains(&Arc::as_ptr(&series.id.origin)));
        }
        let self_telemetry_hidden = all - series.len();
        let (timed, other): (Vec<Arc<Series>>, Vec<_>) = series
            .into_iter()
            .partition(|series| operations::is_operation(&series.id));
        let mut groups = operations::group(timed, &lifetimes);
        let outliers = outliers::find(self, &groups, options.outliers);
        let operations_total = groups.len();
        groups.truncate(options.operations);
        let mut numbers = numbers::rows(other, &lifetimes);
        let numbers_total = numbers.len();
        numbers.truncate(options.numbers);
        Report {
            operations: groups.into_iter().map(|group| group.row).collect(),
            operations_total,
            outliers,
            numbers,
            numbers_total,
            self_telemetry_hidden,
            usage: self.usage(),
            limits: self.limits(),
            losses: self.losses(),
        }
    }
}
