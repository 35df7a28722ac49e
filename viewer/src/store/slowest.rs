//! The slowest traces of each operation, lately.
//!
//! Metrics are pushed once a minute by default, spans every few seconds: under load a trace is evicted
//! before the exemplar that points at it arrives. The slow ones are those that exemplars of the upper
//! buckets point at, so they are pinned on a guess for two windows.

use std::collections::HashMap;

use super::pins::{Pin, Reason};
use crate::data::{Span, SpanKind, TraceId};

/// How long a window is, by the spans' own clocks: the default export interval of metrics.
const WINDOW_NANOS: u64 = 60_000_000_000;

/// What ends so many windows before the current one was not delayed: a span with a clock of its own set the window.
const ASTRAY: u64 = 60;

/// How many traces are held per operation and window.
const PER_OPERATION: usize = 8;

/// How many operations are watched per window; later ones are not.
const OPERATIONS: usize = 256;

/// A service, and the name of its local root spans.
type Operation = (Box<str>, Box<str>);

#[derive(Debug, Default)]
pub(super) struct Slowest {
    window: u64,
    current: HashMap<Operation, Vec<(i64, TraceId)>>,
    previous: Vec<TraceId>,
}

impl Slowest {
    /// Looks at a span; says which traces are to be pinned, and which no longer.
    pub(super) fn observe(&mut self, span: &Span) -> Vec<Pin> {
        let local_root =
            span.parent.is_none() || matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        if !local_root {
            return Vec::new();
        }
        let window = span.end.as_nanos() / WINDOW_NANOS;
        let mut pins = Vec::new();
        if window > self.window || window + ASTRAY < self.window {
            self.window = window;
            pins.extend(self.previous.drain(..).map(unpin));
            let ended = self.current.drain().flat_map(|(_, slowest)| slowest);
            self.previous = ended.map(|(_, trace)| trace).collect();
        }
        let key = (Box::from(span.origin.service()), span.name.clone());
        if self.current.len() >= OPERATIONS && !self.current.contains_key(&key) {
            return pins;
        }
        let slowest = self.current.entry(key).or_default();
        let nanos = span.nanos();
        if slowest.iter().any(|(_, trace)| *trace == span.trace) {
            return pins;
        }
        // Sorted, the slowest first; of equals, the earlier stays.
        let at = slowest.partition_point(|(have, _)| *have >= nanos);
        if at < PER_OPERATION {
            slowest.insert(at, (nanos, span.trace));
            pins.push(Pin {
                trace: span.trace,
                reason: Reason::Slow,
                holds: true,
            });
            pins.extend(
                slowest
                    .drain(PER_OPERATION.min(slowest.len())..)
                    .map(|(_, trace)| unpin(trace)),
            );
        }
        pins
    }
}

fn unpin(trace: TraceId) -> Pin {
    Pin {
        trace,
        reason: Reason::Slow,
        holds: false,
    }
}

#[cfg(test)]
mod tests;
