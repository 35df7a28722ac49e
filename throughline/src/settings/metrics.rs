//! Metrics: their way out, how often, and in which shape.

use std::time::Duration;

use throughline_config::Environment;
use throughline_config::{
    ExemplarFilter as NamedFilter, HistogramAggregation, TemporalityPreference as NamedTemporality,
};
use throughline_engine::{Aggregation, ExemplarFilter, ReaderBuilder, TemporalityPreference};

use super::exit::{Exit, Signal};
use super::{Source, pick};
use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::describe::{Description, Lines};

/// What was decided about metrics.
#[derive(Debug)]
pub(crate) struct MetricSettings {
    pub(crate) exit: Exit,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) temporality: TemporalityPreference,
    pub(crate) histograms: Aggregation,
    pub(crate) exemplar_filter: ExemplarFilter,
}

impl MetricSettings {
    pub(super) fn resolve(
        builder: &TelemetryBuilder,
        environment: &Environment,
        description: &mut Description,
    ) -> Result<Self, Error> {
        let mut lines = Lines::default();
        let exit = Exit::resolve(
            Signal::Metrics,
            builder.metric_exporter.is_some(),
            builder,
            environment,
            &mut lines,
            description,
        )?;
        let from = &environment.metrics;

        let (interval, source) = pick(
            builder.metric_interval,
            from.export_interval,
            "OTEL_METRIC_EXPORT_INTERVAL",
            || Duration::from_secs(60),
        );
        if interval.is_zero() {
            return Err(Error::invalid(
                "`.metric_interval(..)`",
                "0s",
                "more than zero",
            ));
        }
        lines.push("interval", format!("{interval:?}"), source);

        let (timeout, source) = pick(
            None,
            from.export_timeout,
            "OTEL_METRIC_EXPORT_TIMEOUT",
            || Duration::from_secs(30),
        );
        lines.push("timeout of a push", format!("{timeout:?}"), source);

        let (temporality, source) = pick(
            builder.temporality,
            from.temporality_preference.and_then(temporality_of),
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            TemporalityPreference::default,
        );
        let name = match temporality {
            TemporalityPreference::Cumulative => "cumulative",
            TemporalityPreference::Delta => "delta",
            TemporalityPreference::LowMemory => "lowmemory",
        };
        lines.push("temporality", name, source);

        let (histograms, source) = pick(
            None,
            from.default_histogram_aggregation.and_then(aggregation_of),
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            Aggregation::default,
        );
        let name = match histograms {
            Aggregation::Exponential { .. } => "base2_exponential_bucket_histogram",
            _ => "explicit_bucket_histogram",
        };
        lines.push("histograms", name, source);

        let (exemplar_filter, source) = pick(
            builder.exemplar_filter,
            from.exemplar_filter.and_then(exemplar_filter_of),
            "OTEL_METRICS_EXEMPLAR_FILTER",
            || ExemplarFilter::Resolvable,
        );
        let name = match exemplar_filter {
            ExemplarFilter::AlwaysOn => "always_on",
            ExemplarFilter::AlwaysOff => "always_off",
            ExemplarFilter::TraceBased => "trace_based",
            _ => "resolvable",
        };
        lines.push("exemplars", name, source);

        let (limit, source) = match builder.cardinality_limit {
            Some(limit) => (limit, Source::Code),
            None => (ReaderBuilder::CARDINALITY_LIMIT, Source::Default),
        };
        lines.push("series of a stream", limit, source);
        if !builder.views.is_empty() {
            lines.push("views", builder.views.len(), Source::Code);
        }

        description.sections.push(("metrics", lines));
        Ok(Self {
            exit,
            interval,
            timeout,
            temporality,
            histograms,
            exemplar_filter,
        })
    }
}

fn temporality_of(named: NamedTemporality) -> Option<TemporalityPreference> {
    match named {
        NamedTemporality::Cumulative => Some(TemporalityPreference::Cumulative),
        NamedTemporality::Delta => Some(TemporalityPreference::Delta),
        NamedTemporality::LowMemory => Some(TemporalityPreference::LowMemory),
        _ => None,
    }
}

fn aggregation_of(named: HistogramAggregation) -> Option<Aggregation> {
    match named {
        HistogramAggregation::ExplicitBucketHistogram => Some(Aggregation::Default),
        HistogramAggregation::Base2ExponentialBucketHistogram => Some(Aggregation::exponential()),
        _ => None,
    }
}

fn exemplar_filter_of(named: NamedFilter) -> Option<ExemplarFilter> {
    match named {
        NamedFilter::Resolvable => Some(ExemplarFilter::Resolvable),
        NamedFilter::TraceBased => Some(ExemplarFilter::TraceBased),
        NamedFilter::AlwaysOn => Some(ExemplarFilter::AlwaysOn),
        NamedFilter::AlwaysOff => Some(ExemplarFilter::AlwaysOff),
        _ => None,
    }
}
