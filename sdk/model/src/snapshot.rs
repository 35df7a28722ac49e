//! What one collection saw, as plain data.
//!
//! ```text
//! Snapshot ── resource
//!    └─ ScopeMetrics*      one per meter (name, version, schema URL, attributes)
//!          └─ Metric*      one per stream: name, description, unit
//!                └─ Data   Sum | Gauge | Histogram | ExponentialHistogram
//!                     └─ points*   one per attribute set, with its exemplars
//! ```
//!
//! The shapes are those of the OTLP data model (specification: `metrics/data-model.md`), without its
//! encoding. Every field is public; whoever builds a snapshot keeps the invariants written at the fields.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;

use crate::{CollectError, ExponentialHistogramPoint, HistogramPoint, NumberPoint, Resource};

/// What one collection saw.
///
/// ```
/// # use throughline_model::{Data, Gauge, Metric, ScopeMetrics, Snapshot};
/// # use opentelemetry::InstrumentationScope;
/// # let queued = Metric {
/// #     name: "queued".into(),
/// #     description: "".into(),
/// #     unit: "{order}".into(),
/// #     data: Data::Gauge(Gauge { points: vec![] }),
/// # };
/// # let shop = ScopeMetrics { scope: InstrumentationScope::builder("shop").build(), metrics: vec![queued] };
/// let snapshot = Snapshot { scopes: vec![shop], ..Snapshot::default() };
/// for (scope, metric) in snapshot.metrics() {
///     println!("{}: {} in {}", scope.name(), metric.name, metric.unit);
/// }
/// assert!(snapshot.metric("queued").is_some());
/// assert_eq!(snapshot.point_count(), 0);
/// assert!(snapshot.is_empty()); // a metric without points has nothing to send
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Snapshot {
    /// The entity that was measured.
    pub resource: Arc<Resource>,
    /// The metrics, grouped by the meter that made them. Each scope stands here once.
    pub scopes: Vec<ScopeMetrics>,
    /// Why something is missing, if it is: what callbacks tell that were not run, since the deadline had passed. What is
    /// here is whole (specification: `metrics/sdk.md`, "Collect").
    pub incomplete: Option<CollectError>,
}

impl Snapshot {
    /// All metrics with the scope that made them, in order.
    pub fn metrics(&self) -> impl Iterator<Item = (&InstrumentationScope, &Metric)> {
        self.scopes.iter().flat_map(|scope| {
            scope
                .metrics
                .iter()
                .map(move |metric| (&scope.scope, metric))
        })
    }

    /// The first metric of this name, in any scope.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics()
            .map(|(_, metric)| metric)
            .find(|metric| metric.name == name)
    }

    /// How many points there are in all metrics together.
    pub fn point_count(&self) -> usize {
        self.metrics().map(|(_, metric)| metric.data.len()).sum()
    }

    /// Whether there is no point to send.
    pub fn is_empty(&self) -> bool {
        self.metrics().all(|(_, metric)| metric.data.is_empty())
    }
}

/// The metrics of one meter.
///
/// ```
/// use opentelemetry::InstrumentationScope;
/// use throughline_model::ScopeMetrics;
///
/// let shop = ScopeMetrics {
///     scope: InstrumentationScope::builder("shop").with_version("1.2").build(),
///     metrics: vec![],
/// };
/// assert_eq!(shop.scope.version(), Some("1.2"));
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ScopeMetrics {
    /// The name, version, schema URL and attributes the meter was made with.
    pub scope: InstrumentationScope,
    /// Its streams. Never two with the same name, unit and kind, unless they were registered in conflict.
    pub metrics: Vec<Metric>,
}

/// One stream: what an instrument recorded, as a view shaped it.
///
/// ```
/// use throughline_model::{Data, Gauge, Metric};
///
/// let queued = Metric {
///     name: "queued".into(),
///     description: "Orders that wait".into(),
///     unit: "{order}".into(),
///     data: Data::Gauge(Gauge { points: vec![] }),
/// };
/// assert!(queued.data.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The stream's name, as registered or as a view renamed it.
    pub name: Cow<'static, str>,
    /// For people; empty when none was given.
    pub description: Cow<'static, str>,
    /// In UCUM, case-sensitive: `s`, `By`, `{order}`; empty when none was given.
    pub unit: Cow<'static, str>,
    /// The aggregated measurements.
    pub data: Data,
}

/// The aggregated measurements of one stream.
///
/// ```
/// use throughline_model::{Data, Sum, Temporality};
///
/// let data = Data::Sum(Sum { temporality: Temporality::Delta, monotonic: true, points: vec![] });
/// assert_eq!(data.len(), 0);
/// assert!(data.is_empty());
///
/// if let Data::Sum(sum) = &data {
///     assert!(sum.monotonic);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// What was added up: counters, up-down counters, and their observable kinds.
    Sum(Sum),
    /// What was seen last: gauges.
    Gauge(Gauge),
    /// A distribution over buckets with given bounds.
    Histogram(Histogram),
    /// A distribution over buckets whose bounds are powers of a base.
    ExponentialHistogram(ExponentialHistogram),
}

impl Data {
    /// How many points (attribute sets) there are.
    pub fn len(&self) -> usize {
        match self {
            Data::Sum(sum) => sum.points.len(),
            Data::Gauge(gauge) => gauge.points.len(),
            Data::Histogram(histogram) => histogram.points.len(),
            Data::ExponentialHistogram(histogram) => histogram.points.len(),
        }
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether points cover the time since the last collection or since the start.
///
/// ```
/// use throughline_model::Temporality;
///
/// assert_eq!(Temporality::default(), Temporality::Cumulative);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Temporality {
    /// Since the series began: each point repeats what was sent before, and more.
    #[default]
    Cumulative,
    /// Since the previous collection of the same reader.
    Delta,
}

/// What was added up.
///
/// ```
/// # use std::time::SystemTime;
/// # use throughline_model::{Attributes, Number, NumberPoint, Sum, Temporality};
/// # let point = |value| NumberPoint {
/// #     attributes: Attributes::default(),
/// #     start: SystemTime::UNIX_EPOCH,
/// #     time: SystemTime::UNIX_EPOCH,
/// #     value: Number::U64(value),
/// #     exemplars: vec![],
/// # };
/// let orders = Sum {
///     temporality: Temporality::Delta,
///     monotonic: true,
///     points: vec![point(3), point(4)],
/// };
/// let total: f64 = orders.points.iter().map(|point| point.value.as_f64()).sum();
/// assert_eq!(total, 7.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    /// What the points cover.
    pub temporality: Temporality,
    /// Whether only additions of zero or more were accepted. A monotonic cumulative value never goes down.
    pub monotonic: bool,
    /// One per attribute set, each set once.
    pub points: Vec<NumberPoint>,
}

/// What was seen last.
///
/// ```
/// # use std::time::SystemTime;
/// # use throughline_model::{Attributes, Gauge, Number, NumberPoint};
/// # let point = |value| NumberPoint {
/// #     attributes: Attributes::default(),
/// #     start: SystemTime::UNIX_EPOCH,
/// #     time: SystemTime::UNIX_EPOCH,
/// #     value: Number::F64(value),
/// #     exemplars: vec![],
/// # };
/// let utilization = Gauge { points: vec![point(0.25), point(0.75)] };
/// let busiest = utilization.points.iter().map(|point| point.value.as_f64()).reduce(f64::max);
/// assert_eq!(busiest, Some(0.75));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// One per attribute set, each set once.
    pub points: Vec<NumberPoint>,
}

/// A distribution over buckets with given bounds.
///
/// ```
/// # use std::time::SystemTime;
/// # use throughline_model::{Attributes, Histogram, HistogramPoint, Temporality};
/// # let point = |counts| HistogramPoint {
/// #     attributes: Attributes::default(),
/// #     start: SystemTime::UNIX_EPOCH,
/// #     time: SystemTime::UNIX_EPOCH,
/// #     bounds: [1.0].into(),
/// #     counts,
/// #     sum: 9.0,
/// #     min: None,
/// #     max: None,
/// #     exemplars: vec![],
/// # };
/// let latency = Histogram {
///     temporality: Temporality::Cumulative,
///     points: vec![point(vec![4, 1]), point(vec![7, 0])],
/// };
/// let measurements: u64 = latency.points.iter().map(|point| point.count()).sum();
/// assert_eq!(measurements, 12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// What the points cover.
    pub temporality: Temporality,
    /// One per attribute set, each set once.
    pub points: Vec<HistogramPoint>,
}

/// A distribution over buckets whose bounds are powers of a base.
///
/// ```
/// use throughline_model::{Data, ExponentialHistogram, Temporality};
///
/// let latency = ExponentialHistogram { temporality: Temporality::Delta, points: vec![] };
/// assert!(Data::ExponentialHistogram(latency).is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogram {
    /// What the points cover.
    pub temporality: Temporality,
    /// One per attribute set, each set once.
    pub points: Vec<ExponentialHistogramPoint>,
}
