//! Jaeger's adaptive sampling.

use std::collections::VecDeque;
use std::time::Duration;

use crate::candidate::{Candidate, Setup};
use crate::recording::Recording;
use crate::request::Request;

/// Every minute the backend multiplies each operation's probability by the target over what was sampled,
/// at most doubling it, from the minute that ended two minutes ago, and lets it be where that is within
/// 30 % or where the probability had not arrived yet; clients fetch the result once a minute. Besides, a
/// client keeps one span a minute of each operation.
///
/// The backend's target is per operation: here the total over the number of operations. What the client
/// keeps besides stands for nothing: its probability is not known.
///
/// Source: jaegertracing/jaeger, `internal/sampling/samplingstrategy/adaptive`, default settings.
#[derive(Debug)]
pub struct Jaeger {
    /// Per operation and second.
    target: f64,
    operations: Vec<Operation>,
    /// What was sampled, by minute: the one that runs last.
    minutes: VecDeque<Vec<Seen>>,
}

#[derive(Clone, Debug)]
struct Operation {
    /// What the backend has worked out.
    probability: f64,
    /// What the client uses.
    client: f64,
    /// Whether the last calculation found its probability in use.
    in_use: bool,
    /// Spans that the client may keep besides, at most one.
    credit: f64,
    credit_at: Duration,
}

/// What the backend saw of an operation in a minute.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Sampled by probability.
    count: u32,
    /// The probabilities that they told, in millionths. Not empty where any span came.
    probabilities: Vec<u32>,
}

const MINUTE: Duration = Duration::from_secs(60);
/// In minutes: what the backend waits for the probabilities to arrive.
const DELAY: usize = 2;
/// In minutes: how far it looks back for an operation.
const LOOK_BACK: usize = 10;
const TOLERANCE: f64 = 0.3;
const INITIAL: f64 = 0.001;
const LOWEST: f64 = 1e-5;
const LARGEST_INCREASE: f64 = 2.0;
/// Spans that a client keeps besides, per second.
const LOWER_BOUND: f64 = 1.0 / 60.0;

impl Jaeger {
    /// One that has seen nothing yet.
    pub fn new(setup: &Setup) -> Self {
        let operation = Operation {
            probability: INITIAL,
            client: INITIAL,
            in_use: false,
            credit: 1.0,
            credit_at: Duration::ZERO,
        };
        let operations = setup.operations.len();
        Self {
            target: setup.target / operations as f64,
            operations: vec![operation; operations],
            minutes: VecDeque::from([vec![Seen::default(); operations]]),
        }
    }

    fn calculate(&mut self) {
        let operations = self.operations.len();
        let visible = self.minutes.len().saturating_sub(DELAY);
        for (index, operation) in self.operations.iter_mut().enumerate() {
            let minutes = self.minutes.iter().take(visible).rev();
            let mut known = minutes.map(|minute| &minute[index]);
            let Some(latest) = known.clone().next() else {
                continue;
            };
            let Some(seen) = known.find(|seen| !seen.probabilities.is_empty()) else {
                operation.probability = INITIAL;
                operation.in_use = false;
                continue;
            };
            operation.in_use = operation.probability == INITIAL
                || if latest.probabilities.is_empty() {
                    operation.in_use
                } else {
                    let told = millionths(operation.probability);
                    latest.probabilities.contains(&told)
                };
            let per_second = f64::from(seen.count) / MINUTE.as_secs_f64();
            let close = (per_second / self.target - 1.0).abs() < TOLERANCE;
            if operation.in_use && !close {
                let factor = (self.target / per_second).min(LARGEST_INCREASE);
                operation.probability = (operation.probability * factor).clamp(LOWEST, 1.0);
            }
        }
        self.minutes.push_back(vec![Seen::default(); operations]);
        if self.minutes.len() > LOOK_BACK + DELAY {
            self.minutes.pop_front();
        }
    }
}

fn millionths(probability: f64) -> u32 {
    (probability * 1e6).round() as u32
}

impl Candidate for Jaeger {
    fn name(&self) -> &'static str {
        "Jaeger adaptive"
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        let operation = &mut self.operations[request.operation as usize];
        let by_chance = request.falls_within(operation.client);
        let waited = (request.at - operation.credit_at).as_secs_f64();
        operation.credit = (operation.credit + waited * LOWER_BOUND).min(1.0);
        operation.credit_at = request.at;
        let besides = operation.credit >= 1.0;
        if besides {
            operation.credit -= 1.0;
        }
        if !by_chance && !besides {
            return;
        }
        kept.keep(
            request,
            if by_chance {
                1.0 / operation.client
            } else {
                0.0
            },
        );
        if let Some(minute) = self.minutes.back_mut() {
            let seen = &mut minute[request.operation as usize];
            seen.count += u32::from(by_chance);
            let told = millionths(operation.client);
            if !seen.probabilities.contains(&told) {
                seen.probabilities.push(told);
            }
        }
    }

    fn tick(&mut self, now: Duration, _: &mut Recording) {
        if now.is_zero() {
            return;
        }
        let since = Duration::from_nanos((now.as_nanos() % MINUTE.as_nanos()) as u64);
        if since.is_zero() {
            self.calculate();
        } else if since == MINUTE / 2 {
            for operation in &mut self.operations {
                operation.client = operation.probability;
            }
        }
    }
}
