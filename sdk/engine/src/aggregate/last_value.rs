//! Last values: what was recorded last, on whichever thread.
//!
//! No sum of threads' cells says which value came last, so a gauge is one cell that threads share: `[ value | version ]`.
//! A thread stores the value, then counts the version (release); a collection reads the version (acquire), then the value.
//! Delta readers report a gauge whose version moved.

use std::marker::PhantomData;

use throughline_cells::Collection;
use throughline_model::{Data, Gauge, NumberPoint, Temporality};

use super::{Aggregate, Began, Interval, Recorded};
use crate::exemplar;
use crate::number::Measured;
use crate::row::{ReadRow, Row};
use crate::series::Series;

const VALUE: usize = 0;
const VERSION: usize = 1;
const SHARED: usize = 2;

/// Keeps the last value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastValue<T>(PhantomData<fn(T)>);

/// What a reader has seen of a gauge.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    version: u64,
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

    /// Threads have exemplar words alone.
    fn words(&self) -> usize {
        0
    }

    fn reservoirs(&self, default_size: usize) -> (usize, usize) {
        (1, default_size)
    }

    #[inline]
    fn record(&self, series: &Series, value: T, exemplars: usize) -> Recorded {
        self.record_shared(series, value);
        series
            .with_words(move |row| exemplar::pass(row, exemplars, 0, series))
            .unwrap_or(Recorded::Done)
    }

    #[inline]
    fn record_shared(&self, series: &Series, value: T) {
        let row = series.shared_row(SHARED);
        row.store(VALUE, value.to_bits());
        row.add_release(VERSION, 1);
    }

    fn point(
        &self,
        series: &Series,
        _cells: &Collection,
        interval: &Interval,
        seen: &mut Seen,
    ) -> Option<NumberPoint> {
        let row = series.shared_row(SHARED);
        let version = row.get_acquire(VERSION);
        let reported = match interval.temporality {
            Temporality::Cumulative => version > 0,
            Temporality::Delta => version != seen.version,
        };
        if !reported {
            return None;
        }
        seen.version = version;
        let start = interval.start(series, &mut seen.began);
        Some(NumberPoint {
            attributes: series.attributes.clone(),
            start,
            time: interval.time,
            value: T::from_bits(row.get(VALUE)).number(),
            exemplars: interval.exemplars(series, start, |_| true),
        })
    }

    fn data(&self, _temporality: Temporality, points: Vec<NumberPoint>) -> Data {
        Data::Gauge(Gauge { points })
    }
}
