//! Snapshots in few words.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use throughline_model::*;
use throughline_prometheus::{Exposition, Format, Options, Protocol, render};

/// When everything here was collected: a round number, and a start a minute before.
pub fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_060)
}

pub fn start() -> SystemTime {
    at() - Duration::from_secs(60)
}

pub fn pairs<V: Into<Value> + Clone>(pairs: &[(&'static str, V)]) -> Vec<KeyValue> {
    let pairs = pairs.iter().cloned();
    pairs
        .map(|(key, value)| KeyValue::new(key, value))
        .collect()
}

pub fn number(value: Number, attributes: Vec<KeyValue>) -> NumberPoint {
    NumberPoint {
        attributes: Attributes::new(attributes),
        start: start(),
        time: at(),
        value,
        exemplars: vec![],
    }
}

pub fn metric(name: &'static str, unit: &'static str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: "".into(),
        unit: unit.into(),
        data,
    }
}

pub fn sum(monotonic: bool, points: Vec<NumberPoint>) -> Data {
    Data::Sum(Sum {
        temporality: Temporality::Cumulative,
        monotonic,
        points,
    })
}

pub fn counter(name: &'static str, unit: &'static str, value: u64) -> Metric {
    metric(
        name,
        unit,
        sum(true, vec![number(Number::U64(value), vec![])]),
    )
}

pub fn gauge(name: &'static str, unit: &'static str, value: f64) -> Metric {
    let points = vec![number(Number::F64(value), vec![])];
    metric(name, unit, Data::Gauge(Gauge { points }))
}

pub fn described(mut metric: Metric, description: &'static str) -> Metric {
    metric.description = description.into();
    metric
}

pub fn histogram_point(bounds: &[f64], counts: &[u64], sum: f64) -> HistogramPoint {
    HistogramPoint {
        attributes: Attributes::default(),
        start: start(),
        time: at(),
        bounds: bounds.into(),
        counts: counts.to_vec(),
        sum,
        min: None,
        max: None,
        exemplars: vec![],
    }
}

pub fn histogram(name: &'static str, unit: &'static str, points: Vec<HistogramPoint>) -> Metric {
    let data = Histogram {
        temporality: Temporality::Cumulative,
        points,
    };
    metric(name, unit, Data::Histogram(data))
}

pub fn exponential_point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramPoint {
    ExponentialHistogramPoint {
        attributes: Attributes::default(),
        start: start(),
        time: at(),
        scale,
        zero_count: 0,
        zero_threshold: 0.0,
        positive: ExponentialBuckets {
            offset,
            counts: counts.to_vec(),
        },
        negative: ExponentialBuckets::default(),
        sum: 0.0,
        min: None,
        max: None,
        exemplars: vec![],
    }
}

pub fn exponential(
    name: &'static str,
    unit: &'static str,
    points: Vec<ExponentialHistogramPoint>,
) -> Metric {
    let data = ExponentialHistogram {
        temporality: Temporality::Cumulative,
        points,
    };
    metric(name, unit, Data::ExponentialHistogram(data))
}

pub fn exemplar(value: f64, seconds: u64, filtered: Vec<KeyValue>) -> Exemplar {
    Exemplar {
        filtered_attributes: filtered,
        time: start() + Duration::from_secs(seconds),
        value: Number::F64(value),
        span: Some((
            TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
            SpanId::from_hex("00f067aa0ba902b7").unwrap(),
        )),
    }
}

pub fn scope(name: &'static str, metrics: Vec<Metric>) -> ScopeMetrics {
    ScopeMetrics {
        scope: InstrumentationScope::builder(name).build(),
        metrics,
    }
}

/// One scope without a name, so that nothing but the metrics shows.
pub fn bare(metrics: Vec<Metric>) -> Snapshot {
    scoped(vec![scope("", metrics)])
}

pub fn scoped(scopes: Vec<ScopeMetrics>) -> Snapshot {
    Snapshot {
        scopes,
        ..Snapshot::default()
    }
}

/// The exposition in OpenMetrics 1.0.0.
pub fn openmetrics(snapshot: &Snapshot) -> Exposition {
    let protocol = Protocol::OpenMetrics1_0_0;
    let format = Format {
        protocol,
        ..Format::default()
    };
    render(snapshot, format, &Options::default())
}

/// The exposition in text 0.0.4.
pub fn text(snapshot: &Snapshot) -> Exposition {
    render(snapshot, Format::default(), &Options::default())
}

/// The lines that are samples.
pub fn samples(exposition: &Exposition) -> Vec<&str> {
    let lines = exposition.text.lines();
    lines.filter(|line| !line.starts_with('#')).collect()
}
