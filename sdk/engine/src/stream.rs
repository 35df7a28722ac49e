//! A stream of a synchronous instrument: instrument × view × (aggregation, limit), and the path of a measurement.
//!
//! ```text
//! Counter::add ─► Stream::measure ─► refused?              (number.rs: not finite, negative)
//!                      │
//!                      ├─► the series of the attributes      (lookup.rs: this thread remembers; else table.rs)
//!                      ├─► above what is watched: cold       (watch.rs: an outlier?)
//!                      ├─► Aggregate::record                 (aggregate/*.rs: this thread's own row of words)
//!                      └─► cold, now and then: offer         (exemplar/offer.rs)
//! ```
//!
//! A warm call takes no lock, allocates nothing and reads no clock. `bind` does the look-up once and for all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundSyncInstrument, SyncInstrument};
use throughline_cells::{Blocks, OwnWord, Words};
use throughline_model::{Attributes, Temporality};

use crate::aggregate::{Aggregate, Recorded};
use crate::exemplar::{self, Idle, Offered};
use crate::lookup::{self, Call};
use crate::number::{Measured, Plain};
use crate::pairs::{self, Canonical};
use crate::parts::Parts;
use crate::pipeline::StreamConfig;
use crate::series::Series;
use crate::table::Table;
use crate::watch::Watch;
use crate::{Aggregation, ExemplarFilter, InstrumentKind};

mod bound;
mod leaving;
mod read;

use bound::Refusing;
use read::Feed;

/// A stream of a synchronous instrument, aggregated by `A`.
#[derive(Debug)]
pub(crate) struct Stream<A: Aggregate> {
    me: Weak<Self>,
    /// Never used twice in a process.
    id: u64,
    aggregate: A,
    /// Whether negative values are refused.
    monotonic: bool,
    plain_values: Plain,
    /// Where exemplar words stand in a row.
    exemplars: usize,
    idle: Idle,
    /// What is above it is looked at by `watch`; +∞ where that is nothing.
    watched: f64,
    watch: Watch,
    /// How many exemplars each reservoir holds.
    reservoir_size: usize,
    /// How long a row is.
    row: usize,
    /// Hashes the places of calls. No other stream's: many are given the same calls, which each thread remembers in one table.
    places: RandomState,
    table: Table,
    config: Arc<StreamConfig>,
    parts: Arc<Parts>,
    created: SystemTime,
    /// Whether series that are not measured any more are taken out.
    forgets: bool,
    feeds: Box<[Feed<A>]>,
}

impl<A: Aggregate> Stream<A> {
    pub(crate) fn new(
        aggregate: A,
        config: Arc<StreamConfig>,
        readers: &[(usize, Temporality)],
        parts: &Arc<Parts>,
    ) -> Arc<Self> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let created = parts.clock.now();
        let (reservoirs, reservoir_size) = aggregate.reservoirs(exemplar::default_size());
        let with_exemplars = parts.exemplar_filter != ExemplarFilter::AlwaysOff;
        let words = aggregate.words();
        // What is no histogram has no outliers.
        let watch = Watch::new(config.outliers.filter(|_| A::HISTOGRAM), created);
        let kind = config.descriptor.kind;
        let monotonic = kind == InstrumentKind::Counter
            || (kind == InstrumentKind::Histogram && config.aggregation == Aggregation::Sum);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            id,
            monotonic,
            plain_values: A::Value::plain(monotonic, watch.plain_up_to()),
            exemplars: if with_exemplars {
                words
            } else {
                exemplar::NONE
            },
            idle: Idle::of(parts.exemplar_filter),
            watched: watch.watched(),
            watch,
            reservoir_size,
            row: words + if with_exemplars { reservoirs } else { 0 },
            aggregate,
            places: RandomState::default(),
            table: Table::new(config.limit),
            config,
            parts: Arc::clone(parts),
            created,
            forgets: Self::forgets(readers),
            feeds: Feed::of(readers, created),
        })
    }

    /// Whether the value cannot be recorded; then it is counted.
    #[cold]
    #[inline(never)]
    fn refuses(&self, value: A::Value) -> bool {
        let why = value.refusal(self.monotonic);
        why.inspect(|why| self.parts.tally.refused(*why)).is_some()
    }

    /// Records a value that was not refused.
    #[inline]
    fn record(&self, value: A::Value, attributes: &[KeyValue]) {
        let write = |series: &Series| {
            self.write(series, value, || {
                pairs::left_out(attributes, &series.attributes)
            });
        };
        if attributes.is_empty()
            && let Some(series) = self.table.plain()
        {
            return write(series);
        }
        let call = self.call(attributes);
        if lookup::recall(&call, write).is_none() {
            self.record_otherwise(value, call);
        }
    }

    /// Records a value of a call that is not found at once.
    #[inline(never)]
    fn record_otherwise(&self, value: A::Value, call: Call<'_>) {
        let write = |series: &Series| {
            self.write(series, value, || {
                pairs::left_out(call.attributes, &series.attributes)
            });
        };
        if lookup::recall_otherwise(&call, write).is_none() {
            write(&self.resolve(&call));
        }
    }

    /// Writes into this thread's cells of the series.
    #[inline(always)]
    fn write(&self, series: &Series, value: A::Value, left_out: impl FnOnce() -> Vec<KeyValue>) {
        if self.is_watched(value) {
            return self.write_watched(series, value, left_out);
        }
        match self.aggregate.record(series, value, self.exemplars) {
            Recorded::Done => {}
            Recorded::Due => self.due(series, value, left_out),
            Recorded::Offer => self.offer(series, value, left_out),
            Recorded::Untouched => self.write_first(series, value, left_out),
        }
    }

    /// Writes into cells that this thread has not touched yet, or cannot have.
    #[cold]
    #[inline(never)]
    fn write_first(
        &self,
        series: &Series,
        value: A::Value,
        left_out: impl FnOnce() -> Vec<KeyValue>,
    ) {
        match self.aggregate.record_first(series, value, self.exemplars) {
            Recorded::Done => {}
            Recorded::Due => self.due(series, value, left_out),
            Recorded::Offer => self.offer(series, value, left_out),
            // Too late: the thread is ending. Or there are no words left.
            Recorded::Untouched => self.aggregate.record_shared(series, value),
        }
    }

    /// Whether the value may be an outlier. Budget: one load and one compare.
    #[inline(always)]
    fn is_watched(&self, value: A::Value) -> bool {
        A::HISTOGRAM && value.as_f64() > self.watched
    }

    /// Writes what may be an outlier: anything, where a quantile tells.
    #[inline(never)]
    fn write_watched(
        &self,
        series: &Series,
        value: A::Value,
        left_out: impl FnOnce() -> Vec<KeyValue>,
    ) {
        let outlier = self.watch.sees(value.as_f64());
        let mut recorded = self.aggregate.record(series, value, self.exemplars);
        if recorded == Recorded::Untouched {
            recorded = self.aggregate.record_first(series, value, self.exemplars);
        }
        match recorded {
            Recorded::Untouched => {
                self.aggregate.record_shared(series, value);
                if outlier {
                    // Without an exemplar: the thread is ending.
                    let _ = exemplar::claim(&self.parts);
                }
            }
            Recorded::Done if outlier => {
                // The thread's word is none of its business: the skip that it counts down goes on.
                let offered = self.offered(0, value, outlier);
                let _ = exemplar::offer(series, &offered, left_out);
            }
            Recorded::Done => {}
            Recorded::Due if !outlier => self.due(series, value, left_out),
            Recorded::Due | Recorded::Offer => self.offer_as(series, value, outlier, left_out),
        }
    }

    /// Offers a measurement that is recorded to its reservoir, unless the filter would refuse it.
    ///
    /// Not cold: where nothing is sampled all come here. Out of line, so that what does not come here saves no register.
    #[inline(never)]
    fn due(&self, series: &Series, value: A::Value, left_out: impl FnOnce() -> Vec<KeyValue>) {
        if !self.idle.is_idle() {
            self.offer(series, value, left_out);
        }
    }

    #[cold]
    #[inline(never)]
    fn offer(&self, series: &Series, value: A::Value, left_out: impl FnOnce() -> Vec<KeyValue>) {
        self.offer_as(series, value, false, left_out);
    }

    fn offer_as(
        &self,
        series: &Series,
        value: A::Value,
        outlier: bool,
        left_out: impl FnOnce() -> Vec<KeyValue>,
    ) {
        let at = self.exemplars + self.aggregate.slot(value);
        let word = series.with_row(self.row, |row| row.get(at).map_or(0, OwnWord::get));
        let offered = self.offered(word.unwrap_or(0), value, outlier);
        if let Some(word) = exemplar::offer(series, &offered, left_out) {
            series.with_row(self.row, |row| row.get(at).map(|own| own.set(word)));
        }
    }

    fn offered(&self, word: u64, value: A::Value, outlier: bool) -> Offered<'_> {
        Offered {
            slot: self.aggregate.slot(value),
            value: value.number(),
            outlier,
            word,
            feeds: self.feeds.len(),
            size: self.reservoir_size,
            custom: self.config.reservoir.as_ref(),
            parts: &self.parts,
        }
    }

    #[inline]
    fn call<'a>(&'a self, attributes: &'a [KeyValue]) -> Call<'a> {
        let filter = &self.config.attributes;
        Call {
            stream: self.id,
            filter,
            attributes,
            places: pairs::hash_places(&self.places, filter, attributes),
            hasher: self.parts.pairs.hasher(),
        }
    }

    /// The series of a call that this thread does not remember.
    #[cold]
    #[inline(never)]
    fn resolve(&self, call: &Call<'_>) -> Arc<Series> {
        let attributes = self.canonical(call.attributes);
        let series = self.find_or_make(&attributes);
        if Table::is_overflow_set(&series.attributes) {
            // Not remembered: such calls may have any number of attribute sets, and would push the others out.
            self.parts.tally.overflowed();
        } else if !call.attributes.is_empty() {
            lookup::remember(call, &attributes, &series);
        }
        series
    }

    fn canonical<'a>(&self, attributes: &'a [KeyValue]) -> Canonical<'a> {
        Canonical::of(
            self.parts.pairs.hasher(),
            &self.config.attributes,
            attributes,
        )
    }

    /// The series of these attributes, or that of the overflow.
    fn find_or_make(&self, attributes: &Canonical<'_>) -> Arc<Series> {
        let hash = attributes.hash();
        if let Some(series) = self.table.find(hash, attributes) {
            return series;
        }
        // Before the lock: a clock is not ours.
        let now = self.parts.clock.now();
        let set = self.parts.pairs.set(attributes);
        self.table
            .find_or_make(hash, set, |attributes| self.make(attributes, now))
    }

    /// The same to stay until [`Series::unpin`].
    fn find_or_make_pinned(&self, attributes: &[KeyValue]) -> Arc<Series> {
        let attributes = self.canonical(attributes);
        loop {
            let series = self.find_or_make(&attributes);
            // Else it was taken out at this moment: the next one is new.
            if !self.forgets || self.table.pin(&series, self.id) {
                return series;
            }
        }
    }

    fn make(&self, attributes: Attributes, now: SystemTime) -> Series {
        // A row that is too long for words, or whose length changes, is an array of its own.
        let array = self.aggregate.resizes() || self.row > Words::MAX_LEN;
        let (words, blocks) = if array {
            (None, Blocks::new())
        } else {
            (Words::new(self.row), None)
        };
        let created = now.max(self.created);
        let recorder = self.aggregate.recorder();
        Series::new(self.id, attributes, created, words, blocks, recorder)
    }
}

impl<A: Aggregate> SyncInstrument<A::Value> for Stream<A> {
    #[inline]
    fn measure(&self, value: A::Value, attributes: &[KeyValue]) {
        if value.is_plain(self.plain_values) || !self.refuses(value) {
            self.record(value, attributes);
        }
    }

    fn bind(
        &self,
        attributes: &[KeyValue],
    ) -> Box<dyn BoundSyncInstrument<A::Value> + Send + Sync> {
        match self.me.upgrade() {
            Some(stream) => {
                let series = self.find_or_make_pinned(attributes);
                let left_out = pairs::left_out(attributes, &series.attributes);
                bound::bind(stream, series, left_out)
            }
            // Not to be: whoever calls holds the stream by an `Arc`.
            None => Box::new(Refusing),
        }
    }
}

impl<A: Aggregate> Drop for Stream<A> {
    fn drop(&mut self) {
        let series = self.table.with_all(|all| {
            for series in all {
                series.leave_stream();
            }
            all.len()
        });
        lookup::forget_dropped(series);
    }
}

#[cfg(test)]
mod tests;
