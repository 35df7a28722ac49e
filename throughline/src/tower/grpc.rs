//! gRPC over HTTP, in the words of its semantic conventions.

use http::{HeaderMap, StatusCode, header};

/// A status code: an index into [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(usize);

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Code {
    const OK: Self = Self(0);
    const UNKNOWN: Self = Self(2);
    const PERMISSION_DENIED: Self = Self(7);
    pub(super) const UNIMPLEMENTED: Self = Self(12);
    const INTERNAL: Self = Self(13);
    const UNAVAILABLE: Self = Self(14);
    pub(super) const UNAUTHENTICATED: Self = Self(16);

    /// What `grpc-status` says, in a response's head or in its trailers.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let status = headers.get("grpc-status")?;
        let code = status.to_str().ok().and_then(|it| it.parse().ok());
        Some(
            code.filter(|code| *code < NAMES.len())
                .map_or(Self::UNKNOWN, Self),
        )
    }

    /// What a response without `grpc-status` means to a client (gRPC, "HTTP to gRPC Status Code Mapping").
    pub(super) fn without(status: Option<StatusCode>) -> Self {
        match status.map(|it| it.as_u16()) {
            Some(400) => Self::INTERNAL,
            Some(401) => Self::UNAUTHENTICATED,
            Some(403) => Self::PERMISSION_DENIED,
            Some(404) => Self::UNIMPLEMENTED,
            Some(429 | 502..=504) => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    pub(super) fn name(self) -> &'static str {
        NAMES[self.0]
    }

    pub(super) fn is_clients_error(self) -> bool {
        self != Self::OK
    }

    /// The codes that say that the server is at fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL,
    /// UNAVAILABLE, DATA_LOSS (semantic conventions for gRPC).
    pub(super) fn is_servers_error(self) -> bool {
        matches!(self.0, 2 | 4 | 12..=15)
    }
}

/// Whether a request is gRPC's. gRPC-Web is not: it has its trailers in the body.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|it| it.as_bytes());
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn a_status_has_its_name_and_one_that_is_none_is_unknown() {
        let name = |status| Code::of(&with("grpc-status", status)).map(Code::name);
        assert_eq!(name("0"), Some("OK"));
        assert_eq!(name("16"), Some("UNAUTHENTICATED"));
        for odd in ["17", "-1", "", "OK"] {
            assert_eq!(name(odd), Some("UNKNOWN"), "{odd}");
        }
        assert_eq!(Code::of(&HeaderMap::new()), None);
    }

    #[test]
    fn grpc_web_is_http() {
        for (kind, grpc) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x=y", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            assert_eq!(is_grpc(&with("content-type", kind)), grpc, "{kind}");
        }
    }
}
