//! Exporting makes no telemetry about itself.

use std::sync::{Arc, Mutex};

use opentelemetry::Context;
use throughline_model::Push;
use throughline_otlp::{LogExporter, Signal};
use throughline_testkit::otlp_sink::{Fault, OtlpSink};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};

use crate::support::{BOTH, endpoint, export_log, metrics, snapshot, span, spans};

/// Notes who emitted an event where telemetry was not suppressed, and how many were.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<(Vec<String>, usize)>>);

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let target = event.metadata().target();
        let mut seen = self.0.lock().unwrap();
        if Context::is_current_telemetry_suppressed() {
            seen.1 += 1;
        } else {
            seen.0.push(target.to_owned());
        }
    }
}

/// The sink shares the process, and half of its libraries: it runs on a thread of its own, without a subscriber.
fn sink_elsewhere() -> (Arc<OtlpSink>, tokio::sync::oneshot::Sender<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            send.send(Arc::new(OtlpSink::start().await.unwrap()))
                .unwrap();
            let _ = stopped.await;
        });
    });
    (receive.recv().unwrap(), stop)
}

#[tokio::test]
async fn events_of_the_connections_are_suppressed() {
    for protocol in BOTH {
        let (sink, _stop) = sink_elsewhere();
        let listener = Listener::default();
        let subscriber = tracing_subscriber::registry().with(listener.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        metrics(protocol, &sink).push(&snapshot(1)).await.unwrap();
        spans(protocol, &sink)
            .export_with_outcome(vec![span(1)])
            .await
            .unwrap();
        let logs = LogExporter::new(endpoint(protocol, &sink, Signal::Logs)).unwrap();
        export_log(&logs, "paid").await.unwrap();
        // Let the connections' tasks see that their exporters are gone.
        drop(logs);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        drop(guard);

        let (loud, suppressed) = listener.0.lock().unwrap().clone();
        let others: Vec<_> = loud
            .iter()
            // The SDK's own word on building and emitting the record: not about exporting.
            .filter(|target| !target.starts_with("opentelemetry"))
            .collect();
        assert!(others.is_empty(), "{protocol:?}: {others:?}");
        assert!(suppressed > 0, "{protocol:?}: the libraries said nothing");
    }
}

#[tokio::test]
async fn a_receivers_warning_is_told_once_and_suppressed() {
    let (sink, _stop) = sink_elsewhere();
    sink.always(Some(Fault::PartialSuccess {
        rejected: 0,
        message: "soon deprecated".into(),
    }));
    let listener = Listener::default();
    let only_ours =
        tracing_subscriber::filter::Targets::new().with_target("throughline", tracing::Level::WARN);
    let subscriber = tracing_subscriber::registry().with(listener.clone().with_filter(only_ours));
    let _guard = tracing::subscriber::set_default(subscriber);
    let exporter = metrics(throughline_otlp::Protocol::Grpc, &sink);
    exporter.push(&snapshot(1)).await.unwrap();
    exporter.push(&snapshot(1)).await.unwrap();
    assert_eq!(*listener.0.lock().unwrap(), (vec![], 1));
}
