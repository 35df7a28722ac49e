//! Base-2 exponential histograms: buckets whose bounds are powers of a base, at the finest scale that fits.
//!
//! ```text
//! block of a thread:
//!   [ scale | + offset | + length | − offset | − length | line | sum | zeros | min, max … | exemplar word | + buckets | − buckets ]
//! ```
//!
//! The line is scale and positive offset once more, as what is taken off the bits of a value to make them the place of its bucket.
//! Scale, offsets and lengths of a block never change. A value outside its window makes the owner write a new block: a
//! wider one, or one of a coarser scale where more than `max_size` buckets would be needed (specification:
//! `metrics/sdk.md`, "Base2 Exponential Bucket Histogram Aggregation"). The owner publishes it and the collector frees
//! the old one. Like in [`explicit`](super::explicit), the sum is stored before the bucket (release) and read after it
//! (acquire).
//!
//! Threads have scales of their own; a collection brings all to the coarsest that any needs and all together
//! fit into. A scale never becomes finer again: a delta is what was counted since, at the scale of the total.

mod dense;
mod index;

use std::marker::PhantomData;

use throughline_cells::{Collection, OnWords, OwnBlock, OwnWord};
use throughline_model::{Data, ExponentialHistogram, ExponentialHistogramPoint, Temporality};

use super::min_max::{self, MinMax};
use super::rank::{rank, rank_of_positive};
use super::{Aggregate, Began, Interval, Recorded, change};
use crate::exemplar;
use crate::number::Measured;
use crate::row::{ReadRow, Row};
use crate::series::Series;

use dense::Buckets;
pub(crate) use dense::Dense;
pub(super) use index::bucket_index;
use index::{Line, bucket_on_line};

const SCALE: usize = 0;
/// Offset and length of the buckets of positive values, then those of negative ones.
const WINDOWS: [usize; 2] = [1, 3];
/// The line's shift, then the first bucket of positive values on it.
const LINE: usize = 5;
const SUM: usize = 7;
const ZEROS: usize = 8;
const EXTREMES: usize = 9;

/// Counts measurements in buckets that it chooses itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exponential<T> {
    max_size: usize,
    max_scale: i32,
    min_max: MinMax<EXTREMES>,
    _type: PhantomData<fn(T)>,
}

/// What a delta reader has reported of a histogram.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    total: Option<Dense>,
    began: Began,
}

impl<T> Exponential<T> {
    pub(crate) fn new(
        max_size: usize,
        max_scale: i8,
        record_min_max: bool,
        readers: &[(usize, Temporality)],
    ) -> Self {
        Self {
            max_size,
            max_scale: max_scale.into(),
            min_max: MinMax::place(record_min_max, readers),
            _type: PhantomData,
        }
    }

    /// Where the exemplar word stands.
    fn exemplar(&self) -> usize {
        self.min_max.end()
    }

    /// Where the buckets begin.
    fn buckets(&self) -> usize {
        self.exemplar() + 1
    }

    /// What all threads have counted since the series was made.
    pub(crate) fn total(&self, series: &Series, cells: &Collection) -> Dense {
        let mut total = Dense::new(self.max_scale);
        series.each_row(cells, |row| total.merge(self.read(row), self.max_size));
        if let Some(shared) = series.shared_dense() {
            total.merge(shared, self.max_size);
        }
        total
    }

    /// Counts a zero, and nothing else of it, where the thread has a block.
    #[inline(always)]
    pub(crate) fn record_zero(&self, series: &Series) -> bool {
        series.blocks.with_touched(CountZero) == Some(true)
    }

    /// Adds to the word of a bucket, and to what goes with it.
    #[inline(always)]
    fn write(&self, row: &[OwnWord], bucket: &OwnWord, series: &Series, value: f64, rank: u64) {
        row.update(SUM, |sum| {
            f64::from_bits(sum).plus_unbounded(value).to_bits()
        });
        self.min_max.write(row, series, rank);
        bucket.add_release(1);
    }

    /// The word of a value that is positive, and normal, if the window has it.
    #[inline(always)]
    fn quick_bucket<'a>(&self, row: &'a [OwnWord], value: f64) -> Option<&'a OwnWord> {
        // One bounds check for all of the header, minimum and maximum. A row with any bucket is longer.
        let header = row.first_chunk::<{ EXTREMES + 2 }>()?;
        if value < f64::MIN_POSITIVE {
            return None;
        }
        // What is below the first one wraps to a number that is larger than any length.
        let [shift, first] = [&header[LINE], &header[LINE + 1]].map(OwnWord::get);
        let within = bucket_on_line(value, shift).wrapping_sub(first);
        if within >= header[WINDOWS[0] + 1].get() {
            return None;
        }
        row.get(self.buckets() + within as usize)
    }

    /// The word of any value, if the window has it.
    fn bucket<'a>(&self, row: &'a [OwnWord], value: f64) -> Option<&'a OwnWord> {
        if value == 0.0 {
            return row.get(ZEROS);
        }
        let window = WINDOWS[usize::from(value < 0.0)];
        let [offset, len] = [row.load(window), row.load(window + 1)];
        let index = bucket_index(value.abs(), signed(row.load(SCALE)));
        let within = u64::try_from(i64::from(index) - i64::from(signed(offset))).ok()?;
        if within >= len {
            return None;
        }
        let before = if value < 0.0 {
            row.load(WINDOWS[0] + 1)
        } else {
            0
        };
        row.get(self.buckets() + (before + within) as usize)
    }

    /// Makes a block that has a place for the value.
    #[cold]
    #[inline(never)]
    fn make_room(&self, block: &mut OwnBlock<'_>, value: f64) {
        let mut wanted = match block.words() {
            Some(row) => self.read(&row),
            None => Dense::new(self.max_scale),
        };
        if value != 0.0 {
            wanted.make_room(value, self.max_size);
        }
        let windows = [&wanted.positive, &wanted.negative].map(|buckets| self.window(buckets));
        let len = self.buckets() + windows[0].1 + windows[1].1;
        block.replace(len, |new, old| {
            if let Some(old) = old {
                for at in SUM..self.buckets() {
                    new.store(at, old.load(at));
                }
            }
            new.store(SCALE, unsigned(wanted.scale));
            let line = Line::at(wanted.scale).map_or(NOWHERE, |line| {
                let offset = i64::from(windows[0].0);
                [line.shift, line.zero.wrapping_add_signed(offset)]
            });
            new.store(LINE, line[0]);
            new.store(LINE + 1, line[1]);
            let mut begin = self.buckets();
            for (at, (offset, len)) in WINDOWS.into_iter().zip(windows) {
                new.store(at, unsigned(offset));
                new.store(at + 1, len as u64);
                let buckets = if at == WINDOWS[0] {
                    &wanted.positive
                } else {
                    &wanted.negative
                };
                for (index, count) in buckets.iter() {
                    new.store(begin + (index - offset) as usize, count);
                }
                begin += len;
            }
        });
    }

    /// Where a window of some slack around these buckets begins, and how long it is.
    fn window(&self, buckets: &Buckets) -> (i32, usize) {
        let used = buckets.len();
        let len = used
            .next_power_of_two()
            .max(MIN_WINDOW)
            .min(self.max_size.max(used));
        match used {
            0 => (0, 0),
            // As much slack on either side, a latency grows as often as it falls.
            _ => (buckets.low() - ((len - used) / 2) as i32, len),
        }
    }

    /// What a block holds, but for minimum and maximum: buckets first, then the sum.
    fn read(&self, row: &(impl ReadRow + ?Sized)) -> Dense {
        let mut dense = Dense::new(signed(row.get(SCALE)));
        dense.zeros = row.get_acquire(ZEROS);
        let mut begin = self.buckets();
        for (at, buckets) in WINDOWS
            .into_iter()
            .zip([&mut dense.positive, &mut dense.negative])
        {
            let (offset, len) = (signed(row.get(at)), row.get(at + 1) as usize);
            for within in 0..len {
                let count = row.get_acquire(begin + within);
                buckets.add(offset + within as i32, count);
            }
            begin += len;
        }
        dense.sum = f64::from_bits(row.get(SUM));
        dense
    }
}

/// A line on which no value is: of scales that need a logarithm.
const NOWHERE: [u64; 2] = [63, u64::MAX / 2];

/// The shortest window, so that the first few values do not each make a new block.
const MIN_WINDOW: usize = 8;

impl<T: Measured> Aggregate for Exponential<T> {
    type Value = T;
    type Reported = Reported;
    type Point = ExponentialHistogramPoint;

    const HISTOGRAM: bool = true;

    /// The header: buckets come after the exemplar word.
    fn words(&self) -> usize {
        self.exemplar()
    }

    fn resizes(&self) -> bool {
        true
    }

    fn reservoirs(&self, _default_size: usize) -> (usize, usize) {
        // Specification: `metrics/sdk.md`, "Exemplar defaults".
        (1, self.max_size.min(20))
    }

    #[inline(always)]
    fn record(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        let count = Count {
            histogram: self,
            series,
            value: value.as_f64(),
            exemplars,
        };
        let recorded = series.blocks.with_touched(count);
        recorded.unwrap_or(Recorded::Untouched)
    }

    /// Any value, also where the thread's block has no place for it.
    fn record_first(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        let value = value.as_f64();
        let write = |row: &[OwnWord]| {
            let bucket = self.bucket(row, value)?;
            self.write(row, bucket, series, value, rank(value));
            Some(exemplar::pass(row.get(exemplars), series))
        };
        let recorded = series.blocks.with(|block| {
            let there = block.words().and_then(write);
            there.or_else(|| {
                self.make_room(block, value);
                block.words().and_then(write)
            })
        });
        recorded.flatten().unwrap_or(Recorded::Untouched)
    }

    fn record_shared(&self, series: &Series, value: T) {
        series.with_shared_dense(self.max_scale, |shared| {
            shared.record(value.as_f64(), self.max_size);
        });
    }

    fn point(
        &self,
        series: &Series,
        cells: &Collection,
        interval: &Interval,
        reported: &mut Reported,
    ) -> Option<ExponentialHistogramPoint> {
        let mut total = Dense::new(self.max_scale);
        series.each_row(cells, |row| total.merge(self.read(row), self.max_size));
        let mut late = (f64::INFINITY, f64::NEG_INFINITY);
        if let Some(shared) = series.shared_dense() {
            late = (shared.min, shared.max);
            total.merge(shared, self.max_size);
        }
        let point = match interval.temporality {
            Temporality::Cumulative => total,
            Temporality::Delta => {
                let before = reported
                    .total
                    .get_or_insert_with(|| Dense::new(self.max_scale));
                let mut delta = total.since(before);
                if delta.count() > 0 {
                    let none_below_zero = delta.negative.total() == 0;
                    delta.sum = change::<T>(total.sum, &mut before.sum, none_below_zero);
                    total.sum = before.sum;
                    *before = total;
                }
                delta
            }
        };
        if point.count() == 0 {
            return None;
        }
        let (min, max) = min_max::read(self.min_max, series, cells, interval, |min, max| {
            point.has_extremes(min, max)
        });
        let start = interval.start(series, &mut reported.began);
        let widen = interval.temporality == Temporality::Cumulative;
        Some(ExponentialHistogramPoint {
            attributes: series.attributes.clone(),
            start,
            time: interval.time,
            scale: point.scale,
            zero_count: point.zeros,
            zero_threshold: 0.0,
            sum: point.sum,
            min: min.map(|min| if widen { min.min(late.0) } else { min }),
            max: max.map(|max| if widen { max.max(late.1) } else { max }),
            positive: point.positive.into(),
            negative: point.negative.into(),
            exemplars: interval.exemplars(series, start, |_| true),
        })
    }

    fn data(&self, temporality: Temporality, points: Vec<ExponentialHistogramPoint>) -> Data {
        Data::ExponentialHistogram(ExponentialHistogram {
            temporality,
            points,
        })
    }
}

/// A measurement on its way into the thread's own block.
struct Count<'a, T> {
    histogram: &'a Exponential<T>,
    series: &'a Series,
    value: f64,
    exemplars: usize,
}

impl<T> OnWords for Count<'_, T> {
    type Output = Recorded;

    #[inline(always)]
    fn run(self, row: &[OwnWord]) -> Recorded {
        let (histogram, series, value) = (self.histogram, self.series, self.value);
        // What is not positive, or needs a logarithm, is left to `record_first`.
        let Some(bucket) = histogram.quick_bucket(row, value) else {
            return Recorded::Untouched;
        };
        histogram.write(row, bucket, series, value, rank_of_positive(value));
        exemplar::pass(row.get(self.exemplars), series)
    }
}

/// A zero on its way into the thread's own block.
struct CountZero;

impl OnWords for CountZero {
    type Output = bool;

    #[inline(always)]
    fn run(self, row: &[OwnWord]) -> bool {
        let zeros = row.get(ZEROS);
        zeros.inspect(|zeros| zeros.add_release(1)).is_some()
    }
}

fn signed(word: u64) -> i32 {
    (word as u32).cast_signed()
}

fn unsigned(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}
