//! What the parts say about themselves fits together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alone::alone;
use collector::Collector;
use throughline::tracing::field::{Field, Visit};
use throughline::tracing::{self, Event, Level, Subscriber};
use throughline::{Otlp, Prometheus, Telemetry};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn two_outputs_do_not_contradict_each_other() {
    alone("two_outputs_do_not_contradict_each_other", &[], || {
        let warnings = Warnings::default();
        let subscriber = tracing_subscriber::registry().with(warnings.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let collector = Collector::start();
        let telemetry = Telemetry::builder("shop")
            .environment(|_| None)
            .otlp(Otlp::grpc(collector.url()))
            .prometheus(Prometheus::at("127.0.0.1:0"))
            .build()
            .unwrap();
        telemetry.operation("work").build().run(|| ());
        // Instruments come to life at their first use: the scrape's, then those of the pushes.
        for _ in 0..2 {
            let mut stream = TcpStream::connect(telemetry.prometheus_addr().unwrap()).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            telemetry.force_flush(LIMIT).unwrap();
        }
        telemetry.shutdown(LIMIT).unwrap();
        assert_eq!(*warnings.0.lock().unwrap(), [""; 0]);
        let exported = collector.numbers("otel.sdk.exporter.metric_data_point.exported");
        for exporter in [
            "otlp_grpc_metric_exporter",
            "prometheus_http_text_metric_exporter",
        ] {
            let counted = exported
                .keys()
                .any(|attributes| attributes.contains(exporter));
            assert!(counted, "{exporter} in {exported:?}");
        }
    });
}

/// What `throughline` warns of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() == "throughline" && *metadata.level() <= Level::WARN {
            let mut said = Said(String::new());
            event.record(&mut said);
            self.0.lock().unwrap().push(said.0);
        }
    }
}

struct Said(String);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}
