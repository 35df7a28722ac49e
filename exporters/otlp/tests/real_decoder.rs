//! PyPI's `opentelemetry-proto` reads from our bytes what the golden files say: a decoder that no one here wrote.
//!
//! `cargo xtask e2e` runs it; otherwise it needs `THROUGHLINE_PYTHON` (`eval "$(cargo xtask tools)"`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    dead_code
)]

#[path = "it/fixtures.rs"]
mod fixtures;
#[path = "it/support.rs"]
mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use throughline_e2e::{Failure, tool};
use throughline_model::Push;
use throughline_otlp::{LogExporter, Protocol, Signal};
use throughline_testkit::otlp_sink::OtlpSink;

use crate::fixtures::{TEXT, every_kind, full_span, resource};
use crate::support::{endpoint, export_log, metrics, span, spans};

#[tokio::test]
async fn another_decoder_reads_what_the_golden_files_say() -> Result<(), Failure> {
    let Some(python) = tool("THROUGHLINE_PYTHON")? else {
        return Ok(());
    };
    let sink = OtlpSink::start().await.unwrap();
    let protocol = Protocol::HttpProtobuf;
    metrics(protocol, &sink).push(&every_kind()).await.unwrap();
    spans(protocol, &sink)
        .with_resource(&resource())
        .export_with_outcome(vec![full_span(), span(2)])
        .await
        .unwrap();
    let logs = LogExporter::new(endpoint(protocol, &sink, Signal::Logs)).unwrap();
    export_log(&logs, TEXT).await.unwrap();

    let received = sink.received();
    for (request, signal) in received.iter().zip(["metrics", "spans", "logs"]) {
        decode(&python, signal, &request.message);
    }
    Ok(())
}

fn decode(python: &Path, signal: &str, message: &[u8]) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut decoder = Command::new(python)
        .arg(tests.join("decode.py"))
        .arg(signal)
        .arg(tests.join(format!("golden/{signal}.json")))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    decoder.stdin.take().unwrap().write_all(message).unwrap();
    assert!(
        decoder.wait().unwrap().success(),
        "{signal}: the decoder disagrees"
    );
}
