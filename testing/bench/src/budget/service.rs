//! A service with one layer, instrumented in several ways.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Request, Response};
use opentelemetry_sdk::trace::Sampler;
use throughline::tower::{Server, ServerLayer};
use throughline::{Operation, Otlp, Telemetry, TelemetryBuilder};
use throughline_model::{Push, PushFuture, Snapshot};
use tower_layer::Layer;
use tower_service::Service;

use crate::cases::operation::Declared;
use crate::rigs::spans::Arrived;

/// One in a hundred.
const SAMPLED: f64 = 0.01;

/// How long a delivery may take.
const DELIVERY: Duration = Duration::from_secs(10);

/// A service that is driven.
pub(super) struct Variant {
    pub(super) name: &'static str,
    /// Whether metrics are all that it adds.
    pub(super) of_metrics: bool,
    serve: Box<dyn FnMut()>,
    telemetry: Option<(Telemetry, Counted)>,
    served: u64,
}

/// The bare one first.
pub(super) fn variants() -> Vec<Variant> {
    vec![
        bare(),
        counter_and_histogram(),
        operation(
            "span check: `Operation`, 1 % sampled, without retention",
            |it| it.without_retention(),
        ),
        operation(
            "span check: `Operation`, 1 % sampled, the rest recorded until decided",
            |it| it,
        ),
        layer(
            "`tower::ServerLayer`, 1 % sampled, without retention",
            |it| it.without_retention(),
        ),
        layer(
            "`tower::ServerLayer`, 1 % sampled, the rest recorded until decided",
            |it| it,
        ),
    ]
}

impl Variant {
    /// Answers so many requests.
    pub(super) fn serve(&mut self, requests: u64) {
        for _ in 0..requests {
            (self.serve)();
        }
        self.served += requests;
    }

    /// Delivers and collects what was made.
    pub(super) fn settle(&self) -> Result<(), String> {
        match &self.telemetry {
            Some((telemetry, _)) => telemetry.force_flush(DELIVERY).map_err(|it| it.to_string()),
            None => Ok(()),
        }
    }

    /// Whether every request was counted.
    pub(super) fn verify(&self) -> Result<(), String> {
        self.settle()?;
        let Some((_, counted)) = &self.telemetry else {
            return Ok(());
        };
        let counted = counted.0.load(Ordering::Relaxed);
        if counted == self.served {
            Ok(())
        } else {
            let (name, served) = (self.name, self.served);
            Err(format!("{name}: {served} requests, {counted} counted"))
        }
    }
}

/// How many measurements the histogram of requests has.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicU64>);

impl Push for Counted {
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
        let histograms = ["bench.duration", "http.server.request.duration"];
        let found = snapshot
            .metrics()
            .find(|(_, it)| histograms.contains(&&*it.name));
        if let Some((_, metric)) = found
            && let throughline_model::Data::Histogram(histogram) = &metric.data
        {
            let points = histogram.points.iter().flat_map(|it| &it.counts);
            self.0.store(points.sum(), Ordering::Relaxed);
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

fn telemetry(settings: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> (Telemetry, Counted) {
    let counted = Counted::default();
    let builder = Telemetry::builder("bench")
        .environment(|_| None)
        .without_console()
        .otlp(Otlp::new().signals([]))
        .metric_exporter(counted.clone())
        .span_exporter(Arrived::default())
        .sampler(Sampler::TraceIdRatioBased(SAMPLED));
    let telemetry = settings(builder).build().expect("settings are valid");
    (telemetry, counted)
}

/// What the service does, so that there is something to measure.
fn work() -> u64 {
    black_box(200)
}

fn bare() -> Variant {
    let mut handler = Handler;
    Variant {
        name: "nothing",
        of_metrics: false,
        serve: Box::new(move || serve(&mut handler)),
        telemetry: None,
        served: 0,
    }
}

/// A counter and a histogram, of declared attributes, and the clock that the latency needs.
fn counter_and_histogram() -> Variant {
    let (telemetry, counted) = telemetry(|it| it.without_retention());
    let calls = telemetry.counter::<u64>("bench.calls");
    let calls = calls.attributes::<Declared>().build();
    let duration = telemetry.histogram::<f64>("bench.duration").unit("s");
    let duration = duration.attributes::<Declared>().build();
    let mut handler = Handler;
    Variant {
        name: "metrics: counter and histogram, 3 declared attributes",
        of_metrics: true,
        serve: Box::new(move || {
            let started = Instant::now();
            serve(&mut handler);
            let set = black_box(Declared::of(0));
            duration.with(set).record(started.elapsed().as_secs_f64());
            calls.with(set).add(1);
        }),
        telemetry: Some((telemetry, counted)),
        served: 0,
    }
}

fn operation(
    name: &'static str,
    settings: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder,
) -> Variant {
    let (telemetry, counted) = telemetry(settings);
    let operation = telemetry.operation("bench").attributes::<Declared>();
    let operation: Operation<Declared> = operation.build();
    let mut handler = Handler;
    Variant {
        name,
        of_metrics: false,
        serve: Box::new(move || {
            let call = operation.with(black_box(Declared::of(0)));
            call.run(|| serve(&mut handler));
        }),
        telemetry: Some((telemetry, counted)),
        served: 0,
    }
}

fn layer(
    name: &'static str,
    settings: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder,
) -> Variant {
    let (telemetry, counted) = telemetry(settings);
    let layer = ServerLayer::new(&telemetry).route(|_| Some("/orders/{id}".into()));
    let mut service: Server<Handler> = layer.layer(Handler);
    Variant {
        name,
        of_metrics: false,
        serve: Box::new(move || serve(&mut service)),
        telemetry: Some((telemetry, counted)),
        served: 0,
    }
}

/// Answers at once.
#[derive(Clone, Copy, Debug)]
struct Handler;

impl Service<Request<()>> for Handler {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box((request, work()));
        ready(Ok(Response::new(String::new())))
    }
}

/// One request, as a server hands it on: its head is made for each.
fn serve<S: Service<Request<()>, Error = Infallible>>(service: &mut S) {
    let request = Request::get("/orders/4711").body(()).expect("a valid path");
    let mut task = TaskContext::from_waker(Waker::noop());
    let answer = pin!(service.call(request)).poll(&mut task);
    assert!(black_box(answer).is_ready());
}
