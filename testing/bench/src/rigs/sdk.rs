//! `opentelemetry_sdk` with a reader that collects when asked.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream,
    Temporality,
};

/// A provider and its reader; both are shared by clones.
#[derive(Clone)]
pub(crate) struct Sdk {
    provider: SdkMeterProvider,
    reader: SharedReader,
}

/// The provider takes its reader away, so it gets one that we hold too.
#[derive(Clone, Debug)]
struct SharedReader(Arc<ManualReader>);

impl MetricReader for SharedReader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, into: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(into)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

impl Sdk {
    pub(crate) fn new() -> Self {
        Self::build(false)
    }

    /// Histograms become exponential ones.
    pub(crate) fn exponential() -> Self {
        Self::build(true)
    }

    fn build(exponential: bool) -> Self {
        let reader = SharedReader(Arc::new(ManualReader::builder().build()));
        let builder = SdkMeterProvider::builder().with_reader(reader.clone());
        let builder = if exponential {
            builder.with_view(|instrument: &Instrument| {
                let aggregation = Aggregation::Base2ExponentialHistogram {
                    max_size: 160,
                    max_scale: 20,
                    record_min_max: true,
                };
                (instrument.kind() == InstrumentKind::Histogram)
                    .then(|| Stream::builder().with_aggregation(aggregation).build().ok())?
            })
        } else {
            builder
        };
        Self {
            provider: builder.build(),
            reader,
        }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.provider.meter("bench")
    }

    pub(crate) fn collect_into(&self, metrics: &mut ResourceMetrics) {
        self.reader.collect(metrics).expect("the provider lives");
    }

    /// What all sums and gauges add up to.
    pub(crate) fn total(&self) -> f64 {
        let mut metrics = ResourceMetrics::default();
        self.collect_into(&mut metrics);
        let all = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        all.map(|metric| match metric.data() {
            AggregatedMetrics::U64(data) => total(data, |value| value as f64),
            AggregatedMetrics::I64(data) => total(data, |value| value as f64),
            AggregatedMetrics::F64(data) => total(data, |value| value),
        })
        .sum()
    }

    /// How many measurements all histograms have, and what they add up to.
    pub(crate) fn records(&self) -> (u64, f64) {
        let mut metrics = ResourceMetrics::default();
        self.collect_into(&mut metrics);
        let all = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        all.map(|metric| match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(it)) => {
                it.data_points().fold((0, 0.0), |(count, sum), it| {
                    (count + it.count(), sum + it.sum())
                })
            }
            AggregatedMetrics::F64(MetricData::ExponentialHistogram(it)) => {
                it.data_points().fold((0, 0.0), |(count, sum), it| {
                    (count + it.count() as u64, sum + it.sum())
                })
            }
            _ => (0, 0.0),
        })
        .fold((0, 0.0), |(count, sum), (c, s)| (count + c, sum + s))
    }
}

fn total<T: Copy>(data: &MetricData<T>, as_f64: impl Fn(T) -> f64) -> f64 {
    match data {
        MetricData::Sum(it) => it.data_points().map(|it| as_f64(it.value())).sum(),
        MetricData::Gauge(it) => it.data_points().map(|it| as_f64(it.value())).sum(),
        _ => 0.0,
    }
}
