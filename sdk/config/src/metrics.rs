//! Metrics: how often, in which form, with which exemplars.

use std::time::Duration;

use crate::reader::Reader;
use crate::words::words;

/// What the environment says about metrics.
///
/// ```
/// use std::time::Duration;
/// use throughline_config::{Environment, TemporalityPreference};
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_METRIC_EXPORT_INTERVAL" => Some("15000".into()),
///     "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" => Some("delta".into()),
///     _ => None,
/// });
/// let metrics = environment.metrics;
/// assert_eq!(metrics.export_interval, Some(Duration::from_secs(15)));
/// assert_eq!(metrics.temporality_preference, Some(TemporalityPreference::Delta));
/// assert_eq!(metrics.exemplar_filter, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// From the start of one push to the start of the next; at least 1 ms. Default 60 s.
    pub export_interval: Option<Duration>,
    /// How long one push may take. Default 30 s.
    pub export_timeout: Option<Duration>,
    /// Which measurements may become exemplars.
    pub exemplar_filter: Option<ExemplarFilter>,
    /// Which instruments are pushed as delta.
    pub temporality_preference: Option<TemporalityPreference>,
    /// What histograms without advice become.
    pub default_histogram_aggregation: Option<HistogramAggregation>,
}

words! {
    /// Which measurements may become exemplars (`OTEL_METRICS_EXEMPLAR_FILTER`).
    ///
    /// ```
    /// use throughline_config::{Environment, ExemplarFilter};
    ///
    /// let (environment, _) = Environment::read(|name| {
    ///     (name == "OTEL_METRICS_EXEMPLAR_FILTER").then(|| "Always_On".into())
    /// });
    /// assert_eq!(environment.metrics.exemplar_filter, Some(ExemplarFilter::AlwaysOn));
    /// assert_eq!(ExemplarFilter::AlwaysOn.as_str(), "always_on");
    /// ```
    pub enum ExemplarFilter {
        /// Those made inside a sampled span: the specification's default.
        TraceBased = "trace_based",
        /// Those whose trace was delivered: Throughline's own, and its default.
        Resolvable = "resolvable",
        /// All.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
    }
}

words! {
    /// Which instruments are pushed as delta (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`;
    /// specification: `metrics/sdk_exporters/otlp.md`).
    ///
    /// ```
    /// use throughline_config::{Environment, TemporalityPreference};
    ///
    /// let (environment, _) = Environment::read(|name| {
    ///     (name == "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE").then(|| "LowMemory".into())
    /// });
    /// assert_eq!(environment.metrics.temporality_preference, Some(TemporalityPreference::LowMemory));
    /// assert_eq!(TemporalityPreference::LowMemory.as_str(), "lowmemory");
    /// ```
    pub enum TemporalityPreference {
        /// None. The default.
        Cumulative = "cumulative",
        /// Counters, asynchronous counters and histograms.
        Delta = "delta",
        /// Counters and histograms, not the asynchronous kinds.
        LowMemory = "lowmemory",
    }
}

words! {
    /// What a histogram becomes (`OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`).
    ///
    /// ```
    /// use throughline_config::{Environment, HistogramAggregation};
    ///
    /// let exponential = HistogramAggregation::Base2ExponentialBucketHistogram;
    /// let (environment, _) = Environment::read(|name| {
    ///     (name == "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")
    ///         .then(|| exponential.as_str().into())
    /// });
    /// assert_eq!(environment.metrics.default_histogram_aggregation, Some(exponential));
    /// ```
    pub enum HistogramAggregation {
        /// Buckets with fixed bounds. The default.
        ExplicitBucketHistogram = "explicit_bucket_histogram",
        /// Base-2 exponential buckets.
        Base2ExponentialBucketHistogram = "base2_exponential_bucket_histogram",
    }
}

impl Metrics {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            export_interval: reader.duration("OTEL_METRIC_EXPORT_INTERVAL", 1),
            export_timeout: reader.timeout("OTEL_METRIC_EXPORT_TIMEOUT"),
            exemplar_filter: reader.word("OTEL_METRICS_EXEMPLAR_FILTER"),
            temporality_preference: reader
                .word("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"),
            default_histogram_aggregation: reader
                .word("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"),
        }
    }
}
