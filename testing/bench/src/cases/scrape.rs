//! Reading everything: 100,000 counter series and 10,000 histogram series, as snapshot, OTLP and text.
//!
//! Instruments have 1,000 series of 3 attributes each. A step is one collection with all that it takes to have bytes.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::measured::metric::MetricFamilyEncoding;
use ::measured::metric::name::MetricName;
use ::measured::text::BufferedTextEncoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use prost::Message;
use throughline_otlp::MetricExporter;
use throughline_prometheus::{Format, Options, render};

use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::rigs::populations::{self, Kind, MetricsSeries};
use crate::rigs::sdk::Sdk;
use crate::work::{Verify, Work, Workload};

/// What scrapers ask for.
const TEXT: &str = "text/plain;version=0.0.4";
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

pub(super) fn cases() -> Vec<Case> {
    let subjects = |kind: Kind| {
        vec![
            Subject::new("throughline, OTLP", move || {
                otlp(populations::engine(kind, 1), kind.series())
            }),
            Subject::new("throughline, snapshot alone", move || {
                snapshot(populations::engine(kind, 1), kind)
            }),
            Subject::new("throughline, OTLP, written by 8 threads", move || {
                otlp(populations::engine(kind, 8), 8 * kind.series())
            }),
            Subject::new("opentelemetry_sdk and -proto, OTLP", move || {
                sdk(populations::sdk(kind, 1), kind)
            }),
            Subject::new("throughline, Prometheus text", move || {
                text(populations::engine(kind, 1), kind, TEXT)
            }),
            Subject::new("throughline, OpenMetrics", move || {
                text(populations::engine(kind, 1), kind, OPEN_METRICS)
            }),
            Subject::new("prometheus-client, OpenMetrics", move || {
                prometheus_client(kind)
            }),
            Subject::new("prometheus, text", move || prometheus(kind)),
            Subject::new("metrics, text", move || metrics(kind)),
            Subject::new("measured, text", move || measured(kind)),
        ]
    };
    vec![
        Case::new("collect/100,000 counter series", subjects(Kind::Counters)),
        Case::new(
            "collect/10,000 histogram series",
            subjects(Kind::Histograms),
        ),
    ]
}

/// A workload whose every step makes an output; the first output is read back.
fn outputs<T: 'static>(
    output: impl Fn() -> T + Clone + Send + Sync + 'static,
    measurements: impl Fn(&T) -> u64 + Send + Sync + 'static,
    expected: usize,
) -> Box<dyn Workload> {
    let steps = Arc::new(AtomicU64::new(0));
    let (again, read, counted) = (output.clone(), AtomicBool::new(false), Arc::clone(&steps));
    let verify: Verify = Box::new(move |done| {
        let steps = counted.load(Ordering::Relaxed);
        if steps != done.steps {
            return Err(format!("{} steps, {steps} outputs", done.steps));
        }
        if !read.swap(true, Ordering::Relaxed) {
            let (found, expected) = (measurements(&again()), expected as u64);
            if found != expected {
                return Err(format!(
                    "{found} measurements in the output, not {expected}"
                ));
            }
        }
        Ok(())
    });
    let step = move |(): &mut (), _| {
        black_box(output());
        steps.fetch_add(1, Ordering::Relaxed);
    };
    Work::new(|_| (), step, verify).warm_up(1).boxed()
}

fn snapshot(engine: Engine, kind: Kind) -> Box<dyn Workload> {
    let points = |snapshot: &throughline_model::Snapshot| snapshot.point_count() as u64;
    outputs(move || engine.collect(), points, kind.series())
}

fn otlp(engine: Engine, expected: usize) -> Box<dyn Workload> {
    let encode = move || -> Vec<Vec<u8>> { MetricExporter::encode(&engine.collect()).collect() };
    let points = |requests: &Vec<Vec<u8>>| requests.iter().map(|it| otlp_points(it)).sum();
    outputs(encode, points, expected)
}

fn sdk(sdk: Sdk, kind: Kind) -> Box<dyn Workload> {
    let encode = move || {
        let mut metrics = ResourceMetrics::default();
        sdk.collect_into(&mut metrics);
        ExportMetricsServiceRequest::from(&metrics).encode_to_vec()
    };
    outputs(
        encode,
        |request: &Vec<u8>| otlp_points(request),
        kind.series(),
    )
}

/// How many measurements the points of a request stand for.
fn otlp_points(request: &[u8]) -> u64 {
    use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
    let request = ExportMetricsServiceRequest::decode(request).expect("what we encoded");
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|it| &it.scope_metrics);
    let metrics = scopes.flat_map(|it| &it.metrics);
    metrics
        .map(|metric| match &metric.data {
            Some(Data::Sum(sum)) => sum
                .data_points
                .iter()
                .map(|point| match point.value {
                    Some(Value::AsInt(value)) => value.cast_unsigned(),
                    _ => 0,
                })
                .sum(),
            Some(Data::Histogram(it)) => it.data_points.iter().map(|point| point.count).sum(),
            _ => 0,
        })
        .sum()
}

fn text(engine: Engine, kind: Kind, accept: &str) -> Box<dyn Workload> {
    let format = Format::negotiate(Some(accept));
    let write = move || render(&engine.collect(), format, &Options::default()).text;
    outputs(
        write,
        move |text: &String| samples(text, kind),
        kind.series(),
    )
}

fn prometheus_client(kind: Kind) -> Box<dyn Workload> {
    let registry = populations::prometheus_client(kind);
    let write = move || crate::rigs::peers::registry_text(&registry);
    outputs(
        write,
        move |text: &String| samples(text, kind),
        kind.series(),
    )
}

fn prometheus(kind: Kind) -> Box<dyn Workload> {
    let registry = populations::prometheus(kind);
    let write = move || {
        let families = registry.gather();
        let text = prometheus::TextEncoder::new().encode_to_string(&families);
        text.expect("strings take it all")
    };
    outputs(
        write,
        move |text: &String| samples(text, kind),
        kind.series(),
    )
}

fn metrics(kind: Kind) -> Box<dyn Workload> {
    let series: Arc<MetricsSeries> = Arc::new(populations::metrics(kind));
    let write = move || series.text.render();
    outputs(
        write,
        move |text: &String| samples(text, kind),
        kind.series(),
    )
}

fn measured(kind: Kind) -> Box<dyn Workload> {
    let families = Arc::new(populations::measured(kind));
    let write = move || {
        let mut encoder = BufferedTextEncoder::new();
        for (at, family) in families.counters.iter().enumerate() {
            let name = MetricName::from_str(populations::name(at));
            family
                .collect_family_into(name, &mut encoder)
                .expect("buffers take it all");
        }
        for (at, family) in families.histograms.iter().enumerate() {
            let name = MetricName::from_str(populations::name(at));
            family
                .collect_family_into(name, &mut encoder)
                .expect("buffers take it all");
        }
        encoder.finish()
    };
    outputs(
        write,
        move |text: &::bytes::Bytes| samples(&String::from_utf8_lossy(text), kind),
        kind.series(),
    )
}

/// How many measurements the samples of a text stand for.
fn samples(text: &str, kind: Kind) -> u64 {
    let ours = text.lines().filter(|line| line.starts_with("bench_"));
    let counting = ours.filter(|line| match kind {
        Kind::Counters => true,
        Kind::Histograms => line
            .split(['{', ' '])
            .next()
            .is_some_and(|it| it.ends_with("_count")),
    });
    let values = counting.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum::<f64>() as u64
}
