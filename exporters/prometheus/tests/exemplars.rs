//! Exemplars over several scrapes of a source that hands each one out once. The clock is moved by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "support/http.rs"]
mod http;
#[path = "support/snapshots.rs"]
mod snapshots;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::Running;
use snapshots::*;
use throughline_model::*;
use throughline_prometheus::Settings;
use throughline_testkit::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_text_scrape_leaves_the_exemplars_to_the_next_openmetrics_scrape() {
    let source = Source::new();
    let running = source.serve();
    for metric in ["orders", "latency", "size"] {
        source.measure(metric, 1.5);
    }
    assert_eq!(running.text().await, [""; 0]);
    let expected = [
        "orders_total - 1.5 5000",
        "latency_bucket 2.0 1.5 5000",
        "size_bucket 2.0 1.5 5000",
    ];
    assert_eq!(running.openmetrics().await, expected);
}

#[tokio::test]
async fn each_of_two_scrapers_sees_each_exemplar() {
    let source = Source::new();
    let running = source.serve();
    source.measure("orders", 1.0);
    let first = running.openmetrics().await;
    assert_eq!(first, ["orders_total - 1.0 5000"]);
    source.clock.advance(30 * SECOND);
    assert_eq!(running.openmetrics().await, first);
}

#[tokio::test]
async fn an_exemplar_is_not_repeated_once_it_is_two_minutes_old() {
    let source = Source::new();
    let running = source.serve();
    source.measure("latency", 1.5);
    let first = running.openmetrics().await;
    source.clock.advance(120 * SECOND);
    assert_eq!(running.openmetrics().await, first);
    source.clock.advance(SECOND);
    assert_eq!(running.openmetrics().await, [""; 0]);
}

#[tokio::test]
async fn an_old_exemplar_that_is_new_to_us_is_shown_once() {
    let source = Source::new();
    let running = source.serve();
    source.measure("orders", 1.0);
    source.clock.advance(300 * SECOND);
    assert_eq!(running.openmetrics().await, ["orders_total - 1.0 5000"]);
    assert_eq!(running.openmetrics().await, [""; 0]);
}

#[tokio::test]
async fn the_newest_exemplar_of_a_bucket_replaces_the_others_for_good() {
    for metric in ["latency", "size"] {
        let source = Source::new();
        let running = source.serve();
        source.measure(metric, 1.5);
        source.measure(metric, 5.0);
        running.openmetrics().await;
        source.clock.advance(60 * SECOND);
        source.measure(metric, 1.75);
        let both = running.openmetrics().await;
        assert!(both[0].ends_with("1.75 5060"), "{both:?}");
        assert!(both[1].ends_with("5.0 5000"), "{both:?}");
        // Out of order: what is shown must not get older again, or Prometheus refuses it.
        source.clock.jump_back(10 * SECOND);
        source.measure(metric, 1.25);
        source.clock.advance(10 * SECOND);
        assert_eq!(running.openmetrics().await, both);
        source.clock.advance(61 * SECOND);
        assert_eq!(running.openmetrics().await, both[..1]);
    }
}

#[tokio::test]
async fn an_exemplar_from_before_the_clock_was_set_back_is_not_kept() {
    let source = Source::new();
    let running = source.serve();
    source.measure("orders", 1.0);
    running.text().await;
    source.clock.jump_back(60 * SECOND);
    assert_eq!(running.openmetrics().await, [""; 0]);
}

#[tokio::test]
async fn an_exemplar_stays_with_its_series() {
    let source = Source::new();
    let running = source.serve();
    source.measure("orders", 1.0);
    running.text().await;
    *source.tier.lock().unwrap() = "gold";
    assert_eq!(running.openmetrics().await, [""; 0]);
}

/// Hands each exemplar out once, as a cumulative reader does. The clock starts 5000 seconds after the epoch.
#[derive(Clone, Debug)]
struct Source {
    clock: ManualClock,
    /// By metric.
    taken: Arc<Mutex<Vec<(&'static str, Exemplar)>>>,
    tier: Arc<Mutex<&'static str>>,
}

impl Source {
    fn new() -> Self {
        Self {
            clock: ManualClock::at(SystemTime::UNIX_EPOCH + 5000 * SECOND),
            taken: Arc::default(),
            tier: Arc::new(Mutex::new("none")),
        }
    }

    fn serve(&self) -> Running {
        Running::start(Settings::default(), Arc::new(self.clone()))
    }

    fn measure(&self, metric: &'static str, value: f64) {
        let exemplar = Exemplar {
            filtered_attributes: vec![],
            time: self.clock.now(),
            value: Number::F64(value),
            span: None,
        };
        self.taken.lock().unwrap().push((metric, exemplar));
    }
}

impl Collect for Source {
    fn collect(&self, _: Duration) -> Result<Snapshot, CollectError> {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        let of = |name| {
            let of_metric = taken.iter().filter(|(metric, _)| *metric == name);
            of_metric.map(|(_, exemplar)| exemplar.clone()).collect()
        };
        let time = self.clock.now();
        let tier = *self.tier.lock().unwrap();
        let attributes = || Attributes::new(pairs(&[("tier", tier)]));
        let orders = NumberPoint {
            attributes: attributes(),
            time,
            exemplars: of("orders"),
            ..number(Number::U64(7), vec![])
        };
        let latency = HistogramPoint {
            attributes: attributes(),
            time,
            exemplars: of("latency"),
            ..histogram_point(&[1.0, 2.0, 4.0, 8.0], &[1, 1, 1, 1, 1], 9.0)
        };
        let size = ExponentialHistogramPoint {
            attributes: attributes(),
            time,
            exemplars: of("size"),
            ..exponential_point(2, 0, &[1; 12])
        };
        Ok(bare(vec![
            metric("orders", "", sum(true, vec![orders])),
            histogram("latency", "", vec![latency]),
            exponential("size", "", vec![size]),
        ]))
    }
}

impl Running {
    async fn text(&self) -> Vec<String> {
        exemplars(self.get("/metrics", &[]).await.text())
    }

    async fn openmetrics(&self) -> Vec<String> {
        let accept = ("accept", "application/openmetrics-text;version=1.0.0");
        exemplars(self.get("/metrics", &[accept]).await.text())
    }
}

/// `name le value time` of each exemplar, in order.
fn exemplars(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split_once(" # {} "));
    lines
        .map(|(sample, exemplar)| {
            let (name, labels) = sample.split_once('{').unwrap();
            let le = labels.split("le=\"").nth(1);
            let le = le.and_then(|it| it.split('"').next()).unwrap_or("-");
            format!("{name} {le} {exemplar}")
        })
        .collect()
}
