//! Customers: requests over HTTP at a steady rate, whether or not the shop keeps up.
//!
//! A request is sent when it is due, not when the one before it was answered, so a stall in the shop
//! is felt by every customer who arrives during it, as it would be outside a test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::database::PRODUCTS;
use crate::ledger::Ledger;
use crate::stop::Stop;

/// Requests that may be under way at once; more are not sent.
const IN_FLIGHT: usize = 256;

type Http = Client<HttpConnector, Empty<hyper::body::Bytes>>;

/// Sends requests until `end` or until `stop`, then waits for every answer.
pub(crate) async fn run(
    shop: SocketAddr,
    per_second: u32,
    end: Option<Instant>,
    stop: Stop,
    ledger: &Arc<Ledger>,
) {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut random = StdRng::seed_from_u64(2026);
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut requests = JoinSet::new();
    let mut due = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let over = async move {
        match end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => break,
            () = stop.wait() => break,
            _ = due.tick() => {}
        }
        while requests.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            ledger.count("not sent: too many under way", 0);
            continue;
        };
        let (name, method, path) = choose(&mut random);
        let (http, ledger) = (http.clone(), Arc::clone(ledger));
        requests.spawn(async move {
            let status = send(&http, shop, method, &path).await;
            ledger.count(name, status);
            drop(place);
        });
    }
    while requests.join_next().await.is_some() {}
}

/// Mostly browsing, some searching, some buying, and now and then something that is not there.
fn choose(random: &mut StdRng) -> (&'static str, Method, String) {
    let product = random.random_range(1..=PRODUCTS);
    match random.random_range(0..100) {
        0..60 => ("show product", Method::GET, format!("/products/{product}")),
        60..63 => (
            "show product",
            Method::GET,
            format!("/products/{}", PRODUCTS + product),
        ),
        63..80 => {
            let word = ["oak", "lamp", "no. 1", "rug"][random.random_range(0..4)].replace(' ', "+");
            ("search", Method::GET, format!("/products?text={word}"))
        }
        80..98 => ("place order", Method::POST, format!("/orders/{product}/1")),
        _ => (
            "place order",
            Method::POST,
            format!("/orders/{product}/1000000"),
        ),
    }
}

/// The status of the answer; 0 when there was none.
async fn send(http: &Http, shop: SocketAddr, method: Method, path: &str) -> u16 {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{shop}{path}"))
        .body(Empty::new());
    let Ok(request) = request else { return 0 };
    let Ok(answer) = http.request(request).await else {
        return 0;
    };
    let status = answer.status().as_u16();
    // The whole answer has to arrive for it to count.
    if answer.into_body().collect().await.is_err() {
        0
    } else {
        status
    }
}
