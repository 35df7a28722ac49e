//! The layers with the real axum, hyper and tonic, over the loopback.
#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use throughline::model::{Data, Snapshot};
use throughline::opentelemetry::Context;
use throughline::opentelemetry::trace::{SpanKind, TraceContextExt};
use throughline::opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline::tower::{ClientLayer, ServerLayer};
use throughline::{Telemetry, TelemetryBuilder};
use throughline_testkit::{CollectingPush, CollectingSpanExporter};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tower_layer::Layer;
use tower_service::Service;

struct Observed {
    telemetry: Telemetry,
    spans: CollectingSpanExporter,
    metrics: CollectingPush,
}

impl Observed {
    fn new() -> Self {
        Self::sampled_by(Sampler::AlwaysOn)
    }

    fn sampled_by(sampler: Sampler) -> Self {
        Self::built(|builder| builder.sampler(sampler))
    }

    fn built(with: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> Self {
        let (spans, metrics) = (CollectingSpanExporter::new(), CollectingPush::new());
        let builder = Telemetry::builder("shop")
            .span_exporter(spans.clone())
            .metric_exporter(metrics.clone())
            .environment(|name| (name == "OTEL_LOGS_EXPORTER").then(|| "none".to_owned()));
        let telemetry = with(builder).build().unwrap();
        Self {
            telemetry,
            spans,
            metrics,
        }
    }

    /// The spans of a kind, once all is delivered.
    fn spans(&self, kind: &SpanKind) -> Vec<SpanData> {
        self.telemetry.force_flush(Duration::from_secs(60)).unwrap();
        let mut spans = self.spans.spans();
        spans.retain(|span| span.span_kind == *kind);
        spans
    }

    fn server_span(&self) -> SpanData {
        let mut spans = self.spans(&SpanKind::Server);
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }

    /// The attributes of the only series, sorted, as `a=1,b=2`.
    fn series(&self, name: &str) -> String {
        self.telemetry.force_flush(Duration::from_secs(60)).unwrap();
        let snapshot: Snapshot = self.metrics.snapshots().pop().unwrap();
        let metrics = snapshot.scopes.iter().flat_map(|scope| &scope.metrics);
        let metric = metrics
            .clone()
            .find(|metric| metric.name == name)
            .expect(name);
        let Data::Histogram(histogram) = &metric.data else {
            panic!("{name} is no histogram");
        };
        assert_eq!(histogram.points.len(), 1);
        let pairs = histogram.points[0].attributes.iter();
        let mut pairs: Vec<_> = pairs.map(|it| format!("{}={}", it.key, it.value)).collect();
        pairs.sort();
        pairs.join(",")
    }
}

fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|it| it.value.to_string()).unwrap_or_default()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build();
    runtime.unwrap().block_on(test)
}

/// Serves this application with hyper, over HTTP/1.1 and HTTP/2.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(app.clone());
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

fn shop(observed: &Observed) -> Router {
    let streamed = || async {
        let frames = tokio_stream::iter(["tea", "coffee"].map(Ok::<_, std::io::Error>));
        Body::from_stream(frames)
    };
    Router::new()
        .route(
            "/orders/{id}",
            get(|Path(id): Path<u32>| async move { format!("order {id}") }),
        )
        .route("/menu", get(streamed))
        .layer(layer(&observed.telemetry))
}

#[cfg(feature = "axum")]
fn layer(telemetry: &Telemetry) -> ServerLayer {
    ServerLayer::new(telemetry)
}

/// What the feature does.
#[cfg(not(feature = "axum"))]
fn layer(telemetry: &Telemetry) -> ServerLayer {
    ServerLayer::new(telemetry).route(|request| {
        let matched = request.extensions.get::<axum::extract::MatchedPath>()?;
        Some(matched.as_str().to_owned().into())
    })
}

fn client(version: Version) -> Client<HttpConnector, Empty<Bytes>> {
    let mut client = Client::builder(TokioExecutor::new());
    client.http2_only(version == Version::HTTP_2).build_http()
}

fn request(address: SocketAddr, path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://{address}{path}"))
        .body(Empty::new())
        .unwrap()
}

#[test]
fn an_axum_application_knows_its_routes() {
    run(async {
        let observed = Observed::new();
        let address = serve(shop(&observed)).await;
        let answer = client(Version::HTTP_11)
            .request(request(address, "/orders/17"))
            .await
            .unwrap();
        let said = answer.headers()["traceresponse"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(answer.headers()["content-length"], "8");
        assert_eq!(answer.collect().await.unwrap().to_bytes(), "order 17");

        let span = observed.server_span();
        assert_eq!(span.name, "GET /orders/{id}");
        assert_eq!(attribute(&span, "url.path"), "/orders/17");
        assert_eq!(attribute(&span, "server.port"), address.port().to_string());
        let ids = (span.span_context.trace_id(), span.span_context.span_id());
        assert_eq!(said, format!("00-{}-{}-01", ids.0, ids.1));
        assert_eq!(
            observed.series("http.server.request.duration"),
            "http.request.method=GET,http.response.status_code=200,http.route=/orders/{id},\
             network.protocol.version=1.1,url.scheme=http"
        );
    });
}

#[test]
fn a_path_without_route_makes_no_series_of_its_own() {
    run(async {
        let observed = Observed::new();
        let address = serve(shop(&observed)).await;
        let client = client(Version::HTTP_11);
        for path in ["/a", "/b", "/c"] {
            assert_eq!(
                client
                    .request(request(address, path))
                    .await
                    .unwrap()
                    .status(),
                404
            );
        }
        let series = observed.series("http.server.request.duration");
        assert!(!series.contains("http.route"), "{series}");
    });
}

#[test]
fn a_streamed_body_is_answered_in_its_trailers_over_both_versions() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        run(async {
            let observed = Observed::new();
            let address = serve(shop(&observed)).await;
            let mut asking = request(address, "/menu");
            asking
                .headers_mut()
                .insert("te", "trailers".parse().unwrap());
            let answer = client(version).request(asking).await.unwrap();
            assert_eq!(answer.version(), version);
            let head = answer.headers()["traceresponse"].clone();
            let body = answer.into_body().collect().await.unwrap();
            assert_eq!(body.trailers().unwrap()["traceresponse"], head);
            assert_eq!(body.to_bytes(), "teacoffee");

            let plain = client(version)
                .request(request(address, "/menu"))
                .await
                .unwrap();
            assert!(plain.collect().await.unwrap().trailers().is_none());
            assert_eq!(observed.spans(&SpanKind::Server).len(), 2);
        });
    }
}

#[test]
fn a_hyper_client_hands_the_trace_to_an_axum_application() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        run(async {
            let (caller, callee) = (Observed::new(), Observed::new());
            let address = serve(shop(&callee)).await;
            let mut client = ClientLayer::new(&caller.telemetry).layer(client(version));
            let answer = client.call(request(address, "/orders/17")).await.unwrap();
            assert_eq!(answer.collect().await.unwrap().to_bytes(), "order 17");

            let server = callee.server_span();
            let mut spans = caller.spans(&SpanKind::Client);
            assert_eq!(spans.len(), 1);
            let client = spans.remove(0);
            assert_eq!(server.parent_span_id, client.span_context.span_id());
            assert_eq!(
                server.span_context.trace_id(),
                client.span_context.trace_id()
            );
            assert_eq!(
                attribute(&client, "url.full"),
                format!("http://{address}/orders/17")
            );
            assert_eq!(
                caller.series("http.client.request.duration"),
                format!(
                    "http.request.method=GET,http.response.status_code=200,server.address=127.0.0.1,\
                     server.port={}",
                    address.port()
                )
            );
        });
    }
}

/// Any gRPC service will do. Its answer says which trace it was called in.
struct Stock;

#[tonic::async_trait]
impl TraceService for Stock {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let traced = Context::current().span().span_context().is_valid();
        assert!(traced, "the span is current in the method");
        match request.into_inner().resource_spans.len() {
            0 => Ok(tonic::Response::new(ExportTraceServiceResponse::default())),
            _ => Err(tonic::Status::data_loss("broken")),
        }
    }
}

#[test]
fn a_tonic_client_hands_the_trace_to_a_tonic_server() {
    run(async {
        let (caller, callee) = (Observed::new(), Observed::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder()
            .layer(ServerLayer::new(&callee.telemetry))
            .add_service(TraceServiceServer::new(Stock));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

        let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = channel.connect().await.unwrap();
        let layer = ClientLayer::new(&caller.telemetry).server("stock", 50051);
        let mut client = TraceServiceClient::new(layer.layer(channel));

        let answer = client
            .export(ExportTraceServiceRequest::default())
            .await
            .unwrap();
        let trailing = answer
            .metadata()
            .get("traceresponse")
            .unwrap()
            .to_str()
            .unwrap();
        let server = callee.server_span();
        let ids = (
            server.span_context.trace_id(),
            server.span_context.span_id(),
        );
        assert_eq!(trailing, format!("00-{}-{}-03", ids.0, ids.1));
        let method = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(server.name, method);
        let client_span = &caller.spans(&SpanKind::Client)[0];
        assert_eq!(server.parent_span_id, client_span.span_context.span_id());
        assert_eq!(attribute(client_span, "rpc.response.status_code"), "OK");
        assert_eq!(
            callee.series("rpc.server.call.duration"),
            format!(
                "network.protocol.version=2,rpc.method={method},rpc.response.status_code=OK,\
                 rpc.system.name=grpc"
            )
        );
        assert_eq!(
            caller.series("rpc.client.call.duration"),
            format!(
                "rpc.method={method},rpc.response.status_code=OK,rpc.system.name=grpc,\
                 server.address=stock,server.port=50051"
            )
        );

        let broken = ExportTraceServiceRequest {
            resource_spans: vec![Default::default()],
        };
        assert_eq!(
            client.export(broken).await.unwrap_err().code(),
            tonic::Code::DataLoss
        );
        let failed = callee.spans(&SpanKind::Server).pop().unwrap();
        assert_eq!(attribute(&failed, "error.type"), "DATA_LOSS");
        let failed = caller.spans(&SpanKind::Client).pop().unwrap();
        assert_eq!(attribute(&failed, "error.type"), "DATA_LOSS");
    });
}

#[test]
fn a_service_that_records_nothing_hands_the_trace_on() {
    run(async {
        let caller =
            Observed::built(|builder| builder.sampler(Sampler::AlwaysOff).without_retention());
        let (callee, client_spans) = called_by(&caller).await;
        assert_ne!(
            callee.server_span().parent_span_id.to_string(),
            "0000000000000000"
        );
        assert_eq!(client_spans, 0);
    });
}

#[test]
fn a_caller_that_samples_nothing_keeps_its_part_of_what_its_callee_keeps() {
    run(async {
        let caller = Observed::sampled_by(Sampler::AlwaysOff);
        let (callee, client_spans) = called_by(&caller).await;
        let client = caller.spans(&SpanKind::Client).pop().unwrap();
        assert_eq!(
            callee.server_span().parent_span_id,
            client.span_context.span_id()
        );
        assert_eq!(attribute(&client, "sampling.retained"), "neighbour");
        assert_eq!(client_spans, 1);
    });
}

/// A service that samples everything, called once; and how many client spans the caller delivered.
async fn called_by(caller: &Observed) -> (Observed, usize) {
    let callee = Observed::sampled_by(Sampler::AlwaysOn);
    let address = serve(shop(&callee)).await;
    let mut client = ClientLayer::new(&caller.telemetry).layer(client(Version::HTTP_11));
    let answer = client.call(request(address, "/orders/17")).await.unwrap();
    assert!(answer.headers().contains_key("traceresponse"));
    answer.collect().await.unwrap();
    let spans = caller.spans(&SpanKind::Client).len();
    (callee, spans)
}
