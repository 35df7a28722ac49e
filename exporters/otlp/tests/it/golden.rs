//! What goes over the wire, as OTLP JSON that people can read and review.
//!
//! `UPDATE_EXPECT=1 cargo test -p throughline-otlp` writes the files anew; `real_decoder.rs` holds them against
//! a decoder that no one here wrote.

use expect_test::expect_file;
use opentelemetry_sdk::trace::SpanExporter as _;
use throughline_model::Push;
use throughline_otlp::{LogExporter, Signal};
use throughline_testkit::otlp_sink::OtlpSink;

use crate::fixtures::{TEXT, every_kind, full_span, resource};
use crate::support::{BOTH, endpoint, export_log, metrics, span, spans};

#[tokio::test]
async fn metrics_look_like_this() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        metrics(protocol, &sink).push(&every_kind()).await.unwrap();
        let json = pretty(&sink.metrics()[0]);
        expect_file!["../golden/metrics.json"].assert_eq(&json);
    }
}

#[tokio::test]
async fn spans_look_like_this() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let mut exporter = spans(protocol, &sink);
        exporter.set_resource(&resource());
        exporter
            .export_with_outcome(vec![full_span(), span(2)])
            .await
            .unwrap();
        let json = pretty(&sink.traces()[0]);
        expect_file!["../golden/spans.json"].assert_eq(&json);
    }
}

#[tokio::test]
async fn logs_look_like_this() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let exporter = LogExporter::new(endpoint(protocol, &sink, Signal::Logs)).unwrap();
        export_log(&exporter, TEXT).await.unwrap();
        let json = pretty(&sink.logs()[0]);
        expect_file!["../golden/logs.json"].assert_eq(&json);
    }
}

fn pretty(message: &impl serde::Serialize) -> String {
    let mut json = serde_json::to_string_pretty(message).unwrap();
    json.push('\n');
    json
}
