//! Minimum and maximum of a histogram, which no subtraction gives back.
//!
//! ```text
//! words:  [ min | max ]                            for cumulative readers: they only ever widen
//!         [ tag | min | max | tag | min | max ]    for one delta reader: two slots, used in turn
//! ```
//!
//! A thread writes the slot of the series' current interval, by parity, and starts it anew where its tag is older. The
//! delta reader that drives the intervals moves the series on to the next one, then reads the slots of the one that
//! ended; nobody but a measurement under way still writes those. Such a straggler may be counted in the next interval with
//! its minimum in the last one: a reader compares what it has with the outermost buckets, and leaves out what does
//! not fit. Other delta readers leave both out always.
//!
//! Maximum is stored as its rank among the floats, minimum as the rank from above, its negative: so that a wider one is a
//! larger word, and 0 says "none yet".

use std::sync::atomic::Ordering;

use throughline_cells::Collection;
use throughline_model::Temporality;

use super::Interval;
use super::rank::ranked;
use crate::row::{ReadRow, Row};
use crate::series::Series;

/// Which words of minimum and maximum stand in a row from `START` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinMax<const START: usize> {
    wanted: Wanted,
    /// Whether by cumulative readers alone: the hot path's first question, and most often its last.
    cumulative_alone: bool,
    end: usize,
}

/// By whom they are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Nobody,
    Cumulative,
    Delta,
    Both,
}

const SLOT: usize = 3;
const TAG: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;

impl<const START: usize> MinMax<START> {
    /// Places what readers of these temporalities need; nothing where nobody wants it.
    pub(crate) fn place(wanted: bool, readers: &[(usize, Temporality)]) -> Self {
        let wants = |temporality| wanted && readers.iter().any(|(_, t)| *t == temporality);
        let (wanted, words) = match (wants(Temporality::Cumulative), wants(Temporality::Delta)) {
            (false, false) => (Wanted::Nobody, 0),
            (true, false) => (Wanted::Cumulative, 2),
            (false, true) => (Wanted::Delta, 2 * SLOT),
            (true, true) => (Wanted::Both, 2 + 2 * SLOT),
        };
        Self {
            wanted,
            cumulative_alone: wanted == Wanted::Cumulative,
            end: START + words,
        }
    }

    /// Where the two slots stand, if there are any.
    #[inline(always)]
    fn slots(&self) -> Option<usize> {
        match self.wanted {
            Wanted::Nobody | Wanted::Cumulative => None,
            Wanted::Delta => Some(START),
            Wanted::Both => Some(START + 2),
        }
    }

    /// Where the next words may stand.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Widens what this row has to a value of this rank.
    #[inline(always)]
    pub(crate) fn write(&self, row: &(impl Row + ?Sized), series: &Series, rank: u64) {
        let ranks = [rank.wrapping_neg(), rank];
        if self.cumulative_alone {
            return row.widen(START, ranks);
        }
        if self.wanted == Wanted::Both {
            row.widen(START, ranks);
        }
        if let Some(at) = self.slots() {
            // Relaxed: a thread that sees the next interval late is a straggler of the last one.
            let interval = u64::from(series.interval.load(Ordering::Relaxed));
            let at = at + SLOT * (interval & 1) as usize;
            if row.load(at + TAG) != interval {
                row.store(at + MIN, 0);
                row.store(at + MAX, 0);
                // The tag last: whoever sees it sees nothing of older intervals.
                row.store_release(at + TAG, interval);
            }
            row.widen(at + MIN, ranks);
        }
    }
}

/// Minimum and maximum of a point that is about to be reported, after its buckets were read: of what the buckets count
/// nothing is missed then, but by stragglers.
///
/// `fits` says of a minimum and a maximum whether they lie in the outermost buckets of a delta.
pub(crate) fn read<const START: usize>(
    place: MinMax<START>,
    series: &Series,
    cells: &Collection,
    interval: &Interval,
    fits: impl FnOnce(f64, f64) -> (bool, bool),
) -> (Option<f64>, Option<f64>) {
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    // What is "none yet" is NaN, which these pass over.
    let mut fold = |row: &dyn ReadRow, low: usize, high: usize| {
        min = min.min(ranked(row.get(low).wrapping_neg()));
        max = max.max(ranked(row.get(high)));
    };
    match (interval.temporality, place.wanted, place.slots()) {
        (Temporality::Cumulative, Wanted::Cumulative | Wanted::Both, _) => {
            series.each_row(cells, |row| fold(row, START, START + 1));
            (
                min.is_finite().then_some(min),
                max.is_finite().then_some(max),
            )
        }
        (Temporality::Delta, _, Some(at)) if interval.resets => {
            // Relaxed: only this reader writes it. What a thread is about to write for the interval that ends here is
            // a straggler's.
            let ends = series.interval.load(Ordering::Relaxed);
            series
                .interval
                .store(ends.wrapping_add(1).max(1), Ordering::Relaxed);
            let at = at + SLOT * (ends & 1) as usize;
            series.each_row(cells, |row| {
                if row.get_acquire(at + TAG) == u64::from(ends) {
                    fold(row, at + MIN, at + MAX);
                }
            });
            let (min_fits, max_fits) = fits(min, max);
            (
                (min.is_finite() && min_fits).then_some(min),
                (max.is_finite() && max_fits).then_some(max),
            )
        }
        _ => (None, None),
    }
}
