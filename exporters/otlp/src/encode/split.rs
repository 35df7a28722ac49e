//! A snapshot as requests that are bounded in points and in bytes.

use throughline_model::{Data, Metric, ScopeMetrics, Snapshot};

use super::metrics;
use super::shared::Shared;
use super::wire::nested_near;

/// How much one request may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Encoded bytes, before compression. A single point that is larger still has a request of its own.
    pub(crate) bytes: usize,
    /// Points.
    pub(crate) points: usize,
}

/// One request's share of a snapshot.
#[derive(Debug)]
pub(crate) struct Part {
    /// An `ExportMetricsServiceRequest`.
    pub(crate) request: Vec<u8>,
    /// How many points it has; never 0.
    pub(crate) points: u64,
}

/// The snapshot's points in order, each in exactly one part. Parts are made as they are asked for, so that a
/// large snapshot is never encoded as a whole. A snapshot without points has no parts.
pub(crate) fn parts(snapshot: &Snapshot, limits: Limits) -> impl Iterator<Item = Part> {
    Parts {
        snapshot,
        limits,
        taken: 0,
        scope: 0,
        metric: 0,
        point: 0,
        shared: Shared::default(),
        rooms: [0; 4],
        length: 0,
    }
}

/// The cursor stands before the first point that is not in a part yet.
struct Parts<'a> {
    snapshot: &'a Snapshot,
    limits: Limits,
    /// Points in the part that is being made.
    taken: usize,
    scope: usize,
    metric: usize,
    point: usize,
    shared: Shared<'a>,
    /// How many bytes the last length took of what is written around points.
    rooms: [usize; 4],
    /// Of the last part, in bytes.
    length: usize,
}

/// What has its length in [`Parts::rooms`].
#[derive(Clone, Copy)]
enum Around {
    Resource,
    Scope,
    Metric,
    Data,
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.scope == self.snapshot.scopes.len() {
            return None;
        }
        let mut request = Vec::with_capacity(self.length);
        self.taken = 0;
        self.nested(&mut request, 1, Around::Resource, Self::resource_metrics);
        self.length = request.len();
        (self.taken > 0).then_some(Part {
            request,
            points: self.taken as u64,
        })
    }
}

impl<'a> Parts<'a> {
    fn resource_metrics(&mut self, out: &mut Vec<u8>) {
        let snapshot = self.snapshot;
        metrics::resource(out, &snapshot.resource);
        let schema_url = snapshot.resource.schema_url.as_deref();
        let after = AROUND + url_len(schema_url);
        while let Some(scope) = snapshot.scopes.get(self.scope) {
            let done = self.unless_empty(out, |parts, out| {
                parts.nested(out, 2, Around::Scope, |parts, out| {
                    parts.scope_metrics(out, scope, after)
                })
            });
            if !done {
                break;
            }
            self.scope += 1;
            self.metric = 0;
        }
        metrics::schema_url(out, schema_url);
    }

    /// Whether all of the scope's metrics are in this part or in earlier ones.
    fn scope_metrics(&mut self, out: &mut Vec<u8>, scope: &'a ScopeMetrics, after: usize) -> bool {
        metrics::scope(out, &scope.scope);
        let schema_url = scope.scope.schema_url();
        let after = after + url_len(schema_url);
        while let Some(metric) = scope.metrics.get(self.metric) {
            let done = self.unless_empty(out, |parts, out| {
                parts.nested(out, 2, Around::Metric, |parts, out| {
                    parts.metric(out, metric, after)
                })
            });
            if !done {
                break;
            }
            self.metric += 1;
            self.point = 0;
        }
        metrics::schema_url(out, schema_url);
        self.metric == scope.metrics.len()
    }

    /// Whether all of the metric's points are in this part or in earlier ones.
    fn metric(&mut self, out: &mut Vec<u8>, metric: &'a Metric, after: usize) -> bool {
        metrics::metric(out, metric);
        let data = &metric.data;
        self.nested(
            out,
            metrics::data_field(data),
            Around::Data,
            |parts, out| {
                match data {
                    Data::Sum(it) => parts.points(out, &it.points, after, metrics::number_point),
                    Data::Gauge(it) => parts.points(out, &it.points, after, metrics::number_point),
                    Data::Histogram(it) => {
                        parts.points(out, &it.points, after, metrics::histogram_point);
                    }
                    Data::ExponentialHistogram(it) => {
                        parts.points(out, &it.points, after, metrics::exponential_point);
                    }
                }
                metrics::beside_points(out, data);
            },
        );
        self.point == metric.data.len()
    }

    /// Adds points for as long as they fit. The first point of a part fits always.
    fn points<P>(
        &mut self,
        out: &mut Vec<u8>,
        points: &'a [P],
        after: usize,
        append: impl Fn(&mut Vec<u8>, &'a P, &mut Shared<'a>),
    ) {
        for point in &points[self.point..] {
            let before = out.len();
            let mut room = self.shared.room;
            nested_near(out, metrics::POINTS, &mut room, |out| {
                append(out, point, &mut self.shared);
            });
            self.shared.room = room;
            let fits = self.taken < self.limits.points && out.len() + after <= self.limits.bytes;
            if self.taken > 0 && !fits {
                out.truncate(before);
                return;
            }
            self.taken += 1;
            self.point += 1;
        }
    }

    /// Appends a message with points in it.
    fn nested<R>(
        &mut self,
        out: &mut Vec<u8>,
        field: u8,
        around: Around,
        content: impl FnOnce(&mut Self, &mut Vec<u8>) -> R,
    ) -> R {
        let mut room = self.rooms[around as usize];
        let result = nested_near(out, field, &mut room, |out| content(self, out));
        self.rooms[around as usize] = room;
        result
    }

    /// Takes back what was appended if there is no point in it.
    fn unless_empty(
        &mut self,
        out: &mut Vec<u8>,
        append: impl FnOnce(&mut Self, &mut Vec<u8>) -> bool,
    ) -> bool {
        let (length, taken) = (out.len(), self.taken);
        let done = append(self, out);
        if self.taken == taken {
            out.truncate(length);
        }
        done
    }
}

/// What the points of a part may be followed by, besides schema URLs: four lengths that grow by four bytes each (of
/// data, metric, scope and resource), a temporality and `is_monotonic`.
const AROUND: usize = 4 * 4 + 2 + 2;

/// A schema URL with its tag and its length.
fn url_len(url: Option<&str>) -> usize {
    url.map_or(0, |url| url.len() + 6)
}

#[cfg(test)]
mod tests;
