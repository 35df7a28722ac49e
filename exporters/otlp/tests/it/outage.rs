//! What people read when the receiver is away.

use std::fmt::{self, Write as _};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use opentelemetry::Context;
use throughline_model::Push;
use throughline_otlp::{Endpoint, LogExporter, MetricExporter, Protocol, Signal, SpanExporter};
use throughline_testkit::otlp_sink::{Fault, Nobody, OtlpSink};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};

use crate::support::{BOTH, endpoint, export_log, metrics, snapshot, span};

/// Keeps our warnings; one that could be exported makes the test fail.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        assert!(Context::is_current_telemetry_suppressed());
        let mut text = Text::default();
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{value:?}").unwrap();
    }
}

impl Warnings {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        // With one dispatcher alive, `tracing` asks the default of whichever thread meets a warning first whether anyone
        // wants it, and remembers. With two it asks them.
        static ANOTHER: LazyLock<tracing::Dispatch> =
            LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&ANOTHER);
        let warnings = Self::default();
        let only_ours = Targets::new().with_target("throughline", Level::WARN);
        let subscriber =
            tracing_subscriber::registry().with(warnings.clone().with_filter(only_ours));
        (warnings, tracing::subscriber::set_default(subscriber))
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Where nobody listens, with a query that is a secret.
fn endpoint_of(nobody: &Nobody, protocol: Protocol, signal: Signal) -> Endpoint {
    let url = format!("{}/?key=s3cret", nobody.url());
    Endpoint::base(protocol, &url, signal)
        .unwrap()
        .with_timeout(Duration::from_secs(2))
}

#[tokio::test]
async fn an_outage_is_told_once_with_its_url_and_its_cause() {
    for protocol in BOTH {
        let (warnings, _guard) = Warnings::listen();
        let told_once = |what: &str, url: &str| {
            let told = warnings.take();
            assert_eq!(told.len(), 1, "{protocol:?}: {told:?}");
            assert!(
                told[0].starts_with(&format!("{what} to {url}: ")),
                "{told:?}"
            );
            assert!(told[0].contains("refused"), "{told:?}");
            assert!(told[0].ends_with("; trying again"), "{told:?}");
            assert!(!told[0].contains("s3cret"), "{told:?}");
        };

        let nobody = Nobody::listens().unwrap();
        let endpoint = |signal| endpoint_of(&nobody, protocol, signal);
        let spans = SpanExporter::new(endpoint(Signal::Traces)).unwrap();
        let metrics = MetricExporter::new(endpoint(Signal::Metrics)).unwrap();
        let logs = LogExporter::new(endpoint(Signal::Logs)).unwrap();
        for _ in 0..2 {
            spans.export_with_outcome(vec![span(1)]).await.unwrap_err();
        }
        told_once("spans", &spans.endpoint().url());
        for _ in 0..2 {
            metrics.push(&snapshot(1)).await.unwrap_err();
        }
        told_once("metrics", &metrics.endpoint().url());
        for _ in 0..2 {
            export_log(&logs, "paid").await.unwrap_err();
        }
        told_once("log records", &logs.endpoint().url());
    }
}

#[tokio::test]
async fn after_a_success_the_next_outage_is_told_again() {
    for protocol in BOTH {
        let (warnings, _guard) = Warnings::listen();
        let sink = OtlpSink::start().await.unwrap();
        let metrics = metrics(protocol, &sink);
        for _ in 0..2 {
            sink.next(Fault::Drop);
            metrics.push(&snapshot(1)).await.unwrap();
            assert_eq!(warnings.take().len(), 1, "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn a_log_receiver_that_is_overloaded_is_told() {
    let (warnings, _guard) = Warnings::listen();
    let sink = OtlpSink::start().await.unwrap();
    let logs = LogExporter::new(endpoint(Protocol::HttpProtobuf, &sink, Signal::Logs)).unwrap();
    for _ in 0..2 {
        sink.next(Fault::Http {
            status: 503,
            retry_after: None,
        });
        export_log(&logs, "paid").await.unwrap();
        let told = warnings.take();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("503"), "{told:?}");
    }
}
