//! Base-2 exponential histograms: buckets whose bounds are powers of a base, at the finest scale that fits.
//!
//! ```text
//! block of a thread:
//!   [ scale | + offset | + length | − offset | − length | sum | zeros | min, max … | exemplar word | + buckets | − buckets ]
//! ```
//!
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
use super::{Aggregate, Began, Interval, Recorded, change};
use crate::exemplar;
use crate::number::Measured;
use crate::row::{ReadRow, Row};
use crate::series::Series;

use dense::Buckets;
pub(crate) use dense::Dense;
pub(super) use index::bucket_index;

const SCALE: usize = 0;
/// Offset and length of the buckets of positive values, then those of negative ones.
const WINDOWS: [usize; 2] = [1, 3];
const SUM: usize = 5;
const ZEROS: usize = 6;
const EXTREMES: usize = 7;

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

    /// Writes into the thread's block; false if its window has no place for the value.
    #[inline(always)]
    fn write(&self, row: &[OwnWord], series: &Series, value: f64) -> bool {
        // One bounds check for all of the header.
        let Some(header) = row.first_chunk::<EXTREMES>() else {
            return false;
        };
        let bucket = if value > 0.0 {
            let index = bucket_index(value, signed(header[SCALE].get()));
            let window = WINDOWS[0];
            within(header[window].get(), header[window + 1].get(), index)
                .map(|within| self.buckets() + within)
        } else {
            self.place_rest(header, value)
        };
        let Some(bucket) = bucket.and_then(|bucket| row.get(bucket)) else {
            return false;
        };
        let sum = f64::from_bits(header[SUM].get());
        header[SUM].set(sum.plus(value).to_bits());
        self.min_max.write(row, series, value);
        bucket.add_release(1);
        true
    }

    /// The word of a value that is not positive, if the window has it.
    #[inline(never)]
    fn place_rest(&self, header: &[OwnWord; EXTREMES], value: f64) -> Option<usize> {
        if value == 0.0 {
            return Some(ZEROS);
        }
        let [positive, negative] = WINDOWS;
        let index = bucket_index(-value, signed(header[SCALE].get()));
        let within = within(header[negative].get(), header[negative + 1].get(), index)?;
        Some(self.buckets() + header[positive + 1].get() as usize + within)
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
        let blocks = series.blocks();
        let recorded = blocks.and_then(|blocks| blocks.with_touched(count));
        recorded.unwrap_or(Recorded::Untouched)
    }

    /// Also where the thread's block has no place for the value.
    fn record_first(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        if let Some(blocks) = series.blocks() {
            blocks.with(|block| self.make_room(block, value.as_f64()));
        }
        self.record(series, value, exemplars)
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
        if self.histogram.write(row, self.series, self.value) {
            exemplar::pass(row.get(self.exemplars), self.series)
        } else {
            Recorded::Untouched
        }
    }
}

/// Where a bucket is in a window of this offset and length.
#[inline(always)]
fn within(offset: u64, len: u64, index: i32) -> Option<usize> {
    // An index below the offset wraps to a number that is larger than any length.
    let within = i64::from(index).wrapping_sub(i64::from(signed(offset)));
    (within.cast_unsigned() < len).then_some(within as usize)
}

fn signed(word: u64) -> i32 {
    (word as u32).cast_signed()
}

fn unsigned(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}
