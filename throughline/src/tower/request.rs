//! What a request is, in the words of the semantic conventions.

use std::borrow::Cow;

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, Version, header};
use opentelemetry::{KeyValue, Value};

use super::grpc;
use super::methods::Methods;

/// A request as its span and its metric see it.
#[derive(Debug)]
pub(super) struct Request {
    /// The span's.
    pub(super) name: Cow<'static, str>,
    /// The attributes that the span starts with, those of the metric among them.
    pub(super) span: Vec<KeyValue>,
    /// The attributes of the metric, all of them with few values whoever calls.
    pub(super) metric: Vec<KeyValue>,
    pub(super) grpc: bool,
    /// The response has no body, whatever it looks like.
    pub(super) head: bool,
    /// Who asks can read trailers.
    pub(super) wants_trailers: bool,
    /// What the server keeps is said, or heeded.
    pub(super) answers: bool,
}

impl Request {
    /// One that came in, with its route if that is known.
    pub(super) fn incoming(
        parts: &Parts,
        route: Option<Cow<'static, str>>,
        methods: &Methods,
    ) -> Self {
        let (address, port) = host(parts);
        let mut request = Self::new(parts, methods);
        if !request.grpc {
            request.both("url.scheme", Some(scheme(parts)));
            request.span("url.path", Some(parts.uri.path().to_owned()));
            if let Some(route) = route {
                request.name = format!("{} {route}", request.name).into();
                request.both("http.route", Some(route));
            }
        }
        request.both("network.protocol.version", version(parts.version));
        request.span("server.address", address.map(str::to_owned));
        request.span("server.port", port.map(i64::from));
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        request.span("user_agent.original", agent.map(str::to_owned));
        request
    }

    /// One that goes out, to this server where it does not say itself.
    pub(super) fn outgoing(
        parts: &Parts,
        server: Option<&(Cow<'static, str>, u16)>,
        methods: &Methods,
    ) -> Self {
        let (address, port) = host(parts);
        let mut request = Self::new(parts, methods);
        let uri = &parts.uri;
        let address = address.map(|it| Cow::Owned(it.to_owned()));
        let address = address.or_else(|| server.map(|(address, _)| address.clone()));
        let port = port.or_else(|| match uri.scheme_str() {
            _ if uri.authority().is_none() => server.map(|(_, port)| *port),
            Some("https") => Some(443),
            _ => Some(80),
        });
        if let (false, Some(scheme), Some(host)) = (request.grpc, uri.scheme_str(), uri.host()) {
            // Without user and password, and without the query, in which there may be secrets as well.
            let port = uri
                .port_u16()
                .map_or(String::new(), |port| format!(":{port}"));
            request.span(
                "url.full",
                Some(format!("{scheme}://{host}{port}{}", uri.path())),
            );
        }
        request.both("server.address", address);
        request.both("server.port", port.map(i64::from));
        request
    }

    fn new(parts: &Parts, methods: &Methods) -> Self {
        let mut request = Self {
            name: Cow::Borrowed("HTTP"),
            span: Vec::new(),
            metric: Vec::new(),
            grpc: grpc::is_grpc(&parts.headers),
            head: parts.method == Method::HEAD,
            wants_trailers: wants_trailers(&parts.headers),
            answers: true,
        };
        if request.grpc {
            let method = parts.uri.path().trim_start_matches('/').to_owned();
            request.name = method.clone().into();
            request.both("rpc.system.name", Some("grpc"));
            request.both("rpc.method", Some(method));
        } else if let Some(known) = methods.name(&parts.method) {
            request.name = known.clone();
            request.both("http.request.method", Some(known));
        } else {
            request.both("http.request.method", Some("_OTHER"));
            request.span(
                "http.request.method_original",
                Some(parts.method.to_string()),
            );
        }
        request
    }

    /// The server has no such method: whoever calls what does not exist would make series, and operations.
    pub(super) fn forget_method(&mut self) {
        self.name = Cow::Borrowed("grpc");
        let method = |it: &&mut KeyValue| it.key.as_str() == "rpc.method";
        if let Some(method) = self.metric.iter_mut().find(method) {
            method.value = "_OTHER".into();
        }
    }

    fn both(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            let pair = KeyValue::new(key, value);
            self.span.push(pair.clone());
            self.metric.push(pair);
        }
    }

    fn span(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.span.push(KeyValue::new(key, value));
        }
    }
}

pub(super) fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// `https` or `http`: what a proxy says that it was asked by, else what the request says.
fn scheme(parts: &Parts) -> &'static str {
    let forwarded = parts.headers.get("x-forwarded-proto");
    let forwarded = forwarded.and_then(|it| it.to_str().ok());
    match forwarded.or(parts.uri.scheme_str()) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    }
}

/// Where the request is for.
fn host(parts: &Parts) -> (Option<&str>, Option<u16>) {
    if let Some(authority) = parts.uri.authority() {
        return (Some(authority.host()), authority.port_u16());
    }
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|it| it.to_str().ok());
    let Some(host) = host.filter(|host| host.parse::<Authority>().is_ok()) else {
        return (None, None);
    };
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (Some(name), port.parse().ok()),
        _ => (Some(host), None),
    }
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::TE).into_iter();
    codings
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .any(|it| it.trim().eq_ignore_ascii_case("trailers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn said(pairs: &[KeyValue]) -> Vec<String> {
        pairs
            .iter()
            .map(|pair| format!("{}={}", pair.key, pair.value))
            .collect()
    }

    #[test]
    fn a_request_that_comes_in_is_named_by_its_route() {
        let parts = parts(
            "GET",
            "/orders/17?token=secret",
            &[
                ("host", "shop.example:8080"),
                ("user-agent", "curl"),
                ("x-forwarded-proto", "https"),
            ],
        );
        let request = Request::incoming(&parts, Some("/orders/{id}".into()), &Methods::default());
        assert_eq!(request.name, "GET /orders/{id}");
        let metric = [
            "http.request.method=GET",
            "url.scheme=https",
            "http.route=/orders/{id}",
            "network.protocol.version=1.1",
        ];
        assert_eq!(said(&request.metric), metric);
        let span = [
            "http.request.method=GET",
            "url.scheme=https",
            "url.path=/orders/17",
            "http.route=/orders/{id}",
            "network.protocol.version=1.1",
            "server.address=shop.example",
            "server.port=8080",
            "user_agent.original=curl",
        ];
        assert_eq!(said(&request.span), span);
    }

    #[test]
    fn what_the_caller_invents_makes_no_series() {
        let odd = parts(
            "BREW",
            "/pot/1",
            &[("x-forwarded-proto", "coffee"), ("host", "a b:c")],
        );
        let request = Request::incoming(&odd, None, &Methods::default());
        assert_eq!(request.name, "HTTP");
        let metric = [
            "http.request.method=_OTHER",
            "url.scheme=http",
            "network.protocol.version=1.1",
        ];
        assert_eq!(said(&request.metric), metric);
        assert!(said(&request.span).contains(&"http.request.method_original=BREW".to_owned()));
    }

    #[test]
    fn a_request_that_goes_out_says_where_without_secrets() {
        let parts = parts(
            "GET",
            "https://me:pass@stock.example/left/17?key=secret",
            &[],
        );
        let request = Request::outgoing(&parts, None, &Methods::default());
        assert_eq!(request.name, "GET");
        let span = [
            "http.request.method=GET",
            "url.full=https://stock.example/left/17",
            "server.address=stock.example",
            "server.port=443",
        ];
        assert_eq!(said(&request.span), span);
    }

    #[test]
    fn a_request_that_does_not_say_where_goes_to_the_server_that_the_layer_knows() {
        let parts = parts(
            "POST",
            "/shop.Stock/Left",
            &[("content-type", "application/grpc")],
        );
        let request = Request::outgoing(
            &parts,
            Some(&("stock.example".into(), 50051)),
            &Methods::default(),
        );
        assert_eq!(request.name, "shop.Stock/Left");
        let metric = [
            "rpc.system.name=grpc",
            "rpc.method=shop.Stock/Left",
            "server.address=stock.example",
            "server.port=50051",
        ];
        assert_eq!(said(&request.metric), metric);
    }

    #[test]
    fn a_host_may_be_an_ipv6_address() {
        let address = |host| {
            let parts = parts("GET", "/", &[("host", host)]);
            let (address, port) = super::host(&parts);
            (address.map(str::to_owned), port)
        };
        assert_eq!(address("[::1]:80"), (Some("[::1]".into()), Some(80)));
        assert_eq!(address("[::1]"), (Some("[::1]".into()), None));
        assert_eq!(address("localhost"), (Some("localhost".into()), None));
        assert_eq!(address(""), (None, None));
    }

    #[test]
    fn trailers_are_wanted_where_te_says_so() {
        let wants = |te| {
            Request::incoming(&parts("GET", "/", &[("te", te)]), None, &Methods::default())
                .wants_trailers
        };
        assert!(wants("trailers") && wants("gzip;q=0.5, Trailers"));
        assert!(!wants("gzip") && !wants(""));
    }
}
