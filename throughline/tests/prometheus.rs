//! `/metrics`, beside the push.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use collector::Collector;
use throughline::opentelemetry::KeyValue;
use throughline::{Otlp, Prometheus, Telemetry, TelemetryBuilder};

const LIMIT: Duration = Duration::from_secs(10);

fn alone(variables: &'static [(&str, &str)]) -> TelemetryBuilder {
    Telemetry::builder("shop")
        .environment(|name| {
            let mut variables = variables.iter();
            variables
                .find(|(it, _)| *it == name)
                .map(|(_, value)| (*value).to_owned())
        })
        .otlp(Otlp::new().signals([]))
}

fn scrape(address: SocketAddr, accept: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

#[test]
fn both_outputs_have_the_same_numbers_and_the_same_exemplar() {
    let collector = Collector::start();
    let telemetry = Telemetry::builder("shop")
        .environment(|_| None)
        .otlp(Otlp::grpc(collector.url()))
        .prometheus(Prometheus::at("127.0.0.1:0"))
        .build()
        .unwrap();
    let work = telemetry.operation("work").build();
    work.run(|| ());
    let address = telemetry.prometheus_addr().unwrap();
    // An exemplar is shown once its span was delivered.
    telemetry.force_flush(LIMIT).unwrap();
    // Whoever looks first takes nothing from Prometheus, nor does one Prometheus from another.
    let text = scrape(address, "text/plain");
    let scrapes = [(); 2].map(|()| scrape(address, OPENMETRICS));
    assert!(text.contains("work_calls_total{"), "{text}");
    assert!(text.contains("service_name=\"shop\""), "{text}");
    telemetry.shutdown(LIMIT).unwrap();

    let span = collector.span("work");
    let id: String = span
        .span_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for openmetrics in scrapes {
        assert!(
            openmetrics.contains(&format!("span_id=\"{id}\"")),
            "{openmetrics}"
        );
    }
    assert_eq!(collector.numbers("work.calls")["outcome=success"], 1.0);
    // Nobody listens any more.
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn it_is_served_where_the_variables_say() {
    let telemetry = alone(&[
        ("OTEL_METRICS_EXPORTER", "otlp,prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
    ])
    .build()
    .unwrap();
    telemetry
        .meter()
        .u64_counter("hits")
        .build()
        .add(3, &[KeyValue::new("tier", "l1")]);
    let text = scrape(telemetry.prometheus_addr().unwrap(), "text/plain");
    assert!(
        text.contains("tier=\"l1\"") && text.contains("} 3\n"),
        "{text}"
    );
    assert_eq!(alone(&[]).build().unwrap().prometheus_addr(), None);
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it_and_how_to_choose_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = alone(&[])
        .prometheus(Prometheus::at(address.to_string()))
        .build()
        .unwrap_err();
    assert!(error.is_prometheus());
    let said = error.to_string();
    assert!(said.contains(&address.to_string()), "{said}");
    assert!(
        said.contains("`.prometheus(..)`") && said.contains("OTEL_EXPORTER_PROMETHEUS_PORT"),
        "{said}"
    );
}

#[test]
fn an_address_that_others_can_reach_needs_a_token_or_a_word() {
    let error = alone(&[])
        .prometheus(Prometheus::at("0.0.0.0:0"))
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("0.0.0.0"), "{error}");
    let error = alone(&[("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0")])
        .prometheus(Prometheus::new())
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("as OTEL_EXPORTER_PROMETHEUS_HOST asks") && error.contains("0.0.0.0"),
        "{error}"
    );
    let guarded = alone(&[])
        .prometheus(Prometheus::at("0.0.0.0:0").bearer_token("s3cret"))
        .build()
        .unwrap();
    let port = guarded.prometheus_addr().unwrap().port();
    let refused = scrape(([127, 0, 0, 1], port).into(), "text/plain");
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let open = alone(&[])
        .prometheus(Prometheus::at("0.0.0.0:0").allow_public())
        .build()
        .unwrap();
    let port = open.prometheus_addr().unwrap().port();
    assert!(scrape(([127, 0, 0, 1], port).into(), "text/plain").starts_with("HTTP/1.1 200"));
}

// Semantic conventions: `model/otel/metrics.yaml`.
#[test]
fn the_engine_reports_on_itself() {
    let telemetry = alone(&[])
        .prometheus(Prometheus::at("127.0.0.1:0"))
        .build()
        .unwrap();
    telemetry.counter::<u64>("orders").build().add(1);
    let address = telemetry.prometheus_addr().unwrap();
    scrape(address, "text/plain"); // its duration is in the next one
    let text = scrape(address, "text/plain");
    for expected in [
        "otel_sdk_metric_reader_collection_duration_seconds_count{",
        "otel_component_type=\"prometheus_http_text_metric_exporter\"",
        "throughline_engine_series{",
    ] {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
}
