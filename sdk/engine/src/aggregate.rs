//! Aggregations: how measurements become points.
//!
//! Each one says what a row of words means, how a thread writes a measurement into its own row, and how a collection
//! makes a point of the rows of all threads. To add one, implement [`Aggregate`] in a file here and choose it in
//! [`pipeline`](crate::pipeline).

mod explicit;
mod exponential;
mod hdr;
mod last_value;
mod min_max;
mod rank;
mod sum;

use std::fmt::Debug;
use std::time::SystemTime;

use throughline_cells::Collection;
use throughline_hdr::Recorder;
use throughline_model::{Data, Exemplar, Temporality};

use crate::exemplar::{self, Carries};
use crate::number::{Measured, NumberType};
use crate::series::Series;
use crate::timestamp::Timestamp;

pub(crate) use explicit::Explicit;
pub(crate) use exponential::{Dense, Exponential};
pub(crate) use hdr::Hdr;
pub(crate) use last_value::LastValue;
pub(crate) use sum::Sum;

/// How measurements of one type become points.
pub(crate) trait Aggregate: Clone + Debug + Send + Sync + Sized + 'static {
    /// What is measured.
    type Value: Measured;
    /// What a reader remembers of a series from collection to collection.
    type Reported: Default + Debug + Send;
    /// What it makes of a series.
    type Point: Debug + Carries;

    /// Whether it is a histogram, whose measurements may be outliers.
    const HISTOGRAM: bool = false;

    /// How many words a row has before its exemplar words.
    fn words(&self) -> usize;

    /// Whether rows are arrays whose length changes.
    fn resizes(&self) -> bool {
        false
    }

    /// Where threads count the measurements of a series, where that is not its row.
    fn recorder(&self) -> Option<Recorder> {
        None
    }

    /// How many reservoirs a series has, and how many exemplars each holds.
    fn reservoirs(&self, default_size: usize) -> (usize, usize);

    /// The reservoir of a value.
    fn slot(&self, _value: Self::Value) -> usize {
        0
    }

    /// Writes a measurement into this thread's row, if it touched it before. Exemplar words stand from `exemplars` on. A
    /// histogram leaves what is below 0 to [`record_first`](Self::record_first), and whatever else would take it a second test.
    fn record(&self, series: &Series, value: Self::Value, exemplars: usize) -> Recorded;

    /// The same for this thread's first measurement of the series, and wherever else `record` says that it cannot: makes
    /// what it misses first.
    fn record_first(&self, series: &Series, value: Self::Value, exemplars: usize) -> Recorded {
        series.touch();
        self.record(series, value, exemplars)
    }

    /// Writes into the row that threads share.
    fn record_shared(&self, series: &Series, value: Self::Value);

    /// The point of a series, if it is to be reported.
    fn point(
        &self,
        series: &Series,
        cells: &Collection,
        interval: &Interval,
        reported: &mut Self::Reported,
    ) -> Option<Self::Point>;

    /// The points as the model has them.
    fn data(&self, temporality: Temporality, points: Vec<Self::Point>) -> Data;
}

/// What became of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Recorded {
    /// It is recorded.
    Done,
    /// It is recorded, and may become an exemplar; if not, nothing changes.
    Due,
    /// It is recorded, and is to be offered to its reservoir: also if it is refused there, its word changes.
    Offer,
    /// This thread has not touched its words yet, has no place for the value, or cannot have: nothing is recorded yet.
    Untouched,
}

/// What a histogram's sum has changed by since it was `reported`: what receivers have added up so far, rounding included, so
/// that the changes add up to the total. They may be an ulp ahead of it: of values that are not below zero, the sum is not.
fn change<T: Measured>(sum: f64, reported: &mut f64, none_below_zero: bool) -> f64 {
    let change = sum.minus(*reported);
    let none_below_zero = none_below_zero || T::TYPE == NumberType::U64;
    let change = if none_below_zero {
        change.max(0.0)
    } else {
        change
    };
    *reported = reported.plus(change);
    change
}

/// One collection of one feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) temporality: Temporality,
    /// Where deltas begin: the feed's previous collection, or when the stream was made.
    pub(crate) start: SystemTime,
    /// Now. `start <= time`.
    pub(crate) time: SystemTime,
    /// Which of the stream's feeds.
    pub(crate) feed: usize,
    /// Whether this feed resets minimum and maximum.
    pub(crate) resets: bool,
}

/// When a cumulative series began for one feed. Fixed when it is first reported (specification: `metrics/sdk.md`,
/// "Start timestamps").
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Began(Option<Timestamp>);

impl Interval {
    /// The start of a point, where `began` remembers that of a cumulative series.
    ///
    /// A series is made by its first measurement, so the start is that time; one that `bind` made is measured later,
    /// after this feed's previous collection, which did not report it.
    pub(crate) fn start(&self, series: &Series, began: &mut Began) -> SystemTime {
        match self.temporality {
            Temporality::Delta => self.start,
            Temporality::Cumulative => {
                let begins = || {
                    SystemTime::from(series.created)
                        .max(self.start)
                        .min(self.time)
                };
                (*began.0.get_or_insert_with(|| begins().into())).into()
            }
        }
    }

    /// The exemplars of the reservoirs that `from` picks, times within `start..=time`.
    pub(crate) fn exemplars(
        &self,
        series: &Series,
        start: SystemTime,
        from: impl Fn(usize) -> bool,
    ) -> Vec<Exemplar> {
        exemplar::take(series, self.feed, from, (start, self.time))
    }
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn what_is_not_below_zero_takes_nothing_off_a_sum() {
        // Threads that end are added up in another order, which may round to an ulp less.
        let ahead = 1.0 + f64::EPSILON;
        let mut reported = ahead;
        assert_eq!(change::<f64>(1.0, &mut reported, true), 0.0);
        assert_eq!(change::<u64>(1.0, &mut reported, false), 0.0);
        assert_eq!(reported, ahead, "what receivers have does not change");
        assert_eq!(change::<f64>(3.0, &mut reported, true), 3.0 - ahead);
        assert_eq!(change::<f64>(1.0, &mut reported, false), -2.0);
        assert_eq!(reported, 1.0);
    }
}
