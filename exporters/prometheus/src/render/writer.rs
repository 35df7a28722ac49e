//! Families as lines.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use throughline_model::{
    Exemplar, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint, Resource, Snapshot,
};

use super::buckets::{self, Bounds};
use super::exemplar;
use super::exponential::{self, Layout};
use super::family::{Family, Kind, Member, Points};
use super::labels::{Labels, ScopeLabels, Seen, push_help};
use super::number::{Style, push_f64, push_number, push_time, push_u64};
use crate::{Cause, Format, Options, Report};

/// Writes one exposition. All buffers are reused from point to point.
pub(super) struct Writer<'a, 'r> {
    out: String,
    openmetrics: bool,
    created: bool,
    style: Style,
    report: &'r mut Report,
    scopes: Vec<ScopeLabels<'a>>,
    labels: Labels<'a>,
    /// The labels of the point at hand.
    point: String,
    /// The label sets of the family at hand.
    seen: Seen,
    bounds: Bounds,
    counts: Vec<u64>,
    /// The line of a bucket up to its bound.
    line: String,
    chosen: Vec<Option<usize>>,
}

/// A histogram's point, whatever it was made from.
struct Buckets<'a, 'c> {
    /// Per bucket, not cumulative.
    counts: &'c [u64],
    sum: f64,
    exemplars: &'a [Exemplar],
    start: SystemTime,
}

impl<'a, 'r> Writer<'a, 'r> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        format: Format,
        options: &Options,
        report: &'r mut Report,
    ) -> Self {
        let mut labels = Labels::default();
        let mut scopes = Vec::with_capacity(snapshot.scopes.len());
        for (at, scope) in snapshot.scopes.iter().enumerate() {
            scopes.push(if options.scope_labels {
                let of_scope = ScopeLabels::new(at, &scope.scope, &mut labels.names);
                let dropped = of_scope.dropped;
                report.drop(
                    "",
                    scope.scope.name(),
                    Cause::ReservedScopeAttribute,
                    dropped,
                );
                of_scope
            } else {
                ScopeLabels::none()
            });
        }
        let openmetrics = format.is_openmetrics();
        Self {
            // A guess that is right within a factor of a few: growing is a copy, not a loss.
            out: String::with_capacity(1024 + snapshot.point_count() * 256),
            openmetrics,
            created: openmetrics && options.created,
            style: if openmetrics {
                Style::Float
            } else {
                Style::Plain
            },
            report,
            scopes,
            labels,
            point: String::new(),
            seen: Seen::default(),
            bounds: Bounds::default(),
            counts: Vec::new(),
            line: String::new(),
            chosen: Vec::new(),
        }
    }

    /// Writes `target_info` unless the resource is empty. OpenMetrics wants it first.
    pub(super) fn target(&mut self, resource: &'a Resource) {
        if resource.attributes.is_empty() {
            return;
        }
        let (family, kind) = match self.openmetrics {
            true => ("target", "info"),
            // Text 0.0.4 has no info type; a gauge stands for it.
            false => ("target_info", "gauge"),
        };
        self.comments(family, kind, "", "Target metadata");
        let none = ScopeLabels::none();
        let attributes = &resource.attributes;
        self.labels.point(&mut self.point, &none, attributes, false);
        self.repeat_labels("target", "_info");
        self.out.push_str("1\n");
    }

    pub(super) fn family(&mut self, family: &Family<'a>) {
        let before = self.out.len();
        match (self.openmetrics, family.kind) {
            (false, Kind::Counter) => {
                let mut name = family.base.clone();
                name.push_str("_total");
                self.comments(&name, "counter", &family.unit, family.help);
            }
            (_, kind) => self.comments(&family.base, kind.as_str(), &family.unit, family.help),
        }
        let header = self.out.len();
        self.seen.begin(family.points());
        let layout = layout(family);
        for member in &family.members {
            match member.points {
                Points::Number(points) => self.numbers(family, member, points),
                Points::Histogram(points) => self.histograms(family, member, points),
                Points::Exponential(points) => self.exponentials(family, member, points, &layout),
            }
        }
        if self.out.len() == header {
            self.out.truncate(before);
        }
    }

    /// The exposition.
    pub(super) fn finish(mut self) -> String {
        if self.openmetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// TYPE, UNIT, HELP in OpenMetrics; HELP, TYPE in the text format, which has no units.
    fn comments(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        if !self.openmetrics {
            self.comment("# HELP ", name, help);
        }
        self.comment("# TYPE ", name, kind);
        if self.openmetrics {
            self.comment("# UNIT ", name, unit);
            self.comment("# HELP ", name, help);
        }
    }

    fn comment(&mut self, keyword: &str, name: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        self.out.push_str(keyword);
        self.out.push_str(name);
        self.out.push(' ');
        push_help(&mut self.out, text, self.openmetrics);
        self.out.push('\n');
    }

    /// Renders the labels of a point.
    fn begin(&mut self, member: &Member<'a>, point: &'a throughline_model::Attributes, le: bool) {
        let scope = &self.scopes[member.scope];
        self.labels.point(&mut self.point, scope, point, le);
    }

    /// Takes what was written from `start` on back and says so, where the family has had these labels, which stand at
    /// `labels`, before.
    fn is_duplicate(&mut self, member: &Member<'a>, start: usize, labels: Range<usize>) -> bool {
        let duplicate = !self.seen.add(&self.out, labels);
        if duplicate {
            self.out.truncate(start);
            self.drop(member, Cause::DuplicateSeries, 1);
        }
        duplicate
    }

    fn numbers(&mut self, family: &Family<'a>, member: &Member<'a>, points: &'a [NumberPoint]) {
        let counter = family.kind == Kind::Counter;
        let suffix = if counter { "_total" } else { "" };
        for point in points {
            if counter && self.openmetrics && !is_count(point.value) {
                self.drop(member, Cause::InvalidValue, 1);
                continue;
            }
            self.begin(member, &point.attributes, false);
            let start = self.out.len();
            let labels = self.repeat_labels(&family.base, suffix);
            if self.is_duplicate(member, start, labels) {
                continue;
            }
            push_number(&mut self.out, point.value, self.style);
            if counter
                && self.openmetrics
                && let Some(exemplar) = exemplar::latest(&point.exemplars)
            {
                self.exemplar(member, exemplar);
            }
            self.out.push('\n');
            if counter {
                self.start_time(&family.base, point.start);
            }
            self.report.wrote();
        }
    }

    fn histograms(
        &mut self,
        family: &Family<'a>,
        member: &Member<'a>,
        points: &'a [HistogramPoint],
    ) {
        for point in points {
            if !buckets::are_valid(&point.bounds, &point.counts) {
                self.drop(member, Cause::InvalidPoint, 1);
                continue;
            }
            self.begin(member, &point.attributes, true);
            self.bounds.set(&point.bounds, self.style);
            let buckets = Buckets {
                counts: &point.counts,
                sum: point.sum,
                exemplars: &point.exemplars,
                start: point.start,
            };
            self.histogram(family, member, &buckets);
        }
    }

    fn exponentials(
        &mut self,
        family: &Family<'a>,
        member: &Member<'a>,
        points: &'a [ExponentialHistogramPoint],
        layout: &Layout,
    ) {
        let mut counts = std::mem::take(&mut self.counts);
        for point in points {
            if !exponential::is_valid(point) {
                self.drop(member, Cause::InvalidPoint, 1);
                continue;
            }
            self.begin(member, &point.attributes, true);
            self.bounds.set(layout.bounds(), self.style);
            layout.counts(point, &mut counts);
            let buckets = Buckets {
                counts: &counts,
                sum: point.sum,
                exemplars: &point.exemplars,
                start: point.start,
            };
            self.histogram(family, member, &buckets);
        }
        self.counts = counts;
    }

    fn histogram(&mut self, family: &Family<'a>, member: &Member<'a>, buckets: &Buckets<'a, '_>) {
        self.line.clear();
        self.line.push_str(&family.base);
        self.line.push_str("_bucket{");
        let labels = self.line.len()..self.line.len() + self.point.len();
        self.line.push_str(&self.point);
        if !self.point.is_empty() {
            self.line.push(',');
        }
        self.line.push_str("le=\"");

        let first = self.out.len();
        self.out.push_str(&self.line);
        let labels = first + labels.start..first + labels.end;
        if self.is_duplicate(member, first, labels) {
            return;
        }
        if self.openmetrics {
            let of_bucket = buckets.counts.len();
            exemplar::latest_per_bucket(
                buckets.exemplars,
                &self.bounds,
                of_bucket,
                &mut self.chosen,
            );
        }
        let mut total = 0u64;
        for (at, count) in buckets.counts.iter().enumerate() {
            total = total.saturating_add(*count);
            if at > 0 {
                self.out.push_str(&self.line);
            }
            self.out.push_str(self.bounds.text(at));
            self.out.push_str("\"} ");
            push_u64(&mut self.out, total);
            if self.openmetrics
                && let Some(Some(chosen)) = self.chosen.get(at)
            {
                self.exemplar(member, &buckets.exemplars[*chosen]);
            }
            self.out.push('\n');
        }

        // OpenMetrics: no sum beside negative bounds, none that is negative or NaN, and a count if and only
        // if there is a sum ("Histogram"). The `+Inf` bucket has the count in any case.
        let sum = !self.openmetrics || (!self.bounds.has_negative() && buckets.sum >= 0.0);
        if sum {
            self.repeat_labels(&family.base, "_sum");
            push_f64(&mut self.out, buckets.sum, self.style);
            self.out.push('\n');
            self.repeat_labels(&family.base, "_count");
            push_u64(&mut self.out, total);
            self.out.push('\n');
        }
        self.start_time(&family.base, buckets.start);
        self.report.wrote();
    }

    /// Writes `name{labels} ` and says where the labels stand.
    fn repeat_labels(&mut self, base: &str, suffix: &str) -> Range<usize> {
        self.out.push_str(base);
        self.out.push_str(suffix);
        let start = self.out.len() + 1;
        if self.point.is_empty() {
            self.out.push(' ');
            return start..start;
        }
        self.out.push('{');
        self.out.push_str(&self.point);
        self.out.push_str("} ");
        start..start + self.point.len()
    }

    fn start_time(&mut self, base: &str, start: SystemTime) {
        // The epoch itself is how OTLP writes an unknown start.
        if self.created && start != UNIX_EPOCH {
            self.repeat_labels(base, "_created");
            push_time(&mut self.out, start);
            self.out.push('\n');
        }
    }

    fn exemplar(&mut self, member: &Member<'a>, exemplar: &'a Exemplar) {
        let dropped = exemplar::push(&mut self.out, exemplar, &mut self.labels);
        self.drop(member, Cause::ExemplarTooLong, dropped);
    }

    fn drop(&mut self, member: &Member<'a>, cause: Cause, count: u64) {
        self.report
            .drop(member.metric, member.scope_name, cause, count);
    }
}

/// OpenMetrics, "Counter": "A Total is a non-NaN and MUST be monotonically non-decreasing over time,
/// starting from 0".
fn is_count(value: Number) -> bool {
    match value {
        Number::U64(_) => true,
        Number::I64(value) => value >= 0,
        Number::F64(value) => value >= 0.0,
    }
}

/// The bounds for the exponential points of a family.
fn layout(family: &Family<'_>) -> Layout {
    let points = family
        .members
        .iter()
        .flat_map(|member| match member.points {
            Points::Exponential(points) => points,
            Points::Number(_) | Points::Histogram(_) => &[],
        });
    Layout::new(points.filter(|point| exponential::is_valid(point)))
}
