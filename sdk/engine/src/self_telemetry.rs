//! What the engine tells of itself.
//!
//! | metric | unit | attributes |
//! |---|---|---|
//! | `otel.sdk.metric_reader.collection.duration` | `s` | `otel.component.name`, `otel.component.type`, `error.type` |
//! | `throughline.engine.instruments` | `{instrument}` | |
//! | `throughline.engine.series` | `{series}` | |
//! | `throughline.engine.measurements.refused` | `{measurement}` | `error.type`: `non_finite`, `negative`, `undescribed` |
//! | `throughline.engine.measurements.overflowed` | `{measurement}` | |
//! | `throughline.engine.measurements.clamped` | `{measurement}` | |
//! | `throughline.engine.streams.coarse` | `{stream}` | |
//! | `throughline.engine.callbacks.panicked` | `{panic}` | |
//! | `throughline.engine.callbacks.skipped` | `{callback}` | |
//! | `throughline.engine.outliers` | `{measurement}` | `throughline.outlier.trace`: `asked`, `sampled`, `lost`, `none` |
//! | `throughline.engine.exemplars` | `{exemplar}` | `throughline.exemplar.outcome`: `published`, `withdrawn`, `undecided`, `superseded` |
//!
//! The first is a name of the semantic conventions (status: development), which have none for the others. They are
//! read by a collector like users' own, so that telling of itself takes no path that measuring takes.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{InstrumentationScope, KeyValue};
use throughline_model::CollectError;

use crate::collector::{Collector, Instruments, Observable, Observations};
use crate::number::Refusal;
use crate::provider::Shared;

/// The meter of all metrics here.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("throughline")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

/// How long collections take.
#[derive(Debug)]
pub(crate) struct CollectionDuration(Histogram<f64>);

impl CollectionDuration {
    pub(crate) fn new(meter: &Meter) -> Self {
        let bounds = vec![
            0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
            2.5, 5.0, 10.0,
        ];
        let histogram = meter
            .f64_histogram("otel.sdk.metric_reader.collection.duration")
            .with_description("The duration of the collect operation of the metric reader.")
            .with_unit("s")
            .with_boundaries(bounds)
            .build();
        Self(histogram)
    }

    pub(crate) fn record(
        &self,
        component_type: &'static str,
        reader: usize,
        took: Duration,
        error: Option<&CollectError>,
    ) {
        let error = error.map(|error| {
            let name = match error {
                CollectError::Timeout(_) => "timeout",
                CollectError::Shutdown => "already_shutdown",
                _ => "_OTHER",
            };
            KeyValue::new("error.type", name)
        });
        let name = format!("{component_type}/{reader}");
        let attributes: Vec<KeyValue> = [
            KeyValue::new("otel.component.name", name),
            KeyValue::new("otel.component.type", component_type),
        ]
        .into_iter()
        .chain(error)
        .collect();
        self.0.record(took.as_secs_f64(), &attributes);
    }
}

const INSTRUMENTS: Observable<i64> =
    Observable::<i64>::up_down_counter("throughline.engine.instruments")
        .unit("{instrument}")
        .description("Instruments that are registered");
const SERIES: Observable<i64> = Observable::<i64>::up_down_counter("throughline.engine.series")
    .unit("{series}")
    .description("Attribute sets that are kept, of all streams");
const REFUSED: Observable<u64> =
    Observable::<u64>::counter("throughline.engine.measurements.refused")
        .unit("{measurement}")
        .description("Measurements that were not recorded, by cause");
const OVERFLOWED: Observable<u64> =
    Observable::<u64>::counter("throughline.engine.measurements.overflowed")
        .unit("{measurement}")
        .description(
            "Measurements that went to otel.metric.overflow, since their stream was at its limit",
        );
const CLAMPED: Observable<u64> =
    Observable::<u64>::counter("throughline.engine.measurements.clamped")
        .unit("{measurement}")
        .description("Measurements outside the range of their HDR histogram, counted at its end");
const COARSE: Observable<u64> = Observable::<u64>::counter("throughline.engine.streams.coarse")
    .unit("{stream}")
    .description("HDR histograms that fell to two digits, since their memory was used up");
const PANICKED: Observable<u64> =
    Observable::<u64>::counter("throughline.engine.callbacks.panicked")
        .unit("{panic}")
        .description(
            "Panics of callbacks, collectors, reservoirs and the keeper of traces that were caught",
        );
const SKIPPED: Observable<u64> = Observable::<u64>::counter("throughline.engine.callbacks.skipped")
    .unit("{callback}")
    .description("Callbacks and collectors that were not run, since the collection's time was up");
const OUTLIERS: Observable<u64> = Observable::<u64>::counter("throughline.engine.outliers")
    .unit("{measurement}")
    .description("Outliers of histograms, by whether their trace was asked for");
const EXEMPLARS: Observable<u64> = Observable::<u64>::counter("throughline.engine.exemplars")
    .unit("{exemplar}")
    .description("Exemplars that had to be resolvable, by what became of them");

/// Reads a provider's own state.
pub(crate) struct EngineCollector(pub(crate) Weak<Shared>);

impl Collector for EngineCollector {
    fn describe(&self, instruments: &mut Instruments) {
        instruments
            .add(&INSTRUMENTS)
            .add(&SERIES)
            .add(&REFUSED)
            .add(&OVERFLOWED)
            .add(&CLAMPED)
            .add(&COARSE)
            .add(&PANICKED)
            .add(&SKIPPED)
            .add(&OUTLIERS)
            .add(&EXEMPLARS);
    }

    fn collect(&self, observations: &mut Observations<'_>) {
        let Some(provider) = self.0.upgrade() else {
            return;
        };
        let meters = provider.lock_meters().clone();
        let instruments: usize = meters.iter().map(|meter| meter.instruments()).sum();
        let streams = meters.iter().flat_map(|meter| meter.streams());
        let series: usize = streams.map(|stream| stream.series()).sum();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        observations.observe(&INSTRUMENTS, count(instruments), &[]);
        observations.observe(&SERIES, count(series), &[]);
        let tally = &provider.parts.tally;
        for (cause, counter) in [
            ("non_finite", &tally.non_finite),
            ("negative", &tally.negative),
            ("undescribed", &tally.undescribed),
        ] {
            let refused = counter.load(Ordering::Relaxed);
            observations.observe(&REFUSED, refused, &[KeyValue::new("error.type", cause)]);
        }
        observations.observe(&OVERFLOWED, tally.overflowed.load(Ordering::Relaxed), &[]);
        observations.observe(&CLAMPED, tally.clamped.load(Ordering::Relaxed), &[]);
        observations.observe(&COARSE, tally.coarse.load(Ordering::Relaxed), &[]);
        observations.observe(&PANICKED, tally.panicked.load(Ordering::Relaxed), &[]);
        observations.observe(&SKIPPED, tally.skipped.load(Ordering::Relaxed), &[]);
        for (trace, counter) in OutlierTrace::NAMES.iter().zip(&tally.outliers) {
            let attributes = [KeyValue::new("throughline.outlier.trace", *trace)];
            observations.observe(&OUTLIERS, counter.load(Ordering::Relaxed), &attributes);
        }
        for (outcome, counter) in Outcome::NAMES.iter().zip(&tally.exemplars) {
            let attributes = [KeyValue::new("throughline.exemplar.outcome", *outcome)];
            observations.observe(&EXEMPLARS, counter.load(Ordering::Relaxed), &attributes);
        }
    }
}

/// What the engine counts of itself. Only cold paths touch it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    non_finite: AtomicU64,
    negative: AtomicU64,
    undescribed: AtomicU64,
    overflowed: AtomicU64,
    clamped: AtomicU64,
    coarse: AtomicU64,
    panicked: AtomicU64,
    skipped: AtomicU64,
    /// By [`OutlierTrace`].
    outliers: [AtomicU64; 4],
    /// By [`Outcome`].
    exemplars: [AtomicU64; 4],
}

/// Where an outlier stood with its trace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OutlierTrace {
    /// The keeper was asked to keep it.
    Asked,
    /// It is sampled, and there is nobody to ask.
    Sampled,
    /// It is not sampled and cannot be kept.
    Lost,
    /// It was measured in no span.
    None,
}

impl OutlierTrace {
    const NAMES: [&str; 4] = ["asked", "sampled", "lost", "none"];
}

/// What became of an exemplar that had to be resolvable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// Its span was delivered.
    Published,
    /// Its span was lost.
    Withdrawn,
    /// Its span was still on its way when the last collection asked.
    Undecided,
    /// Its span was delivered, and so was that of a newer one in its place.
    Superseded,
}

impl Outcome {
    const NAMES: [&str; 4] = ["published", "withdrawn", "undecided", "superseded"];
}

impl Tally {
    /// A measurement was not recorded.
    #[cold]
    pub(crate) fn refused(&self, why: Refusal) {
        let counter = match why {
            Refusal::NonFinite => &self.non_finite,
            Refusal::Negative => &self.negative,
            Refusal::Undescribed => &self.undescribed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A measurement went to the overflow.
    #[cold]
    pub(crate) fn overflowed(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    /// A measurement was outside the range of its histogram.
    #[cold]
    pub(crate) fn clamped(&self) {
        self.clamped.fetch_add(1, Ordering::Relaxed);
    }

    /// A histogram fell to two digits.
    #[cold]
    pub(crate) fn coarse(&self) {
        self.coarse.fetch_add(1, Ordering::Relaxed);
    }

    /// An outlier was measured.
    #[cold]
    pub(crate) fn outlier(&self, trace: OutlierTrace) {
        self.outliers[trace as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// It was decided on an exemplar.
    #[cold]
    pub(crate) fn exemplar(&self, outcome: Outcome) {
        self.exemplars[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// So many callbacks were not run.
    #[cold]
    pub(crate) fn skipped(&self, callbacks: usize) {
        self.skipped.fetch_add(callbacks as u64, Ordering::Relaxed);
    }

    /// What is not the engine's panicked.
    #[cold]
    pub(crate) fn panicked(&self) {
        self.panicked.fetch_add(1, Ordering::Relaxed);
    }
}
