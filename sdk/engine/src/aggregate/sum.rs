//! Sums: what was added up.
//!
//! ```text
//! row: [ value | touches | exemplar word ]
//! ```
//!
//! A thread stores the value, then counts the touch (release); a collection reads the touches (acquire), then the
//! value. Touches tell that a series was measured at all, also by adding 0, and whether it was since the last time.

use std::marker::PhantomData;

use throughline_cells::{Collection, OnWords, OwnWord};
use throughline_model::{Data, NumberPoint, Temporality};

use super::{Aggregate, Began, Interval, Recorded};
use crate::exemplar;
use crate::number::Measured;
use crate::row::Row;
use crate::series::Series;

const VALUE: usize = 0;
const TOUCHES: usize = 1;
const WORDS: usize = 2;

/// Adds up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum<T> {
    monotonic: bool,
    _type: PhantomData<fn(T)>,
}

/// What a reader has seen of a sum.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    value: u64,
    touches: u64,
    began: Began,
}

impl<T> Sum<T> {
    pub(crate) fn new(monotonic: bool) -> Self {
        Self {
            monotonic,
            _type: PhantomData,
        }
    }
}

impl<T: Measured> Aggregate for Sum<T> {
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
        let recorded = series.words.with_touched(Add { series, value });
        recorded.unwrap_or(Recorded::Untouched)
    }

    fn record_shared(&self, series: &Series, value: T) {
        add(series.shared_row(WORDS), value);
    }

    fn point(
        &self,
        series: &Series,
        cells: &Collection,
        interval: &Interval,
        seen: &mut Seen,
    ) -> Option<NumberPoint> {
        let (mut value, mut touches) = (T::from_bits(0), 0u64);
        series.each_row(cells, |row| {
            touches = touches.wrapping_add(row.get_acquire(TOUCHES));
            value = value.plus(T::from_bits(row.get(VALUE)));
        });
        let value = match interval.temporality {
            Temporality::Cumulative if touches == 0 => return None,
            Temporality::Cumulative => value,
            Temporality::Delta if touches == seen.touches => return None,
            Temporality::Delta => {
                // What receivers have added up so far, rounding included: so the deltas add up to the total.
                let before = T::from_bits(seen.value);
                let delta = value.minus(before);
                // That sum may be an ulp ahead of ours: then there is nothing to add.
                let zero = T::from_bits(0);
                let ahead = self.monotonic && delta.is_below(zero);
                let delta = if ahead { zero } else { delta };
                seen.value = before.plus(delta).to_bits();
                seen.touches = touches;
                delta
            }
        };
        let start = interval.start(series, &mut seen.began);
        Some(NumberPoint {
            attributes: series.attributes.clone(),
            start,
            time: interval.time,
            value: value.number(),
            exemplars: interval.exemplars(series, start, |_| true),
        })
    }

    fn data(&self, temporality: Temporality, points: Vec<NumberPoint>) -> Data {
        Data::Sum(throughline_model::Sum {
            temporality,
            monotonic: self.monotonic,
            points,
        })
    }
}

/// A measurement on its way into the thread's own row.
struct Add<'a, T> {
    series: &'a Series,
    value: T,
}

impl<T: Measured> OnWords for Add<'_, T> {
    type Output = Recorded;

    #[inline(always)]
    fn run(self, row: &[OwnWord]) -> Recorded {
        // The one bounds check.
        let [sum, touches, exemplar @ ..] = row else {
            return Recorded::Untouched;
        };
        let total = T::from_bits(sum.get()).plus_unbounded(self.value);
        sum.set(total.to_bits());
        touches.add_release(1);
        exemplar::pass(exemplar.first(), self.series)
    }
}

/// The value first: whoever sees the touch sees it too.
fn add<T: Measured>(row: &(impl Row + ?Sized), value: T) {
    row.update(VALUE, |sum| {
        T::from_bits(sum).plus_unbounded(value).to_bits()
    });
    row.add_release(TOUCHES, 1);
}
