//! What arrives when nothing goes wrong.

use throughline_model::Push;
use throughline_otlp::{Compression, MetricExporter, Signal, SpanExporter};
use throughline_testkit::otlp_sink::OtlpSink;

use crate::support::{BOTH, endpoint, metrics, snapshot, span, spans};

#[tokio::test]
async fn metrics_arrive_with_their_exemplars() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        metrics(protocol, &sink).push(&snapshot(3)).await.unwrap();

        let requests = sink.metrics();
        assert_eq!(requests.len(), 1, "{protocol:?}");
        let metric = &requests[0].resource_metrics[0].scope_metrics[0].metrics[0];
        assert_eq!(metric.name, "orders");
        let points = format!("{:?}", metric.data);
        assert_eq!(
            points.matches("span_id: [0, 0, 0, 0, 0, 0, 0, 9]").count(),
            3
        );
    }
}

#[tokio::test]
async fn spans_arrive() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let exporter = spans(protocol, &sink);
        exporter
            .export_with_outcome(vec![span(1), span(2)])
            .await
            .unwrap();

        let requests = sink.traces();
        assert_eq!(requests.len(), 1, "{protocol:?}");
        let scope = &requests[0].resource_spans[0].scope_spans[0];
        assert_eq!(scope.spans.len(), 2);
        assert_eq!(scope.spans[1].span_id, [0, 0, 0, 0, 0, 0, 0, 2]);
    }
}

#[tokio::test]
async fn paths_are_those_of_the_protocol() {
    let sink = OtlpSink::start().await.unwrap();
    for protocol in BOTH {
        metrics(protocol, &sink).push(&snapshot(1)).await.unwrap();
        spans(protocol, &sink)
            .export_with_outcome(vec![span(1)])
            .await
            .unwrap();
    }
    let paths: Vec<String> = sink.received().into_iter().map(|r| r.path).collect();
    assert_eq!(
        paths,
        [
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "/v1/metrics",
            "/v1/traces",
        ]
    );
}

#[tokio::test]
async fn headers_and_user_agent_go_with_every_request() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let endpoint = endpoint(protocol, &sink, Signal::Metrics)
            .with_header("Authorization", "Bearer secret")
            .unwrap()
            .with_header("user-agent", "shop/1.0")
            .unwrap();
        let exporter = MetricExporter::new(endpoint).unwrap();
        exporter.push(&snapshot(1)).await.unwrap();

        let headers = sink.received().remove(0).headers;
        assert_eq!(headers["authorization"], "Bearer secret", "{protocol:?}");
        let agent = headers["user-agent"].to_str().unwrap();
        let expected = concat!("shop/1.0 throughline/", env!("CARGO_PKG_VERSION"));
        assert!(agent.starts_with(expected), "{protocol:?}: {agent}");
    }
}

#[tokio::test]
async fn gzip_is_used_where_it_is_asked_for() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let gzip = endpoint(protocol, &sink, Signal::Traces).with_compression(Compression::Gzip);
        let exporter = SpanExporter::new(gzip).unwrap();
        let batch = (1..=50).map(span).collect();
        exporter.export_with_outcome(batch).await.unwrap();
        spans(protocol, &sink)
            .export_with_outcome(vec![span(51)])
            .await
            .unwrap();

        let received = sink.received();
        assert_eq!(
            received.iter().map(|r| r.compressed).collect::<Vec<_>>(),
            [true, false],
            "{protocol:?}"
        );
        assert_eq!(
            sink.traces()[0].resource_spans[0].scope_spans[0]
                .spans
                .len(),
            50
        );
    }
}

#[tokio::test]
async fn what_is_empty_is_not_sent() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        metrics(protocol, &sink).push(&snapshot(0)).await.unwrap();
        let exporter = spans(protocol, &sink);
        exporter.export_with_outcome(vec![]).await.unwrap();
        assert!(sink.received().is_empty());
    }
}

#[tokio::test]
async fn a_large_snapshot_goes_in_several_requests() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let small = endpoint(protocol, &sink, Signal::Metrics)
            .with_max_request_size(2_000)
            .unwrap();
        let exporter = MetricExporter::new(small).unwrap();
        exporter.push(&snapshot(100)).await.unwrap();

        let received = sink.received();
        assert!(received.len() > 3, "{} requests", received.len());
        assert!(
            received
                .iter()
                .all(|request| request.message.len() <= 2_000)
        );
    }
}

#[tokio::test]
async fn a_large_batch_of_spans_goes_in_several_requests() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let small = endpoint(protocol, &sink, Signal::Traces)
            .with_max_request_size(1_000)
            .unwrap();
        let exporter = SpanExporter::new(small).unwrap();
        let batch = (1..=100).map(span).collect();
        exporter.export_with_outcome(batch).await.unwrap();

        assert!(
            sink.received()
                .iter()
                .all(|request| request.message.len() <= 1_000)
        );
        let ids: Vec<u8> = sink
            .traces()
            .iter()
            .flat_map(|request| &request.resource_spans[0].scope_spans[0].spans)
            .map(|span| span.span_id[7])
            .collect();
        assert_eq!(ids, (1..=100).collect::<Vec<u8>>());
    }
}
