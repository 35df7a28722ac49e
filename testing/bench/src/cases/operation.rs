//! A whole operation (span, latency, count, what is in flight), declared once or written by hand.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use throughline::{AttributeValue, Operation, Otlp, Telemetry, TelemetryBuilder};
use throughline_model::{Push, PushFuture, Snapshot};

use crate::case::{Case, Subject};
use crate::rigs::peers::{Method, Route, Status};
use crate::rigs::sdk::Sdk;
use crate::rigs::spans::{Arrived, roomy};
use crate::rigs::{key_values, ours};
use crate::values::{METHODS, ROUTES, STATUSES};
use crate::work::{Work, Workload, counts};

pub(super) fn cases() -> Vec<Case> {
    let subjects = vec![
        Subject::new("throughline, sampled", || operation(Sampler::AlwaysOn)),
        Subject::new("throughline, not sampled", || operation(Sampler::AlwaysOff)),
        Subject::new("opentelemetry_sdk by hand, sampled", || {
            by_hand(Sampler::AlwaysOn)
        }),
        Subject::new("opentelemetry_sdk by hand, not sampled", || {
            by_hand(Sampler::AlwaysOff)
        }),
    ];
    vec![Case::new("operation/3 attributes", subjects)]
}

throughline::attributes! {
    /// The first three attributes, declared.
    pub(crate) struct Declared {
        method: Method => "method",
        status: Status => "status",
        route: Route => "route",
    }
}

impl Declared {
    /// As [`crate::values::set`].
    pub(crate) fn of(at: usize) -> Self {
        let (methods, statuses) = (METHODS.len(), STATUSES.len());
        Self {
            method: Method::ALL[at % methods],
            status: Status::ALL[at / methods % statuses],
            route: Route((at / (methods * statuses) % ROUTES) as u8),
        }
    }
}

impl AttributeValue for Method {
    fn value(&self) -> Option<Value> {
        Some(METHODS[*self as usize].into())
    }
}

impl AttributeValue for Status {
    fn value(&self) -> Option<Value> {
        Some(STATUSES[*self as usize].into())
    }
}

impl AttributeValue for Route {
    fn value(&self) -> Option<Value> {
        Some(crate::values::route(usize::from(self.0)).into())
    }
}

/// The whole SDK, as a service installs it, with exporters that keep the last snapshot and nothing else.
#[derive(Clone)]
pub(super) struct Face {
    telemetry: Telemetry,
    last: Last,
    spans: Arrived,
}

#[derive(Clone, Debug, Default)]
struct Last(Arc<Mutex<Snapshot>>);

impl Push for Last {
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
        *self.0.lock().expect("nobody panics") = snapshot.clone();
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Face {
    pub(super) fn new() -> Self {
        Self::sampled(Sampler::AlwaysOn)
    }

    fn sampled(sampler: Sampler) -> Self {
        Self::build(|it| it.sampler(sampler))
    }

    /// No round fills its queues.
    pub(super) fn roomy(sampler: Sampler) -> Self {
        let queue = |name: &str| (name == "OTEL_BSP_MAX_QUEUE_SIZE").then(|| "262144".to_owned());
        Self::build(|it| it.sampler(sampler).environment(queue).retention(roomy()))
    }

    fn build(settings: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> Self {
        let (last, spans) = (Last::default(), Arrived::default());
        let builder = Telemetry::builder("bench")
            .environment(|_| None)
            .without_console()
            .otlp(Otlp::new().signals([]))
            .metric_exporter(last.clone())
            .span_exporter(spans.clone());
        let telemetry = settings(builder).build().expect("settings are valid");
        Self {
            telemetry,
            last,
            spans,
        }
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// How many spans have come out, all that ended among them.
    pub(super) fn spans(&self) -> u64 {
        self.flush();
        self.spans.count()
    }

    fn flush(&self) {
        let flushed = self.telemetry.force_flush(Duration::from_secs(100));
        flushed.expect("nothing can fail");
    }

    pub(super) fn counter(&self) -> throughline::Counter<u64, Declared> {
        let counter = self.telemetry.counter::<u64>("bench");
        counter.attributes::<Declared>().build()
    }

    /// What the points of a metric add up to.
    pub(super) fn total(&self, metric: &str) -> f64 {
        self.flush();
        let last = self.last.0.lock().expect("nobody panics");
        last.metric(metric).map_or(0.0, |it| ours::total(&it.data))
    }
}

fn operation(sampler: Sampler) -> Box<dyn Workload> {
    let face = Face::sampled(sampler);
    let operation = face.telemetry.operation("bench");
    let operation = operation.attributes::<Declared>().build();
    let step = |(it, set): &mut (Operation<Declared>, Declared), at| {
        it.with(*set).run(|| black_box(at));
    };
    let total = move || face.total("bench.calls") as u64;
    let local = move |_| (operation.clone(), Declared::of(0));
    Work::new(local, step, counts(total)).boxed()
}

/// What a service without us writes, with a batch processor whose exporter discards.
#[derive(Clone)]
struct ByHand {
    tracer: SdkTracer,
    duration: Histogram<f64>,
    calls: Counter<u64>,
    active: UpDownCounter<i64>,
    attributes: Vec<KeyValue>,
}

impl ByHand {
    fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        self.active.add(1, &self.attributes);
        let span = self.tracer.span_builder("bench");
        let span = span.with_attributes(self.attributes.clone());
        let context = Context::current_with_span(span.start(&self.tracer));
        let attached = context.clone().attach();
        let result = work();
        let seconds = started.elapsed().as_secs_f64();
        self.duration.record(seconds, &self.attributes);
        self.calls.add(1, &self.attributes);
        self.active.add(-1, &self.attributes);
        context.span().end();
        drop(attached);
        result
    }
}

fn by_hand(sampler: Sampler) -> Box<dyn Workload> {
    let sdk = Sdk::new();
    let traces = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_batch_exporter(Arrived::default())
        .build();
    let meter = sdk.meter();
    let by_hand = ByHand {
        tracer: traces.tracer("bench"),
        duration: meter.f64_histogram("bench.duration").build(),
        calls: meter.u64_counter("bench.calls").build(),
        active: meter.i64_up_down_counter("bench.active").build(),
        attributes: key_values(3, 0),
    };
    // What is in flight is none, so that calls are all that adds up.
    let total = move || sdk.total() as u64;
    let step = |it: &mut ByHand, at| {
        it.run(|| black_box(at));
    };
    Work::new(move |_| by_hand.clone(), step, counts(total)).boxed()
}
