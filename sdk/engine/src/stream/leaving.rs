//! Series that nobody measures any more, where all that is told is what changed.
//!
//! ```text
//! table ── nothing measured in an interval, nothing bound ──► leaving ── nobody else holds it ──► one last look, freed
//!                                                              read by each collection until then
//! ```
//!
//! A delta reader owes nobody what it told before, so such a series goes: its place under the limit is free, and the next
//! measurement of its attributes makes another one. A cumulative reader tells every total for as long as the stream
//! lives (specification: `metrics/sdk.md`, "Synchronous instrument cardinality limits"), so nothing is taken out of a
//! stream that has one.
//!
//! **Nothing is lost.** Whoever found the series while it was in the table has an `Arc` of it, and may write into it at any
//! time. It is read on until this list has the only one: to have that to itself is to see all that the others wrote
//! before they let go. Threads forget it at their next look-up. A model of this runs under loom, in
//! `sdk/cells/tests/loom.rs`.
//!
//! **Nothing is told twice.** A late measurement may come when its attributes have a new series. Two points of the same
//! attributes would be one too many, so the other series waits: its measurements are in the next interval's delta.

use std::sync::Arc;

use throughline_cells::Collection;
use throughline_model::Attributes;

use crate::aggregate::{Aggregate, Interval};
use crate::series::Series;

/// What has left the table of a stream and may still be written.
#[derive(Debug)]
pub(super) struct Leaving<A: Aggregate>(Vec<Left<A>>);

/// A series, and what was reported of it.
#[derive(Debug)]
struct Left<A: Aggregate> {
    series: Arc<Series>,
    reported: A::Reported,
}

impl<A: Aggregate> Default for Leaving<A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: Aggregate> Leaving<A> {
    /// Lets a series leave, which the table does not have any more.
    pub(super) fn add(&mut self, series: Arc<Series>, reported: A::Reported) {
        series.leave_stream();
        self.0.push(Left { series, reported });
    }

    /// The points of what was measured late, each set of attributes once. Frees what nobody else holds.
    pub(super) fn points(
        &mut self,
        aggregate: &A,
        cells: &Collection,
        interval: &Interval,
    ) -> Vec<(Attributes, A::Point)> {
        let mut points: Vec<(Attributes, A::Point)> = Vec::new();
        let left = std::mem::take(&mut self.0);
        for Left {
            series,
            mut reported,
        } in left
        {
            if points.iter().any(|(told, _)| *told == series.attributes) {
                self.0.push(Left { series, reported });
                continue;
            }
            // Alone with it: what follows is the last look.
            let series = Arc::try_unwrap(series);
            let seen = series.as_ref().unwrap_or_else(|shared| shared);
            let point = aggregate.point(seen, cells, interval, &mut reported);
            points.extend(point.map(|point| (seen.attributes.clone(), point)));
            if let Err(series) = series {
                self.0.push(Left { series, reported });
            }
        }
        points
    }
}

#[cfg(test)]
mod tests;
