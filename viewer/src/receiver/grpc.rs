//! OTLP over gRPC (specification: `protocol/otlp.md`, "OTLP/gRPC").

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::Store;

/// Serves until `stopped`; a message larger than `max_request`, as sent or inflated, is refused.
pub(crate) async fn serve_grpc(
    listener: TcpListener,
    store: Arc<Store>,
    max_request: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let door = Door(store);
    let traces = TraceServiceServer::new(door.clone())
        .accept_compressed(Gzip)
        .max_decoding_message_size(max_request);
    let metrics = MetricsServiceServer::new(door.clone())
        .accept_compressed(Gzip)
        .max_decoding_message_size(max_request);
    let logs = LogsServiceServer::new(door)
        .accept_compressed(Gzip)
        .max_decoding_message_size(max_request);
    let served = Server::builder()
        .add_service(traces)
        .add_service(metrics)
        .add_service(logs)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move {
            // An error means that the viewer is gone, which is as good a reason to stop.
            drop(stopped.wait_for(|stopped| *stopped).await);
        });
    // Errors of single connections are theirs; the listener itself was bound before.
    drop(served.await);
}

#[derive(Clone, Debug)]
struct Door(Arc<Store>);

#[tonic::async_trait]
impl TraceService for Door {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(super::take_traces(
            &self.0,
            request.into_inner(),
        )))
    }
}

#[tonic::async_trait]
impl MetricsService for Door {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(super::take_metrics(
            &self.0,
            request.into_inner(),
        )))
    }
}

#[tonic::async_trait]
impl LogsService for Door {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(super::take_logs(
            &self.0,
            request.into_inner(),
        )))
    }
}
