//! A collector on a runtime of its own, so that tests may block any other.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline::opentelemetry::Context;
use throughline_testkit::otlp_sink::OtlpSink;
use tokio::runtime::Runtime;

pub(crate) struct Collector {
    pub(crate) sink: OtlpSink,
    runtime: Runtime,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            // It stands in for another process: what its server says is none of the tested program's.
            .on_thread_start(|| std::mem::forget(Context::enter_telemetry_suppressed_scope()))
            .enable_all()
            .build()
            .unwrap();
        let sink = runtime.block_on(OtlpSink::start()).unwrap();
        Self { sink, runtime }
    }

    pub(crate) fn url(&self) -> String {
        self.sink.url()
    }

    /// Waits until this many requests have arrived.
    pub(crate) fn wait_for(&self, requests: usize) {
        self.runtime.block_on(self.sink.wait_for(requests));
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.sink.traces();
        let resources = requests.into_iter().flat_map(|it| it.resource_spans);
        let scopes = resources.flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).collect()
    }

    pub(crate) fn span(&self, name: &str) -> Span {
        let spans = self.spans();
        let found = spans.iter().find(|it| it.name == name);
        let names: Vec<_> = spans.iter().map(|it| &it.name).collect();
        found
            .unwrap_or_else(|| panic!("no span {name:?} among {names:?}"))
            .clone()
    }

    pub(crate) fn records(&self) -> Vec<LogRecord> {
        let requests = self.sink.logs();
        let resources = requests.into_iter().flat_map(|it| it.resource_logs);
        let scopes = resources.flat_map(|it| it.scope_logs);
        scopes.flat_map(|it| it.log_records).collect()
    }

    pub(crate) fn record(&self, message: &str) -> LogRecord {
        let records = self.records();
        let found = records.iter().find(|it| body(it) == message);
        let bodies: Vec<_> = records.iter().map(body).collect();
        found
            .unwrap_or_else(|| panic!("no record {message:?} among {bodies:?}"))
            .clone()
    }

    /// The resource of the first request with metrics.
    pub(crate) fn resource(&self) -> BTreeMap<String, String> {
        let request = &self.sink.metrics()[0];
        let resource: &Resource = request.resource_metrics[0].resource.as_ref().unwrap();
        attributes(&resource.attributes)
    }

    /// A metric as it arrived last.
    pub(crate) fn metric(&self, name: &str) -> Metric {
        let requests = self.sink.metrics();
        let resources = requests.iter().flat_map(|it| &it.resource_metrics);
        let scopes = resources.flat_map(|it| &it.scope_metrics);
        let metrics: Vec<_> = scopes.flat_map(|it| &it.metrics).collect();
        let found = metrics.iter().rfind(|it| it.name == name);
        let names: Vec<_> = metrics.iter().map(|it| &it.name).collect();
        (*found.unwrap_or_else(|| panic!("no metric {name:?} among {names:?}"))).clone()
    }

    /// The points of a sum or a gauge, with their attributes.
    pub(crate) fn numbers(&self, name: &str) -> BTreeMap<String, f64> {
        let points = match self.metric(name).data {
            Some(Data::Sum(sum)) => sum.data_points,
            Some(Data::Gauge(gauge)) => gauge.data_points,
            other => panic!("{name} is no sum and no gauge: {other:?}"),
        };
        points
            .iter()
            .map(|it| (shown(&it.attributes), number(it)))
            .collect()
    }

    pub(crate) fn histogram(&self, name: &str) -> Vec<HistogramDataPoint> {
        match self.metric(name).data {
            Some(Data::Histogram(histogram)) => histogram.data_points,
            other => panic!("{name} is no histogram: {other:?}"),
        }
    }
}

pub(crate) fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        Some(number_data_point::Value::AsDouble(value)) => value,
        None => f64::NAN,
    }
}

pub(crate) fn body(record: &LogRecord) -> String {
    text(record.body.as_ref())
}

pub(crate) fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|it| (it.key.clone(), text(it.value.as_ref())))
        .collect()
}

/// `a=1,b=2`.
pub(crate) fn shown(pairs: &[KeyValue]) -> String {
    let pairs: Vec<_> = attributes(pairs)
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|it| it.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    }
}
