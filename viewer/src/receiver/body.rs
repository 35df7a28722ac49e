//! From a request to the bytes of its message, within a limit.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::LengthLimitError;

/// How the message is written, and how the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

/// Why there is no message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }
}

/// What the `Content-Type` says, whatever its parameters.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let given = text(headers, &header::CONTENT_TYPE)?;
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-protobuf") {
        Ok(Encoding::Protobuf)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Ok(Encoding::Json)
    } else {
        Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "Content-Type is {given:?}, expected application/x-protobuf or application/json"
            ),
        ))
    }
}

/// Reads the body and inflates it; `limit` holds for what was sent and for what it becomes, in bytes.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let coding = text(headers, &header::CONTENT_ENCODING)?
        .trim()
        .to_ascii_lowercase();
    let sent = axum::body::to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.is::<LengthLimitError>()) {
            too_large(limit)
        } else {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("the body broke off: {error}"),
            )
        }
    })?;
    match coding.as_str() {
        "" | "identity" => Ok(sent),
        "gzip" => inflate(&sent, limit),
        _ => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Content-Encoding is {coding:?}, expected gzip or identity"),
        )),
    }
}

fn inflate(sent: &[u8], limit: usize) -> Result<Bytes, Refusal> {
    let mut inflated = Vec::new();
    // One byte more than allowed tells a body that fits from one that was cut.
    let mut reader = MultiGzDecoder::new(sent).take(limit as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("the body is no valid gzip: {error}"),
        )
    })?;
    if inflated.len() > limit {
        return Err(too_large(limit));
    }
    Ok(inflated.into())
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body is larger than {limit} bytes, sent or inflated"),
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<&'a str, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok("");
    };
    value.to_str().map_err(|_| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("{name} is not visible ASCII"),
        )
    })
}
