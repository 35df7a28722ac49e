//! OTLP/HTTP with binary protobuf.

use std::fmt;
use std::io::Write as _;
use std::time::SystemTime;

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::uri::Uri;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::KeyValue;
use prost::Message as _;

use super::suppress::Executor;
use super::{Answer, shortened, with_causes};
use crate::retry::{Failure, Verdict, retry_after};
use crate::{Compression, Endpoint, Error, Tls};

const PROTOBUF: &str = "application/x-protobuf";

/// A client over HTTP/1.1 that keeps its connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    compression: Compression,
    max_response_size: usize,
}

/// Why there was no response.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// The connection could not be made, or broke.
    Connection(String),
    /// What came back is not HTTP/1.1.
    NotHttp(String),
    /// The response was larger than the limit.
    TooLarge,
}

impl Http {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let connector = if endpoint.is_secure() {
            HttpsConnectorBuilder::new()
                .with_tls_config(endpoint.tls().rustls()?)
                .https_only()
        } else {
            HttpsConnectorBuilder::new()
                .with_tls_config(Tls::without_roots()?)
                .https_or_http()
        };
        let connector = connector.enable_http1().wrap_connector(connector_to_host());
        Ok(Self {
            client: legacy::Client::builder(Executor).build(connector),
            uri: endpoint.uri().clone(),
            headers: endpoint.request_headers(),
            compression: endpoint.compression(),
            max_response_size: endpoint.max_response_size(),
        })
    }

    /// The body as it travels, made once for all attempts.
    pub(crate) fn compress(&self, body: Bytes) -> Bytes {
        if self.compression == Compression::None {
            return body;
        }
        let room = Vec::with_capacity(body.len() / 4 + 64);
        let mut encoder = GzEncoder::new(room, flate2::Compression::default());
        // Writing into memory does not fail.
        match encoder.write_all(&body).and_then(|()| encoder.finish()) {
            Ok(compressed) => compressed.into(),
            Err(_) => body,
        }
    }

    /// Posts a body that [`Http::compress`] made. `now` is what a date in `Retry-After` is measured against.
    pub(crate) async fn attempt(&self, body: Bytes, now: SystemTime) -> Answer {
        let mut request = Request::new(body);
        let protobuf = HeaderValue::from_static(PROTOBUF);
        request.headers_mut().insert(CONTENT_TYPE, protobuf);
        if self.compression == Compression::Gzip {
            let gzip = HeaderValue::from_static("gzip");
            request.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        match self.exchange(request).await {
            Ok(response) => answer(response, now),
            Err(error) => error.into(),
        }
    }

    /// Sends the body and the content headers of `request` to the endpoint, with the endpoint's headers and
    /// no others, and reads the response up to the limit. Redirects are not followed: they would take the
    /// headers, which may be secrets, to somewhere else.
    pub(crate) async fn exchange(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let (from, body) = request.into_parts();
        let mut outgoing = Request::new(Full::new(body));
        *outgoing.method_mut() = Method::POST;
        *outgoing.uri_mut() = self.uri.clone();
        *outgoing.headers_mut() = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING] {
            if let Some(value) = from.headers.get(&name) {
                outgoing.headers_mut().insert(name, value.clone());
            }
        }
        let response = self.client.request(outgoing).await;
        let response = response.map_err(|error| {
            if is_parse_error(&error) {
                ExchangeError::NotHttp(with_causes(&error))
            } else {
                ExchangeError::Connection(with_causes(&error))
            }
        })?;
        let (head, body) = response.into_parts();
        match Limited::new(body, self.max_response_size).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(ExchangeError::TooLarge),
            Err(error) => Err(ExchangeError::Connection(with_causes(&*error))),
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the headers: they have values.
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl From<ExchangeError> for Answer {
    fn from(error: ExchangeError) -> Self {
        let (verdict, code, message) = match error {
            ExchangeError::Connection(message) => (Verdict::Transient, "connection", message),
            ExchangeError::NotHttp(message) => {
                let hint = "the receiver does not speak HTTP/1.1: is this its port for gRPC?";
                (
                    Verdict::Fatal,
                    "invalid_response",
                    format!("{message}; {hint}"),
                )
            }
            ExchangeError::TooLarge => {
                let message = "the response is larger than the limit".to_owned();
                (Verdict::Fatal, "response_too_large", message)
            }
        };
        Answer {
            result: Err(Failure {
                verdict,
                code: code.to_owned(),
                message,
            }),
            status: None,
        }
    }
}

/// Whether bytes came back that hyper could not read.
fn is_parse_error(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(cause) = error {
        if cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
        {
            return true;
        }
        error = cause.source();
    }
    false
}

pub(super) fn connector_to_host() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

fn answer(response: Response<Bytes>, now: SystemTime) -> Answer {
    let (head, body) = response.into_parts();
    let status = head.status;
    let result = if !status.is_success() {
        let after = head.headers.get(RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, now));
        Err(Failure {
            verdict: Verdict::of_http(status.as_u16(), after),
            code: status.as_str().to_owned(),
            message: message(status, &head.headers, &body),
        })
    } else if is_protobuf(&head.headers) || body.is_empty() {
        Ok(body)
    } else if body.trim_ascii() == b"{}" {
        // A full success in JSON, which some receivers answer whatever they were asked in.
        Ok(Bytes::new())
    } else {
        Err(Failure {
            verdict: Verdict::Fatal,
            code: "invalid_response".to_owned(),
            message: format!(
                "{} answered with {} instead of {PROTOBUF}: is this an OTLP receiver?",
                status.as_str(),
                content_type(&head.headers).unwrap_or("no content type"),
            ),
        })
    };
    Answer {
        result,
        status: Some(KeyValue::new(
            "http.response.status_code",
            i64::from(status.as_u16()),
        )),
    }
}

/// What a failure's body says: a `google.rpc.Status` (OTLP, "Failures"), or text.
fn message(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> String {
    let said = if is_protobuf(headers) {
        tonic_types::Status::decode(body.clone()).map_or(String::new(), |status| status.message)
    } else {
        String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned()
    };
    match said.trim() {
        "" => status.canonical_reason().unwrap_or("no reason").to_owned(),
        said => shortened(said),
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
}

/// Without a content type the body is taken for what it must be.
fn is_protobuf(headers: &HeaderMap) -> bool {
    content_type(headers).is_none_or(|value| {
        let value = value.split(';').next().unwrap_or_default().trim();
        value.eq_ignore_ascii_case(PROTOBUF) || value.eq_ignore_ascii_case("application/protobuf")
    })
}

#[cfg(test)]
mod tests;
