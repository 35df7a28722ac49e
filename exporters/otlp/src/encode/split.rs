//! A snapshot as requests that are bounded in points and in bytes.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{self as proto, metric};
use prost::Message;
use throughline_model::{Data, Metric, Snapshot};

use super::metrics;

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
    pub(crate) request: ExportMetricsServiceRequest,
    /// How many points it has; never 0.
    pub(crate) points: u64,
}

/// The snapshot's points in order, each in exactly one part. Parts are made as they are asked for, so that a
/// large snapshot is never encoded as a whole. A snapshot without points has no parts.
pub(crate) fn parts(snapshot: &Snapshot, limits: Limits) -> impl Iterator<Item = Part> {
    Parts {
        snapshot,
        limits,
        scope: 0,
        metric: 0,
        point: 0,
    }
}

/// What a tag and a length add to a nested message, at most: one byte and, for lengths below 2^28, four.
const NESTING: usize = 5;
/// A metric holds its data and the data its points, both lengths growing as points are added.
const METRIC_NESTING: usize = 3 * NESTING;

/// The cursor stands before the first point that is not in a part yet.
struct Parts<'a> {
    snapshot: &'a Snapshot,
    limits: Limits,
    scope: usize,
    metric: usize,
    point: usize,
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let mut resource_metrics = proto::ResourceMetrics {
            resource: Some(metrics::resource(&self.snapshot.resource)),
            scope_metrics: Vec::new(),
            schema_url: metrics::schema_url(self.snapshot.resource.schema_url.as_deref()),
        };
        let mut room = Room {
            bytes: self.limits.bytes,
            points: self.limits.points,
            taken: 0,
        };
        room.spend(resource_metrics.encoded_len() + 2 * NESTING);
        while let Some(scope) = self.snapshot.scopes.get(self.scope) {
            let mut out = metrics::scope(scope);
            room.spend(out.encoded_len() + 2 * NESTING);
            while let Some(metric) = scope.metrics.get(self.metric) {
                let mut encoded = metrics::metric(metric);
                room.spend(encoded.encoded_len() + METRIC_NESTING);
                let taken = fill(&mut encoded, metric, self.point, &mut room);
                if taken > 0 {
                    out.metrics.push(encoded);
                }
                self.point += taken;
                if self.point < metric.data.len() {
                    break;
                }
                self.metric += 1;
                self.point = 0;
            }
            if !out.metrics.is_empty() {
                resource_metrics.scope_metrics.push(out);
            }
            if self.metric < scope.metrics.len() {
                break;
            }
            self.scope += 1;
            self.metric = 0;
        }
        (room.taken > 0).then(|| Part {
            request: ExportMetricsServiceRequest {
                resource_metrics: vec![resource_metrics],
            },
            points: room.taken,
        })
    }
}

/// What is left in a request. May be overdrawn by what holds no point: the first point fits always.
struct Room {
    bytes: usize,
    points: usize,
    taken: u64,
}

impl Room {
    fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether a point of this size still fits; then it is taken.
    fn take(&mut self, bytes: usize) -> bool {
        let bytes = bytes + NESTING;
        let fits = self.taken == 0 || (self.points > 0 && bytes <= self.bytes);
        if fits {
            self.spend(bytes);
            self.points = self.points.saturating_sub(1);
            self.taken += 1;
        }
        fits
    }
}

/// Adds points from number `from` on for as long as they fit; how many.
fn fill(encoded: &mut proto::Metric, metric: &Metric, from: usize, room: &mut Room) -> usize {
    use metric::Data as Encoded;
    match (&mut encoded.data, &metric.data) {
        (Some(Encoded::Sum(to)), Data::Sum(sum)) => {
            let points = &sum.points;
            take(
                &mut to.data_points,
                points,
                from,
                room,
                metrics::number_point,
            )
        }
        (Some(Encoded::Gauge(to)), Data::Gauge(gauge)) => {
            let points = &gauge.points;
            take(
                &mut to.data_points,
                points,
                from,
                room,
                metrics::number_point,
            )
        }
        (Some(Encoded::Histogram(to)), Data::Histogram(histogram)) => {
            let points = &histogram.points;
            take(
                &mut to.data_points,
                points,
                from,
                room,
                metrics::histogram_point,
            )
        }
        (Some(Encoded::ExponentialHistogram(to)), Data::ExponentialHistogram(histogram)) => {
            let points = &histogram.points;
            take(
                &mut to.data_points,
                points,
                from,
                room,
                metrics::exponential_point,
            )
        }
        // `metrics::metric` makes the same kind.
        _ => 0,
    }
}

fn take<P, E: Message>(
    to: &mut Vec<E>,
    points: &[P],
    from: usize,
    room: &mut Room,
    encode: fn(&P) -> E,
) -> usize {
    let before = to.len();
    for point in points.iter().skip(from) {
        let encoded = encode(point);
        if !room.take(encoded.encoded_len()) {
            break;
        }
        to.push(encoded);
    }
    to.len() - before
}

#[cfg(test)]
mod tests;
