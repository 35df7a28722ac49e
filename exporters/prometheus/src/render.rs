//! A snapshot as text: one pass that groups metrics into families, one that writes them into one string.
//!
//! A pair of attributes is rendered once for all points of the same keys that share it, the labels of a point are put
//! together from its pairs, and copied to each of its lines. Buffers are reused: what is allocated is per family and per set
//! of keys, not per sample, where no more sets of keys take turns than are remembered.
//!
//! ```text
//! Snapshot ──families──▶ Family* (name, type, unit, help; members of any scope)
//!                           └─ writer: comments, then per point: labels → value | buckets, exemplars
//! ```

mod attribute;
mod buckets;
mod exemplar;
mod exponential;
mod family;
mod form;
mod fragments;
mod labels;
mod name;
mod number;
mod unit;
mod writer;

use throughline_model::Snapshot;

use crate::{Format, Options, Report};

/// A rendered snapshot, and what it could not carry.
///
/// ```
/// # use throughline_model::*;
/// use throughline_prometheus::{Format, Options, render};
///
/// # let at = std::time::SystemTime::UNIX_EPOCH;
/// # let sum = |name: &'static str, temporality| Metric {
/// #     name: name.into(), description: "".into(), unit: "".into(),
/// #     data: Data::Sum(Sum { temporality, monotonic: true, points: vec![NumberPoint {
/// #         attributes: Attributes::default(), start: at, time: at, value: Number::U64(7), exemplars: vec![],
/// #     }] }),
/// # };
/// # let scope = opentelemetry::InstrumentationScope::builder("shop").build();
/// # let metrics = vec![sum("orders", Temporality::Cumulative), sum("retries", Temporality::Delta)];
/// # let snapshot = Snapshot { scopes: vec![ScopeMetrics { scope, metrics }], ..Snapshot::default() };
/// // `orders` is cumulative, `retries` is delta.
/// let exposition = render(&snapshot, Format::default(), &Options::default());
/// assert!(exposition.text.contains("orders_total{otel_scope_name=\"shop\"} 7\n"));
/// assert!(!exposition.text.contains("retries"));
/// assert_eq!(exposition.report.drops()[0].metric, "retries");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exposition {
    /// The body of the answer to a scrape.
    pub text: String,
    /// What was written and what was left out, by cause.
    pub report: Report,
}

/// Writes `snapshot` in `format`.
///
/// Never fails: what a format cannot carry is left out and stands in the report, by metric and cause.
///
/// ```
/// use throughline_model::Snapshot;
/// use throughline_prometheus::{Format, Options, render};
///
/// let format = Format::negotiate(Some("application/openmetrics-text"));
/// let exposition = render(&Snapshot::default(), format, &Options::default());
/// assert_eq!(exposition.text, "# EOF\n");
/// for drops in exposition.report.drops() {
///     eprintln!("{}: {} {} dropped, {}", drops.metric, drops.count, drops.cause.what(), drops.cause);
/// }
/// ```
///
/// * **Names** (specification: `compatibility/prometheus_and_openmetrics.md`, "Metric Metadata"): characters
///   outside `[a-zA-Z0-9:]` become `_`, repeats collapse, `_` at either end goes, a leading digit gets a
///   `_`. The unit's word (`s` → `seconds`, `By/s` → `bytes_per_second`, `{…}` → nothing, `1` → `ratio` on
///   gauges alone) is appended unless the name ends in it, then `_total` to monotonic sums.
/// * **Labels**: as names, without `:`; a leading digit gets `key_`. Keys that become one label join
///   their values with `;` in the order of the original keys. An empty value is written as no label at all,
///   which is how Prometheus reads it. The label `le` of a histogram's point becomes `exported_le`.
/// * **Types**: monotonic sum → counter, other sum and gauge → gauge, both histograms → histogram. Of two
///   metrics that would share a name with different types, the second is left out; in OpenMetrics so
///   is one whose samples could be taken for another's (`foo_created` beside the counter `foo`).
/// * **Histograms**: cumulative buckets up to `+Inf`, then sum and count. OpenMetrics forbids a sum beside
///   negative bounds and one that is negative or NaN, and a count without a sum; both are left out there.
/// * **Exponential histograms** become classic ones: see below.
/// * **Exemplars** (OpenMetrics alone): the latest one of each counter and of each histogram bucket.
///
/// # Exponential histograms as classic buckets
///
/// The text formats have no native histograms. A classic bucket is a series of its own, and a query over
/// several series (`sum by (le)`) is only right where they have the same bounds. So the bounds are the
/// same for all points of a family and change rarely: powers of two (scale 0; coarser where the point
/// itself is, or where more than 64 bounds would be needed), from the lowest to the highest populated
/// bucket of any point, widened at both ends to a multiple of four doublings. A family that
/// spans 1 ms to 10 s has 17 bounds, and keeps them until a measurement falls outside of 0.2 ms to 16 s.
///
/// The trade: a quantile is known to a factor of two (what the default bounds of explicit histograms give
/// too), not to the 4 % of scale 4; OTLP carries the full resolution. Counts at each bound are exact
/// (a value that lies exactly on a *negative* bound is counted one bucket later: exponential buckets are open
/// there). A coarser scale's bounds are among the finer one's, so the series that remain continue.
pub fn render(snapshot: &Snapshot, format: Format, options: &Options) -> Exposition {
    let mut report = Report::default();
    let families = family::group(snapshot, format, options, &mut report);
    let mut writer = writer::Writer::new(snapshot, format, options, &mut report);
    if options.target_info {
        writer.target(&snapshot.resource);
    }
    for family in &families {
        writer.family(family);
    }
    let text = writer.finish();
    Exposition { text, report }
}
