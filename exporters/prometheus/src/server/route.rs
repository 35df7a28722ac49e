//! Requests to answers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, VARY, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};

use super::encoding;
use super::scrape::{Asked, Scrapes};
use crate::Format;

/// Prometheus tells how long it will wait.
const TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) async fn answer(
    scrapes: &std::sync::Arc<Scrapes>,
    request: &Request<Incoming>,
) -> Answer {
    // Who has no token learns nothing, not even which paths there are.
    if let Some(token) = scrapes.token()
        && !is_authorized(request.headers(), token)
    {
        let mut answer = plain(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
        let challenge = HeaderValue::from_static("Bearer realm=\"metrics\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return answer;
    }
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
        return answer;
    }
    let asked = asked(request.headers());
    match scrapes.scrape(asked).await {
        Ok(body) => {
            let mut answer = Response::new(Full::new(body));
            let headers = answer.headers_mut();
            let content_type = HeaderValue::from_static(asked.format.content_type());
            headers.insert(CONTENT_TYPE, content_type);
            headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
            if asked.gzip {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            answer
        }
        Err(failure) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n")),
    }
}

fn asked(headers: &HeaderMap) -> Asked {
    let accept = list(headers, &ACCEPT);
    let encoding = list(headers, &ACCEPT_ENCODING);
    let timeout = headers.get(TIMEOUT).and_then(|value| value.to_str().ok());
    Asked {
        format: Format::negotiate(accept.as_deref()),
        gzip: encoding.is_some_and(|header| encoding::accepts_gzip(&header)),
        // A scrape is worth more than a complaint about this header.
        timeout: timeout.and_then(|seconds| seconds.trim().parse().ok()),
    }
}

/// A header that may stand several times, as one list (RFC 9110, 5.3).
fn list(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn is_authorized(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let Some((scheme, given)) = given.and_then(|value| value.split_at_checked("Bearer ".len()))
    else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"Bearer ") && is_same(given.trim_ascii(), token.as_bytes())
}

/// Compares in a time that depends on the length of `expected` alone.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let mut difference = given.len() ^ expected.len();
    for (at, byte) in expected.iter().enumerate() {
        let other = given.get(at).copied().unwrap_or_default();
        difference |= std::hint::black_box(usize::from(other ^ byte));
    }
    std::hint::black_box(difference) == 0
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}
