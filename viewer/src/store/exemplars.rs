//! Which exemplars of a series are kept.

use super::pins::Reason;
use crate::data::{Exemplar, TraceId};

/// The exemplars of one series, by time.
#[derive(Clone, Debug, Default)]
pub(super) struct Exemplars {
    /// Never more than the limit that `keep` was called with.
    kept: Vec<Exemplar>,
    /// Of a histogram: half the places belong to the largest values that have a trace.
    outliers: bool,
}

impl Exemplars {
    pub(super) fn new(outliers: bool) -> Self {
        Self {
            kept: Vec::new(),
            outliers,
        }
    }

    pub(super) fn as_slice(&self) -> &[Exemplar] {
        &self.kept
    }

    /// Takes in those that are new, and drops the oldest of those that are not among the largest; says
    /// how many it dropped.
    ///
    /// A cumulative stream may send an exemplar again with each point; it is kept once.
    pub(super) fn keep(&mut self, arrived: Vec<Exemplar>, most: usize) -> u64 {
        for exemplar in arrived {
            if exemplar.value.is_finite() && !self.kept.contains(&exemplar) {
                self.kept.push(exemplar);
            }
        }
        self.kept.sort_by_key(|exemplar| exemplar.time);
        let mut dropped = 0;
        while self.kept.len() > most {
            let largest = self.largest(most);
            let oldest = (0..self.kept.len()).find(|at| !largest.contains(at));
            self.kept.remove(oldest.unwrap_or(0));
            dropped += 1;
        }
        dropped
    }

    /// The traces that are pinned, and how strongly.
    pub(super) fn pins(&self, most: usize) -> Vec<(TraceId, Reason)> {
        let largest = self.largest(most);
        let kept = self.kept.iter().enumerate();
        kept.filter_map(|(at, exemplar)| {
            let reason = if largest.contains(&at) {
                Reason::Outlier
            } else {
                Reason::Exemplar
            };
            exemplar.trace.map(|trace| (trace, reason))
        })
        .collect()
    }

    /// The places of the largest; of equals, the newer.
    fn largest(&self, most: usize) -> Vec<usize> {
        if !self.outliers {
            return Vec::new();
        }
        let mut places: Vec<usize> = (0..self.kept.len())
            .filter(|at| self.kept[*at].trace.is_some())
            .collect();
        places.sort_by(|a, b| {
            self.kept[*b]
                .value
                .total_cmp(&self.kept[*a].value)
                .then(b.cmp(a))
        });
        places.truncate(most / 2);
        places
    }
}
