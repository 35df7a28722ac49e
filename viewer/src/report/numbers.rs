//! Counters, gauges, and histograms of other things than time.

use std::sync::Arc;

use super::distribution::Distribution;
use super::lifetimes::Lifetimes;
use crate::data::{Attributes, Kind, Total};
use crate::store::Series;

/// One series that is not an operation.
///
/// ```
/// # use throughline_viewer::*;
/// # let store = Store::new(Limits::default());
/// # store.add_points([Point {
/// #     series: SeriesId {
/// #         origin: Default::default(), name: "orders".into(), unit: "{order}".into(),
/// #         kind: Kind::Sum { monotonic: true }, attributes: Attributes::default(),
/// #     },
/// #     description: "".into(), start: Time::from_nanos(1), time: Time::from_nanos(10_000_000_001),
/// #     temporality: Temporality::Cumulative, value: Total::Number(Number::Int(50)), exemplars: vec![],
/// # }]);
/// let row = &store.report(&ReportOptions::default()).numbers[0];
/// assert_eq!((row.metric.as_str(), row.unit.as_str()), ("orders", "{order}"));
/// assert_eq!(row.value, NumberValue::Counter { total: 50.0, per_second: Some(5.0) });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NumberRow {
    /// The `service.name`.
    pub service: String,
    /// The metric's name.
    pub metric: String,
    /// The unit, as UCUM writes it; may be empty.
    pub unit: String,
    /// The attributes.
    pub attributes: Attributes,
    /// The value.
    pub value: NumberValue,
}

/// What a series that is not an operation tells.
///
/// ```
/// use throughline_viewer::NumberValue;
///
/// let text = |value| match value {
///     NumberValue::Counter { total, .. } => format!("{total} in all"),
///     NumberValue::Level(level) => format!("{level} now"),
///     NumberValue::Distribution { count, .. } => format!("{count} measured"),
/// };
/// assert_eq!(text(NumberValue::Level(12.0)), "12 now");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberValue {
    /// A counter: its total, and how much it grows per second where the start is known.
    Counter {
        /// The total.
        total: f64,
        /// Per second, from the start to the newest point.
        per_second: Option<f64>,
    },
    /// A gauge, or a sum that may shrink: the newest value.
    Level(f64),
    /// A histogram.
    Distribution {
        /// How many measurements.
        count: u64,
        /// The median, in the metric's unit.
        p50: Option<f64>,
        /// What one in a hundred is above, in the metric's unit.
        p99: Option<f64>,
    },
}

/// Rows by service, metric and attributes, one per series.
pub(super) fn rows(series: Vec<Arc<Series>>, lifetimes: &Lifetimes) -> Vec<NumberRow> {
    let mut rows: Vec<(String, NumberRow)> = series
        .into_iter()
        .map(|series| {
            let id = &series.id;
            let row = NumberRow {
                service: id.origin.service().to_owned(),
                metric: id.name.to_string(),
                unit: id.unit.to_string(),
                attributes: id.attributes.clone(),
                value: value(&series, lifetimes),
            };
            // Series of two instances, or of two scopes, have the same row but for the value: what is
            // left of the id keeps their order the same from report to report.
            let rest = format!(
                "{} {} {:?}",
                row.attributes, id.origin.resource, id.origin.scope
            );
            (rest, row)
        })
        .collect();
    rows.sort_by(|(a_rest, a), (b_rest, b)| {
        (&a.service, &a.metric, a_rest).cmp(&(&b.service, &b.metric, b_rest))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

fn value(series: &Arc<Series>, lifetimes: &Lifetimes) -> NumberValue {
    let mut distribution = Distribution::default();
    distribution.add(&series.total, 1.0);
    let quantile = |share| distribution.quantile(share).map(|at| at.seconds);
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    match &series.total {
        Total::Number(number) if series.id.kind == (Kind::Sum { monotonic: true }) => {
            NumberValue::Counter {
                total: number.as_f64(),
                per_second: lifetimes.per_second(std::slice::from_ref(series)),
            }
        }
        Total::Number(number) => NumberValue::Level(number.as_f64()),
        Total::Histogram(histogram) => NumberValue::Distribution {
            count: histogram.count,
            p50,
            p99,
        },
        Total::Exponential(histogram) => NumberValue::Distribution {
            count: histogram.count,
            p50,
            p99,
        },
        Total::Summary(summary) => {
            let at = |wanted: f64| {
                let found = summary.quantiles.iter().find(|(share, _)| *share == wanted);
                found.map(|(_, value)| *value)
            };
            NumberValue::Distribution {
                count: summary.count,
                p50: at(0.5),
                p99: at(0.99),
            }
        }
    }
}
