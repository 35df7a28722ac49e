//! What an exposition could not carry, by cause.

use std::fmt;

/// What one rendering wrote and what it had to leave out, by metric and cause.
///
/// ```
/// # use throughline_model::*;
/// use throughline_prometheus::{Cause, Format, Options, render};
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
/// let report = render(&snapshot, Format::default(), &Options::default()).report;
/// assert_eq!(report.points(), 1);
/// assert_eq!(report.dropped(Cause::DeltaTemporality), 1);
/// assert_eq!(report.drops().len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    points: u64,
    drops: Vec<Drops>,
}

impl Report {
    /// How many points were written.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// What was left out: one entry per metric, scope and cause, in the order it was met.
    pub fn drops(&self) -> &[Drops] {
        &self.drops
    }

    /// How many points, comments or exemplars were left out for this cause.
    pub fn dropped(&self, cause: Cause) -> u64 {
        let of_cause = self.drops.iter().filter(|drops| drops.cause == cause);
        of_cause.map(|drops| drops.count).sum()
    }

    pub(crate) fn wrote(&mut self) {
        self.points += 1;
    }

    pub(crate) fn drop(&mut self, metric: &str, scope: &str, cause: Cause, count: u64) {
        if count == 0 {
            return;
        }
        // The drops of one metric follow each other, at most one entry per cause.
        let recent = self.drops.iter_mut().rev().take(Cause::COUNT);
        for drops in recent {
            if drops.cause == cause && drops.metric == metric && drops.scope == scope {
                drops.count += count;
                return;
            }
        }
        self.drops.push(Drops {
            metric: metric.to_owned(),
            scope: scope.to_owned(),
            cause,
            count,
        });
    }
}

/// What was left out of one metric for one cause.
///
/// ```
/// # use throughline_model::*;
/// use throughline_prometheus::{Cause, Format, Options, render};
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
/// let report = render(&snapshot, Format::default(), &Options::default()).report;
/// let drops = &report.drops()[0];
/// assert_eq!((drops.scope.as_str(), drops.metric.as_str()), ("shop", "retries"));
/// assert_eq!((drops.cause, drops.count), (Cause::DeltaTemporality, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// The metric, as OpenTelemetry names it; empty where the scope itself lost something.
    pub metric: String,
    /// The name of the scope that made it.
    pub scope: String,
    /// Why.
    pub cause: Cause,
    /// How many of what [`Cause::what`] says.
    pub count: u64,
}

/// Why something was left out.
///
/// ```
/// use throughline_prometheus::Cause;
///
/// let cause = Cause::DeltaTemporality;
/// assert_eq!(cause.as_str(), "delta_temporality");
/// assert_eq!(
///     format!("7 {} dropped: {cause}", cause.what()),
///     "7 points dropped: Prometheus has no delta temporality",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A metric of another type has the name already, or one of the names that this one's samples would have.
    TypeConflict,
    /// Delta temporality: Prometheus has cumulative values alone.
    DeltaTemporality,
    /// The name has no letter and no digit.
    InvalidName,
    /// The point breaks the data model: bounds that do not increase, counts that do not fit them, a scale
    /// out of range.
    InvalidPoint,
    /// The format cannot carry the value: OpenMetrics has no negative and no NaN counters.
    InvalidValue,
    /// Another point of the family has the same labels.
    DuplicateSeries,
    /// The family has a different HELP already.
    HelpConflict,
    /// The family has a different UNIT already.
    UnitConflict,
    /// The filtered attributes would take the exemplar past 128 characters; its ids are kept.
    ExemplarTooLong,
    /// A scope attribute would take the place of `otel_scope_name`, `_version` or `_schema_url`.
    ReservedScopeAttribute,
}

impl Cause {
    const COUNT: usize = 10;

    /// The value of `error.type` in self-telemetry.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::TypeConflict => "type_conflict",
            Cause::DeltaTemporality => "delta_temporality",
            Cause::InvalidName => "invalid_name",
            Cause::InvalidPoint => "invalid_point",
            Cause::InvalidValue => "invalid_value",
            Cause::DuplicateSeries => "duplicate_series",
            Cause::HelpConflict => "help_conflict",
            Cause::UnitConflict => "unit_conflict",
            Cause::ExemplarTooLong => "exemplar_too_long",
            Cause::ReservedScopeAttribute => "reserved_scope_attribute",
        }
    }

    /// What is left out: `points`, `comments`, or `attributes`.
    pub fn what(self) -> &'static str {
        match self {
            Cause::TypeConflict
            | Cause::DeltaTemporality
            | Cause::InvalidName
            | Cause::InvalidPoint
            | Cause::InvalidValue
            | Cause::DuplicateSeries => "points",
            Cause::HelpConflict | Cause::UnitConflict => "comments",
            Cause::ExemplarTooLong | Cause::ReservedScopeAttribute => "attributes",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::TypeConflict => "a metric of another type has the name",
            Cause::DeltaTemporality => "Prometheus has no delta temporality",
            Cause::InvalidName => "the name has no letter and no digit",
            Cause::InvalidPoint => "the points break the data model",
            Cause::InvalidValue => "the format has no such value for a counter",
            Cause::DuplicateSeries => "another point has the same labels",
            Cause::HelpConflict => "the family has another description",
            Cause::UnitConflict => "the family has another unit",
            Cause::ExemplarTooLong => "the exemplar would be longer than 128 characters",
            Cause::ReservedScopeAttribute => "the label is taken by the scope itself",
        })
    }
}
