//! One of the services. The last one does the work; the others call the next one and make the best of what they get.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use throughline::samplers::probability::{
    ComposableParentThreshold, ComposableProbability, CompositeSampler,
};
use throughline::tower::{Client, ClientLayer, ServerLayer};
use throughline::{
    Histogram, Operation, Otlp, Outliers, Retention, Selector, Slow, Telemetry, View,
};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::transport::{Channel, Endpoint};
use tower_layer::Layer;
use tower_service::Service as _;

/// Which service to be.
pub(crate) const ROLE: &str = "THROUGHLINE_E2E_SERVICE";
/// Where the OTLP receiver is.
pub(crate) const OTLP: &str = "THROUGHLINE_E2E_OTLP";
/// Where the next service is, except for the last one.
pub(crate) const NEXT: &str = "THROUGHLINE_E2E_NEXT";
/// Before the address.
pub(crate) const LISTENING: &str = "listening on ";

/// In the order of the call.
pub(crate) const SERVICES: [&str; 3] = ["front", "middle", "back"];
pub(crate) const VIAS: [&str; 3] = ["http", "streamed", "grpc"];
/// What becomes of a request in the last service.
pub(crate) const FATES: [&str; 4] = ["ok", "error", "slow", "outlier"];

/// The last service's requests are slow from here on. One that sleeps so long is slow on any machine.
const SLOW: Duration = Duration::from_millis(500);
const OUTLIER: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves until it is told to stop.
pub(crate) fn run(role: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let telemetry = telemetry(role);
    runtime.block_on(serve(&telemetry));
    telemetry.shutdown(PATIENCE).unwrap();
}

fn telemetry(role: &str) -> Telemetry {
    let one_percent = ComposableProbability::new(0.01).unwrap();
    // Nothing but the neighbour's word tells the callers of a slow request.
    let slow = if role == "back" { SLOW } else { Duration::MAX };
    // The last one sends its metrics when it is told to, so that what it says does not depend on when it says it; the
    // others in the midst of things.
    let interval = if role == "back" { 3600 } else { 1 };
    let order_size = View::select(Selector::name("order.size"));
    let telemetry = Telemetry::builder(role.to_owned())
        .environment(|_| None)
        .otlp(Otlp::grpc(std::env::var(OTLP).unwrap()))
        .metric_interval(Duration::from_secs(interval))
        .sampler(CompositeSampler::new(ComposableParentThreshold::new(
            one_percent,
        )))
        .retention(Retention::new().slow(Slow::Above(slow), 1.0))
        .view(order_size.outliers(Outliers::above(OUTLIER as f64)));
    telemetry.build().unwrap()
}

async fn serve(telemetry: &Telemetry) {
    let service = Service(Arc::new(Inner {
        work: telemetry.operation("work").build(),
        order_size: telemetry.histogram::<u64>("order.size").build(),
        next: std::env::var(NEXT)
            .ok()
            .map(|next| Next::new(&next, telemetry)),
    }));
    let grpc = tonic::service::Routes::new(TraceServiceServer::new(service.clone()));
    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    let app = Router::new()
        .route("/order/{via}/{fate}", get(order))
        .with_state(service)
        .merge(grpc.into_axum_router())
        .layer(ServerLayer::new(telemetry))
        .route("/flush", post(flush).with_state(telemetry.clone()))
        .route("/stop", post(move || async move { stopping.notify_one() }));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\n{LISTENING}{}", listener.local_addr().unwrap());
    tokio::select! {
        served = axum::serve(listener, app).into_future() => served.unwrap(),
        () = stop.notified() => (),
    }
}

#[derive(Clone)]
struct Service(Arc<Inner>);

struct Inner {
    work: Operation,
    order_size: Histogram<u64>,
    next: Option<Next>,
}

impl Service {
    /// The work of the last service.
    async fn work(&self, fate: &str) -> Result<(), &'static str> {
        let work = async {
            match fate {
                "error" => return Err("out of tea"),
                "slow" => tokio::time::sleep(SLOW).await,
                "outlier" => self.0.order_size.record(OUTLIER + 1),
                _ => self.0.order_size.record(1),
            }
            Ok(())
        };
        self.0.work.try_wrap(work).await
    }
}

async fn flush(State(telemetry): State<Telemetry>) {
    telemetry.force_flush_async(PATIENCE).await.unwrap();
}

async fn order(
    State(service): State<Service>,
    Path((via, fate)): Path<(String, String)>,
) -> Response {
    if let Some(next) = &service.0.next {
        next.call(&via, &fate).await;
        return "the best of it".into_response();
    }
    if via == "streamed" {
        return streamed(service, fate);
    }
    match service.work(&fate).await {
        Ok(()) => "done".into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

/// The head leaves before the work is done.
fn streamed(service: Service, fate: String) -> Response {
    let (sender, chunks) = tokio::sync::mpsc::channel::<Result<Bytes, Infallible>>(1);
    let around = service.0.work.clone();
    let work = around.wrap(async move {
        sender.send(Ok(Bytes::from("working"))).await.unwrap();
        // A body cannot take back its head's status: the failure stands in the span alone.
        let _ = service.work(&fate).await;
        // Ends the body.
        drop(sender);
    });
    tokio::spawn(work);
    let chunks = tokio_stream::wrappers::ReceiverStream::new(chunks);
    Body::from_stream(chunks).into_response()
}

/// Any gRPC service will do; what is asked for stands in the metadata.
#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let fate = request.metadata().get("fate").unwrap().to_str().unwrap();
        if let Some(next) = &self.0.next {
            next.call("grpc", fate).await;
            return Ok(tonic::Response::new(Default::default()));
        }
        match self.work(fate).await {
            Ok(()) => Ok(tonic::Response::new(Default::default())),
            Err(error) => Err(tonic::Status::internal(error)),
        }
    }
}

/// The next service, by HTTP and by gRPC.
struct Next {
    address: SocketAddr,
    http: Client<HyperClient<HttpConnector, Empty<Bytes>>>,
    grpc: TraceServiceClient<Client<Channel>>,
}

impl Next {
    fn new(address: &str, telemetry: &Telemetry) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let layer = ClientLayer::new(telemetry).server(address.ip().to_string(), address.port());
        let http = HyperClient::builder(TokioExecutor::new()).build_http();
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            address,
            http: layer.layer(http),
            grpc: TraceServiceClient::new(layer.layer(channel.connect_lazy())),
        }
    }

    /// Whatever comes back, it is none of the caller's business.
    async fn call(&self, via: &str, fate: &str) {
        if via == "grpc" {
            let mut request = tonic::Request::new(ExportTraceServiceRequest::default());
            request.metadata_mut().insert("fate", fate.parse().unwrap());
            let _ = self.grpc.clone().export(request).await;
        } else {
            let request = Request::get(format!("http://{}/order/{via}/{fate}", self.address));
            let request = request.body(Empty::new()).unwrap();
            let answer = self.http.clone().call(request).await.unwrap();
            answer.into_body().collect().await.unwrap();
        }
    }
}
