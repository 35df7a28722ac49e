//! What the exporters make of receivers that refuse, stall, vanish or talk nonsense.

use std::time::{Duration, Instant};

use throughline_model::{Push, PushError};
use throughline_otlp::{Compression, Endpoint, MetricExporter, Protocol, Signal, SpanExporter};
use throughline_testkit::otlp_sink::{Fault, Nobody, OtlpSink};
use tonic::Code;

use crate::support::{BOTH, endpoint, first_connection_is_dead, metrics, snapshot, span, spans};

fn refusing(protocol: Protocol, code: Code, status: u16) -> Fault {
    match protocol {
        Protocol::Grpc => Fault::Grpc {
            code,
            retry_info: None,
        },
        Protocol::HttpProtobuf => Fault::Http {
            status,
            retry_after: None,
        },
    }
}

fn throttling(protocol: Protocol, seconds: u64) -> Fault {
    match protocol {
        Protocol::Grpc => Fault::Grpc {
            code: Code::ResourceExhausted,
            retry_info: Some(Duration::from_secs(seconds)),
        },
        Protocol::HttpProtobuf => Fault::Http {
            status: 429,
            retry_after: Some(seconds.to_string()),
        },
    }
}

fn impatient(protocol: Protocol, sink: &OtlpSink, timeout: Duration) -> MetricExporter {
    let endpoint = endpoint(protocol, sink, Signal::Metrics).with_timeout(timeout);
    MetricExporter::new(endpoint).unwrap()
}

/// Enough for an answer on a busy machine, and not long to wait where none comes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longer than any machine takes.
const LONG: Duration = Duration::from_secs(60);

/// OTLP, "Partial Success": the client must not retry.
#[tokio::test]
async fn a_partial_success_is_an_error_with_its_count_and_is_not_repeated() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let fault = Fault::PartialSuccess {
            rejected: 2,
            message: "too old".into(),
        };
        sink.always(Some(fault));
        let expected = Err(PushError::Rejected {
            items: 2,
            message: "too old".into(),
        });
        let pushed = metrics(protocol, &sink).push(&snapshot(3)).await;
        assert_eq!(pushed, expected, "{protocol:?}");
        let batch = vec![span(1), span(2), span(3)];
        let exported = spans(protocol, &sink).export_with_outcome(batch).await;
        assert_eq!(exported, expected, "{protocol:?}");
        assert_eq!(sink.received().len(), 2);
    }
}

#[tokio::test]
async fn the_sdk_sees_a_partial_success_as_an_error_too() {
    use opentelemetry_sdk::trace::SpanExporter as _;
    let sink = OtlpSink::start().await.unwrap();
    sink.next(Fault::PartialSuccess {
        rejected: 1,
        message: "no".into(),
    });
    let error = spans(Protocol::Grpc, &sink)
        .export(vec![span(1)])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("rejected 1 item: no"), "{error}");
}

/// OTLP, "Partial Success": no rejected items and a message are a warning.
#[tokio::test]
async fn a_warning_is_a_success() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(Fault::PartialSuccess {
            rejected: 0,
            message: "soon deprecated".into(),
        });
        let pushed = metrics(protocol, &sink).push(&snapshot(3)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");
    }
}

#[tokio::test]
async fn rejected_points_of_all_requests_are_added_up() {
    let sink = OtlpSink::start().await.unwrap();
    sink.always(Some(Fault::PartialSuccess {
        rejected: 1,
        message: "no".into(),
    }));
    let small = endpoint(Protocol::Grpc, &sink, Signal::Metrics)
        .with_max_request_size(2_000)
        .unwrap();
    let pushed = MetricExporter::new(small)
        .unwrap()
        .push(&snapshot(100))
        .await;
    let requests = sink.received().len() as u64;
    assert!(requests > 1);
    assert!(matches!(pushed, Err(PushError::Rejected { items, .. }) if items == requests));
}

#[tokio::test]
async fn a_transient_failure_is_tried_again() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(refusing(protocol, Code::Unavailable, 503));
        let pushed = metrics(protocol, &sink).push(&snapshot(1)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");
        assert_eq!(sink.received().len(), 2);
        assert_eq!(sink.metrics().len(), 1);
    }
}

#[tokio::test]
async fn a_final_failure_is_not_tried_again() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(refusing(protocol, Code::InvalidArgument, 400));
        let pushed = metrics(protocol, &sink).push(&snapshot(1)).await;
        let Err(PushError::Refused { code, message }) = pushed else {
            panic!("{protocol:?}: {pushed:?}");
        };
        let expected = match protocol {
            Protocol::Grpc => "INVALID_ARGUMENT",
            Protocol::HttpProtobuf => "400",
        };
        assert_eq!(code, expected);
        assert!(
            message.starts_with("the sink was told to answer"),
            "{message}"
        );
        assert_eq!(sink.received().len(), 1);
    }
}

/// OTLP, "Failures": without `RetryInfo`, `RESOURCE_EXHAUSTED` is final.
#[tokio::test]
async fn resource_exhausted_is_tried_again_only_where_the_server_says_when() {
    let sink = OtlpSink::start().await.unwrap();
    let exporter = metrics(Protocol::Grpc, &sink);
    sink.next(refusing(Protocol::Grpc, Code::ResourceExhausted, 0));
    let pushed = exporter.push(&snapshot(1)).await;
    assert!(matches!(pushed, Err(PushError::Refused { code, .. }) if code == "RESOURCE_EXHAUSTED"));

    sink.next(throttling(Protocol::Grpc, 0));
    assert_eq!(exporter.push(&snapshot(1)).await, Ok(()));
    assert_eq!(sink.received().len(), 3);
}

/// OTLP, "Throttling": the server's own delay is waited for.
#[tokio::test]
async fn a_throttling_server_is_given_the_time_it_asks_for() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        // `Retry-After` cannot say less than a second, and sockets do not run on a paused clock.
        sink.next(throttling(protocol, 1));
        let start = Instant::now();
        let pushed = metrics(protocol, &sink).push(&snapshot(1)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_server_that_asks_for_more_time_than_there_is_is_left_alone() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.always(Some(throttling(protocol, 3600)));
        let start = Instant::now();
        let exporter = impatient(protocol, &sink, PATIENCE);
        let pushed = exporter.push(&snapshot(1)).await;
        assert!(
            matches!(pushed, Err(PushError::Unavailable { attempts: 1, .. })),
            "{protocol:?}: {pushed:?}"
        );
        assert!(start.elapsed() < LONG);
        assert_eq!(sink.received().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_the_timeout_and_no_more() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(Fault::Hang);
        let exporter = impatient(protocol, &sink, PATIENCE);
        let start = Instant::now();
        let pushed = exporter.push(&snapshot(1)).await;
        assert_eq!(pushed, Err(PushError::Timeout(PATIENCE)), "{protocol:?}");
        assert!(start.elapsed() < LONG);
        // The exporter recovers, over a new connection.
        assert_eq!(exporter.push(&snapshot(1)).await, Ok(()), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(Fault::Slow(Duration::from_millis(50)));
        let pushed = metrics(protocol, &sink).push(&snapshot(1)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");
    }
}

/// OTLP, "All Other Responses": a server that disconnects without an answer is tried again.
#[tokio::test]
async fn a_dropped_connection_is_tried_again() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(Fault::Drop);
        let pushed = metrics(protocol, &sink).push(&snapshot(1)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");
        assert_eq!(sink.received().len(), 2);
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_until_the_time_is_over() {
    for protocol in BOTH {
        let nobody = Nobody::listens().unwrap();
        let endpoint = Endpoint::new(protocol, &nobody.url())
            .unwrap()
            .with_timeout(PATIENCE);
        let exporter = MetricExporter::new(endpoint).unwrap();
        let pushed = exporter.push(&snapshot(1)).await;
        let Err(PushError::Unavailable { message, .. }) = &pushed else {
            panic!("{protocol:?}: {pushed:?}");
        };
        assert!(message.contains("refused"), "{protocol:?}: {message}");
    }
}

#[tokio::test]
async fn a_receiver_that_comes_back_gets_the_batch() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let exporter = metrics(protocol, &sink);
        exporter.push(&snapshot(1)).await.unwrap();
        let address = sink.address();
        drop(sink);
        let nobody = nobody_at(address).await;
        let again = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            OtlpSink::start_at(address).await.unwrap()
        };
        let batch = snapshot(1);
        let (pushed, sink) = tokio::join!(exporter.push(&batch), again);
        assert_eq!(pushed, Ok(()), "{protocol:?}");
        assert_eq!(sink.metrics().len(), 1, "{protocol:?}");
        drop(nobody);
    }
}

/// Takes the place of a receiver that is about to close its port.
async fn nobody_at(address: std::net::SocketAddr) -> Nobody {
    let closed = async {
        loop {
            match Nobody::listens_at(address) {
                Ok(nobody) => return nobody,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(LONG, closed).await.unwrap()
}

#[tokio::test]
async fn when_the_receiver_is_away_the_other_requests_are_not_tried() {
    let sink = OtlpSink::start().await.unwrap();
    sink.always(Some(Fault::Hang));
    let endpoint = endpoint(Protocol::Grpc, &sink, Signal::Traces)
        .with_timeout(PATIENCE)
        .with_max_request_size(1_000)
        .unwrap();
    let exporter = SpanExporter::new(endpoint).unwrap();
    let batch = (1..=100).map(span).collect();
    let exported = exporter.export_with_outcome(batch).await;
    assert_eq!(exported, Err(PushError::Timeout(PATIENCE)));
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn garbage_is_not_taken_for_an_acknowledgement() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        for fault in [Fault::Garbage, Fault::Html] {
            sink.next(fault.clone());
            let pushed = metrics(protocol, &sink).push(&snapshot(1)).await;
            assert!(
                matches!(pushed, Err(PushError::Refused { .. })),
                "{protocol:?} {fault:?}: {pushed:?}"
            );
        }
        assert_eq!(sink.received().len(), 2);
    }
}

/// OTLP, "OTLP/gRPC Response", "OTLP/HTTP Response": over the limit is a failure that is not repeated.
#[tokio::test]
async fn a_response_over_the_limit_is_final() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        sink.next(Fault::Oversized(10_000));
        let endpoint = endpoint(protocol, &sink, Signal::Metrics)
            .with_max_response_size(1_000)
            .unwrap();
        let pushed = MetricExporter::new(endpoint)
            .unwrap()
            .push(&snapshot(1))
            .await;
        assert!(
            matches!(pushed, Err(PushError::Refused { .. })),
            "{pushed:?}"
        );
        assert_eq!(sink.received().len(), 1);
    }
}

/// OTLP, "OTLP/gRPC Request": over the limit the client must not make the request.
#[tokio::test]
async fn a_single_span_over_the_limit_is_not_sent_and_the_others_are() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let endpoint = endpoint(protocol, &sink, Signal::Traces)
            .with_compression(Compression::Gzip)
            .with_max_request_size(1_000)
            .unwrap();
        let mut large = span(2);
        large.name = "x".repeat(2_000).into();
        let exporter = SpanExporter::new(endpoint).unwrap();
        let exported = exporter
            .export_with_outcome(vec![span(1), large, span(3)])
            .await;
        assert!(
            matches!(exported, Err(PushError::Refused { ref code, .. }) if code == "request_too_large"),
            "{exported:?}"
        );
        let arrived: usize = sink
            .traces()
            .iter()
            .map(|request| request.resource_spans[0].scope_spans[0].spans.len())
            .sum();
        assert_eq!(arrived, 2);
    }
}

#[tokio::test]
async fn after_shutdown_nothing_is_sent() {
    use opentelemetry_sdk::trace::SpanExporter as _;
    let sink = OtlpSink::start().await.unwrap();
    let (metrics, spans) = (metrics(Protocol::Grpc, &sink), spans(Protocol::Grpc, &sink));
    metrics.shutdown();
    spans.shutdown().unwrap();
    assert!(spans.shutdown().is_err(), "a second shutdown says so");
    assert_eq!(metrics.push(&snapshot(1)).await, Err(PushError::Shutdown));
    let exported = spans.export_with_outcome(vec![span(1)]).await;
    assert_eq!(exported, Err(PushError::Shutdown));
    assert!(sink.received().is_empty());
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let endpoint = Endpoint::local(Protocol::Grpc, Signal::Metrics);
    let exporter = MetricExporter::new(endpoint).unwrap();
    let batch = snapshot(1);
    let mut push = exporter.push(&batch);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(PushError::Refused { code, .. })) =
        push.as_mut().poll(&mut context)
    else {
        panic!("pushed without a runtime");
    };
    assert_eq!(code, "no_runtime");
}

#[tokio::test]
async fn a_connection_that_died_without_a_word_is_replaced() {
    for protocol in BOTH {
        let sink = OtlpSink::start().await.unwrap();
        let url = first_connection_is_dead(&sink).await;
        let endpoint = Endpoint::base(protocol, &url, Signal::Metrics)
            .unwrap()
            .with_timeout(PATIENCE);
        let exporter = MetricExporter::new(endpoint).unwrap();
        exporter.push(&snapshot(1)).await.unwrap_err();
        assert_eq!(exporter.push(&snapshot(1)).await, Ok(()), "{protocol:?}");
    }
}

/// Answers every connection with these bytes, whatever it asks.
async fn says(bytes: &'static [u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

#[tokio::test]
async fn a_port_of_the_other_protocol_is_named_as_the_likely_cause() {
    let settings_then_goaway = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\x01";
    let bad_request = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let cases: [(_, &[u8], _); 2] = [
        (Protocol::Grpc, bad_request, "http/protobuf"),
        (Protocol::HttpProtobuf, settings_then_goaway, "gRPC"),
    ];
    for (protocol, bytes, hint) in cases {
        let endpoint = Endpoint::new(protocol, &says(bytes).await)
            .unwrap()
            .with_timeout(PATIENCE);
        let pushed = MetricExporter::new(endpoint)
            .unwrap()
            .push(&snapshot(1))
            .await;
        let error = pushed.unwrap_err().to_string();
        assert!(error.contains(hint), "{protocol:?}: {error}");
    }
}
