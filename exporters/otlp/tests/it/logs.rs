//! Log records go out through the same connections and settings.

use std::time::Duration;

use opentelemetry_sdk::logs::LogExporter as _;
use throughline_otlp::{Compression, Endpoint, LogExporter, Signal};
use throughline_testkit::otlp_sink::{Fault, OtlpSink};

use crate::support::{BOTH, endpoint, export_log, first_connection_is_dead};

#[tokio::test]
async fn records_arrive_with_the_endpoints_headers_and_compression() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let endpoint = endpoint(protocol, &sink, Signal::Logs)
            .with_header("authorization", "Bearer secret")
            .unwrap()
            .with_compression(Compression::Gzip);
        let exporter = LogExporter::new(endpoint).unwrap();
        export_log(&exporter, "paid").await.unwrap();

        let received = sink.received().remove(0);
        assert!(received.compressed, "{protocol:?}");
        assert_eq!(received.headers["authorization"], "Bearer secret");
        let agent = received.headers["user-agent"].to_str().unwrap();
        assert!(agent.starts_with("throughline/"), "{protocol:?}: {agent}");
        let logs = sink.logs();
        let record = &logs[0].resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!(record.trace_id, 7u128.to_be_bytes());
        assert!(format!("{:?}", record.body).contains("paid"));
    }
}

#[tokio::test]
async fn a_transient_failure_is_tried_again() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(match protocol {
            throughline_otlp::Protocol::Grpc => Fault::Grpc {
                code: tonic::Code::Unavailable,
                retry_info: None,
            },
            throughline_otlp::Protocol::HttpProtobuf => Fault::Http {
                status: 503,
                retry_after: None,
            },
        });
        let exporter = LogExporter::new(endpoint(protocol, &sink, Signal::Logs)).unwrap();
        export_log(&exporter, "paid").await.unwrap();
        assert_eq!(sink.logs().len(), 1, "{protocol:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_costs_the_timeout_and_no_more() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.always(Some(Fault::Hang));
        let patience = Duration::from_millis(200);
        let endpoint = endpoint(protocol, &sink, Signal::Logs).with_timeout(patience);
        let exporter = LogExporter::new(endpoint).unwrap();
        let start = std::time::Instant::now();
        let error = export_log(&exporter, "paid").await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(60));
        assert!(error.to_string().contains("200ms"), "{protocol:?}: {error}");
    }
}

#[tokio::test]
async fn a_connection_that_died_without_a_word_is_replaced() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let url = first_connection_is_dead(&sink).await;
        let endpoint = Endpoint::base(protocol, &url, Signal::Logs)
            .unwrap()
            .with_timeout(Duration::from_secs(3));
        let resource = opentelemetry_sdk::Resource::builder_empty()
            .with_service_name("checkout")
            .build();
        let exporter = LogExporter::new(endpoint).unwrap().with_resource(&resource);
        export_log(&exporter, "lost").await.unwrap_err();
        export_log(&exporter, "paid").await.unwrap();
        let resource = sink.logs()[0].resource_logs[0].resource.clone().unwrap();
        assert_eq!(resource.attributes[0].key, "service.name", "{protocol:?}");
    }
}

#[tokio::test]
async fn after_shutdown_nothing_is_sent() {
    let sink = OtlpSink::start().await.unwrap();
    for protocol in BOTH {
        let exporter = LogExporter::new(endpoint(protocol, &sink, Signal::Logs)).unwrap();
        exporter.shutdown().unwrap();
        assert!(exporter.shutdown().is_err(), "a second shutdown says so");
        export_log(&exporter, "late").await.unwrap_err();
    }
    assert!(sink.received().is_empty());
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    for protocol in BOTH {
        let endpoint = Endpoint::local(protocol, Signal::Logs);
        let error = LogExporter::new(endpoint).unwrap_err();
        assert_eq!(error.field(), "runtime");
    }
}
