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

use crate::{ExponentialHistogramPoint, HistogramPoint, NumberPoint, Resource};

/// What one collection saw.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Snapshot {
    /// The entity that was measured.
    pub resource: Arc<Resource>,
    /// The metrics, grouped by the meter that made them. Each scope stands here once.
    pub scopes: Vec<ScopeMetrics>,
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
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ScopeMetrics {
    /// The name, version, schema URL and attributes the meter was made with.
    pub scope: InstrumentationScope,
    /// Its streams. Never two with the same name, unit and kind, unless they were registered in conflict.
    pub metrics: Vec<Metric>,
}

/// One stream: what an instrument recorded, as a view shaped it.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Temporality {
    /// Since the series began: each point repeats what was sent before, and more.
    #[default]
    Cumulative,
    /// Since the previous collection of the same reader.
    Delta,
}

/// What was added up.
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
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// One per attribute set, each set once.
    pub points: Vec<NumberPoint>,
}

/// A distribution over buckets with given bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// What the points cover.
    pub temporality: Temporality,
    /// One per attribute set, each set once.
    pub points: Vec<HistogramPoint>,
}

/// A distribution over buckets whose bounds are powers of a base.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogram {
    /// What the points cover.
    pub temporality: Temporality,
    /// One per attribute set, each set once.
    pub points: Vec<ExponentialHistogramPoint>,
}
