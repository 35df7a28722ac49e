//! Three services in three processes, sampled at one percent: whatever goes wrong in the last one is stored whole.
//!
//! ```text
//! test ──► front ──► middle ──► back      over HTTP, over HTTP with a streamed body, over gRPC
//!            └─────────┴─────────┴──────► an OTLP receiver in this process
//! ```
//!
//! The services are this program again, told by a variable of the environment which of them to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "between_services/service.rs"]
mod service;
#[path = "between_services/stored.rs"]
mod stored;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use throughline::samplers::propagator::TraceResponse;
use throughline_e2e::{Look, Process, Scratch, post, until};
use throughline_testkit::otlp_sink::OtlpSink;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use service::{FATES, NEXT, OTLP, ROLE, SERVICES, VIAS};
use stored::Stored;

const TEST: &str = "what_goes_wrong_in_the_third_service_is_stored_with_its_callers";
/// For what takes a moment and may take long on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many requests are on their way at a time.
const AT_A_TIME: usize = 16;

/// Of each kind, over each way, in each of two rounds.
fn how_many(fate: &str) -> usize {
    match fate {
        "ok" => 30,
        _ => 3,
    }
}

/// What the test did, and what it was told.
struct Asked {
    what: String,
    fate: &'static str,
    answer: TraceResponse,
}

#[test]
fn what_goes_wrong_in_the_third_service_is_stored_with_its_callers() {
    if let Ok(role) = std::env::var(ROLE) {
        return service::run(&role);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let sink = runtime.block_on(OtlpSink::start()).unwrap();
    let scratch = Scratch::new(TEST).unwrap();

    let mut running: Vec<(Process, SocketAddr)> = Vec::new();
    for role in SERVICES.into_iter().rev() {
        let next = running.last().map(|(_, address)| *address);
        running.push(start(role, &sink.url(), next, &scratch));
    }
    let front = running.last().unwrap().1;
    let mut asked = runtime.block_on(ask(front));
    runtime.block_on(flush(running[0].1));
    asked.extend(runtime.block_on(ask(front)));
    // Callers first, so that nobody calls what is gone.
    while let Some((process, address)) = running.pop() {
        // It may be gone before it has answered.
        let _ = post(address, "/stop", "text/plain", "");
        process.finish(PATIENCE).unwrap();
    }

    let stored = Stored::of(&sink);
    whole_where_something_went_wrong(&asked, &stored);
    nothing_where_the_answer_says_so(&asked, &stored);
    stored.no_span_is_there_twice();
    stored.every_exemplar_resolves();
    scratch.passed();
}

fn whole_where_something_went_wrong(asked: &[Asked], stored: &Stored) {
    let bad: Vec<&Asked> = asked.iter().filter(|it| it.fate != "ok").collect();
    assert_eq!(bad.len(), 2 * VIAS.len() * 3 * how_many("error"));
    for it in &bad {
        let what = &it.what;
        assert!(
            it.answer.is_kept(),
            "{what}: the first service was not told"
        );
        assert_eq!(stored.services(it.answer.trace_id()), SERVICES, "{what}");
    }
    // Nothing went wrong in the first service: it was asked by its neighbour, unless the head chose the trace.
    let neighbourly = stored.kept_by_neighbours("front");
    let sampled = bad
        .iter()
        .filter(|it| stored.is_sampled(it.answer.trace_id()))
        .count();
    assert!(
        neighbourly + sampled >= bad.len(),
        "{neighbourly} and {sampled} of {}",
        bad.len()
    );
}

fn nothing_where_the_answer_says_so(asked: &[Asked], stored: &Stored) {
    for it in asked.iter().filter(|it| !it.answer.is_kept()) {
        let services = stored.services(it.answer.trace_id());
        assert!(services.is_empty(), "{}: {services:?}", it.what);
    }
}

/// Starts a service and waits until it listens.
fn start(
    role: &str,
    otlp: &str,
    next: Option<SocketAddr>,
    scratch: &Scratch,
) -> (Process, SocketAddr) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(OTLP, otlp);
    if let Some(next) = next {
        command.env(NEXT, next.to_string());
    }
    let log = scratch.path(&format!("{role}.log"));
    let mut process = Process::start(role, &mut command, &log).unwrap();
    let address = until(&format!("the address of {role}"), PATIENCE, || {
        process.still_runs()?;
        let log = process.log();
        let line = log
            .lines()
            .find_map(|line| line.split_once(service::LISTENING));
        // A line that is half written is no address yet.
        let complete = line.filter(|_| log.ends_with('\n'));
        let address = complete.and_then(|(_, address)| address.trim().parse().ok());
        Ok(address.map_or_else(|| Look::NotYet(log.clone()), Look::Found))
    });
    (process, address.unwrap())
}

/// Has a service send what it has by now. It limits the time itself.
async fn flush(service: SocketAddr) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(format!("http://{service}/flush"));
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 200);
}

/// Asks the first service for everything.
async fn ask(front: SocketAddr) -> Vec<Asked> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let at_a_time = Arc::new(Semaphore::new(AT_A_TIME));
    let mut requests = JoinSet::new();
    for (via, fate) in VIAS
        .into_iter()
        .flat_map(|via| FATES.map(|fate| (via, fate)))
    {
        for number in 0..how_many(fate) {
            let (client, at_a_time) = (client.clone(), Arc::clone(&at_a_time));
            requests.spawn(async move {
                let _turn = at_a_time.acquire().await.unwrap();
                let request = Request::get(format!("http://{front}/order/{via}/{fate}"));
                let answer = client
                    .request(request.body(Empty::new()).unwrap())
                    .await
                    .unwrap();
                let what = format!("{via}, {fate}, number {number}");
                assert_eq!(answer.status(), 200, "{what}");
                let header = answer.headers()[TraceResponse::HEADER].to_str().unwrap();
                let answer_header = header.parse().unwrap();
                answer.into_body().collect().await.unwrap();
                Asked {
                    what,
                    fate,
                    answer: answer_header,
                }
            });
        }
    }
    requests.join_all().await
}
