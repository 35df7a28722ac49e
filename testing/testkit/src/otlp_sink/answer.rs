//! Responses, proper and otherwise.

use std::convert::Infallible;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::Fault;

pub(super) type Body = BoxBody<Bytes, Infallible>;

const PROTOBUF: &str = "application/x-protobuf";

/// The answer to a request that came over gRPC or over HTTP.
pub(super) fn to(grpc: bool, fault: Option<Fault>) -> Response<Body> {
    match fault {
        Some(Fault::Grpc { code, retry_info }) => grpc_status(code, retry_info),
        Some(Fault::Http {
            status,
            retry_after,
        }) => http(status, retry_after.as_deref()),
        Some(Fault::PartialSuccess { rejected, message }) => {
            // The responses of all signals have the same shape: field 1, with count and message.
            let response = ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: rejected,
                    error_message: message,
                }),
            };
            success(grpc, response.encode_to_vec())
        }
        // A field of a wire type that does not exist.
        Some(Fault::Garbage) => success(grpc, vec![0xff; 16]),
        Some(Fault::Html) => {
            let page = "<!doctype html><title>Welcome</title>";
            with_type("text/html; charset=utf-8", Full::from(page).boxed())
        }
        Some(Fault::Oversized(bytes)) => success(grpc, vec![0; bytes]),
        None | Some(Fault::Hang | Fault::Drop | Fault::Slow(_)) => success(grpc, Vec::new()),
    }
}

/// An HTTP failure with the `google.rpc.Status` that OTLP wants in its body.
pub(super) fn http(status: u16, retry_after: Option<&str>) -> Response<Body> {
    let said = tonic_types::Status {
        message: format!("the sink was told to answer {status}"),
        ..Default::default()
    };
    let mut response = with_type(PROTOBUF, Full::from(said.encode_to_vec()).boxed());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert("retry-after", value);
    }
    response
}

fn grpc_status(code: Code, retry_info: Option<std::time::Duration>) -> Response<Body> {
    let message = format!("the sink was told to answer {code:?}");
    let status = match retry_info {
        None => Status::new(code, message),
        Some(_) => {
            Status::with_error_details(code, message, ErrorDetails::with_retry_info(retry_info))
        }
    };
    status.into_http::<Full<Bytes>>().map(|body| body.boxed())
}

fn success(grpc: bool, message: Vec<u8>) -> Response<Body> {
    if !grpc {
        return with_type(PROTOBUF, Full::from(message).boxed());
    }
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.extend_from_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(frame.freeze()).with_trailers(async { Some(Ok(trailers)) });
    with_type("application/grpc", body.boxed())
}

fn with_type(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert("content-type", kind);
    response
}
