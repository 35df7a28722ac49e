//! Last values: what was recorded last, on whichever thread.
//!
//! ```text
//! row: [ touches | exemplar word ]        and one cell that threads share: the value
//! ```
//!
//! No sum of threads' cells says which value came last, so the value is one cell of the series. A thread stores it, then
//! counts the touch in its own row (release), with no read-modify-write that threads would share; a collection reads the
//! touches (acquire), then the value. Delta readers report a gauge that was touched.

use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use throughline_cells::{Collection, OnWords, OwnWord};
use throughline_model::{Data, Gauge, NumberPoint, Temporality};

use super::{Aggregate, Began, Interval, Recorded};
use crate::exemplar;
use crate::number::Measured;
use crate::row::Row;
use crate::series::Series;

const TOUCHES: usize = 0;
const WORDS: usize = 1;

/// Keeps the last value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastValue<T>(PhantomData<fn(T)>);

/// What a reader has seen of a gauge.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    touches: u64,
    began: Began,
}

impl<T> LastValue<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Measured> Aggregate for LastValue<T> {
    type Value = T;
    type Reported = Seen;
    type Point = NumberPoint;

    fn words(&self) -> usize {
        WORDS
    }

    fn reservoirs(&self, default_size: usize) -> (usize, usize) {
        (1, default_size)
    }

    #[inline(always)]
    fn record(&self, series: &Series, value: T, _exemplars: usize) -> Recorded {
        let recorded = series.words.with_touched(Set { series, value });
        recorded.unwrap_or(Recorded::Untouched)
    }

    fn record_shared(&self, series: &Series, value: T) {
        series.last.store(value.to_bits(), Ordering::Relaxed);
        series.shared_row(WORDS).add_release(TOUCHES, 1);
    }

    fn point(
        &self,
        series: &Series,
        cells: &Collection,
        interval: &Interval,
        seen: &mut Seen,
    ) -> Option<NumberPoint> {
        let mut touches = 0u64;
        series.each_row(cells, |row| {
            touches = touches.wrapping_add(row.get_acquire(TOUCHES));
        });
        let value = T::from_bits(series.last.load(Ordering::Relaxed));
        let reported = match interval.temporality {
            Temporality::Cumulative => touches > 0,
            Temporality::Delta => touches != seen.touches,
        };
        if !reported {
            return None;
        }
        seen.touches = touches;
        let start = interval.start(series, &mut seen.began);
        Some(NumberPoint {
            attributes: series.attributes.clone(),
            start,
            time: interval.time,
            value: value.number(),
            exemplars: interval.exemplars(series, start, |_| true),
        })
    }

    fn data(&self, _temporality: Temporality, points: Vec<NumberPoint>) -> Data {
        Data::Gauge(Gauge { points })
    }
}

/// A measurement on its way into the series' cell and the thread's own row.
struct Set<'a, T> {
    series: &'a Series,
    value: T,
}

impl<T: Measured> OnWords for Set<'_, T> {
    type Output = Recorded;

    #[inline(always)]
    fn run(self, row: &[OwnWord]) -> Recorded {
        // The one bounds check.
        let [touches, exemplar @ ..] = row else {
            return Recorded::Untouched;
        };
        // Relaxed: whoever sees the touch, which is a release, sees this value or a later one.
        let bits = self.value.to_bits();
        self.series.last.store(bits, Ordering::Relaxed);
        touches.add_release(1);
        exemplar::pass(exemplar.first(), self.series)
    }
}
