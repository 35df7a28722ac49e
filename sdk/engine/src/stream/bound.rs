//! A bound instrument: the shortest path of a measurement.
//!
//! ```text
//! BoundCounter::add ─► Bound::measure                                              (a virtual call of the API)
//!   ├─ negative where it must not be, not finite, maybe an outlier? ─► measure_special                   (one test)
//!   ├─ Aggregate::record
//!   │    Words::with_touched     this thread's directory[chunk][start..]           (two loads and two tests)
//!   │      sum += value; touches += 1                                              (nobody else writes them)
//!   │      of a histogram: sum += value, minimum and maximum, bucket += 1          (aggregate/explicit/bounds.rs: which)
//!   │      exemplar::pass        the generation is that of the series, skip > 0: skip −= 1, done    (one test)
//!   ├─ due: Idle::is_idle      is a sampled span current?              (all measurements, where nothing is sampled)
//!   └─ a tail call, where something is left to do:
//!        offer           to the reservoirs of the readers
//!        measure_first   this thread's first touch of these words, or no place for the value
//! ```
//!
//! `measure` calls nothing but in its last place: `self`, the value and the series are all that it has to save. It saves these,
//! since to a library not yet linked a thread-local's address is a call; so what can be is done after that address is known, and
//! the question for the span, which needs two more of them, is asked right here. `cargo xtask instructions` counts it all.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::BoundSyncInstrument;

use super::Stream;
use crate::aggregate::{Aggregate, Recorded};
use crate::exemplar::Idle;
use crate::number::{Measured, NumberType, Plain};
use crate::parts::Parts;
use crate::series::Series;
use crate::table::Table;

/// Binds a stream to a series, which is pinned where series are taken out. `left_out` is what the series does not carry of the attributes.
pub(super) fn bind<A: Aggregate>(
    stream: Arc<Stream<A>>,
    series: Arc<Series>,
    left_out: Vec<KeyValue>,
) -> Box<dyn BoundSyncInstrument<A::Value> + Send + Sync> {
    let overflows = Table::is_overflow_set(&series.attributes);
    let bound = Bound {
        series,
        aggregate: stream.aggregate.clone(),
        plain_values: stream.plain_values,
        plain_up_to: stream.watch.plain_up_to().min(f64::MAX),
        exemplars: stream.exemplars,
        idle: stream.idle,
        stream,
        left_out: left_out.into(),
    };
    let parts = Arc::clone(&bound.stream.parts);
    let bound: Box<dyn BoundSyncInstrument<A::Value> + Send + Sync> =
        if bound.stream.watch.is_of_quantile() {
            Box::new(Watched(bound))
        } else {
            Box::new(bound)
        };
    if overflows {
        Box::new(Overflowing { bound, parts })
    } else {
        bound
    }
}

/// An instrument with its attributes fixed (specification: `metrics/sdk.md`, "Instrument bind").
///
/// Fields that the stream has too are copies: one load less on the way to each.
struct Bound<A: Aggregate> {
    series: Arc<Series>,
    aggregate: A,
    /// Of what is no histogram.
    plain_values: Plain,
    /// Of histograms: what is not at most this is not finite, or may be an outlier.
    plain_up_to: f64,
    exemplars: usize,
    idle: Idle,
    stream: Arc<Stream<A>>,
    /// What the point does not carry, for exemplars.
    left_out: Box<[KeyValue]>,
}

impl<A: Aggregate> BoundSyncInstrument<A::Value> for Bound<A> {
    #[inline]
    fn measure(&self, value: A::Value) {
        let is_plain = if A::HISTOGRAM {
            // As a float, since the value is needed as one: its bits would have to be saved while the thread's words are
            // looked for. What is below 0 is untouched, so that −∞ is refused then.
            value.as_f64() <= self.plain_up_to
        } else {
            // Of integers without a sign none is refused.
            A::Value::TYPE == NumberType::U64 || value.is_plain(self.plain_values)
        };
        if !is_plain {
            return self.measure_special(value);
        }
        match self.aggregate.record(&self.series, value, self.exemplars) {
            Recorded::Done => {}
            Recorded::Due if self.idle.is_idle() => {}
            Recorded::Due => self.offer(value),
            Recorded::Offer => self.offer(value),
            Recorded::Untouched => self.measure_first(value),
        }
    }
}

impl<A: Aggregate> Bound<A> {
    /// What may be refused, and what may be an outlier.
    #[cold]
    #[inline(never)]
    fn measure_special(&self, value: A::Value) {
        if !self.stream.refuses(value) {
            let left_out = || self.left_out.to_vec();
            self.stream.write(&self.series, value, left_out);
        }
    }

    #[cold]
    #[inline(never)]
    fn offer(&self, value: A::Value) {
        let left_out = || self.left_out.to_vec();
        self.stream.offer(&self.series, value, left_out);
    }

    #[cold]
    #[inline(never)]
    fn measure_first(&self, value: A::Value) {
        if A::HISTOGRAM && self.stream.refuses(value) {
            return;
        }
        let left_out = || self.left_out.to_vec();
        self.stream.write_first(&self.series, value, left_out);
    }
}

impl<A: Aggregate> Drop for Bound<A> {
    fn drop(&mut self) {
        if self.stream.forgets {
            self.series.unpin();
        }
    }
}

/// A bound histogram whose outliers a quantile tells: what is far below is counted for it, and is as plain as any value.
struct Watched<A: Aggregate>(Bound<A>);

impl<A: Aggregate> BoundSyncInstrument<A::Value> for Watched<A> {
    #[inline]
    fn measure(&self, value: A::Value) {
        let Self(bound) = self;
        if bound.stream.watch.counts_low(value.as_f64()) {
            bound.measure(value);
        } else {
            bound.measure_special(value);
        }
    }
}

/// A bound instrument whose attributes came too late for a series of their own.
struct Overflowing<T> {
    bound: Box<dyn BoundSyncInstrument<T> + Send + Sync>,
    parts: Arc<Parts>,
}

impl<T> BoundSyncInstrument<T> for Overflowing<T> {
    fn measure(&self, value: T) {
        self.parts.tally.overflowed();
        self.bound.measure(value);
    }
}

/// A bound instrument that is bound to nothing.
pub(super) struct Refusing;

impl<T> BoundSyncInstrument<T> for Refusing {
    fn measure(&self, _value: T) {}
}
