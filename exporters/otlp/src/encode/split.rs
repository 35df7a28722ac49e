//! A snapshot as requests that are bounded in points and in bytes.

use throughline_model::{Data, Metric, ScopeMetrics, Snapshot};

use super::metrics;
use super::wire::nested;

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
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let mut request = Vec::new();
        self.taken = 0;
        nested(&mut request, 1, |out| self.resource_metrics(out));
        (self.taken > 0).then_some(Part {
            request,
            points: self.taken as u64,
        })
    }
}

impl Parts<'_> {
    fn resource_metrics(&mut self, out: &mut Vec<u8>) {
        let snapshot = self.snapshot;
        metrics::resource(out, &snapshot.resource);
        let schema_url = snapshot.resource.schema_url.as_deref();
        let after = AROUND + url_len(schema_url);
        while let Some(scope) = snapshot.scopes.get(self.scope) {
            let done = self.unless_empty(out, |parts, out| {
                nested(out, 2, |out| parts.scope_metrics(out, scope, after))
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
    fn scope_metrics(&mut self, out: &mut Vec<u8>, scope: &ScopeMetrics, after: usize) -> bool {
        metrics::scope(out, &scope.scope);
        let schema_url = scope.scope.schema_url();
        let after = after + url_len(schema_url);
        while let Some(metric) = scope.metrics.get(self.metric) {
            let done = self.unless_empty(out, |parts, out| {
                nested(out, 2, |out| parts.metric(out, metric, after))
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
    fn metric(&mut self, out: &mut Vec<u8>, metric: &Metric, after: usize) -> bool {
        metrics::metric(out, metric);
        nested(out, metrics::data_field(&metric.data), |out| {
            match &metric.data {
                Data::Sum(sum) => self.points(out, &sum.points, after, metrics::number_point),
                Data::Gauge(gauge) => self.points(out, &gauge.points, after, metrics::number_point),
                Data::Histogram(histogram) => {
                    self.points(out, &histogram.points, after, metrics::histogram_point);
                }
                Data::ExponentialHistogram(histogram) => {
                    self.points(out, &histogram.points, after, metrics::exponential_point);
                }
            }
            metrics::beside_points(out, &metric.data);
        });
        self.point == metric.data.len()
    }

    /// Adds points for as long as they fit. The first point of a part fits always.
    fn points<P>(
        &mut self,
        out: &mut Vec<u8>,
        points: &[P],
        after: usize,
        append: fn(&mut Vec<u8>, &P),
    ) {
        for point in &points[self.point..] {
            let before = out.len();
            nested(out, metrics::POINTS, |out| append(out, point));
            let fits = self.taken < self.limits.points && out.len() + after <= self.limits.bytes;
            if self.taken > 0 && !fits {
                out.truncate(before);
                return;
            }
            self.taken += 1;
            self.point += 1;
        }
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
