//! Requests from a seed.

use std::sync::Arc;
use std::time::Duration;

use throughline_model::Random;
use throughline_testkit::SeededRandom;

use crate::load::Load;
use crate::request::Request;

/// A load, spread over operations by popularity.
///
/// Requests are a Poisson process of the load's rate. Operation n (from 1) is called in proportion to
/// n^-exponent (Zipf). 5 % of the requests fail and 0.1 % are outliers, independently of everything else.
/// Requests take 20 ms on average, 5 ms at least; outliers take half a second longer.
///
/// ```
/// use std::time::Duration;
/// use throughline_lab::{Load, Workload};
///
/// let load = Load::Steady { rate: 100.0 };
/// let workload = Workload::new("steady", load, Duration::from_secs(10), 50, 5.0);
/// let (one, same) = (workload.requests(7), workload.requests(7));
/// assert!(one.eq(same));
/// ```
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name in the table.
    pub name: &'static str,
    /// How many requests come.
    pub load: Load,
    /// How long.
    pub duration: Duration,
    /// What is not measured at the start: samplers get to know the load.
    pub warm_up: Duration,
    /// How many spans a second a sampler is asked to keep.
    pub target: f64,
    /// The operations' names, the most popular one first.
    pub operations: Arc<[String]>,
    /// The share of each operation and those before it.
    cumulative: Vec<f64>,
}

/// Shares of the requests that only their end tells.
const ERRORS: f64 = 0.05;
const OUTLIERS: f64 = 0.001;
/// In seconds: what every request takes, and what it takes besides on average.
const FIXED: f64 = 0.005;
const VARYING: f64 = 0.015;
/// In seconds: what an outlier takes besides.
const STALLED: f64 = 0.5;

impl Workload {
    /// A workload over so many operations, Zipf with exponent 1.5; a tenth of it is warm-up.
    pub fn new(
        name: &'static str,
        load: Load,
        duration: Duration,
        operations: usize,
        target: f64,
    ) -> Self {
        Self {
            name,
            load,
            duration,
            warm_up: duration / 10,
            target,
            operations: (1..=operations).map(|n| format!("GET /{n}")).collect(),
            cumulative: zipf(operations, 1.5),
        }
    }

    /// The same with another Zipf exponent: 0 makes all operations equally popular.
    #[must_use]
    pub fn zipf(mut self, exponent: f64) -> Self {
        self.cumulative = zipf(self.operations.len(), exponent);
        self
    }

    /// The same with another warm-up.
    #[must_use]
    pub fn warmed_up_for(mut self, warm_up: Duration) -> Self {
        self.warm_up = warm_up;
        self
    }

    /// Its requests in order of time, the same ones for the same seed.
    pub fn requests(&self, seed: u64) -> impl Iterator<Item = Request> {
        Requests {
            workload: self,
            random: SeededRandom::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)),
            now: 0.0,
            slot: 0,
        }
    }
}

/// What the first n operations are called, of all calls.
fn zipf(operations: usize, exponent: f64) -> Vec<f64> {
    let weights = (1..=operations).map(|n| (n as f64).powf(-exponent));
    let total: f64 = weights.clone().sum();
    weights
        .scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        })
        .collect()
}

/// A Poisson process whose rate is constant within each slot of time.
#[derive(Debug)]
struct Requests<'a> {
    workload: &'a Workload,
    random: SeededRandom,
    /// In seconds, within the slot.
    now: f64,
    slot: u64,
}

/// Slots a second.
const SLOTS: f64 = 100.0;

impl Requests<'_> {
    /// The time of the next request, in seconds: where the integral of the rate has grown by an exponential variable.
    fn next_time(&mut self) -> Option<f64> {
        let mut need = -self.random.open01().ln();
        loop {
            let start = self.slot as f64 / SLOTS;
            if start >= self.workload.duration.as_secs_f64() {
                return None;
            }
            // In the middle of a slot there is no doubt on which side of a step it lies.
            let middle = Duration::from_secs_f64(start + 0.5 / SLOTS);
            let rate = self.workload.load.rate(middle);
            let end = (self.slot + 1) as f64 / SLOTS;
            let room = (end - self.now) * rate;
            if need < room {
                self.now += need / rate;
                return Some(self.now);
            }
            need -= room;
            self.now = end;
            self.slot += 1;
        }
    }
}

impl Iterator for Requests<'_> {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let at = Duration::from_secs_f64(self.next_time()?);
        let which = self.random.open01();
        let cumulative = &self.workload.cumulative;
        let operation = cumulative.partition_point(|share| *share < which);
        let randomness = self.random.next_u64() >> 8;
        let error = self.random.open01() < ERRORS;
        let outlier = self.random.open01() < OUTLIERS;
        let stalled = if outlier { STALLED } else { 0.0 };
        let seconds = FIXED - self.random.open01().ln() * VARYING + stalled;
        Some(Request {
            at,
            operation: operation.min(cumulative.len() - 1) as u32,
            randomness,
            duration: Duration::from_secs_f64(seconds),
            error,
            outlier,
        })
    }
}
