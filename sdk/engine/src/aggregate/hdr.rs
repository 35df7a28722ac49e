//! HDR histograms: slots of so many significant digits, counted by [`throughline_hdr`].
//!
//! ```text
//! row:      [ sum | minimum and maximum … | exemplar word ]
//! recorder: slots, in chunks that come to life when touched
//! ```
//!
//! A thread stores the sum (and minimum and maximum), then counts in the recorder (release); a collection reads the counts
//! (acquire), then the sum: what is counted is in the sum, as in [`explicit`](super::explicit). The points are those of
//! exponential histograms; [`convert`] says how slots become buckets.

mod convert;

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use throughline_cells::{Collection, OnWords, OwnWord};
use throughline_hdr::{Budget, Counts, Range, Recorder, Slot};
use throughline_model::{Data, ExponentialHistogram, ExponentialHistogramPoint, Temporality};

use super::min_max::{self, MinMax};
use super::rank::rank;
use super::{Aggregate, Began, Interval, Recorded, change};
use crate::Aggregation;
use crate::aggregation::hdr_range;
use crate::exemplar;
use crate::number::Measured;

use crate::parts::Parts;
use crate::row::Row;
use crate::series::Series;

const SUM: usize = 0;

/// Counts measurements in slots of so many digits.
#[derive(Clone, Debug)]
pub(crate) struct Hdr<T> {
    range: Range,
    /// The largest value that is told from larger ones.
    highest: f64,
    max_size: usize,
    min_max: MinMax<{ SUM + 1 }>,
    /// What the series of the stream share.
    stream: Arc<Shared>,
    _type: PhantomData<fn(T)>,
}

/// What the series of a stream share.
#[derive(Debug)]
struct Shared {
    budget: Arc<Budget>,
    /// Whether it was told that the budget is spent.
    coarse: AtomicBool,
    parts: Arc<Parts>,
}

/// What a delta reader has reported of a histogram.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    counts: Option<Counts>,
    sum: f64,
    began: Began,
}

impl<T> Hdr<T> {
    /// For an [`Aggregation::Hdr`] that was checked; `None` for anything else.
    pub(crate) fn new(
        aggregation: &Aggregation,
        readers: &[(usize, Temporality)],
        parts: &Arc<Parts>,
    ) -> Option<Self> {
        let Aggregation::Hdr {
            lowest,
            highest,
            digits,
            max_size,
            memory_limit,
            record_min_max,
        } = *aggregation
        else {
            return None;
        };
        Some(Self {
            range: hdr_range(lowest, highest, digits).ok()?,
            highest,
            max_size,
            min_max: MinMax::place(record_min_max, readers),
            stream: Arc::new(Shared {
                budget: Arc::new(Budget::new(memory_limit)),
                coarse: AtomicBool::new(false),
                parts: Arc::clone(parts),
            }),
            _type: PhantomData,
        })
    }

    /// The value as it is counted.
    #[inline(always)]
    fn clamp(&self, value: f64) -> f64 {
        if (0.0..=self.highest).contains(&value) {
            value
        } else {
            self.stream.parts.tally.clamped();
            value.clamp(0.0, self.highest)
        }
    }

    #[inline(always)]
    fn write(&self, row: &(impl Row + ?Sized), series: &Series, value: f64) {
        row.update(SUM, |sum| {
            f64::from_bits(sum).plus_unbounded(value).to_bits()
        });
        self.min_max.write(row, series, rank(value));
    }

    #[inline(always)]
    fn count(&self, series: &Series, value: f64) {
        if let Some(recorder) = series.recorder() {
            recorder.record_f64(self.clamp(value));
        }
    }

    #[inline(always)]
    fn note(&self, series: &Series, value: f64, exemplars: usize) -> Recorded {
        let recorded = series.words.with_touched(Note {
            histogram: self,
            series,
            value,
            exemplars,
        });
        match recorded {
            Some(recorded) => {
                self.count(series, value);
                recorded
            }
            None => Recorded::Untouched,
        }
    }

    /// Whether minimum and maximum lie in the outermost slots.
    fn has_extremes(&self, counts: &Counts, min: f64, max: f64) -> (bool, bool) {
        let within = |slot: Option<Slot>, value: f64| {
            let units = self.range.units(value);
            slot.is_some_and(|slot| (slot.lowest..=slot.highest).contains(&units))
        };
        (
            within(counts.slots().next(), min),
            within(counts.slots().max_by_key(|slot| slot.highest), max),
        )
    }
}

impl<T: Measured> Aggregate for Hdr<T> {
    type Value = T;
    type Reported = Reported;
    type Point = ExponentialHistogramPoint;

    const HISTOGRAM: bool = true;

    fn words(&self) -> usize {
        self.min_max.end()
    }

    fn recorder(&self) -> Option<Recorder> {
        let budget = Arc::clone(&self.stream.budget);
        Some(Recorder::with_budget(self.range, budget))
    }

    fn reservoirs(&self, _default_size: usize) -> (usize, usize) {
        // As those of exponential histograms (specification: `metrics/sdk.md`, "Exemplar defaults").
        (1, self.max_size.min(20))
    }

    #[inline(always)]
    fn record(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        if value.as_f64() < 0.0 {
            return Recorded::Untouched;
        }
        self.note(series, value.as_f64(), exemplars)
    }

    fn record_first(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        series.touch();
        self.note(series, value.as_f64(), exemplars)
    }

    fn record_shared(&self, series: &Series, value: T) {
        let value = value.as_f64();
        self.write(series.shared_row(self.words()), series, value);
        self.count(series, value);
    }

    fn point(
        &self,
        series: &Series,
        cells: &Collection,
        interval: &Interval,
        reported: &mut Reported,
    ) -> Option<ExponentialHistogramPoint> {
        let total = series.recorder()?.collect_within(cells);
        let mut sum = 0.0f64;
        series.each_row(cells, |row| sum = sum.plus(f64::from_bits(row.get(SUM))));
        // Relaxed: a flag alone.
        if self.stream.budget.is_spent() && !self.stream.coarse.swap(true, Ordering::Relaxed) {
            self.stream.parts.tally.coarse();
        }
        let scale = convert::scale(&total, self.max_size);
        let counts = match interval.temporality {
            Temporality::Cumulative => total,
            Temporality::Delta => {
                let delta = match &reported.counts {
                    Some(before) => total.since(before),
                    None => total.clone(),
                };
                if !delta.is_empty() {
                    reported.counts = Some(total);
                }
                delta
            }
        };
        if counts.is_empty() {
            return None;
        }
        let (min, max) = min_max::read(self.min_max, series, cells, interval, |min, max| {
            self.has_extremes(&counts, min, max)
        });
        if interval.temporality == Temporality::Delta {
            let none_below_zero = min.is_some_and(|min| min >= 0.0);
            sum = change::<T>(sum, &mut reported.sum, none_below_zero);
        }
        let start = interval.start(series, &mut reported.began);
        let (zero_count, positive) = convert::buckets(&counts, scale);
        Some(ExponentialHistogramPoint {
            attributes: series.attributes.clone(),
            start,
            time: interval.time,
            scale,
            zero_count,
            // Values that were rounded to zero count as zero (specification: `metrics/data-model.md`, "Zero Count and
            // Zero Threshold").
            zero_threshold: 0.0,
            sum,
            min,
            max,
            positive,
            negative: Default::default(),
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

/// A measurement on its way into the thread's own row.
struct Note<'a, T> {
    histogram: &'a Hdr<T>,
    series: &'a Series,
    value: f64,
    exemplars: usize,
}

impl<T> OnWords for Note<'_, T> {
    type Output = Recorded;

    #[inline(always)]
    fn run(self, row: &[OwnWord]) -> Recorded {
        self.histogram.write(row, self.series, self.value);
        exemplar::pass(row.get(self.exemplars), self.series)
    }
}
