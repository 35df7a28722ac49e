//! Throughline's engine with a reader that collects when asked.

use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use throughline_engine::{
    Aggregation, ExemplarFilter, InstrumentKind, MeterProvider, Reader, Selector, View,
};
use throughline_model::{Collect, Data, Number, Snapshot};

/// An engine and its reader; both are shared by clones.
#[derive(Clone)]
pub(crate) struct Engine {
    provider: MeterProvider,
    reader: Reader,
}

impl Engine {
    pub(crate) fn new() -> Self {
        Self::with_exemplars(ExemplarFilter::default())
    }

    pub(crate) fn with_exemplars(filter: ExemplarFilter) -> Self {
        Self::build(filter, None)
    }

    /// Histograms become exponential ones.
    pub(crate) fn exponential() -> Self {
        Self::aggregating(Aggregation::exponential())
    }

    /// Histograms become HDR ones of three digits, up to a minute.
    pub(crate) fn hdr() -> Self {
        Self::aggregating(Aggregation::hdr(1.0, 60_000.0))
    }

    fn aggregating(aggregation: Aggregation) -> Self {
        let histograms = Selector::any().kind(InstrumentKind::Histogram);
        let view = View::select(histograms).aggregation(aggregation);
        Self::build(ExemplarFilter::default(), Some(view))
    }

    fn build(filter: ExemplarFilter, view: Option<View>) -> Self {
        let reader = Reader::default();
        let builder = MeterProvider::builder()
            .reader(reader.clone())
            .exemplar_filter(filter);
        let builder = match view {
            Some(view) => builder.view(view),
            None => builder,
        };
        let provider = builder.build().expect("settings are valid");
        Self { provider, reader }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.provider.meter("bench")
    }

    pub(crate) fn collect(&self) -> Snapshot {
        let snapshot = self.reader.collect(Duration::from_secs(60));
        snapshot.expect("the provider lives")
    }

    /// What all sums and gauges add up to.
    pub(crate) fn total(&self) -> f64 {
        self.collect()
            .metrics()
            .map(|(_, it)| total(&it.data))
            .sum()
    }

    /// How many measurements all histograms have, and what they add up to.
    pub(crate) fn records(&self) -> (u64, f64) {
        let snapshot = self.collect();
        records(&snapshot)
    }
}

/// How many measurements the histograms of a snapshot have, and what they add up to.
pub(crate) fn records(snapshot: &Snapshot) -> (u64, f64) {
    let each = snapshot.metrics().map(|(_, metric)| match &metric.data {
        Data::Histogram(it) => it.points.iter().fold((0, 0.0), |(count, sum), point| {
            (count + point.counts.iter().sum::<u64>(), sum + point.sum)
        }),
        Data::ExponentialHistogram(it) => it.points.iter().fold((0, 0.0), |(count, sum), point| {
            let buckets = point.positive.counts.iter().chain(&point.negative.counts);
            let buckets: u64 = buckets.sum();
            (count + buckets + point.zero_count, sum + point.sum)
        }),
        _ => (0, 0.0),
    });
    each.fold((0, 0.0), |(count, sum), (c, s)| (count + c, sum + s))
}

/// What the points of a sum or a gauge add up to.
pub(crate) fn total(data: &Data) -> f64 {
    let points = match data {
        Data::Sum(it) => &it.points,
        Data::Gauge(it) => &it.points,
        _ => return 0.0,
    };
    let values = points.iter().map(|point| match point.value {
        Number::U64(value) => value as f64,
        Number::I64(value) => value as f64,
        Number::F64(value) => value,
    });
    values.sum()
}
