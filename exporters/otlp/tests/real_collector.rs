//! The OpenTelemetry Collector takes what the exporters send, over both protocols.
//!
//! `cargo xtask e2e` runs it; otherwise it needs `THROUGHLINE_COLLECTOR` (`eval "$(cargo xtask tools)"`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    dead_code
)]

#[path = "it/support.rs"]
mod support;

use std::net::SocketAddr;

use opentelemetry::KeyValue;
use throughline_e2e::{Collector, Failure, Scratch, tool, unresolved};
use throughline_model::{Attributes, Data, Number, Push, Snapshot};
use throughline_otlp::{
    Compression, Endpoint, LogExporter, MetricExporter, Protocol, Signal, SpanExporter,
};

use crate::support::{BOTH, export_log, snapshot, span};

#[tokio::test]
async fn all_three_signals_arrive_over_both_protocols() -> Result<(), Failure> {
    let Some(program) = tool("THROUGHLINE_COLLECTOR")? else {
        return Ok(());
    };
    for (protocol, compression) in [
        (Protocol::Grpc, Compression::Gzip),
        (Protocol::HttpProtobuf, Compression::None),
        (Protocol::HttpProtobuf, Compression::Gzip),
    ] {
        let scratch = Scratch::new("all_three_signals_arrive_over_both_protocols")?;
        let collector = Collector::start(&program, &scratch)?;
        let endpoint = |signal| {
            let url = format!("http://{}", address(&collector, protocol));
            let endpoint = Endpoint::base(protocol, &url, signal).unwrap();
            endpoint.with_compression(compression)
        };
        let metrics = MetricExporter::new(endpoint(Signal::Metrics)).unwrap();
        metrics.push(&snapshot(4)).await.unwrap();
        let spans = SpanExporter::new(endpoint(Signal::Traces)).unwrap();
        spans.export_with_outcome(vec![span(9)]).await.unwrap();
        let logs = LogExporter::new(endpoint(Signal::Logs)).unwrap();
        export_log(&logs, "paid").await.unwrap();

        let received = collector.stop()?;
        assert_eq!(received.total("orders", &[]), 6.0, "{protocol:?}");
        assert_eq!(received.exemplars().count(), 4);
        assert_eq!(received.spans.len(), 1);
        assert_eq!(received.logs.len(), 1);
        assert_eq!(unresolved(&received), Vec::<String>::new());
        scratch.passed();
    }
    Ok(())
}

/// The default size of a request is one that the Collector takes without being told to.
#[tokio::test]
async fn a_large_snapshot_is_split_small_enough() -> Result<(), Failure> {
    let Some(program) = tool("THROUGHLINE_COLLECTOR")? else {
        return Ok(());
    };
    for protocol in BOTH {
        let scratch = Scratch::new("a_large_snapshot_is_split_small_enough")?;
        let collector = Collector::start(&program, &scratch)?;
        let url = format!("http://{}", address(&collector, protocol));
        let endpoint = Endpoint::base(protocol, &url, Signal::Metrics).unwrap();
        let exporter = MetricExporter::new(endpoint).unwrap();
        let large = large();
        exporter.push(&large).await.unwrap();

        let received = collector.stop()?;
        let total: u64 = (0..large.point_count() as u64).sum();
        assert_eq!(received.total("orders", &[]), total as f64, "{protocol:?}");
        scratch.passed();
    }
    Ok(())
}

/// Ten thousand points of a kilobyte each: more than two requests.
fn large() -> Snapshot {
    let mut snapshot = snapshot(10_000);
    let Data::Sum(sum) = &mut snapshot.scopes[0].metrics[0].data else {
        panic!("a sum");
    };
    for point in &mut sum.points {
        let Number::U64(value) = point.value else {
            panic!("whole");
        };
        let text = format!("{value}{}", "x".repeat(1_000));
        point.attributes = Attributes::new([KeyValue::new("text", text)]);
        point.exemplars.clear();
    }
    snapshot
}

fn address(collector: &Collector, protocol: Protocol) -> SocketAddr {
    match protocol {
        Protocol::Grpc => collector.grpc(),
        Protocol::HttpProtobuf => collector.http(),
    }
}
