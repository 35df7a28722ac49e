//! What the exporters report about themselves: semantic conventions, "OpenTelemetry SDK metrics".

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_semantic_conventions::{attribute, metric};
use throughline_model::{Push, SelfMeter};
use throughline_otlp::{LogExporter, MetricExporter, Protocol, Signal};
use throughline_testkit::otlp_sink::{Fault, OtlpSink};

use crate::support::{BOTH, endpoint, export_log, metrics, snapshot, span, spans};

/// What the semantic conventions list.
const METRICS: [&str; 7] = [
    metric::OTEL_SDK_EXPORTER_SPAN_INFLIGHT,
    metric::OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    metric::OTEL_SDK_EXPORTER_LOG_INFLIGHT,
    metric::OTEL_SDK_EXPORTER_LOG_EXPORTED,
    metric::OTEL_SDK_EXPORTER_METRIC_DATA_POINT_INFLIGHT,
    metric::OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED,
    metric::OTEL_SDK_EXPORTER_OPERATION_DURATION,
];
const ATTRIBUTES: [&str; 7] = [
    attribute::ERROR_TYPE,
    attribute::HTTP_RESPONSE_STATUS_CODE,
    attribute::RPC_RESPONSE_STATUS_CODE,
    attribute::OTEL_COMPONENT_NAME,
    attribute::OTEL_COMPONENT_TYPE,
    attribute::SERVER_ADDRESS,
    attribute::SERVER_PORT,
];

/// The SDK's own engine, as someone who knows nothing of ours.
struct Measured {
    meter: SelfMeter,
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Measured {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(exporter.clone()).build())
            .build();
        let meter = SelfMeter::new();
        meter.bind(provider.meter("throughline"));
        Self {
            meter,
            provider,
            exporter,
        }
    }

    /// `name{error.type}` and `name.count{error.type}` of histograms, by value; and all attribute keys seen.
    fn values(&self) -> BTreeMap<String, i64> {
        self.provider.force_flush().unwrap();
        let mut values = BTreeMap::new();
        let collected = self.exporter.get_finished_metrics().unwrap();
        let last = collected.last().unwrap();
        for metric in last.scope_metrics().flat_map(|scope| scope.metrics()) {
            assert!(METRICS.contains(&metric.name()), "{}", metric.name());
            let mut note = |attributes: Vec<&opentelemetry::KeyValue>, value: i64| {
                for pair in &attributes {
                    assert!(ATTRIBUTES.contains(&pair.key.as_str()), "{}", pair.key);
                }
                let get = |key: &str| {
                    let pair = attributes.iter().find(|pair| pair.key.as_str() == key);
                    pair.map(|pair| pair.value.to_string())
                };
                let kind = get("otel.component.type").unwrap();
                assert!(
                    get("otel.component.name")
                        .unwrap()
                        .starts_with(&format!("{kind}/"))
                );
                assert_eq!(get("server.address").unwrap(), "127.0.0.1");
                assert!(get("server.port").is_some());
                let error = get("error.type").map_or(String::new(), |error| format!("{{{error}}}"));
                let status = get(attribute::HTTP_RESPONSE_STATUS_CODE)
                    .or(get(attribute::RPC_RESPONSE_STATUS_CODE));
                let status = status.map_or(String::new(), |status| format!("[{status}]"));
                values.insert(format!("{}{error}{status}", metric.name()), value);
            };
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    for point in sum.data_points() {
                        note(point.attributes().collect(), point.value() as i64);
                    }
                }
                AggregatedMetrics::I64(MetricData::Sum(sum)) => {
                    for point in sum.data_points() {
                        note(point.attributes().collect(), point.value());
                    }
                }
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    for point in histogram.data_points() {
                        note(point.attributes().collect(), point.count() as i64);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        values
    }
}

fn expected<const N: usize>(pairs: [(&str, i64); N]) -> BTreeMap<String, i64> {
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

#[tokio::test]
async fn a_partial_success_counts_the_rejected_as_failed_and_the_others_as_exported() {
    let sink = OtlpSink::start().await.unwrap();
    let measured = Measured::new();
    let exporter = metrics(Protocol::HttpProtobuf, &sink).with_self_meter(&measured.meter);
    sink.next(Fault::PartialSuccess {
        rejected: 2,
        message: "no".into(),
    });
    exporter.push(&snapshot(5)).await.unwrap_err();
    assert_eq!(
        measured.values(),
        expected([
            ("otel.sdk.exporter.metric_data_point.exported", 3),
            ("otel.sdk.exporter.metric_data_point.exported{rejected}", 2),
            ("otel.sdk.exporter.metric_data_point.inflight", 0),
            ("otel.sdk.exporter.operation.duration{rejected}[200]", 1),
        ])
    );
}

/// `otel.sdk.exporter.*.exported`: "counted exactly once per export operation", whatever its attempts.
#[tokio::test]
async fn retries_are_one_operation() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let measured = Measured::new();
        let exporter = spans(protocol, &sink).with_self_meter(&measured.meter);
        let (busy, fine) = match protocol {
            Protocol::Grpc => (
                Fault::Grpc {
                    code: tonic::Code::Unavailable,
                    retry_info: None,
                },
                "otel.sdk.exporter.operation.duration[OK]",
            ),
            Protocol::HttpProtobuf => (
                Fault::Http {
                    status: 502,
                    retry_after: None,
                },
                "otel.sdk.exporter.operation.duration[200]",
            ),
        };
        sink.next(busy.clone());
        sink.next(busy);
        exporter
            .export_with_outcome(vec![span(1), span(2)])
            .await
            .unwrap();
        assert_eq!(sink.received().len(), 3);
        assert_eq!(
            measured.values(),
            expected([
                ("otel.sdk.exporter.operation.duration", 1),
                ("otel.sdk.exporter.span.exported", 2),
                ("otel.sdk.exporter.span.inflight", 0),
            ])
            .into_iter()
            .map(|(name, value)| match name.as_str() {
                "otel.sdk.exporter.operation.duration" => (fine.to_owned(), value),
                _ => (name, value),
            })
            .collect()
        );
    }
}

#[tokio::test]
async fn a_refused_batch_has_failed_with_the_code_as_its_error_type() {
    let sink = OtlpSink::start().await.unwrap();
    let measured = Measured::new();
    let exporter = spans(Protocol::Grpc, &sink).with_self_meter(&measured.meter);
    sink.next(Fault::Grpc {
        code: tonic::Code::Unauthenticated,
        retry_info: None,
    });
    exporter
        .export_with_outcome(vec![span(1)])
        .await
        .unwrap_err();
    assert_eq!(
        measured.values(),
        expected([
            (
                "otel.sdk.exporter.operation.duration{UNAUTHENTICATED}[UNAUTHENTICATED]",
                1
            ),
            ("otel.sdk.exporter.span.exported{UNAUTHENTICATED}", 1),
            ("otel.sdk.exporter.span.inflight", 0),
        ])
    );
}

#[tokio::test]
async fn what_is_not_tried_since_the_receiver_is_away_is_counted_as_failed() {
    let sink = OtlpSink::start().await.unwrap();
    let measured = Measured::new();
    let endpoint = endpoint(Protocol::Grpc, &sink, Signal::Metrics)
        .with_timeout(Duration::from_millis(100))
        .with_max_request_size(2_000)
        .unwrap();
    let exporter = MetricExporter::new(endpoint)
        .unwrap()
        .with_self_meter(&measured.meter);
    sink.always(Some(Fault::Hang));
    exporter.push(&snapshot(100)).await.unwrap_err();
    assert_eq!(
        measured.values(),
        expected([
            ("otel.sdk.exporter.metric_data_point.exported{timeout}", 100),
            ("otel.sdk.exporter.metric_data_point.inflight", 0),
            ("otel.sdk.exporter.operation.duration{timeout}", 1),
        ])
    );
}

#[tokio::test]
async fn points_are_in_flight_until_the_receiver_answers_or_the_push_is_dropped() {
    let sink = OtlpSink::start().await.unwrap();
    let measured = Measured::new();
    let exporter = metrics(Protocol::Grpc, &sink).with_self_meter(&measured.meter);
    sink.next(Fault::Hang);
    let batch = snapshot(5);
    let inflight = "otel.sdk.exporter.metric_data_point.inflight";
    let watch = async {
        sink.wait_for(1).await;
        measured.values()[inflight]
    };
    let during = tokio::select! {
        pushed = exporter.push(&batch) => panic!("{pushed:?}"),
        during = watch => during,
    };
    assert_eq!(during, 5);
    assert_eq!(
        measured.values(),
        expected([
            ("otel.sdk.exporter.metric_data_point.exported{cancelled}", 5),
            (inflight, 0),
            ("otel.sdk.exporter.operation.duration{cancelled}", 1),
        ])
    );
}

#[tokio::test]
async fn log_records_are_counted_too() {
    let sink = OtlpSink::start().await.unwrap();
    let measured = Measured::new();
    let exporter = LogExporter::new(endpoint(Protocol::Grpc, &sink, Signal::Logs))
        .unwrap()
        .with_self_meter(&measured.meter);
    export_log(&exporter, "paid").await.unwrap();
    assert_eq!(
        measured.values(),
        expected([
            ("otel.sdk.exporter.log.exported", 1),
            ("otel.sdk.exporter.log.inflight", 0),
            ("otel.sdk.exporter.operation.duration", 1),
        ])
    );
}
