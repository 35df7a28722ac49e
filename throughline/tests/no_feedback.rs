//! What exporting says about itself is not exported.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::time::Duration;

use alone::alone;
use collector::{Collector, body};
use throughline::tracing::{self, info, info_span};
use throughline::{Otlp, Telemetry};
use tracing_subscriber::layer::SubscriberExt;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn grpc_does_not_feed_itself() {
    alone("grpc_does_not_feed_itself", &[], || {
        export_at_every_level(Otlp::grpc);
    });
}

#[test]
fn http_does_not_feed_itself() {
    alone("http_does_not_feed_itself", &[], || {
        export_at_every_level(Otlp::http);
    });
}

#[test]
fn a_collector_that_is_away_does_not_feed_itself() {
    alone("a_collector_that_is_away_does_not_feed_itself", &[], || {
        let collector = Collector::start();
        collector
            .sink
            .always(Some(throughline_testkit::otlp_sink::Fault::Http {
                status: 500,
                retry_after: None,
            }));
        let telemetry = bridged(Otlp::http(collector.url()));
        for round in 0..5 {
            info!(round, "of the program");
            telemetry.force_flush(LIMIT).unwrap_err();
        }
        collector.sink.always(None);
        info!("the last");
        telemetry.shutdown(LIMIT).unwrap();
        let records: Vec<String> = collector.records().iter().map(body).collect();
        assert_eq!(records, ["the last"]);
    });
}

/// Telemetry whose layer hears everything that anything in the process says: h2, hyper, tonic, ourselves.
fn bridged(otlp: Otlp) -> Telemetry {
    let telemetry = Telemetry::builder("feedback")
        .environment(|_| None)
        .tracing_filter("trace")
        .otlp(otlp)
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    telemetry
}

fn export_at_every_level(over: fn(String) -> Otlp) {
    let collector = Collector::start();
    let telemetry = bridged(over(collector.url()));
    for round in 0..5 {
        info_span!("round").in_scope(|| info!(round, "of the program"));
        telemetry.force_flush(LIMIT).unwrap();
    }
    telemetry.shutdown(LIMIT).unwrap();
    let records: Vec<String> = collector.records().iter().map(body).collect();
    assert_eq!(records, ["of the program"; 5]);
    let spans: Vec<String> = collector.spans().into_iter().map(|it| it.name).collect();
    assert_eq!(spans, ["round"; 5]);
}
