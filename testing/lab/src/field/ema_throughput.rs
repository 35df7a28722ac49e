//! dynsampler's EMA throughput.

use std::time::Duration;

use crate::candidate::{Candidate, Setup};
use crate::recording::Recording;
use crate::request::Request;

/// Every 15 s, from a moving average of the counts per key (weight 0.5): the budget goes to the keys in
/// proportion to the logarithm of their counts; what a key does not need is handed on to those after it.
/// An interval that has brought twice the average is closed early. A key that was not there is kept.
///
/// Source: honeycombio/dynsampler-go, `EMAThroughput`, default settings, with the rates that are no whole
/// numbers of its later versions.
#[derive(Debug)]
pub struct EmaThroughput {
    target: f64,
    /// The operations in the order in which the budget is handed out: by name.
    order: Vec<usize>,
    /// Calls per operation in this interval.
    counts: Vec<u32>,
    in_interval: f64,
    interval_began: Duration,
    /// How many intervals ended by themselves.
    intervals: u32,
    averages: Vec<f64>,
    /// An interval that has brought so many is closed.
    burst: f64,
    /// Each operation keeps one in so many.
    rates: Vec<f64>,
}

const INTERVAL: Duration = Duration::from_secs(15);
const WEIGHT: f64 = 0.5;
/// What is less is forgotten.
const AGE_OUT: f64 = WEIGHT;
const INITIAL_RATE: f64 = 10.0;
const BURST_MULTIPLE: f64 = 2.0;
/// Bursts are looked for after so many intervals.
const BURST_DELAY: u32 = 3;

impl EmaThroughput {
    /// One that has seen nothing yet.
    pub fn new(setup: &Setup) -> Self {
        let operations = setup.operations.len();
        let mut order: Vec<usize> = (0..operations).collect();
        order.sort_by_key(|operation| &setup.operations[*operation]);
        Self {
            target: setup.target,
            order,
            counts: vec![0; operations],
            in_interval: 0.0,
            interval_began: Duration::ZERO,
            intervals: 0,
            averages: vec![0.0; operations],
            burst: f64::INFINITY,
            rates: vec![INITIAL_RATE; operations],
        }
    }

    fn close(&mut self, now: Duration) {
        self.interval_began = now;
        if self.in_interval == 0.0 {
            return;
        }
        self.in_interval = 0.0;
        for (average, count) in self.averages.iter_mut().zip(&mut self.counts) {
            let next = *average * (1.0 - WEIGHT) + f64::from(*count) * WEIGHT;
            *average = if next < AGE_OUT { 0.0 } else { next };
            *count = 0;
        }
        let known = self.averages.iter().filter(|average| **average > 0.0);
        let floored = known.map(|average| average.max(1.0));
        self.burst = floored.clone().sum::<f64>() * BURST_MULTIPLE;
        let goal = self.target * INTERVAL.as_secs_f64();
        let per_decade = goal / floored.clone().map(f64::log10).sum::<f64>();
        let mut keys_left = floored.count() as f64;
        let mut spare = 0.0;
        for operation in &self.order {
            if self.averages[*operation] == 0.0 {
                self.rates[*operation] = 1.0;
                continue;
            }
            let count = self.averages[*operation].max(1.0);
            let share = (count.log10() * per_decade).max(1.0);
            let goal = share + spare / keys_left;
            spare -= spare / keys_left;
            keys_left -= 1.0;
            let rate = (count / goal).max(1.0);
            spare += goal - count / rate;
            self.rates[*operation] = rate;
        }
    }
}

impl Candidate for EmaThroughput {
    fn name(&self) -> &'static str {
        "EMA throughput"
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        let operation = request.operation as usize;
        self.counts[operation] += 1;
        self.in_interval += 1.0;
        if self.in_interval >= self.burst && self.intervals >= BURST_DELAY {
            self.close(request.at);
        }
        let rate = self.rates[operation];
        if request.falls_within(1.0 / rate) {
            kept.keep(request, rate);
        }
    }

    fn tick(&mut self, now: Duration, _: &mut Recording) {
        if now >= self.interval_began + INTERVAL {
            self.close(now);
            self.intervals += 1;
        }
    }
}
