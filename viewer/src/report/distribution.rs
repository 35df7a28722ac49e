//! Quantiles from buckets.
//!
//! Buckets are taken as they come, of any bounds and scale, so histograms of different shapes merge: each bucket
//! spreads its count evenly over its width, the sum of all these is one rising function, and the quantile is
//! where it reaches its share. So an estimate lies in the same bucket as the true quantile.

use crate::data::{ExponentialBuckets, Total};

/// An estimated quantile, in seconds.
///
/// ```
/// use throughline_viewer::Quantile;
///
/// let text = |quantile: Quantile| match quantile.at_least {
///     true => format!("> {} s", quantile.seconds),
///     false => format!("{} s", quantile.seconds),
/// };
/// assert_eq!(text(Quantile { seconds: 10.0, at_least: true }), "> 10 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// The estimate: it lies in the bucket that the true quantile lies in.
    pub seconds: f64,
    /// Whether the true quantile may lie anywhere above: it is past the last bound, and the largest value is unknown.
    pub at_least: bool,
}

/// Measurements in `(low, high]`, or all at `low` where `high` is not above it.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low: f64,
    /// May be infinite.
    high: f64,
    count: f64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Distribution {
    /// Those that hold something.
    buckets: Vec<Bucket>,
}

impl Distribution {
    /// Adds the buckets of a total, with every bound multiplied by `scale`.
    pub(crate) fn add(&mut self, total: &Total, scale: f64) {
        let from = self.buckets.len();
        let (min, max) = match total {
            Total::Histogram(histogram) => {
                let bounds = &histogram.bounds;
                for (at, count) in histogram.counts.iter().enumerate() {
                    let low = at.checked_sub(1).and_then(|at| bounds.get(at)).copied();
                    let high = bounds.get(at).copied();
                    // What is below the first bound is taken to be positive where the bound is.
                    let floor = high.map_or(0.0, |high| high.min(0.0));
                    self.push(low.unwrap_or(floor), high.unwrap_or(f64::INFINITY), *count);
                }
                (histogram.min, histogram.max)
            }
            Total::Exponential(histogram) => {
                let zero = histogram.zero_threshold;
                self.push(-zero, zero, histogram.zero_count);
                for (low, high, count) in exponential(histogram.scale, &histogram.positive) {
                    self.push(low, high, count);
                }
                for (low, high, count) in exponential(histogram.scale, &histogram.negative) {
                    self.push(-high, -low, count);
                }
                (histogram.min, histogram.max)
            }
            Total::Number(_) | Total::Summary(_) => (None, None),
        };
        for bucket in &mut self.buckets[from..] {
            if let Some(min) = min.filter(|min| *min <= bucket.high) {
                bucket.low = bucket.low.max(min);
            }
            if let Some(max) = max.filter(|max| *max >= bucket.low) {
                bucket.high = bucket.high.min(max);
            }
            bucket.low *= scale;
            bucket.high *= scale;
        }
    }

    fn push(&mut self, low: f64, high: f64, count: u64) {
        if count > 0 {
            let count = count as f64;
            self.buckets.push(Bucket { low, high, count });
        }
    }

    /// The quantile `share`, 0 to 1; `None` if there is nothing.
    pub(crate) fn quantile(&self, share: f64) -> Option<Quantile> {
        let count: f64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        let target = count * share;
        let mut edges: Vec<f64> = self.buckets.iter().flat_map(|b| [b.low, b.high]).collect();
        edges.retain(|edge| edge.is_finite());
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let last = *edges.last()?;
        let at = edges.partition_point(|edge| self.up_to(*edge) < target);
        let Some(above) = edges.get(at).copied() else {
            return Some(Quantile {
                seconds: last,
                at_least: true,
            });
        };
        let exact = |seconds| {
            Some(Quantile {
                seconds,
                at_least: false,
            })
        };
        let Some(below) = at.checked_sub(1).and_then(|at| edges.get(at)).copied() else {
            return exact(above);
        };
        // Between two edges the function is a line, with a step at `above` where single values lie there.
        let reached = self.up_to(below);
        let steps: f64 = self
            .buckets
            .iter()
            .filter(|b| b.is_step_at(above))
            .map(|b| b.count)
            .sum();
        let slope = self.up_to(above) - steps - reached;
        if reached + slope < target || slope <= 0.0 {
            return exact(above);
        }
        exact(below + (above - below) * ((target - reached) / slope))
    }

    /// The lower end of the highest bucket that holds something.
    pub(crate) fn top(&self) -> Option<f64> {
        self.buckets
            .iter()
            .map(|bucket| bucket.low)
            .max_by(f64::total_cmp)
    }

    /// How many measurements are at most `value`, as far as the buckets tell.
    fn up_to(&self, value: f64) -> f64 {
        self.buckets.iter().map(|bucket| bucket.up_to(value)).sum()
    }
}

impl Bucket {
    fn is_step_at(&self, value: f64) -> bool {
        self.high <= self.low && self.low == value
    }

    fn up_to(&self, value: f64) -> f64 {
        if value >= self.high {
            // Of one bucket that is a step the low end counts, which may be the larger.
            return if value >= self.low { self.count } else { 0.0 };
        }
        if value <= self.low || self.high.is_infinite() {
            return 0.0;
        }
        self.count * (value - self.low) / (self.high - self.low)
    }
}

/// The buckets of a run: lower bound, upper bound, count.
fn exponential(scale: i32, run: &ExponentialBuckets) -> impl Iterator<Item = (f64, f64, u64)> + '_ {
    let bound = move |index: i64| {
        let exponent = index as f64 * f64::from(-scale).exp2();
        exponent.exp2().min(f64::MAX)
    };
    run.counts.iter().enumerate().map(move |(at, count)| {
        let index = i64::from(run.offset) + at as i64;
        (bound(index), bound(index + 1), *count)
    })
}

#[cfg(test)]
mod tests;
