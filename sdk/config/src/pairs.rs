//! Lists of `key=value` in the form of W3C Baggage: comma-separated, percent-encoded.
//!
//! Metadata behind a semicolon is not supported (`protocol/exporter.md`, Specifying headers): a
//! semicolon is part of the value.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

/// What stands in an error for what must not be shown.
pub(crate) const REDACTED: &str = "[redacted]";

/// HTTP headers or gRPC metadata to send along. `Debug` shows the names alone: values are often keys.
///
/// ```
/// use throughline_config::{Environment, Signal};
///
/// let (environment, _) = Environment::read(|name| {
///     (name == "OTEL_EXPORTER_OTLP_HEADERS").then(|| "api-key=s%3Dcret, tenant = shop".into())
/// });
/// let headers = environment.otlp.signal(Signal::Logs).headers;
/// assert_eq!(headers.iter().collect::<Vec<_>>(), [("api-key", "s=cret"), ("tenant", "shop")]);
/// assert!(!headers.is_empty());
/// assert_eq!(format!("{headers:?}"), r#"Headers(["api-key", "tenant"])"#);
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The headers in the order they were written. Names are HTTP tokens, values are visible ASCII,
    /// spaces and tabs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the pairs that can be sent; tells `refuse` of the others.
    pub(crate) fn parse(value: &str, mut refuse: impl FnMut(String, String)) -> Self {
        let mut headers = Vec::new();
        for (position, pair) in split(value).enumerate() {
            match decode(pair).and_then(sendable) {
                Ok(header) => headers.push(header),
                Err(broken) => refuse(broken.redacted(position), broken.expected.to_owned()),
            }
        }
        Self(headers)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
        f.debug_tuple("Headers").field(&names).finish()
    }
}

/// A pair that was not understood.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The part before `=`, as it was written; `None` where there is no `=`.
    key: Option<String>,
    /// The pair as it was written.
    pair: String,
    pub(crate) expected: &'static str,
}

impl Broken {
    fn new(key: Option<&str>, pair: &str, expected: &'static str) -> Self {
        Self {
            key: key.map(str::to_owned),
            pair: pair.to_owned(),
            expected,
        }
    }

    pub(crate) fn shown(&self) -> String {
        self.pair.clone()
    }

    /// Without the value. A pair without `=` may be a bare key: it is named by its position, from 0.
    fn redacted(&self, position: usize) -> String {
        match self.key.as_deref() {
            Some(key) => format!("{key}={REDACTED}"),
            None => format!("pair {}: {REDACTED}", position + 1),
        }
    }
}

/// The members of a list; empty ones, as behind a last comma, are passed over.
pub(crate) fn split(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|i| !i.is_empty())
}

/// Splits a pair at its first `=` and decodes both sides.
pub(crate) fn decode(pair: &str) -> Result<(String, String), Broken> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(Broken::new(
            None,
            pair,
            "key=value pairs, separated by commas",
        ));
    };
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() {
        return Err(Broken::new(Some(key), pair, "a key before the ="));
    }
    match (unescape(key), unescape(value)) {
        (Some(key), Some(value)) => Ok((key, value)),
        _ => Err(Broken::new(
            Some(key),
            pair,
            "percent-encoded UTF-8, a literal % written as %25",
        )),
    }
}

/// `None` where a `%` is not followed by two digits, or the bytes are not UTF-8.
fn unescape(text: &str) -> Option<String> {
    let digits = |rest: &str| {
        let bytes = rest.as_bytes();
        bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit)
    };
    if !text.split('%').skip(1).all(digits) {
        return None;
    }
    percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

/// Whether HTTP and gRPC can carry it: a token (RFC 9110, section 5.6.2) and no control characters.
fn sendable((name, value): (String, String)) -> Result<(String, String), Broken> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let expected = if !name.bytes().all(token) {
        "a header name of letters, digits and !#$%&'*+-.^_`|~"
    } else if !value
        .bytes()
        .all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
    {
        "a header value of visible ASCII characters, spaces and tabs"
    } else {
        return Ok((name, value));
    };
    Err(Broken::new(
        Some(&name.escape_default().to_string()),
        "",
        expected,
    ))
}

/// A URL with what stands before an `@` in its authority replaced.
pub(crate) fn without_credentials(url: &str) -> Cow<'_, str> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}{REDACTED}{}", &url[..start], &url[start + at..]).into(),
        None => url.into(),
    }
}
