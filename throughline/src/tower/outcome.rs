//! What a request came to, in the words of the semantic conventions: what was seen of its response, and how it ended,
//! give the attributes, `error.type` and whether it failed.

use std::borrow::Cow;

use http::{HeaderMap, Response, StatusCode};
use opentelemetry::KeyValue;

use super::grpc::{self, Code};

/// How a request ends.
#[derive(Debug)]
pub(super) enum End {
    /// The response is complete, or as much of it as anybody wants.
    Complete,
    /// An error in place of a response, or in its body.
    Failed {
        error_type: &'static str,
        description: String,
    },
    Panic,
    /// It was dropped before it was complete.
    Cancelled,
}

/// What was seen of a response, at which end of the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) server: bool,
    pub(super) grpc: bool,
    /// Of the head, once it is there.
    status: Option<StatusCode>,
    /// The head is gRPC's: whoever made it knows the protocol.
    speaks_grpc: bool,
    /// What `grpc-status` said last, in the head or in the trailers.
    code: Option<Code>,
}

/// What a request came to.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    /// The response's status, for the span and the metric.
    pub(super) status: Option<KeyValue>,
    pub(super) error_type: Option<Cow<'static, str>>,
    /// Whether the span's status is an error.
    pub(super) failed: bool,
    /// Whether the method of an RPC is one that the server has, so that it may stand in a metric. Any other would let
    /// whoever calls make series.
    pub(super) known_method: bool,
}

impl Answer {
    /// None so far.
    pub(super) fn none(server: bool, grpc: bool) -> Self {
        Self {
            server,
            grpc,
            status: None,
            speaks_grpc: false,
            code: None,
        }
    }

    pub(super) fn head<B>(&mut self, response: &Response<B>) {
        self.status = Some(response.status());
        if self.grpc {
            self.speaks_grpc = grpc::is_grpc(response.headers());
            self.code = Code::of(response.headers());
        }
    }

    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        if self.grpc {
            self.code = Code::of(trailers).or(self.code);
        }
    }

    /// What it comes to with this end.
    pub(super) fn outcome(&self, end: &End) -> Outcome {
        let code = match end {
            _ if !self.grpc => None,
            End::Complete => Some(self.code.unwrap_or_else(|| Code::without(self.status))),
            _ => self.code,
        };
        let (status, fault) = match self.grpc {
            true => (code.map(of_rpc), code.and_then(|it| self.fault_of_rpc(it))),
            false => (self.status.map(of_http), self.fault_of_http()),
        };
        let (error_type, failed) = match end {
            End::Complete => {
                let failed = fault.is_some();
                (fault, failed)
            }
            End::Failed { error_type, .. } => (Some((*error_type).into()), true),
            End::Panic => (Some("panic".into()), true),
            End::Cancelled => (Some("cancelled".into()), false),
        };
        Outcome {
            status,
            error_type,
            failed,
            known_method: !self.grpc || !self.server || self.has_method(end),
        }
    }

    /// A client's error is the client's: a server that says so did its work.
    fn fault_of_http(&self) -> Option<Cow<'static, str>> {
        let fault = if self.server { 500 } else { 400 };
        let status = self.status.filter(|it| it.as_u16() >= fault)?;
        Some(status.as_str().to_owned().into())
    }

    fn fault_of_rpc(&self, code: Code) -> Option<Cow<'static, str>> {
        let fault = match self.server {
            true => code.is_servers_error(),
            false => code.is_clients_error(),
        };
        fault.then(|| code.name().into())
    }

    /// A handler has said how it went, or has begun to answer. What rejects a request before it finds the handler says
    /// that there is none, or that the caller is unknown, or does not speak gRPC at all.
    fn has_method(&self, end: &End) -> bool {
        match self.code {
            Some(code) => code != Code::UNIMPLEMENTED && code != Code::UNAUTHENTICATED,
            None => self.speaks_grpc && !matches!(end, End::Complete),
        }
    }
}

impl Outcome {
    /// What the span and the metric get.
    pub(super) fn attributes(&self) -> impl Iterator<Item = KeyValue> + '_ {
        let error_type = self.error_type.clone();
        let error_type = error_type.map(|it| KeyValue::new("error.type", it));
        self.status.clone().into_iter().chain(error_type)
    }
}

fn of_http(status: StatusCode) -> KeyValue {
    KeyValue::new("http.response.status_code", i64::from(status.as_u16()))
}

fn of_rpc(code: Code) -> KeyValue {
    KeyValue::new("rpc.response.status_code", code.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: bool = true;
    const CLIENT: bool = false;

    fn failed() -> End {
        End::Failed {
            error_type: "io",
            description: "reset".to_owned(),
        }
    }

    /// Status, `error.type`, failed.
    fn said(outcome: &Outcome) -> (String, &str, bool) {
        let status = outcome.status.as_ref().map(|it| it.value.to_string());
        let error = outcome.error_type.as_deref().unwrap_or("");
        (status.unwrap_or_default(), error, outcome.failed)
    }

    fn http(server: bool, status: Option<u16>) -> Answer {
        let mut answer = Answer::none(server, false);
        if let Some(status) = status {
            answer.head(&Response::builder().status(status).body(()).unwrap());
        }
        answer
    }

    #[test]
    fn http_by_status_and_end() {
        #[rustfmt::skip]
        let table = [
            (SERVER, Some(200), End::Complete,  ("200", "", false)),
            (SERVER, Some(404), End::Complete,  ("404", "", false)),
            (SERVER, Some(503), End::Complete,  ("503", "503", true)),
            (CLIENT, Some(200), End::Complete,  ("200", "", false)),
            (CLIENT, Some(404), End::Complete,  ("404", "404", true)),
            (CLIENT, Some(503), End::Complete,  ("503", "503", true)),
            (SERVER, None,      failed(),       ("", "io", true)),
            (SERVER, Some(200), failed(),       ("200", "io", true)),
            (SERVER, None,      End::Panic,     ("", "panic", true)),
            (SERVER, None,      End::Cancelled, ("", "cancelled", false)),
            (SERVER, Some(503), End::Cancelled, ("503", "cancelled", false)),
        ];
        for (server, status, end, expected) in table {
            let outcome = http(server, status).outcome(&end);
            let (status, error, failed) = said(&outcome);
            assert_eq!((status.as_str(), error, failed), expected, "{end:?}");
            assert!(outcome.known_method);
        }
    }

    /// What a head says, and what the trailers say.
    fn rpc(server: bool, head: Option<(u16, &str)>, code: Option<&str>) -> Answer {
        let mut answer = Answer::none(server, true);
        if let Some((status, kind)) = head {
            let head = Response::builder().status(status);
            answer.head(&head.header("content-type", kind).body(()).unwrap());
        }
        if let Some(code) = code {
            let code = ("grpc-status".parse().unwrap(), code.parse().unwrap());
            answer.trailers(&HeaderMap::from_iter([code]));
        }
        answer
    }

    #[test]
    fn grpc_by_code_and_end_and_whether_its_method_is_known() {
        let grpc = |status| Some((status, "application/grpc"));
        let html = |status| Some((status, "text/html"));
        #[rustfmt::skip]
        let table = [
            // A handler said it.
            (SERVER, grpc(200), Some("0"),  End::Complete,  ("OK", "", false), true),
            (SERVER, grpc(200), Some("5"),  End::Complete,  ("NOT_FOUND", "", false), true),
            (SERVER, grpc(200), Some("13"), End::Complete,  ("INTERNAL", "INTERNAL", true), true),
            // It began to, and was not heard to the end.
            (SERVER, grpc(200), None,       End::Cancelled, ("", "cancelled", false), true),
            (SERVER, grpc(200), None,       failed(),       ("", "io", true), true),
            (SERVER, grpc(200), None,       End::Panic,     ("", "panic", true), true),
            // There is no such method, or nobody looked for it.
            (SERVER, grpc(200), Some("12"), End::Complete,  ("UNIMPLEMENTED", "UNIMPLEMENTED", true), false),
            (SERVER, grpc(200), Some("16"), End::Complete,  ("UNAUTHENTICATED", "", false), false),
            (SERVER, html(401), None,       End::Complete,  ("UNAUTHENTICATED", "", false), false),
            (SERVER, html(403), None,       End::Complete,  ("PERMISSION_DENIED", "", false), false),
            (SERVER, html(404), None,       End::Complete,  ("UNIMPLEMENTED", "UNIMPLEMENTED", true), false),
            (SERVER, html(405), None,       End::Complete,  ("UNKNOWN", "UNKNOWN", true), false),
            (SERVER, html(200), None,       End::Complete,  ("UNKNOWN", "UNKNOWN", true), false),
            (SERVER, grpc(200), None,       End::Complete,  ("UNKNOWN", "UNKNOWN", true), false),
            (SERVER, html(200), None,       End::Cancelled, ("", "cancelled", false), false),
            (SERVER, None,      None,       End::Cancelled, ("", "cancelled", false), false),
            (SERVER, None,      None,       End::Panic,     ("", "panic", true), false),
            (SERVER, None,      None,       failed(),       ("", "io", true), false),
            // A client calls what it knows.
            (CLIENT, grpc(200), Some("0"),  End::Complete,  ("OK", "", false), true),
            (CLIENT, grpc(200), Some("12"), End::Complete,  ("UNIMPLEMENTED", "UNIMPLEMENTED", true), true),
            (CLIENT, html(503), None,       End::Complete,  ("UNAVAILABLE", "UNAVAILABLE", true), true),
            (CLIENT, None,      None,       failed(),       ("", "io", true), true),
        ];
        for (server, head, code, end, expected, known) in table {
            let outcome = rpc(server, head, code).outcome(&end);
            let (status, error, failed) = said(&outcome);
            let case = format!("{server} {head:?} {code:?} {end:?}");
            assert_eq!((status.as_str(), error, failed), expected, "{case}");
            assert_eq!(outcome.known_method, known, "{case}");
        }
    }

    #[test]
    fn trailers_have_the_last_word() {
        let mut answer = rpc(SERVER, Some((200, "application/grpc")), Some("0"));
        answer.trailers(&HeaderMap::new());
        assert_eq!(said(&answer.outcome(&End::Complete)).0, "OK");
        let code = ("grpc-status".parse().unwrap(), "8".parse().unwrap());
        answer.trailers(&HeaderMap::from_iter([code]));
        assert_eq!(
            said(&answer.outcome(&End::Complete)).0,
            "RESOURCE_EXHAUSTED"
        );
    }
}
