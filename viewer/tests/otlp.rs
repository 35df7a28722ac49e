//! OTLP through real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::Write;
use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use throughline_viewer::{Error, Limits, Settings, Trace, TraceId, Viewer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding::Gzip;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.into()));
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value }),
        ..Default::default()
    }
}

fn resource() -> Option<Resource> {
    Some(Resource {
        attributes: vec![text("service.name", "checkout")],
        ..Default::default()
    })
}

fn spans(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = ScopeSpans {
        spans,
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans: vec![scope],
            ..Default::default()
        }],
    }
}

fn span(trace: u8, id: u8) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        name: "charge card".into(),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        ..Default::default()
    }
}

fn a_histogram() -> ExportMetricsServiceRequest {
    let point = metrics::HistogramDataPoint {
        start_time_unix_nano: 1_000_000_000,
        time_unix_nano: 2_000_000_000,
        count: 100,
        explicit_bounds: vec![0.1, 1.0],
        bucket_counts: vec![99, 0, 1],
        exemplars: vec![metrics::Exemplar {
            time_unix_nano: 1_500_000_000,
            trace_id: vec![7; 16],
            span_id: vec![1; 8],
            value: Some(metrics::exemplar::Value::AsDouble(2.0)),
            ..Default::default()
        }],
        ..Default::default()
    };
    let metric = metrics::Metric {
        name: "charge.duration".into(),
        unit: "s".into(),
        data: Some(metrics::metric::Data::Histogram(metrics::Histogram {
            data_points: vec![point],
            aggregation_temporality: 2,
        })),
        ..Default::default()
    };
    let scope = metrics::ScopeMetrics {
        metrics: vec![metric],
        ..Default::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![metrics::ResourceMetrics {
            resource: resource(),
            scope_metrics: vec![scope],
            ..Default::default()
        }],
    }
}

fn a_log() -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: 1_500,
        severity_number: 17,
        body: Some(AnyValue {
            value: Some(any_value::Value::StringValue("declined".into())),
        }),
        trace_id: vec![7; 16],
        span_id: vec![1; 8],
        ..Default::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record],
        ..Default::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(),
            scope_logs: vec![scope],
            ..Default::default()
        }],
    }
}

fn trace_of(viewer: &Viewer, byte: u8) -> Option<Trace> {
    viewer
        .store()
        .trace(TraceId::from_bytes(&[byte; 16]).unwrap())
}

async fn start() -> Viewer {
    Viewer::start(Settings::free_ports()).await.unwrap()
}

/// Sends one request and reads the answer: status and body.
async fn send(to: SocketAddr, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let head = format!(
        "{head}\r\nHost: {to}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses early may have closed its side already.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let split = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let status = std::str::from_utf8(&answer[9..12])
        .unwrap()
        .parse()
        .unwrap();
    (status, answer[split + 4..].to_vec())
}

const PROTOBUF: &str = "Content-Type: application/x-protobuf";

async fn post(to: SocketAddr, path: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    send(to, &format!("POST {path} HTTP/1.1\r\n{headers}"), body).await
}

/// `google.rpc.Status`, read by its field numbers.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn reason(body: &[u8]) -> String {
    let status = RpcStatus::decode(body).unwrap();
    assert_eq!(status.code, 3, "INVALID_ARGUMENT");
    status.message
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn three_signals_over_grpc_meet_in_one_outlier() {
    let viewer = start().await;
    let address = format!("http://{}", viewer.grpc_addr());
    let mut traces = TraceServiceClient::connect(address.clone())
        .await
        .unwrap()
        .send_compressed(Gzip);
    let answer = traces
        .export(spans(vec![span(7, 1)]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.partial_success, None);
    let mut logs = LogsServiceClient::connect(address.clone()).await.unwrap();
    logs.export(a_log()).await.unwrap();
    let mut metrics = MetricsServiceClient::connect(address).await.unwrap();
    metrics.export(a_histogram()).await.unwrap();

    let report = viewer.store().report(&Default::default());
    let trace = report.outliers[0].trace.as_ref().unwrap();
    assert_eq!((trace.spans.len(), trace.logs.len()), (1, 1));
    assert_eq!(trace.spans[0].origin.service(), "checkout");
    let text = report.to_string();
    assert!(
        text.contains("◆ checkout: charge card") && text.contains("ERROR declined"),
        "{text}"
    );
    viewer.shutdown().await;
}

#[tokio::test]
async fn three_signals_over_http_arrive_gzipped_or_not() {
    let viewer = start().await;
    let http = viewer.http_addr();
    let (status, body) = post(
        http,
        "/v1/traces",
        PROTOBUF,
        &spans(vec![span(7, 1)]).encode_to_vec(),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(
        ExportTraceServiceResponse::decode(&*body)
            .unwrap()
            .partial_success,
        None
    );
    let zipped = format!("{PROTOBUF}\r\nContent-Encoding: gzip");
    let metrics = gzip(&a_histogram().encode_to_vec());
    assert_eq!(post(http, "/v1/metrics", &zipped, &metrics).await.0, 200);
    assert_eq!(
        post(http, "/v1/logs", &zipped, &gzip(&a_log().encode_to_vec()))
            .await
            .0,
        200
    );
    let report = viewer.store().report(&Default::default());
    let trace = report.outliers[0].trace.as_ref().unwrap();
    assert_eq!((trace.spans.len(), trace.logs.len()), (1, 1));
    viewer.shutdown().await;
}

// Specification: `protocol/otlp.md`, "JSON Protobuf Encoding": ids in hexadecimal, 64-bit numbers as text.
#[tokio::test]
async fn json_is_taken_and_answered_in_json() {
    let viewer = start().await;
    let body = br#"{"resourceSpans": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "web"}}]},
        "scopeSpans": [{"scope": {"name": "fetch"}, "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "name": "GET /",
            "kind": 3, "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
            "attributes": [{"key": "n", "value": {"intValue": "7"}}], "somethingNew": true}]}]}]}"#;
    let json = "Content-Type: application/json; charset=utf-8";
    let (status, answer) = post(viewer.http_addr(), "/v1/traces", json, body).await;
    assert_eq!(
        (status, answer.first()),
        (200, Some(&b'{')),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(viewer.store().usage().spans, 1);
    let (status, answer) = post(
        viewer.http_addr(),
        "/v1/traces",
        json,
        b"{\"resourceSpans\": 7}",
    )
    .await;
    let answer: String = String::from_utf8(answer).unwrap();
    assert_eq!(status, 400);
    assert!(
        answer.contains("\"code\":3") && answer.contains("not the JSON message"),
        "{answer}"
    );
    viewer.shutdown().await;
}

#[tokio::test]
async fn bad_requests_are_told_what_was_expected() {
    let settings = Settings {
        max_request: 10_000,
        ..Settings::free_ports()
    };
    let viewer = Viewer::start(settings).await.unwrap();
    let http = viewer.http_addr();
    let zipped = format!("{PROTOBUF}\r\nContent-Encoding: gzip");
    let brotli = format!("{PROTOBUF}\r\nContent-Encoding: br");
    let bomb = gzip(&vec![0; 1 << 20]);
    assert!(bomb.len() < 10_000);
    let large = vec![0; 20_000];
    let cases: [(&str, &[u8], u16, &str); 8] = [
        (
            PROTOBUF,
            b"\xff\xff\xff",
            400,
            "not the protobuf message of /v1/traces",
        ),
        (
            PROTOBUF,
            b"\x0a\x7fshort",
            400,
            "not the protobuf message of /v1/traces",
        ),
        (
            "Content-Type: text/plain",
            b"hello",
            415,
            "\"text/plain\", expected application/x-protobuf",
        ),
        ("Accept: */*", b"hello", 415, "Content-Type is \"\""),
        (&brotli, b"hello", 415, "\"br\", expected gzip"),
        (&zipped, b"no gzip at all", 400, "no valid gzip"),
        (&zipped, &bomb, 413, "larger than 10000 bytes"),
        (PROTOBUF, &large, 413, "larger than 10000 bytes"),
    ];
    for (headers, body, expected, why) in cases {
        let (status, body) = post(http, "/v1/traces", headers, body).await;
        let reason = reason(&body);
        assert_eq!(status, expected, "{reason}");
        assert!(reason.contains(why), "{reason}");
    }
    assert_eq!(send(http, "GET /v1/traces HTTP/1.1", b"").await.0, 405);
    assert_eq!(post(http, "/v1/profiles", PROTOBUF, b"").await.0, 404);
    // And it still takes what is right.
    assert_eq!(post(http, "/v1/traces", PROTOBUF, b"").await.0, 200);
    viewer.shutdown().await;
}

#[tokio::test]
async fn over_grpc_a_message_past_the_limit_is_refused_inflated_or_not() {
    let settings = Settings {
        max_request: 10_000,
        ..Settings::free_ports()
    };
    let viewer = Viewer::start(settings).await.unwrap();
    let address = format!("http://{}", viewer.grpc_addr());
    let large = spans(vec![Span {
        name: "x".repeat(20_000),
        ..span(7, 1)
    }]);
    let mut plain = TraceServiceClient::connect(address.clone()).await.unwrap();
    let mut zipped = TraceServiceClient::connect(address)
        .await
        .unwrap()
        .send_compressed(Gzip);
    for client in [&mut plain, &mut zipped] {
        let status = client.export(large.clone()).await.unwrap_err();
        let refused = [Code::OutOfRange, Code::ResourceExhausted];
        assert!(refused.contains(&status.code()), "{status}");
        client.export(spans(vec![span(8, 1)])).await.unwrap();
    }
    assert!(trace_of(&viewer, 7).is_none() && trace_of(&viewer, 8).is_some());
    viewer.shutdown().await;
}

// Specification: `protocol/otlp.md`, "Partial Success".
#[tokio::test]
async fn a_partial_success_counts_what_was_malformed_and_keeps_the_rest() {
    let viewer = start().await;
    let body = spans(vec![
        span(7, 1),
        Span {
            span_id: vec![1; 3],
            ..span(7, 2)
        },
    ])
    .encode_to_vec();
    let (status, answer) = post(viewer.http_addr(), "/v1/traces", PROTOBUF, &body).await;
    let partial = ExportTraceServiceResponse::decode(&*answer)
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!((status, partial.rejected_spans), (200, 1));
    assert_eq!(
        partial.error_message,
        "span \"charge card\": span_id has 3 bytes, expected 8"
    );
    assert_eq!(trace_of(&viewer, 7).unwrap().spans.len(), 1);
    assert_eq!(viewer.store().losses().malformed, 1);
    viewer.shutdown().await;
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_address_and_flag() {
    let first = start().await;
    let settings = Settings {
        http: first.http_addr(),
        ..Settings::free_ports()
    };
    let error = Viewer::start(settings).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!("{} (--http)", first.http_addr())),
        "{text}"
    );
    assert!(text.contains("port 0"), "{text}");
    first.shutdown().await;
}

#[tokio::test]
async fn an_address_that_others_reach_needs_to_be_allowed() {
    let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let settings = Settings {
        grpc: any,
        ..Settings::free_ports()
    };
    let error = Viewer::start(settings.clone()).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Public {
            setting: "grpc",
            ..
        }
    ));
    assert!(error.to_string().contains("--allow-public"), "{error}");
    let allowed = Viewer::start(Settings {
        allow_public: true,
        ..settings
    })
    .await
    .unwrap();
    allowed.shutdown().await;
}

#[tokio::test]
async fn a_limit_that_lets_nothing_in_is_refused() {
    for (limits, field) in [
        (
            Limits {
                bytes: 1_000,
                ..Limits::default()
            },
            "limits.bytes is 1000",
        ),
        (
            Limits {
                spans: 0,
                ..Limits::default()
            },
            "limits.spans is 0",
        ),
        (
            Limits {
                series: 0,
                ..Limits::default()
            },
            "limits.series is 0",
        ),
    ] {
        let error = Viewer::start(Settings {
            limits,
            ..Settings::free_ports()
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[tokio::test]
async fn a_shutdown_closes_the_ports_with_clients_still_connected() {
    let viewer = start().await;
    let (grpc, http) = (viewer.grpc_addr(), viewer.http_addr());
    let mut client = TraceServiceClient::connect(format!("http://{grpc}"))
        .await
        .unwrap();
    client.export(spans(vec![span(7, 1)])).await.unwrap();
    let _idle = TcpStream::connect(http).await.unwrap();
    let store = viewer.store().clone();
    viewer.shutdown().await;
    assert!(TcpStream::connect(grpc).await.is_err());
    assert!(TcpStream::connect(http).await.is_err());
    assert_eq!(store.usage().spans, 1, "what came stays readable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_at_once_lose_nothing() {
    let viewer = start().await;
    let http = viewer.http_addr();
    let grpc = format!("http://{}", viewer.grpc_addr());
    let mut senders = Vec::new();
    for sender in 1..=8_u8 {
        let grpc = grpc.clone();
        senders.push(tokio::spawn(async move {
            let mut client = TraceServiceClient::connect(grpc).await.unwrap();
            for id in 1..=20 {
                client.export(spans(vec![span(sender, id)])).await.unwrap();
                let body = spans(vec![span(sender, id + 100)]).encode_to_vec();
                assert_eq!(post(http, "/v1/traces", PROTOBUF, &body).await.0, 200);
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(viewer.store().usage().spans, 8 * 40);
    viewer.shutdown().await;
}

#[tokio::test]
async fn a_client_that_hangs_does_not_hold_up_the_shutdown_for_ever() {
    let viewer = start().await;
    let mut stream = TcpStream::connect(viewer.http_addr()).await.unwrap();
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nHost: v\r\n{PROTOBUF}\r\nContent-Length: 99\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The clock moves by itself once nothing else can.
    tokio::time::pause();
    viewer.shutdown().await;
}
