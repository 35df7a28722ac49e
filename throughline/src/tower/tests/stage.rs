use std::convert::Infallible;
use std::fmt::Display;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, SpanData, SpanProcessor,
};
use throughline_config::Propagator;
use throughline_engine::{MeterProvider, Reader};
use throughline_model::{Data, Fate, KeepReason, SelfMeter, SoFar, TraceKeeper};
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Retention, SpanWorker};
use throughline_testkit::{InMemoryReader, ManualClock};
use tokio::sync::mpsc;
use tower_layer::Layer;
use tower_service::Service;

use super::super::exchange::Side;
use super::super::{ClientLayer, ResponseBody, ServerLayer};
use crate::operation::Scope;

pub(super) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A request of another service, with these flags.
pub(super) fn caller(flags: &str) -> Request<()> {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
    Request::get("/")
        .header("traceparent", parent)
        .body(())
        .unwrap()
}

pub(super) fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|it| it.value.to_string()).unwrap_or_default()
}

/// What is there without waiting.
pub(super) fn poll_once<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    let mut task = TaskContext::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(&mut task) {
        Poll::Ready(frame) => frame,
        Poll::Pending => panic!("the body is not ready"),
    }
}

/// A body that is made while it is sent.
pub(super) struct Channel(mpsc::UnboundedReceiver<Bytes>);

pub(super) struct Sender(mpsc::UnboundedSender<Bytes>);

pub(super) fn channel() -> (Channel, Sender) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Channel(receiver), Sender(sender))
}

impl Sender {
    pub(super) fn data(&self, data: &'static str) {
        self.0.send(Bytes::from(data)).unwrap();
    }
}

impl Body for Channel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(task)
            .map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}

/// Remembers what it was asked, and keeps exactly that.
#[derive(Clone, Debug, Default)]
pub(super) struct Keeper(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    asked: Vec<(TraceId, SpanId, KeepReason)>,
    errors: bool,
    kept: Vec<TraceId>,
    ended: Vec<SpanData>,
}

impl Keeper {
    pub(super) fn asked(&self) -> Vec<(TraceId, SpanId, KeepReason)> {
        self.0.lock().unwrap().asked.clone()
    }

    pub(super) fn keep(&self, trace: TraceId) {
        self.0.lock().unwrap().kept.push(trace);
    }

    pub(super) fn keep_current(&self, why: KeepReason) {
        let span = Context::current().span().span_context().clone();
        TraceKeeper::keep(self, span.trace_id(), span.span_id(), why);
    }

    /// As a policy would that looks at what ends.
    pub(super) fn keep_errors(&self) {
        self.0.lock().unwrap().errors = true;
    }
}

impl TraceKeeper for Keeper {
    fn candidate(&self, _: &SpanContext) -> bool {
        true
    }

    fn keep(&self, trace: TraceId, span: SpanId, why: KeepReason) {
        let mut state = self.0.lock().unwrap();
        state.asked.push((trace, span, why));
        state.kept.push(trace);
    }

    fn fate(&self, _: TraceId, _: SpanId) -> Fate {
        Fate::Pending
    }

    fn is_kept(&self, trace: TraceId) -> bool {
        self.0.lock().unwrap().kept.contains(&trace)
    }

    fn ending(&self, root: &SpanContext, so_far: SoFar<'_>) -> bool {
        let state = self.0.lock().unwrap();
        let open = state.ended.iter().all(|it| it.span_context != *root);
        assert!(open, "asked while the span is open");
        state.kept.contains(&root.trace_id()) || state.errors && so_far.failed
    }
}

impl SpanProcessor for Keeper {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().ended.push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Decides always the same.
#[derive(Clone, Debug)]
struct Always(SamplingDecision);

impl ShouldSample for Always {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: self.0.clone(),
            attributes: Vec::new(),
            trace_state: TraceState::NONE,
        }
    }
}

pub(super) struct Stage {
    /// Whom the layers ask.
    asked: Arc<dyn TraceKeeper>,
    /// The same, unless it is a buffer.
    pub(super) keeper: Keeper,
    pub(super) clock: ManualClock,
    pub(super) runtime: tokio::runtime::Runtime,
    answers: bool,
    scope: Scope,
    reader: InMemoryReader,
    _meters: MeterProvider,
    _tracers: SdkTracerProvider,
    /// A buffer admits nothing once its worker is gone.
    _worker: Option<SpanWorker>,
}

pub(super) struct Measured {
    pub(super) sum: f64,
    /// Sorted, as `a=1,b=2`.
    pub(super) attributes: String,
}

impl Stage {
    /// Nothing is sampled and everything is recorded.
    pub(super) fn recording() -> Self {
        Self::with(SamplingDecision::RecordOnly)
    }

    pub(super) fn sampling() -> Self {
        Self::with(SamplingDecision::RecordAndSample)
    }

    /// Nothing is sampled, and a buffer keeps what these settings say.
    pub(super) fn retaining(retention: Retention) -> Self {
        let built = retention.build(BatchSettings::spans(), &SelfMeter::new());
        let (buffer, worker) = built.unwrap();
        let tracers = SdkTracerProvider::builder()
            .with_sampler(buffer.sampler(Always(SamplingDecision::Drop)))
            .with_span_processor(buffer.clone())
            .build();
        Self {
            _worker: Some(worker),
            ..Self::of(Keeper::default(), Arc::new(buffer), tracers)
        }
    }

    fn with(decision: SamplingDecision) -> Self {
        let keeper = Keeper::default();
        let tracers = SdkTracerProvider::builder()
            .with_sampler(Always(decision))
            .with_span_processor(keeper.clone())
            .build();
        Self::of(keeper.clone(), Arc::new(keeper), tracers)
    }

    fn of(keeper: Keeper, asked: Arc<dyn TraceKeeper>, tracers: SdkTracerProvider) -> Self {
        let clock = ManualClock::new();
        let reader = Reader::builder().build();
        let meters = MeterProvider::builder()
            .reader(reader.clone())
            .build()
            .unwrap();
        Self {
            answers: true,
            scope: Scope {
                meter: meters.meter("test"),
                tracer: Some(tracers.tracer("test")),
                clock: Arc::new(clock.clone()),
            },
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
            reader: InMemoryReader::new(reader),
            asked,
            keeper,
            clock,
            _meters: meters,
            _tracers: tracers,
            _worker: None,
        }
    }

    fn side(&self, server: bool) -> Side {
        let keeper = Arc::clone(&self.asked);
        let propagator = crate::global::propagator(&[Propagator::TraceContext], Some(&keeper));
        Side::of(self.scope.clone(), propagator, Some(keeper), server)
    }

    pub(super) fn layers(&self) -> (ServerLayer, ClientLayer) {
        let server = ServerLayer::of(self.side(true));
        let client = ClientLayer::of(self.side(false));
        match self.answers {
            true => (server, client),
            false => (server.without_answers(), client.without_answers()),
        }
    }

    /// With layers that neither say nor heed what is kept.
    pub(super) fn without_answers(mut self) -> Self {
        self.answers = false;
        self
    }

    pub(super) fn serve<B: Body<Error: Display> + Unpin>(
        &self,
        request: Request<()>,
        handler: impl FnOnce(Request<()>) -> Response<B>,
    ) -> Response<ResponseBody<B>> {
        let layer = self.layers().0;
        Self::run(layer, request, |request| Ok(handler(request)))
    }

    pub(super) fn call<B: Body<Error: Display> + Unpin>(
        &self,
        request: Request<()>,
        server: impl FnOnce(Request<()>) -> Response<B>,
    ) -> Response<ResponseBody<B>> {
        let layer = self.layers().1;
        Self::run(layer, request, |request| Ok(server(request)))
    }

    /// A call from within this trace.
    pub(super) fn call_in(
        &self,
        trace: TraceId,
        server: impl FnOnce(Request<()>) -> Response<Full<Bytes>>,
    ) {
        let state = "ot=th:0".parse().unwrap();
        let span = SpanContext::new(trace, SpanId::from(9), TraceFlags::default(), false, state);
        let _in_trace = Context::new().with_remote_span_context(span).attach();
        self.call(Request::get("http://stock/left").body(()).unwrap(), server);
    }

    pub(super) fn call_failing(&self, error: &str) -> String {
        let mut client = ClientLayer::of(self.side(false)).layer(Once(Some(|_: Request<()>| {
            Err::<Response<Full<Bytes>>, String>(error.to_owned())
        })));
        let request = Request::get("http://stock/left").body(()).unwrap();
        self.runtime.block_on(client.call(request)).unwrap_err()
    }

    fn run<L, F, B, S>(layer: L, request: Request<()>, handler: F) -> Response<ResponseBody<B>>
    where
        F: FnOnce(Request<()>) -> Result<Response<B>, Infallible>,
        L: Layer<Once<F>, Service = S>,
        B: Body,
        S: Service<Request<()>, Response = Response<ResponseBody<B>>, Error = Infallible>,
    {
        let mut service = layer.layer(Once(Some(handler)));
        // Polled by hand: a handler may make a call of its own, and a runtime would not run in a runtime.
        let mut task = TaskContext::from_waker(Waker::noop());
        match pin!(service.call(request)).poll(&mut task) {
            Poll::Ready(Ok(response)) => response,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => panic!("the response is not ready"),
        }
    }

    /// Those that have ended.
    pub(super) fn spans(&self) -> Vec<SpanData> {
        self.keeper.0.lock().unwrap().ended.clone()
    }

    pub(super) fn span(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }

    pub(super) fn measured(&self, name: &str) -> Measured {
        let snapshot = self.reader.collect();
        let metrics = snapshot.scopes.iter().flat_map(|scope| &scope.metrics);
        let metric = metrics.clone().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("no {name}"));
        let Data::Histogram(histogram) = &metric.data else {
            panic!("{name} is no histogram");
        };
        let [point] = &histogram.points[..] else {
            panic!("{name} has {} points", histogram.points.len());
        };
        let mut pairs: Vec<String> = point
            .attributes
            .iter()
            .map(|it| format!("{}={}", it.key, it.value))
            .collect();
        pairs.sort();
        Measured {
            sum: point.sum,
            attributes: pairs.join(","),
        }
    }
}

/// A service for one request.
struct Once<F>(Option<F>);

impl<F, B, E> Service<Request<()>> for Once<F>
where
    F: FnOnce(Request<()>) -> Result<Response<B>, E>,
{
    type Response = Response<B>;
    type Error = E;
    type Future = Ready<Result<Response<B>, E>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready((self.0.take().unwrap())(request))
    }
}
