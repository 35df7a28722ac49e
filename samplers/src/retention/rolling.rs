//! What is slow, by operation: a rolling quantile of how long each one takes.
//!
//! Not `throughline_hdr::RollingQuantile`: of 512 operations each would hold up to eight HDR histograms, here it is 4 KiB.

use std::collections::HashMap;
use std::time::Duration;

/// The quantile of each operation's durations over the last one to two windows.
#[derive(Debug)]
pub(super) struct Rolling {
    quantile: f64,
    operations: HashMap<String, Operation>,
    /// Operations that found no place, together.
    others: Operation,
}

/// How many operations have durations of their own.
const MAX_OPERATIONS: usize = 512;
/// How long durations are collected before the older half goes.
const WINDOW: Duration = Duration::from_secs(60);
/// How many durations are recorded before the quantile is computed anew.
const REFRESH: u64 = 64;

#[derive(Debug, Default)]
struct Operation {
    current: Histogram,
    previous: Histogram,
    /// When the current window began.
    since: Option<Duration>,
    /// Whatever takes longer is slow; `None` as long as too little is known.
    bound: Option<Duration>,
}

/// Durations by logarithm: 16 buckets for each power of two from a microsecond to an hour.
#[derive(Debug, Default)]
struct Histogram {
    /// Empty, or one for each bucket.
    buckets: Vec<u32>,
    count: u64,
}

const SUB_BITS: u32 = 4;
const FIRST_POWER: u32 = 10;
const BUCKETS: usize = 32 << SUB_BITS;

impl Rolling {
    /// `quantile` within `0.0..1.0`.
    pub(super) fn new(quantile: f64) -> Self {
        Self {
            quantile,
            operations: HashMap::new(),
            others: Operation::default(),
        }
    }

    /// Whether this duration is slow by what was known before, and remembers it.
    pub(super) fn record(&mut self, name: &str, took: Duration, now: Duration) -> bool {
        if !self.operations.contains_key(name) && self.operations.len() < MAX_OPERATIONS {
            self.operations
                .insert(name.to_owned(), Operation::default());
        }
        let operation = self.operations.get_mut(name).unwrap_or(&mut self.others);
        let slow = operation.bound.is_some_and(|bound| took > bound);
        operation.record(took, now, self.quantile);
        slow
    }

    pub(super) fn is_slow(&self, name: &str, elapsed: Duration) -> bool {
        let operation = self.operations.get(name).unwrap_or(&self.others);
        operation.bound.is_some_and(|bound| elapsed > bound)
    }
}

impl Operation {
    fn record(&mut self, took: Duration, now: Duration, quantile: f64) {
        let since = *self.since.get_or_insert(now);
        let turned = now.saturating_sub(since) >= WINDOW;
        if turned {
            self.previous = std::mem::take(&mut self.current);
            self.since = Some(now);
        }
        self.current.record(took);
        if turned || self.current.count.is_multiple_of(REFRESH) {
            self.bound = self.bound_at(quantile);
        }
    }

    /// The upper end of the quantile's bucket, once there are enough durations for one to be above it.
    fn bound_at(&self, quantile: f64) -> Option<Duration> {
        let count = self.current.count + self.previous.count;
        let above = (count as f64 * (1.0 - quantile)).floor() as u64;
        if above == 0 {
            return None;
        }
        let mut seen = 0;
        for bucket in (0..BUCKETS).rev() {
            seen += self.current.at(bucket) + self.previous.at(bucket);
            if seen >= above {
                return Some(upper_end(bucket));
            }
        }
        None
    }
}

impl Histogram {
    fn record(&mut self, took: Duration) {
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
        }
        self.count += 1;
        let bucket = &mut self.buckets[bucket_of(took)];
        *bucket = bucket.saturating_add(1);
    }

    fn at(&self, bucket: usize) -> u64 {
        self.buckets
            .get(bucket)
            .map_or(0, |count| u64::from(*count))
    }
}

fn bucket_of(took: Duration) -> usize {
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let power = nanos.max(1).ilog2();
    if power < FIRST_POWER {
        return 0;
    }
    let sub = nanos >> (power - SUB_BITS) & ((1 << SUB_BITS) - 1);
    let bucket = ((power - FIRST_POWER) << SUB_BITS) as usize + sub as usize;
    bucket.min(BUCKETS - 1)
}

fn upper_end(bucket: usize) -> Duration {
    let power = FIRST_POWER + (bucket >> SUB_BITS) as u32;
    let sub = (bucket & ((1 << SUB_BITS) - 1)) as u64;
    Duration::from_nanos(((1 << SUB_BITS) + sub + 1) << (power - SUB_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn every_duration_lies_below_the_end_of_its_bucket_and_within_a_sixteenth() {
        for nanos in [
            1 << 10,
            1500,
            123_456,
            1_000_000,
            999_999_999,
            60_000_000_000,
        ] {
            let took = Duration::from_nanos(nanos);
            let end = upper_end(bucket_of(took));
            assert!(
                end > took && end <= took * 17 / 16 + Duration::from_nanos(1),
                "{took:?} {end:?}"
            );
        }
        assert_eq!(bucket_of(Duration::ZERO), 0);
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_is_slow_until_enough_is_known() {
        let mut rolling = Rolling::new(0.99);
        let slow = (0..100)
            .filter(|_| rolling.record("a", millis(10), START))
            .count();
        assert_eq!(slow, 0);
        assert!(!rolling.record("b", millis(10_000), START));
    }

    #[test]
    fn each_operation_is_compared_with_itself() {
        let mut rolling = Rolling::new(0.9);
        for _ in 0..640 {
            rolling.record("fast", millis(1), START);
            rolling.record("slow", millis(100), START);
        }
        assert!(rolling.record("fast", millis(50), START));
        assert!(!rolling.record("slow", millis(50), START));
        assert!(rolling.is_slow("fast", millis(50)) && !rolling.is_slow("slow", millis(50)));
    }

    #[test]
    fn what_was_slow_two_windows_ago_does_not_matter() {
        let mut rolling = Rolling::new(0.5);
        for _ in 0..128 {
            rolling.record("a", millis(1000), START);
        }
        assert!(!rolling.is_slow("a", millis(500)));
        for window in 1..4 {
            for _ in 0..128 {
                rolling.record("a", millis(10), WINDOW * window);
            }
        }
        assert!(rolling.is_slow("a", millis(500)));
    }

    #[test]
    fn operations_beyond_the_bound_share_one_histogram() {
        let mut rolling = Rolling::new(0.5);
        for operation in 0..2 * MAX_OPERATIONS {
            rolling.record(&operation.to_string(), millis(1), START);
        }
        assert_eq!(rolling.operations.len(), MAX_OPERATIONS);
        assert_eq!(rolling.others.current.count, MAX_OPERATIONS as u64);
    }
}
