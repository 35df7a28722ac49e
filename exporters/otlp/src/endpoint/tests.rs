use super::*;

fn http(url: &str) -> Result<Endpoint, Error> {
    Endpoint::new(Protocol::HttpProtobuf, url)
}

/// `protocol/exporter.md`, "Endpoint URLs for OTLP/HTTP", examples 1 to 3.
#[test]
fn the_examples_of_the_specification_hold() {
    let base = |url, signal| {
        let endpoint = Endpoint::base(Protocol::HttpProtobuf, url, signal);
        endpoint.unwrap().url()
    };
    let collector = "http://collector:4318";
    assert_eq!(
        base(collector, Signal::Traces),
        "http://collector:4318/v1/traces"
    );
    assert_eq!(
        base(collector, Signal::Metrics),
        "http://collector:4318/v1/metrics"
    );
    assert_eq!(
        base(collector, Signal::Logs),
        "http://collector:4318/v1/logs"
    );

    assert_eq!(http(collector).unwrap().url(), "http://collector:4318/");
    let own = "https://collector.example.com/v1/metrics";
    assert_eq!(http(own).unwrap().url(), own);

    let below = "http://collector:4318/mycollector/";
    let expected = "http://collector:4318/mycollector/v1/logs";
    assert_eq!(base(below, Signal::Logs), expected);
    assert_eq!(base(below.trim_end_matches('/'), Signal::Logs), expected);
    let own = "https://collector.example.com/v1/metrics/";
    assert_eq!(http(own).unwrap().url(), own);
}

#[test]
fn grpc_has_no_path_below_its_base() {
    let endpoint = Endpoint::base(Protocol::Grpc, "http://collector:4317", Signal::Logs).unwrap();
    assert_eq!(endpoint.url(), "http://collector:4317/");
}

#[test]
fn the_local_defaults_are_valid() {
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        let local = Endpoint::local(Protocol::HttpProtobuf, signal);
        let parsed = Endpoint::base(Protocol::HttpProtobuf, "http://localhost:4318", signal);
        assert_eq!(local.url(), parsed.unwrap().url());
    }
    let local = Endpoint::local(Protocol::Grpc, Signal::Logs);
    let parsed = Endpoint::new(Protocol::Grpc, "http://localhost:4317");
    assert_eq!(local.url(), parsed.unwrap().url());
}

#[test]
fn ports_default_to_the_schemes_own() {
    assert_eq!(http("http://collector").unwrap().port(), 80);
    assert_eq!(http("https://collector").unwrap().port(), 443);
    assert_eq!(http("https://collector:4318").unwrap().port(), 4318);
}

#[test]
fn an_ipv6_host_has_no_brackets() {
    let endpoint = http("http://[::1]:4318").unwrap();
    assert_eq!((endpoint.host(), endpoint.port()), ("::1", 4318));
}

#[test]
fn malformed_urls_are_refused_by_name() {
    for url in [
        "",
        " ",
        "collector:4317",
        "localhost",
        "/v1/traces",
        "ftp://collector",
        "http://",
        "http://:4318",
        "http://collector:port",
        "http://collector:99999",
        "http://collector:",
        "http://[::1",
        "http://coll ector",
    ] {
        let error = http(url).expect_err(url);
        assert_eq!(error.field(), "url", "{url}");
        assert_eq!(error.value(), url);
        assert!(error.to_string().contains("expected a URL"), "{error}");
    }
    let error = Endpoint::new(Protocol::Grpc, "http://collector:4317/v1/traces").unwrap_err();
    assert_eq!(error.expected(), "a URL without a path: gRPC has none");
}

#[test]
fn a_password_in_a_url_is_refused_and_not_printed() {
    for url in [
        "https://user:hunter2@collector:4318/v1/traces",
        "ftp://user:hunter2@collector?token=hunter2",
        "user:hunter2@collector",
    ] {
        let error = http(url).unwrap_err();
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("collector"), "{printed}");
    }
}

#[test]
fn a_query_is_sent_and_not_printed() {
    let url = "https://collector/otlp?key=hunter2";
    let endpoint = Endpoint::base(Protocol::HttpProtobuf, url, Signal::Traces).unwrap();
    let sent = endpoint.uri().to_string();
    assert_eq!(sent, "https://collector/otlp/v1/traces?key=hunter2");
    assert!(!format!("{endpoint:?}{}", endpoint.url()).contains("hunter2"));
}

#[test]
fn header_values_are_never_printed() {
    let endpoint = http("https://collector")
        .unwrap()
        .with_header("X-Api-Key", "hunter2")
        .unwrap();
    let printed = format!("{endpoint:?} {:?}", endpoint.request_headers());
    assert!(printed.contains("x-api-key"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");

    let error = endpoint.with_header("x-api-key", "hunter2\n").unwrap_err();
    let printed = format!("{error} {error:?}");
    assert!(printed.contains("x-api-key"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn a_receiver_that_says_a_header_back_does_not_make_us_print_it() {
    let endpoint = http("https://collector")
        .unwrap()
        .with_header("authorization", "Bearer hunter2")
        .unwrap()
        .with_header("tenant", "a")
        .unwrap();
    for said in ["bad token 'Bearer hunter2'", "unknown token hunter2!"] {
        let printed = endpoint.without_secrets(said.to_owned());
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("token"), "{printed}");
    }
}

#[test]
fn headers_that_the_protocol_sets_are_refused() {
    for name in ["Content-Type", "te", "grpc-timeout", "host", "a b", ""] {
        let endpoint = http("http://collector").unwrap();
        let error = endpoint.with_header(name, "x").expect_err(name);
        assert_eq!((error.field(), error.value()), ("headers", name));
    }
}

/// `configuration/common.md`, "Timeout": zero is no limit.
#[test]
fn a_timeout_of_zero_is_no_limit() {
    let endpoint = http("http://collector").unwrap();
    assert_eq!(endpoint.timeout(), Duration::from_secs(10));
    let endpoint = endpoint.with_timeout(Duration::ZERO);
    assert!(endpoint.timeout() > Duration::from_secs(86_400));
    let endpoint = endpoint.with_timeout(Duration::MAX);
    assert!(endpoint.timeout() < Duration::from_secs(86_400 * 100));
}

#[test]
fn sizes_of_zero_are_refused() {
    let endpoint = || http("http://collector").unwrap();
    let error = endpoint().with_max_request_size(0).unwrap_err();
    assert_eq!(error.field(), "max_request_size");
    let error = endpoint().with_max_response_size(0).unwrap_err();
    assert_eq!(error.field(), "max_response_size");
}
