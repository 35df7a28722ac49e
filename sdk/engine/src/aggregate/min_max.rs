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
//! Minimum is stored as its bits xor those of +∞, maximum xor −∞, so that words of zeros say "none yet".

use std::sync::atomic::Ordering;

use throughline_cells::Collection;
use throughline_model::Temporality;

use super::Interval;
use crate::row::{ReadRow, Row};
use crate::series::Series;

/// Where the words of minimum and maximum stand in a row, if they do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinMax {
    widest: Option<usize>,
    slots: Option<usize>,
    end: usize,
}

const SLOT: usize = 3;
const TAG: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;
const NO_MIN: u64 = f64::INFINITY.to_bits();
const NO_MAX: u64 = f64::NEG_INFINITY.to_bits();

impl MinMax {
    /// Places what readers of these temporalities need from `start` on; nothing where nobody wants it.
    pub(crate) fn place(start: usize, wanted: bool, readers: &[(usize, Temporality)]) -> Self {
        let mut end = start;
        let mut take = |temporality: Temporality, words: usize| {
            let place = (wanted && readers.iter().any(|(_, t)| *t == temporality)).then_some(end);
            end += place.map_or(0, |_| words);
            place
        };
        let widest = take(Temporality::Cumulative, 2);
        let slots = take(Temporality::Delta, 2 * SLOT);
        Self { widest, slots, end }
    }

    /// Where the next words may stand.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Widens what this row has.
    #[inline(always)]
    pub(crate) fn write(&self, row: &(impl Row + ?Sized), series: &Series, value: f64) {
        if let Some(at) = self.widest {
            widen(row, at, at + 1, value);
        }
        if let Some(at) = self.slots {
            // Relaxed: a thread that sees the next interval late is a straggler of the last one.
            let interval = u64::from(series.interval.load(Ordering::Relaxed));
            let at = at + SLOT * (interval & 1) as usize;
            if row.load(at + TAG) == interval {
                widen(row, at + MIN, at + MAX, value);
            } else {
                begin(row, at, interval, value);
            }
        }
    }
}

/// Minimum and maximum of a point that is about to be reported, after its buckets were read: of what the buckets count
/// nothing is missed then, but by stragglers.
///
/// `fits` says of a minimum and a maximum whether they lie in the outermost buckets of a delta.
pub(crate) fn read(
    place: MinMax,
    series: &Series,
    cells: &Collection,
    interval: &Interval,
    fits: impl FnOnce(f64, f64) -> (bool, bool),
) -> (Option<f64>, Option<f64>) {
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut fold = |row: &dyn ReadRow, low: usize, high: usize| {
        min = min.min(f64::from_bits(row.get(low) ^ NO_MIN));
        max = max.max(f64::from_bits(row.get(high) ^ NO_MAX));
    };
    match (interval.temporality, place.widest, place.slots) {
        (Temporality::Cumulative, Some(at), _) => {
            series.each_row(cells, |row| fold(row, at, at + 1));
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

/// Begins a slot anew.
#[cold]
#[inline(never)]
fn begin(row: &(impl Row + ?Sized), at: usize, interval: u64, value: f64) {
    row.store(at + MIN, value.to_bits() ^ NO_MIN);
    row.store(at + MAX, value.to_bits() ^ NO_MAX);
    // The tag last: whoever sees it sees values of this interval.
    row.store_release(at + TAG, interval);
}

/// Stores what is wider alone: that is seldom, once there are a few.
#[inline(always)]
fn widen(row: &(impl Row + ?Sized), min: usize, max: usize, value: f64) {
    if value < f64::from_bits(row.load(min) ^ NO_MIN) {
        row.update(min, |bits| {
            f64::from_bits(bits ^ NO_MIN).min(value).to_bits() ^ NO_MIN
        });
    }
    if value > f64::from_bits(row.load(max) ^ NO_MAX) {
        row.update(max, |bits| {
            f64::from_bits(bits ^ NO_MAX).max(value).to_bits() ^ NO_MAX
        });
    }
}
