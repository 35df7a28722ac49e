//! Exemplars that one scrape took and another one should see too.
//!
//! A cumulative reader hands each exemplar out once. A scrape in a format without exemplars, one that came too
//! late or one of two Prometheus servers that watch the same process would take it from the others. So each
//! exemplar is repeated until a newer one of its counter or bucket replaces it, or until it is
//! [two minutes](MAX_AGE) old. Prometheus passes over an exemplar that it has already, and refuses one that is
//! older than the last of its series: what was replaced never returns.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::mem::{self, Discriminant};
use std::time::{Duration, SystemTime};

use opentelemetry::InstrumentationScope;
use throughline_model::{Attributes, Data, Exemplar, Snapshot};

/// How long after its measurement an exemplar is repeated. Twice Prometheus' default interval: one until the
/// first scrape, one until that of another server.
const MAX_AGE: Duration = Duration::from_secs(120);

/// What is to be repeated. At most one exemplar per counter or bucket of the last snapshot.
#[derive(Debug, Default)]
pub(super) struct Recent(HashMap<Stream, Points>);

/// Scope, name, unit and kind of a metric.
type Stream = (InstrumentationScope, String, String, Discriminant<Data>);
type Points = HashMap<Attributes, Vec<Exemplar>>;

impl Recent {
    /// Adds what is to be repeated to the points of a new snapshot and remembers those that it has now.
    /// Leaves the newest exemplar of each counter and bucket, which is all that is written.
    pub(super) fn complete(&mut self, snapshot: &mut Snapshot) {
        let mut before = mem::take(&mut self.0);
        for scope in &mut snapshot.scopes {
            for metric in &mut scope.metrics {
                let stream = (
                    scope.scope.clone(),
                    metric.name.to_string(),
                    metric.unit.to_string(),
                    mem::discriminant(&metric.data),
                );
                let mut series = Series {
                    before: before.remove(&stream).unwrap_or_default(),
                    after: Points::default(),
                };
                match &mut metric.data {
                    Data::Sum(sum) => {
                        for it in &mut sum.points {
                            series.complete(&it.attributes, it.time, &mut it.exemplars, |_| ());
                        }
                    }
                    Data::Histogram(histogram) => {
                        for it in &mut histogram.points {
                            let bounds = &it.bounds;
                            let bucket = |value| bounds.partition_point(|bound| *bound < value);
                            series.complete(&it.attributes, it.time, &mut it.exemplars, bucket);
                        }
                    }
                    Data::ExponentialHistogram(histogram) => {
                        for it in &mut histogram.points {
                            series.complete(&it.attributes, it.time, &mut it.exemplars, doubling);
                        }
                    }
                    // The text formats have none on gauges.
                    Data::Gauge(_) => {}
                }
                if !series.after.is_empty() {
                    self.0.insert(stream, series.after);
                }
            }
        }
    }
}

/// The points of one metric, in the last snapshot and in this one.
struct Series {
    before: Points,
    after: Points,
}

impl Series {
    fn complete<B: Eq + Hash>(
        &mut self,
        attributes: &Attributes,
        now: SystemTime,
        exemplars: &mut Vec<Exemplar>,
        bucket: impl Fn(f64) -> B,
    ) {
        if exemplars.is_empty() && self.before.is_empty() {
            // Most series have none: nothing is hashed.
            return;
        }
        // From the future: the clock was set back, and nobody knows how old it is.
        let is_recent = |exemplar: &Exemplar| {
            let age = now.duration_since(exemplar.time);
            age.is_ok_and(|age| age <= MAX_AGE)
        };
        let before = self.before.remove(attributes).unwrap_or_default();
        exemplars.extend(before.into_iter().filter(is_recent));
        exemplars.sort_by_key(|exemplar| Reverse(exemplar.time));
        let mut seen = HashSet::new();
        exemplars.retain(|exemplar| {
            let value = exemplar.value.as_f64();
            !value.is_nan() && seen.insert(bucket(value))
        });
        let after: Vec<Exemplar> = exemplars
            .iter()
            .filter(|it| is_recent(it))
            .cloned()
            .collect();
        if !after.is_empty() {
            self.after.insert(attributes.clone(), after);
        }
    }
}

/// The power of two that bounds a value: no bucket that an exponential histogram is written with is finer.
fn doubling(value: f64) -> (bool, i64) {
    let exponent = value.abs().log2();
    if value < 0.0 {
        (true, exponent.floor() as i64)
    } else {
        (false, exponent.ceil() as i64)
    }
}
