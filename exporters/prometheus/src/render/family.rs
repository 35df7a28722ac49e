//! Metrics grouped into families: one name, one type, members of any scope.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use opentelemetry::InstrumentationScope;
use throughline_model::{
    Data, ExponentialHistogramPoint, HistogramPoint, Metric, NumberPoint, Snapshot, Temporality,
};

use super::name::{Name, Suffix};
use crate::{Cause, Format, Options, Report};

/// All metrics of one name, which are written together.
pub(super) struct Family<'a> {
    /// The name without `_total`.
    pub(super) base: String,
    pub(super) kind: Kind,
    /// The unit's words, which `base` ends in; empty for none.
    pub(super) unit: String,
    /// The first description that is not empty.
    pub(super) help: &'a str,
    pub(super) members: Vec<Member<'a>>,
}

/// One metric of a family.
pub(super) struct Member<'a> {
    /// The place of the scope in the snapshot.
    pub(super) scope: usize,
    pub(super) scope_name: &'a str,
    pub(super) metric: &'a str,
    pub(super) points: Points<'a>,
}

impl Family<'_> {
    /// How many points its members have.
    pub(super) fn points(&self) -> usize {
        let points = self.members.iter().map(|member| match member.points {
            Points::Number(points) => points.len(),
            Points::Histogram(points) => points.len(),
            Points::Exponential(points) => points.len(),
        });
        points.sum()
    }
}

/// What a member holds.
#[derive(Clone, Copy)]
pub(super) enum Points<'a> {
    Number(&'a [NumberPoint]),
    Histogram(&'a [HistogramPoint]),
    Exponential(&'a [ExponentialHistogramPoint]),
}

/// A type of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }

    /// The names that a family of this kind takes, as suffixes of its base. In OpenMetrics also those that
    /// it could have in the text (OpenMetrics, "Suffixes").
    fn suffixes(self, openmetrics: bool) -> &'static [&'static str] {
        match (self, openmetrics) {
            (Kind::Counter, false) => &["_total"],
            (Kind::Counter, true) => &["", "_total", "_created"],
            (Kind::Gauge, _) => &[""],
            (Kind::Histogram, false) => &["", "_bucket", "_sum", "_count"],
            (Kind::Histogram, true) => &["", "_bucket", "_sum", "_count", "_created"],
        }
    }
}

/// Groups the metrics of a snapshot; what cannot be exported goes to the report.
pub(super) fn group<'a>(
    snapshot: &'a Snapshot,
    format: Format,
    options: &Options,
    report: &mut Report,
) -> Vec<Family<'a>> {
    let mut families = Families {
        openmetrics: format.is_openmetrics(),
        families: Vec::new(),
        hasher: RandomState::default(),
        // Most have up to four.
        owned: HashTable::with_capacity(4 * snapshot.metrics().count()),
    };
    if options.target_info && !snapshot.resource.attributes.is_empty() {
        families.own("target_info", TARGET, "_info");
        if families.openmetrics {
            families.own("target", TARGET, "");
        }
    }
    for (at, scope) in snapshot.scopes.iter().enumerate() {
        for metric in &scope.metrics {
            families.add(at, &scope.scope, metric, report);
        }
    }
    families.families
}

/// The owner of the names of `target_info`, which is no family.
const TARGET: usize = usize::MAX;

struct Families<'a> {
    openmetrics: bool,
    families: Vec<Family<'a>>,
    hasher: RandomState,
    /// The names that are taken.
    owned: HashTable<Owned>,
}

/// A name that a family takes: its base with a suffix.
struct Owned {
    hash: u64,
    family: usize,
    suffix: &'static str,
}

impl<'a> Families<'a> {
    fn add(
        &mut self,
        scope: usize,
        scope_of: &'a InstrumentationScope,
        metric: &'a Metric,
        report: &mut Report,
    ) {
        if metric.data.is_empty() {
            return;
        }
        let mut drop = |cause, count| report.drop(&metric.name, scope_of.name(), cause, count);
        let points = metric.data.len() as u64;
        let Some((kind, suffix, data)) = classify(&metric.data) else {
            return drop(Cause::DeltaTemporality, points);
        };
        let Some(name) = Name::new(&metric.name, &metric.unit, suffix) else {
            return drop(Cause::InvalidName, points);
        };
        let Some(at) = self.claim(name.base, kind) else {
            return drop(Cause::TypeConflict, points);
        };
        let Some(family) = self.families.get_mut(at) else {
            return;
        };
        let help: &str = &metric.description;
        if family.help.is_empty() {
            family.help = help;
        } else if !help.is_empty() && family.help != help {
            drop(Cause::HelpConflict, 1);
        }
        if family.unit.is_empty() {
            family.unit = name.unit;
        } else if !name.unit.is_empty() && family.unit != name.unit {
            drop(Cause::UnitConflict, 1);
        }
        family.members.push(Member {
            scope,
            scope_name: scope_of.name(),
            metric: &metric.name,
            points: data,
        });
    }

    /// The family of this name and kind, new or not; `None` where another one has one of its names.
    fn claim(&mut self, base: String, kind: Kind) -> Option<usize> {
        let suffixes = kind.suffixes(self.openmetrics);
        let mut full = base.clone();
        let mut owner = None;
        for suffix in suffixes {
            full.truncate(base.len());
            full.push_str(suffix);
            match (self.owner(&full), owner) {
                (None, None | Some(None)) => owner = Some(None),
                (Some(at), None) => owner = Some(Some(at)),
                (Some(at), Some(Some(before))) if at == before => {}
                _ => return None,
            }
        }
        if let Some(at) = owner.flatten() {
            let family = self.families.get(at)?;
            return (family.kind == kind && family.base == base).then_some(at);
        }
        let next = self.families.len();
        for suffix in suffixes {
            full.truncate(base.len());
            full.push_str(suffix);
            self.own(&full, next, suffix);
        }
        self.families.push(Family {
            base,
            kind,
            unit: String::new(),
            help: "",
            members: Vec::new(),
        });
        Some(next)
    }

    /// Which family has a name.
    fn owner(&self, name: &str) -> Option<usize> {
        let is_it = |owned: &Owned| {
            let base = self.families.get(owned.family);
            let base = base.map_or("target", |family| family.base.as_str());
            name.strip_prefix(base) == Some(owned.suffix)
        };
        let owned = self.owned.find(self.hasher.hash_one(name), is_it);
        owned.map(|owned| owned.family)
    }

    /// Gives a name, its base with this suffix, to a family.
    fn own(&mut self, name: &str, family: usize, suffix: &'static str) {
        let hash = self.hasher.hash_one(name);
        let owned = Owned {
            hash,
            family,
            suffix,
        };
        self.owned.insert_unique(hash, owned, |owned| owned.hash);
    }
}

/// What becomes of the data; `None` for delta temporality.
fn classify(data: &Data) -> Option<(Kind, Suffix, Points<'_>)> {
    let cumulative = |temporality: &Temporality| *temporality == Temporality::Cumulative;
    match data {
        Data::Sum(sum) if cumulative(&sum.temporality) => Some(if sum.monotonic {
            (Kind::Counter, Suffix::Total, Points::Number(&sum.points))
        } else {
            (Kind::Gauge, Suffix::Nothing, Points::Number(&sum.points))
        }),
        Data::Gauge(gauge) => Some((Kind::Gauge, Suffix::Ratio, Points::Number(&gauge.points))),
        Data::Histogram(histogram) if cumulative(&histogram.temporality) => {
            let points = Points::Histogram(&histogram.points);
            Some((Kind::Histogram, Suffix::Nothing, points))
        }
        Data::ExponentialHistogram(histogram) if cumulative(&histogram.temporality) => {
            let points = Points::Exponential(&histogram.points);
            Some((Kind::Histogram, Suffix::Nothing, points))
        }
        _ => None,
    }
}
