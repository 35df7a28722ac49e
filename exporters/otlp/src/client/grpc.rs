//! OTLP/gRPC.

use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use opentelemetry::KeyValue;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint as TonicEndpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::http::connector_to_host;
use super::outage::{Connector, Outage};
use super::suppress::Executor;
use super::{Answer, shortened, with_causes};
use crate::retry::{Failure, Verdict};
use crate::{Compression, Endpoint, Error};

/// A channel that connects at the first request, and again after it broke.
pub(crate) struct Grpc {
    settings: TonicEndpoint,
    method: PathAndQuery,
    metadata: MetadataMap,
    compression: Compression,
    max_response_size: usize,
    /// Made at the first request, since making it needs a runtime.
    channel: Mutex<Option<Channel>>,
}

impl Grpc {
    pub(crate) fn new(endpoint: &Endpoint, method: &'static str) -> Result<Self, Error> {
        Ok(Self {
            settings: settings(endpoint)?,
            method: PathAndQuery::from_static(method),
            metadata: MetadataMap::from_headers(endpoint.request_headers()),
            compression: endpoint.compression(),
            max_response_size: endpoint.max_response_size(),
            channel: Mutex::new(None),
        })
    }

    pub(crate) async fn attempt(&self, body: Bytes) -> Answer {
        let mut grpc = tonic::client::Grpc::new(self.channel())
            .max_decoding_message_size(self.max_response_size);
        if self.compression == Compression::Gzip {
            grpc = grpc
                .send_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Gzip);
        }
        if let Err(error) = grpc.ready().await {
            return answer(&Status::from_error(error.into()));
        }
        let mut request = Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        match grpc.unary(request, self.method.clone(), AsIs).await {
            Ok(response) => Answer {
                result: Ok(response.into_inner()),
                status: Some(attribute(Code::Ok)),
            },
            Err(status) => answer(&status),
        }
    }

    /// Lets the connection go; the next attempt makes a new one.
    pub(crate) fn disconnect(&self) {
        *self.lock() = None;
    }

    fn channel(&self) -> Channel {
        self.lock()
            .get_or_insert_with(|| self.settings.connect_lazy())
            .clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Channel>> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the metadata: it has the headers' values.
        f.debug_struct("Grpc")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A channel of its own for `endpoint`, which tells `outage` why it cannot connect. Needs a runtime.
pub(crate) fn channel(endpoint: &Endpoint, outage: &Arc<Outage>) -> Result<Channel, Error> {
    let mut tcp = connector_to_host();
    tcp.set_connect_timeout(Some(endpoint.timeout()));
    let connector = Connector::new(tcp, Arc::clone(outage));
    Ok(settings(endpoint)?.connect_with_connector_lazy(connector))
}

fn settings(endpoint: &Endpoint) -> Result<TonicEndpoint, Error> {
    let settings = TonicEndpoint::from(endpoint.uri().clone())
        .executor(Executor)
        .connect_timeout(endpoint.timeout());
    if !endpoint.is_secure() {
        return Ok(settings);
    }
    settings
        .tls_config(endpoint.tls().tonic(endpoint.host()))
        .map_err(|error| {
            let expected = "certificates and a host name that TLS can use";
            Error::new("tls", endpoint.url(), expected).because(with_causes(&error))
        })
}

fn answer(status: &Status) -> Answer {
    let code = status.code();
    let verdict = if code == Code::OutOfRange && status.message().starts_with(TOO_LARGE) {
        // Not the receiver's word on the data: tonic refused to read the response, or, where the receiver
        // runs on tonic, the request. OTLP: "MUST treat the response as a non-retryable error".
        Verdict::Fatal
    } else if status.source().is_some() {
        // Made here, since the connection could not be made or broke.
        Verdict::Transient
    } else {
        let delay = status.get_details_retry_info();
        Verdict::of_grpc(code, delay.and_then(|info| info.retry_delay))
    };
    let message = match status.source().map(with_causes) {
        Some(causes) if causes.contains(NOT_HTTP2) => {
            format!(
                "{causes}; the receiver does not speak HTTP/2: is this its port for http/protobuf?"
            )
        }
        Some(causes) => causes,
        None => shortened(status.message()),
    };
    Answer {
        result: Err(Failure {
            verdict,
            code: name(code).to_owned(),
            message,
        }),
        status: Some(attribute(code)),
    }
}

/// How tonic begins its status for a message over the limit.
const TOO_LARGE: &str = "Error, decoded message length too large";

/// What h2 makes of an answer in HTTP/1.1.
const NOT_HTTP2: &str = "frame with invalid size";

fn attribute(code: Code) -> KeyValue {
    KeyValue::new("rpc.response.status_code", name(code))
}

/// The code as the specification of gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Messages that are encoded already, and responses that the exporters decode.
#[derive(Clone, Copy, Debug)]
struct AsIs;

impl Codec for AsIs {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
