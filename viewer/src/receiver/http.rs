//! OTLP over HTTP, protobuf and JSON (specification: `protocol/otlp.md`, "OTLP/HTTP").

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::body::{self, Encoding, Refusal};
use super::status::{INVALID_ARGUMENT, RpcStatus};
use crate::Store;

/// Serves until `stopped`; a body larger than `max_request`, as sent or inflated, is refused.
pub(crate) async fn serve_http(
    listener: TcpListener,
    store: Arc<Store>,
    max_request: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let door = Door { store, max_request };
    let router = Router::new()
        .route(
            "/",
            get(|| async { "POST OTLP to /v1/traces, /v1/metrics or /v1/logs\n" }),
        )
        .route(
            "/v1/traces",
            post(|State(door): State<Door>, request: Request| async move {
                door.take(request, super::take_traces).await
            }),
        )
        .route(
            "/v1/metrics",
            post(|State(door): State<Door>, request: Request| async move {
                door.take(request, super::take_metrics).await
            }),
        )
        .route(
            "/v1/logs",
            post(|State(door): State<Door>, request: Request| async move {
                door.take(request, super::take_logs).await
            }),
        )
        .with_state(door);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        // An error means that the viewer is gone, which is as good a reason to stop.
        drop(stopped.wait_for(|stopped| *stopped).await);
    });
    // It ends with the shutdown alone: errors of single connections are theirs.
    drop(served.await);
}

#[derive(Clone, Debug)]
struct Door {
    store: Arc<Store>,
    max_request: usize,
}

impl Door {
    async fn take<Q, A>(&self, request: Request, take: fn(&Store, Q) -> A) -> Response
    where
        Q: Message + Default + DeserializeOwned,
        A: Message + Serialize,
    {
        // Where the sender's own encoding is unknown, OTLP's default is.
        let encoding = body::encoding(request.headers());
        let answer_in = *encoding.as_ref().unwrap_or(&Encoding::Protobuf);
        match self.message(request, encoding).await {
            Ok(message) => answer(StatusCode::OK, answer_in, &take(&self.store, message)),
            Err(refusal) => {
                let status = RpcStatus {
                    code: INVALID_ARGUMENT,
                    message: refusal.reason,
                };
                answer(refusal.status, answer_in, &status)
            }
        }
    }

    async fn message<Q>(
        &self,
        request: Request,
        encoding: Result<Encoding, Refusal>,
    ) -> Result<Q, Refusal>
    where
        Q: Message + Default + DeserializeOwned,
    {
        let encoding = encoding?;
        let (head, body) = request.into_parts();
        let bytes = body::read(&head.headers, body, self.max_request).await?;
        let path = head.uri.path();
        let malformed = |what: &str, error: &dyn std::fmt::Display| {
            let reason = format!("the body is not the {what} message of {path}: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, reason)
        };
        match encoding {
            Encoding::Protobuf => Q::decode(bytes).map_err(|error| malformed("protobuf", &error)),
            Encoding::Json => {
                serde_json::from_slice(&bytes).map_err(|error| malformed("JSON", &error))
            }
        }
    }
}

fn answer(
    status: StatusCode,
    encoding: Encoding,
    message: &(impl Message + Serialize),
) -> Response {
    let (media_type, bytes) = match encoding {
        Encoding::Protobuf => ("application/x-protobuf", message.encode_to_vec()),
        Encoding::Json => (
            "application/json",
            // These messages are numbers and strings: they cannot fail.
            serde_json::to_vec(message).unwrap_or_default(),
        ),
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}
