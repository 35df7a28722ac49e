//! The configuration of Prometheus does what it says: it scrapes, and it keeps exemplars.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use throughline_e2e::{Failure, Look, Prometheus, Scratch, tool, until};

#[test]
fn what_is_scraped_can_be_queried_with_its_exemplars() -> Result<(), Failure> {
    let Some(program) = tool("THROUGHLINE_PROMETHEUS")? else {
        return Ok(());
    };
    let scratch = Scratch::new("what_is_scraped_can_be_queried")?;
    let target = serve(openmetrics());
    let mut prometheus = Prometheus::start(&program, target, &scratch)?;

    let orders = until("the orders to be scraped", Duration::from_secs(30), || {
        prometheus.still_runs()?;
        let samples = prometheus.query("orders_total")?;
        let error = prometheus.scrape_error()?;
        Ok(samples.into_iter().next().map_or_else(
            || Look::NotYet(format!("last scrape: {error:?}")),
            Look::Found,
        ))
    })?;

    assert_eq!(orders.value, 7.0);
    assert_eq!(orders.labels["outcome"], "success");
    let exemplars = prometheus.exemplars("{__name__=~\"wait_seconds_.*\"}")?;
    let [exemplar] = &exemplars[..] else {
        panic!("{exemplars:?}")
    };
    assert_eq!(
        exemplar.labels["trace_id"],
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(
        (exemplar.series["le"].as_str(), exemplar.value),
        ("+Inf", 2.5)
    );
    scratch.passed();
    Ok(())
}

/// A counter, and a histogram with an exemplar of this moment.
fn openmetrics() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    format!(
        "# TYPE orders counter\norders_total{{outcome=\"success\"}} 7\n\
         # TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n\
         wait_seconds_bucket{{le=\"1.0\"}} 1\n\
         wait_seconds_bucket{{le=\"+Inf\"}} 3 # {{trace_id=\"0af7651916cd43dd8448eb211c80319c\",span_id=\"b7ad6b7169203331\"}} 2.5 {now:.3}\n\
         wait_seconds_sum 4.5\nwait_seconds_count 3\n# EOF\n"
    )
}

/// Answers every request with this text, for as long as the test runs.
fn serve(text: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &text);
        }
    });
    address
}

fn answer(stream: TcpStream, text: &str) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let length = text.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // It may have given up waiting.
    let _ = reader
        .get_mut()
        .write_all(format!("{head}{text}").as_bytes());
}
