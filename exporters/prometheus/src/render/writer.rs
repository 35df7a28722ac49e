//! Families as lines.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use throughline_model::{
    Attributes, Data, Exemplar, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint,
    Resource, Snapshot,
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
    /// The label sets of the family at hand.
    seen: Seen,
    bounds: Bounds,
    counts: Vec<u64>,
    /// The line of a bucket up to its bound.
    line: String,
    chosen: Vec<Option<usize>>,
}

/// Where a point's first line stands.
struct Line {
    start: usize,
    labels: Range<usize>,
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
            out: String::with_capacity(length(snapshot)),
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
        self.out.push_str("target_info{");
        let start = self.out.len();
        let attributes = &resource.attributes;
        self.labels.point(&mut self.out, &none, attributes, false);
        self.end_labels(start);
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
        let mut layout = None;
        for member in &family.members {
            match member.points {
                Points::Number(points) => self.numbers(family, member, points),
                Points::Histogram(points) => self.histograms(family, member, points),
                Points::Exponential(points) => {
                    let layout = layout.get_or_insert_with(|| layout_of(family));
                    self.exponentials(family, member, points, layout);
                }
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

    /// Writes what a point's first line begins with, its labels behind `head`; `None`, with nothing written, where the
    /// family has had these labels before.
    fn begin(
        &mut self,
        member: &Member<'a>,
        head: &str,
        attributes: &'a Attributes,
        le: bool,
    ) -> Option<Line> {
        let start = self.out.len();
        self.out.push_str(head);
        let of_labels = self.out.len();
        let scope = &self.scopes[member.scope];
        let hash = self.labels.point(&mut self.out, scope, attributes, le);
        let labels = of_labels..self.out.len();
        if self.seen.add(&self.out, hash, labels.clone()) {
            return Some(Line { start, labels });
        }
        self.out.truncate(start);
        self.drop(member, Cause::DuplicateSeries, 1);
        None
    }

    /// Ends labels that begin at `start`, behind their brace: no labels have none.
    fn end_labels(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push_str("} ");
        } else {
            self.out.pop();
            self.out.push(' ');
        }
    }

    fn numbers(&mut self, family: &Family<'a>, member: &Member<'a>, points: &'a [NumberPoint]) {
        let counter = family.kind == Kind::Counter;
        let suffix = if counter { "_total" } else { "" };
        let head = [&family.base, suffix, "{"].concat();
        for point in points {
            if counter && self.openmetrics && !is_count(point.value) {
                self.drop(member, Cause::InvalidValue, 1);
                continue;
            }
            let Some(line) = self.begin(member, &head, &point.attributes, false) else {
                continue;
            };
            self.end_labels(line.labels.start);
            push_number(&mut self.out, point.value, self.style);
            if counter
                && self.openmetrics
                && let Some(exemplar) = exemplar::latest(&point.exemplars)
            {
                self.exemplar(member, exemplar);
            }
            self.out.push('\n');
            if counter {
                self.start_time(&family.base, &line.labels, point.start);
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
        let head = bucket_head(family);
        for point in points {
            if !buckets::are_valid(&point.bounds, &point.counts) {
                self.drop(member, Cause::InvalidPoint, 1);
                continue;
            }
            let Some(line) = self.begin(member, &head, &point.attributes, true) else {
                continue;
            };
            self.bounds.set(&point.bounds, self.style);
            let buckets = Buckets {
                counts: &point.counts,
                sum: point.sum,
                exemplars: &point.exemplars,
                start: point.start,
            };
            self.histogram(family, member, line, &buckets);
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
        let head = bucket_head(family);
        for point in points {
            if !exponential::is_valid(point) {
                self.drop(member, Cause::InvalidPoint, 1);
                continue;
            }
            let Some(line) = self.begin(member, &head, &point.attributes, true) else {
                continue;
            };
            self.bounds.set(layout.bounds(), self.style);
            layout.counts(point, &mut counts);
            let buckets = Buckets {
                counts: &counts,
                sum: point.sum,
                exemplars: &point.exemplars,
                start: point.start,
            };
            self.histogram(family, member, line, &buckets);
        }
        self.counts = counts;
    }

    /// Writes what comes after the labels of a histogram's first line.
    fn histogram(
        &mut self,
        family: &Family<'a>,
        member: &Member<'a>,
        line: Line,
        buckets: &Buckets<'a, '_>,
    ) {
        let Line { start, labels } = line;
        if !labels.is_empty() {
            self.out.push(',');
        }
        self.out.push_str("le=\"");
        self.line.clear();
        self.line.push_str(&self.out[start..]);
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
            self.repeat_labels(&family.base, "_sum", &labels);
            push_f64(&mut self.out, buckets.sum, self.style);
            self.out.push('\n');
            self.repeat_labels(&family.base, "_count", &labels);
            push_u64(&mut self.out, total);
            self.out.push('\n');
        }
        self.start_time(&family.base, &labels, buckets.start);
        self.report.wrote();
    }

    /// Writes `name{labels} ` with labels that were written before.
    fn repeat_labels(&mut self, base: &str, suffix: &str, labels: &Range<usize>) {
        self.out.push_str(base);
        self.out.push_str(suffix);
        self.out.push('{');
        let start = self.out.len();
        self.out.extend_from_within(labels.clone());
        self.end_labels(start);
    }

    fn start_time(&mut self, base: &str, labels: &Range<usize>, start: SystemTime) {
        // The epoch itself is how OTLP writes an unknown start.
        if self.created && start != UNIX_EPOCH {
            self.repeat_labels(base, "_created", labels);
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

/// How long the text may become: a guess that is mostly a little too high, since growing is a copy.
fn length(snapshot: &Snapshot) -> usize {
    const LINE: usize = 160;
    let lines = snapshot.metrics().map(|(_, metric)| match &metric.data {
        Data::Histogram(it) => {
            let buckets = it.points.first().map_or(0, |point| point.counts.len());
            it.points.len() * (buckets + 2)
        }
        Data::ExponentialHistogram(it) => it.points.len() * 20,
        data => data.len(),
    });
    lines.map(|lines| (lines + 3) * LINE).sum()
}

/// What a bucket's line begins with.
fn bucket_head(family: &Family<'_>) -> String {
    [&family.base, "_bucket{"].concat()
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
fn layout_of(family: &Family<'_>) -> Layout {
    let points = family
        .members
        .iter()
        .flat_map(|member| match member.points {
            Points::Exponential(points) => points,
            Points::Number(_) | Points::Histogram(_) => &[],
        });
    Layout::new(points.filter(|point| exponential::is_valid(point)))
}
