//! dynsampler's windowed throughput.

use std::collections::VecDeque;
use std::time::Duration;

use crate::candidate::{Candidate, Setup};
use crate::recording::Recording;
use crate::request::Request;

/// Once a second, from the counts of the last 30 s: each key is given the same share of the budget, and
/// keeps one in n, n a whole number rounded down. A key that was not there is dropped.
///
/// Source: honeycombio/dynsampler-go, `WindowedThroughput`, default settings.
#[derive(Debug)]
pub struct Windowed {
    target: f64,
    /// Calls per operation: the current second last, those of the window before it.
    seconds: VecDeque<Vec<u32>>,
    /// Calls per operation in the window.
    window: Vec<u32>,
    /// Each operation keeps one in so many; 0 keeps none.
    rates: Vec<u32>,
}

/// In seconds.
const LOOK_BACK: usize = 30;

impl Windowed {
    /// One that has seen nothing yet.
    pub fn new(setup: &Setup) -> Self {
        let operations = setup.operations.len();
        Self {
            target: setup.target,
            seconds: VecDeque::from([vec![0; operations]]),
            window: vec![0; operations],
            rates: vec![0; operations],
        }
    }
}

impl Candidate for Windowed {
    fn name(&self) -> &'static str {
        "Windowed throughput"
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        let operation = request.operation as usize;
        if let Some(second) = self.seconds.back_mut() {
            second[operation] += 1;
        }
        let rate = f64::from(self.rates[operation]);
        if rate > 0.0 && request.falls_within(1.0 / rate) {
            kept.keep(request, rate);
        }
    }

    fn tick(&mut self, now: Duration, _: &mut Recording) {
        if now.is_zero() || now.subsec_nanos() != 0 {
            return;
        }
        let operations = self.rates.len();
        if let Some(second) = self.seconds.back() {
            for (sum, count) in self.window.iter_mut().zip(second) {
                *sum += count;
            }
        }
        self.seconds.push_back(vec![0; operations]);
        if self.seconds.len() > LOOK_BACK + 1
            && let Some(oldest) = self.seconds.pop_front()
        {
            for (sum, count) in self.window.iter_mut().zip(&oldest) {
                *sum -= count;
            }
        }
        let keys = self.window.iter().filter(|count| **count > 0).count();
        let per_key = (self.target * LOOK_BACK as f64 / keys as f64).max(1.0);
        for (rate, count) in self.rates.iter_mut().zip(&self.window) {
            *rate = match count {
                0 => 0,
                _ => (f64::from(*count) / per_key).max(1.0) as u32,
            };
        }
    }
}
