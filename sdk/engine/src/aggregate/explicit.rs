//! Histograms over given bounds.
//!
//! ```text
//! row: [ sum | minimum and maximum … | bucket 0 | … | bucket n | exemplar words, one per bucket ]
//! ```
//!
//! The count is the sum of the buckets and is never stored. A thread stores the sum (and minimum and maximum), then the
//! bucket (release); a collection reads the buckets (acquire), then the sum: what is counted is in the sum. A delta
//! whose count did not change is not sent; a sum that was seen before its bucket waits for it.

mod bounds;

use std::marker::PhantomData;
use std::sync::Arc;

use throughline_cells::{Collection, OnWords, OwnWord};
use throughline_model::{Data, Histogram, HistogramPoint, Temporality};

use super::min_max::{self, MinMax};
use super::rank::{rank, rank_of_positive};
use super::{Aggregate, Began, Interval, Recorded, change};
use crate::exemplar;
use crate::number::Measured;
use crate::row::Row;
use crate::series::Series;

use bounds::Bounds;

const SUM: usize = 0;

/// Counts measurements in buckets.
#[derive(Clone, Debug)]
pub(crate) struct Explicit<T> {
    bounds: Bounds,
    min_max: MinMax<{ SUM + 1 }>,
    /// Where the buckets begin.
    buckets: usize,
    _type: PhantomData<fn(T)>,
}

/// What a delta reader has reported of a histogram.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    counts: Vec<u64>,
    sum: f64,
    began: Began,
}

impl<T> Explicit<T> {
    pub(crate) fn new(
        bounds: &[f64],
        record_min_max: bool,
        readers: &[(usize, Temporality)],
    ) -> Self {
        let min_max = MinMax::place(record_min_max, readers);
        Self {
            bounds: Bounds::new(bounds),
            min_max,
            buckets: min_max.end(),
            _type: PhantomData,
        }
    }

    /// How many buckets there are.
    fn len(&self) -> usize {
        self.bounds.all().len() + 1
    }

    #[inline(always)]
    fn write(&self, row: &(impl Row + ?Sized), series: &Series, value: f64, place: Place) {
        row.update(SUM, |sum| {
            f64::from_bits(sum).plus_unbounded(value).to_bits()
        });
        self.min_max.write(row, series, place.rank);
        row.add_release(self.buckets + place.bucket, 1);
    }

    /// Where any value belongs.
    fn place(&self, value: f64) -> Place {
        Place {
            bucket: self.bounds.bucket(value),
            rank: rank(value),
        }
    }
}

impl<T: Measured> Aggregate for Explicit<T> {
    type Value = T;
    type Reported = Reported;
    type Point = HistogramPoint;

    const HISTOGRAM: bool = true;

    fn words(&self) -> usize {
        self.buckets + self.len()
    }

    fn reservoirs(&self, default_size: usize) -> (usize, usize) {
        match self.len() {
            // Nothing to align with.
            1 => (1, default_size),
            buckets => (buckets, 1),
        }
    }

    fn slot(&self, value: T) -> usize {
        self.bounds.bucket(value.as_f64())
    }

    #[inline(always)]
    fn record(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        let recorded = series.words.with_touched(Count {
            histogram: self,
            series,
            value: value.as_f64(),
            exemplars,
        });
        recorded.unwrap_or(Recorded::Untouched)
    }

    /// Any value, also into a row that is too long for a range of words.
    fn record_first(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        let value = value.as_f64();
        let place = self.place(value);
        // With room for exemplar words, whether there are any or not.
        let recorded = series.with_row(self.words() + self.len(), |row| {
            self.write(row, series, value, place);
            exemplar::pass(row.get(exemplars + place.bucket), series)
        });
        recorded.unwrap_or(Recorded::Untouched)
    }

    fn record_shared(&self, series: &Series, value: T) {
        let value = value.as_f64();
        let row = series.shared_row(self.words());
        self.write(row, series, value, self.place(value));
    }

    fn point(
        &self,
        series: &Series,
        cells: &Collection,
        interval: &Interval,
        reported: &mut Reported,
    ) -> Option<HistogramPoint> {
        let mut counts = vec![0u64; self.len()];
        let mut sum = 0.0f64;
        series.each_row(cells, |row| {
            row.add_acquire_to(self.buckets, &mut counts);
            sum = sum.plus(f64::from_bits(row.get(SUM)));
        });
        if interval.temporality == Temporality::Delta {
            if reported.counts.is_empty() {
                reported.counts = vec![0; counts.len()];
            }
            for (count, before) in counts.iter_mut().zip(&mut reported.counts) {
                let total = *count;
                *count = total.wrapping_sub(*before);
                *before = total;
            }
        }
        let lowest = counts.iter().position(|count| *count > 0)?;
        let highest = counts.iter().rposition(|count| *count > 0)?;
        let (min, max) = min_max::read(self.min_max, series, cells, interval, |min, max| {
            (
                self.bounds.bucket(min) == lowest,
                self.bounds.bucket(max) == highest,
            )
        });
        if interval.temporality == Temporality::Delta {
            let above = lowest.checked_sub(1).map(|at| self.bounds.all()[at]);
            let none_below_zero = min.or(above).is_some_and(|least| least >= 0.0);
            sum = change::<T>(sum, &mut reported.sum, none_below_zero);
        }
        let start = interval.start(series, &mut reported.began);
        let aligned = self.len() > 1;
        Some(HistogramPoint {
            attributes: series.attributes.clone(),
            start,
            time: interval.time,
            bounds: Arc::clone(self.bounds.all()),
            // An exemplar whose measurement is not counted yet waits for it.
            exemplars: interval.exemplars(series, start, |slot| !aligned || counts[slot] > 0),
            counts,
            sum,
            min,
            max,
        })
    }

    fn data(&self, temporality: Temporality, points: Vec<HistogramPoint>) -> Data {
        Data::Histogram(Histogram {
            temporality,
            points,
        })
    }
}

/// Where a value belongs in a row.
#[derive(Clone, Copy)]
struct Place {
    bucket: usize,
    /// Among minimum and maximum.
    rank: u64,
}

/// A measurement on its way into the thread's own row.
///
/// Its bucket is found in there, not before: what is at hand by then would have to be saved while the thread's words are
/// looked for.
struct Count<'a, T> {
    histogram: &'a Explicit<T>,
    series: &'a Series,
    value: f64,
    exemplars: usize,
}

impl<T> OnWords for Count<'_, T> {
    type Output = Recorded;

    #[inline(always)]
    fn run(self, row: &[OwnWord]) -> Recorded {
        // The one bounds check of sum, minimum and maximum. Rows are longer but for those without any bound.
        if row.len() <= SUM + 2 {
            return Recorded::Untouched;
        }
        // What is not above 0 is left to `record_first`, so that one test does for all that is.
        let Some(bucket) = self.histogram.bounds.quick(self.value) else {
            return Recorded::Untouched;
        };
        let rank = rank_of_positive(self.value);
        let place = Place { bucket, rank };
        self.histogram.write(row, self.series, self.value, place);
        exemplar::pass(row.get(self.exemplars + bucket), self.series)
    }
}
