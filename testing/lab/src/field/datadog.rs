//! The Datadog agent's priority sampler.

use std::time::Duration;

use crate::candidate::{Candidate, Setup};
use crate::recording::Recording;
use crate::request::Request;

/// Every 5 s, from the fullest of the last six intervals of 5 s of each key: the budget is shared out
/// evenly, what a key does not need goes to the others; no probability grows by more than 20 % at once.
/// A key that was not there has the lowest probability of all.
///
/// Source: DataDog/datadog-agent, `pkg/trace/sampler/coresampler.go`; a key here is an operation, there it
/// is a service with its environment.
#[derive(Debug)]
pub struct Datadog {
    target: f64,
    /// Per operation, calls in each interval of the ring; `None` where it is not known.
    seen: Vec<Option<Ring>>,
    all: Ring,
    /// How many intervals have begun.
    interval: usize,
    rates: Vec<Option<f64>>,
    lowest: f64,
    /// What a key without rate gets.
    default_rate: f64,
}

type Ring = [u32; BUCKETS];

const BUCKETS: usize = 6;
const INTERVAL: Duration = Duration::from_secs(5);
const LARGEST_INCREASE: f64 = 1.2;

impl Datadog {
    /// One that has seen nothing yet.
    pub fn new(setup: &Setup) -> Self {
        let operations = setup.operations.len();
        Self {
            target: setup.target,
            seen: vec![None; operations],
            all: [0; BUCKETS],
            interval: 0,
            rates: vec![None; operations],
            lowest: 1.0,
            default_rate: 1.0,
        }
    }

    /// The most calls a second that an interval of the ring has seen.
    fn fullest(ring: &Ring) -> f64 {
        f64::from(ring.iter().copied().fold(0, u32::max)) / INTERVAL.as_secs_f64()
    }

    fn begin_interval(&mut self) {
        self.interval += 1;
        let now = self.interval % BUCKETS;
        let mut rates: Vec<f64> = self.seen.iter().flatten().map(Self::fullest).collect();
        rates.sort_by(f64::total_cmp);
        let share = even_share(self.target, &rates);
        self.lowest = 1.0;
        for (seen, rate) in self.seen.iter_mut().zip(&mut self.rates) {
            let Some(ring) = seen else { continue };
            let per_second = Self::fullest(ring);
            ring[now] = 0;
            let mut next = (share / per_second).min(1.0);
            if let Some(previous) = *rate {
                next = next.min(previous * LARGEST_INCREASE);
            }
            if next == 1.0 && per_second == 0.0 {
                (*seen, *rate) = (None, None);
                continue;
            }
            self.lowest = self.lowest.min(next);
            *rate = Some(next);
        }
        self.default_rate = self.lowest.min(self.target / Self::fullest(&self.all));
        self.all[now] = 0;
    }
}

/// What each may have so that all together have `total`, where those who want less (`wanted`, ascending)
/// leave the rest to the others.
fn even_share(mut total: f64, wanted: &[f64]) -> f64 {
    let mut share = total / wanted.len() as f64;
    for (before, want) in wanted.iter().enumerate() {
        let others = wanted.len() - before - 1;
        if *want >= share || others == 0 {
            break;
        }
        total -= want;
        share = total / others as f64;
    }
    share
}

impl Candidate for Datadog {
    fn name(&self) -> &'static str {
        "Datadog agent"
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        let operation = request.operation as usize;
        let now = self.interval % BUCKETS;
        self.all[now] += 1;
        self.seen[operation].get_or_insert([0; BUCKETS])[now] += 1;
        let rate = self.rates[operation].unwrap_or(self.default_rate);
        if request.falls_within(rate) {
            kept.keep(request, 1.0 / rate);
        }
    }

    fn tick(&mut self, now: Duration, _: &mut Recording) {
        if !now.is_zero() && now.as_nanos().is_multiple_of(INTERVAL.as_nanos()) {
            self.begin_interval();
        }
    }
}
