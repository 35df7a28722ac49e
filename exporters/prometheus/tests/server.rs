//! The endpoint, over real sockets. No test waits for time to pass: where a limit counts, time is moved.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "support/collect.rs"]
mod collect;
#[path = "support/http.rs"]
mod http;
#[path = "support/meter.rs"]
mod meter;
#[path = "support/snapshots.rs"]
mod snapshots;

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use collect::{Fixed, Gated, PanicsOnce};
use http::{Running, send};
use snapshots::*;
use throughline_model::{CollectError, Number, SelfMeter, Snapshot};
use throughline_prometheus::{Error, Server, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OPENMETRICS: (&str, &str) = ("accept", "application/openmetrics-text;version=1.0.0");
const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

fn orders() -> Snapshot {
    bare(vec![counter("orders", "", 7)])
}

fn running() -> Running {
    Running::start(Settings::default(), Fixed::new(Ok(orders())))
}

// What is answered.

#[tokio::test]
async fn a_scrape_without_accept_gets_text_0_0_4() {
    let answer = running().get("/metrics", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(
        answer.text(),
        "# TYPE orders_total counter\norders_total 7\n"
    );
}

#[tokio::test]
async fn a_scrape_gets_the_format_it_asks_for() {
    let answer = running().get("/metrics", &[OPENMETRICS]).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores")
    );
    assert_eq!(
        answer.text(),
        "# TYPE orders counter\norders_total 7\n# EOF\n"
    );
    assert_eq!(answer.header("vary"), Some("accept, accept-encoding"));
}

#[tokio::test]
async fn an_accept_header_in_several_lines_is_one_list() {
    let answer = running()
        .get("/metrics", &[("accept", "text/plain;q=0.2"), OPENMETRICS])
        .await;
    assert!(answer.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn head_says_what_get_would_give() {
    let running = running();
    let get = running.get("/metrics?name=ignored", &[]).await;
    let head = running.request("HEAD", "/metrics", &[]).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(head.header("content-type"), get.header("content-type"));
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn the_answer_is_compressed_where_the_scraper_accepts_it() {
    let running = running();
    let answer = running
        .get("/metrics", &[("accept-encoding", "gzip")])
        .await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&answer.body[..]);
    decoder.read_to_string(&mut text).unwrap();
    assert_eq!(text, "# TYPE orders_total counter\norders_total 7\n");

    for refused in ["identity", "gzip;q=0", "br, deflate", "*;q=0, br", ""] {
        let answer = running
            .get("/metrics", &[("accept-encoding", refused)])
            .await;
        assert_eq!(answer.header("content-encoding"), None, "{refused}");
    }
    for accepted in ["br;q=1.0, GZIP;q=0.2", "*", "x-gzip"] {
        let answer = running
            .get("/metrics", &[("accept-encoding", accepted)])
            .await;
        assert_eq!(
            answer.header("content-encoding"),
            Some("gzip"),
            "{accepted}"
        );
    }
}

#[tokio::test]
async fn another_path_is_404_with_a_hint() {
    let answer = running().get("/", &[]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.text(), "the metrics are at /metrics\n");
}

#[tokio::test]
async fn another_method_is_405_with_those_allowed() {
    let answer = running()
        .request("POST", "/metrics", &[("content-length", "0")])
        .await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
}

// Who may ask.

#[tokio::test]
async fn a_bearer_token_is_asked_for_on_every_path() {
    let settings = Settings::default().bearer_token("s3cret");
    let running = Running::start(settings, Fixed::new(Ok(orders())));
    for wrong in [
        None,
        Some("Bearer s3cre"),
        Some("Bearer s3crets"),
        Some("Bearer S3CRET"),
        Some("Bearer "),
        Some("Basic s3cret"),
        Some("s3cret"),
    ] {
        let headers: Vec<_> = wrong
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        for path in ["/metrics", "/elsewhere"] {
            let answer = running.get(path, &headers).await;
            assert_eq!(answer.status, 401, "{wrong:?}");
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer realm=\"metrics\"")
            );
        }
    }
    for right in ["Bearer s3cret", "bearer s3cret"] {
        let answer = running.get("/metrics", &[("authorization", right)]).await;
        assert_eq!(answer.status, 200, "{right}");
    }
}

#[test]
fn an_address_that_others_can_reach_needs_a_token_or_a_word() {
    let collect = || Fixed::new(Ok(orders()));
    let public = || Settings::default().host("0.0.0.0").port(0);
    let error = Server::bind(public(), collect()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "prometheus host: `0.0.0.0` (0.0.0.0:0) is reachable from other machines; expected a loopback address, \
         or a bearer_token, or allow_public(true)"
    );
    assert!(Server::bind(public().allow_public(true), collect()).is_ok());
    assert!(Server::bind(public().bearer_token("s3cret"), collect()).is_ok());
    for loopback in ["localhost", "127.0.0.2", "::ffff:127.0.0.1"] {
        let settings = Settings::default().host(loopback).port(0);
        match Server::bind(settings, collect()) {
            Ok(_) | Err(Error::Bind { .. }) => {}
            Err(error) => panic!("{loopback}: {error}"),
        }
    }
}

#[test]
fn a_busy_port_is_an_error_that_names_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Server::bind(Settings::default().port(port), Fixed::new(Ok(orders()))).unwrap_err();
    assert!(matches!(error, Error::Bind { .. }));
    let expected = format!("prometheus host and port: cannot listen on 127.0.0.1:{port}: ");
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn a_host_that_names_nothing_is_an_error_that_names_it() {
    let settings = Settings::default().host("not a host");
    let error = Server::bind(settings, Fixed::new(Ok(orders()))).unwrap_err();
    assert!(matches!(error, Error::Resolve { .. }));
    assert!(
        error.to_string().contains("`not a host` names no address"),
        "{error}"
    );
}

#[test]
fn a_token_that_no_header_can_carry_is_an_error_that_does_not_repeat_it() {
    for token in ["", "two words", "grün", "line\nbreak"] {
        let settings = Settings::default().port(0).bearer_token(token);
        let error = Server::bind(settings, Fixed::new(Ok(orders()))).unwrap_err();
        assert!(matches!(error, Error::InvalidToken));
        assert!(token.is_empty() || !error.to_string().contains(token));
    }
}

// What goes wrong.

#[tokio::test]
async fn a_collection_that_fails_is_503_with_the_reason() {
    let collect = Fixed::new(Err(CollectError::NotRegistered));
    let self_meter = SelfMeter::new();
    let recorded = meter::Recorded::default();
    self_meter.bind(recorded.meter());
    let running = Running::start(Settings::default().self_meter(self_meter), collect);
    let answer = running.get("/metrics", &[]).await;
    assert_eq!(answer.status, 503);
    assert!(recorded.keys()[0].contains("error.type=not_registered"));
    assert_eq!(
        answer.text(),
        "no metrics: the reader is not registered with a provider\n"
    );
}

#[tokio::test]
async fn a_collection_that_panics_is_503_and_the_next_one_is_tried() {
    let running = Running::start(Settings::default(), Arc::new(PanicsOnce::default()));
    let answer = running.get("/metrics", &[]).await;
    assert_eq!(
        (answer.status, answer.text()),
        (503, "no metrics: the collection panicked\n")
    );
    assert_eq!(running.get("/metrics", &[]).await.status, 200);
}

#[tokio::test]
async fn the_scrapers_timeout_bounds_the_collection() {
    let collect = Fixed::new(Ok(orders()));
    let running = Running::start(Settings::default(), collect.clone());
    for header in ["10", "0.5", "1e300", "0", "-1", "NaN", "soon"] {
        assert_eq!(
            running.get("/metrics", &[(TIMEOUT, header)]).await.status,
            200
        );
    }
    // Four fifths of the scrape's, which is nine tenths of the scraper's.
    let default = Duration::from_secs(8);
    assert_eq!(
        *collect.deadlines.lock().unwrap(),
        [
            Duration::from_millis(7_200),
            Duration::from_millis(360),
            Duration::from_secs(96),
            default,
            default,
            default,
            default
        ]
    );
}

#[tokio::test]
async fn a_collection_that_hangs_is_503_in_time() {
    let collect = Arc::new(Gated::default());
    let running = Running::start(Settings::default(), collect.clone());
    let address = running.address;
    let scrape =
        tokio::spawn(async move { send(address, "GET", "/metrics", &[(TIMEOUT, "20")]).await });
    collect.began.notified().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(19)).await;
    let answer = scrape.await.unwrap();
    assert_eq!(
        (answer.status, answer.text()),
        (503, "no metrics: the collection was not done within 18s\n")
    );
    collect.open();
}

#[tokio::test]
async fn scrapes_share_the_running_collection_and_too_many_are_refused() {
    let collect = Arc::new(Gated::default());
    let running = Running::start(Settings::default(), collect.clone());
    let address = running.address;
    let mut scrapes = tokio::task::JoinSet::new();
    for _ in 0..17 {
        scrapes.spawn(async move { send(address, "GET", "/metrics", &[]).await });
    }
    // The first to be answered is the one that found no place; the others wait for the collection.
    let refused = scrapes.join_next().await.unwrap().unwrap();
    assert_eq!(
        (refused.status, refused.text()),
        (503, "16 scrapes are under way already\n")
    );
    collect.open();
    for answer in scrapes.join_all().await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(collect.collections.load(Ordering::SeqCst), 1);
    assert_eq!(running.get("/metrics", &[]).await.status, 200);
    assert_eq!(collect.collections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_that_is_slow_with_its_head_is_hung_up_on() {
    let running = running();
    let mut stream = tokio::net::TcpStream::connect(running.address)
        .await
        .unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    // With nothing else to do, paused time moves to the next limit by itself.
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    assert!(before.elapsed() <= Duration::from_secs(10));
    assert!(!bytes.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_is_slow_to_read_is_hung_up_on() {
    // More than what lies in the system's buffers.
    let size = 64 << 20;
    let mut orders = orders();
    orders.scopes[0].metrics[0].description = "x".repeat(size).into();
    let running = Running::start(Settings::default(), Fixed::new(Ok(orders)));
    let mut stream = tokio::net::TcpStream::connect(running.address)
        .await
        .unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    stream.read_u8().await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    let mut read = Vec::new();
    // Cut off, in order or not.
    let _ = stream.read_to_end(&mut read).await;
    assert!(read.len() < size, "{}", read.len());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let large = "x".repeat(20_000);
    let answer = running().get("/metrics", &[("cookie", &large)]).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn what_is_no_http_does_not_disturb_the_endpoint() {
    let running = running();
    let mut stream = tokio::net::TcpStream::connect(running.address)
        .await
        .unwrap();
    stream
        .write_all(b"\x16\x03\x01 not http\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    assert_eq!(running.get("/metrics", &[]).await.status, 200);
}

// How it ends.

#[tokio::test]
async fn a_shutdown_finishes_what_is_under_way_and_accepts_no_more() {
    let collect = Arc::new(Gated::default());
    let running = Running::start(Settings::default(), collect.clone());
    let address = running.address;
    let scrape = tokio::spawn(async move { send(address, "GET", "/metrics", &[]).await });
    collect.began.notified().await;
    let stopped = running.stop();
    tokio::task::yield_now().await;
    collect.open();
    assert_eq!(scrape.await.unwrap().status, 200);
    stopped.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_collection_that_hangs() {
    let collect = Arc::new(Gated::default());
    let running = Running::start(Settings::default(), collect.clone());
    let address = running.address;
    let scrape =
        tokio::spawn(async move { send(address, "GET", "/metrics", &[(TIMEOUT, "100")]).await });
    collect.began.notified().await;
    let stopped = running.stop();
    tokio::task::yield_now().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    stopped.await.unwrap().unwrap();
    scrape.abort();
    collect.open();
}

// What it says of itself.

#[tokio::test]
async fn points_and_losses_are_counted_and_warned_of_once() {
    let self_meter = SelfMeter::new();
    let recorded = meter::Recorded::default();
    self_meter.bind(recorded.meter());
    let conflict = bare(vec![
        counter("orders", "", 7),
        described(gauge("orders", "", 1.0), "Not a counter"),
        metric(
            "bad",
            "",
            sum(true, vec![number(Number::F64(f64::NAN), vec![])]),
        ),
    ]);
    let settings = Settings::default().self_meter(self_meter);
    let running = Running::start(settings, Fixed::new(Ok(conflict)));
    let warnings = warnings::capture();
    for _ in 0..3 {
        assert_eq!(running.get("/metrics", &[OPENMETRICS]).await.status, 200);
    }
    let component = "otel.component.type=prometheus_http_text_metric_exporter";
    let exported = "otel.sdk.exporter.metric_data_point.exported";
    assert_eq!(recorded.sum(&[exported, component]), 9.0);
    assert_eq!(recorded.sum(&[exported, "error.type=type_conflict"]), 3.0);
    assert_eq!(recorded.sum(&[exported, "error.type=invalid_value"]), 3.0);
    assert!(recorded.sum(&["otel.sdk.exporter.operation.duration", component]) > 0.0);
    assert_eq!(recorded.keys().len(), 4);
    let said = warnings.of("orders");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("a metric of another type has the name"),
        "{said:?}"
    );
}

mod warnings {
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    pub struct Warnings(Arc<Mutex<Vec<String>>>);

    /// Listens to the whole process: rendering happens on threads of its own.
    pub fn capture() -> Warnings {
        let warnings = Warnings::default();
        tracing::subscriber::set_global_default(warnings.clone()).unwrap();
        warnings
    }

    impl Warnings {
        pub fn of(&self, metric: &str) -> Vec<String> {
            let metric = format!("metric=\"{metric}\"");
            let said = self.0.lock().unwrap();
            said.iter()
                .filter(|line| line.contains(&metric))
                .cloned()
                .collect()
        }
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0.push_str(&format!("{field}={value:?} "));
        }
    }

    impl Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "throughline"
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }
}
