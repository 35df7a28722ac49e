//! The bound instruments of one attribute set.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, BoundHistogram, BoundUpDownCounter};

use super::builder::Declaration;
use super::outcome::Outcome;
use crate::AttributeSet;
use crate::series::Series;

/// What the calls with one attribute set record into.
pub(super) struct CallSeries {
    pub(super) declaration: Arc<Declaration>,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) active: BoundUpDownCounter<i64>,
    /// Bound when a call first ends so: a series that never saw an error is not sent.
    ended: Series<Outcome, Ended>,
}

struct Ended {
    duration: BoundHistogram<f64>,
    calls: BoundCounter<u64>,
}

impl CallSeries {
    pub(super) fn new(declaration: &Arc<Declaration>, set: &impl AttributeSet) -> Arc<Self> {
        let attributes = set.key_values();
        Arc::new(Self {
            active: declaration.active.bind(&attributes),
            declaration: Arc::clone(declaration),
            attributes,
            ended: Series::new(),
        })
    }

    /// Records one call. Call it with the operation's context current.
    pub(super) fn record(&self, seconds: f64, outcome: Outcome) {
        let ended = self.ended.get_or_make(outcome, |outcome| {
            let mut attributes = self.attributes.clone();
            if let Some(error_type) = outcome.error_type() {
                attributes.push(KeyValue::new("error.type", error_type));
            }
            let duration = self.declaration.duration.bind(&attributes);
            attributes.push(KeyValue::new("outcome", outcome.name()));
            Ended {
                duration,
                calls: self.declaration.calls.bind(&attributes),
            }
        });
        ended.duration.record(seconds);
        ended.calls.add(1);
    }
}

impl std::fmt::Debug for CallSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallSeries")
            .field("operation", &self.declaration.name)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}
