//! The requests are what the workload says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use throughline_lab::{Load, Request, Workload};

fn steady() -> Workload {
    let load = Load::Steady { rate: 10_000.0 };
    Workload::new("steady", load, Duration::from_secs(20), 50, 100.0)
}

/// Whether so many of so many are what chance makes of this share: within 5 standard deviations, which
/// fails once in 1.7 million seeds.
fn plausible(count: usize, of: usize, share: f64) -> bool {
    let (count, of) = (count as f64, of as f64);
    (count - of * share).abs() <= 5.0 * (of * share * (1.0 - share)).sqrt()
}

#[test]
fn a_seed_determines_every_request() {
    let workload = steady();
    let first: Vec<Request> = workload.requests(3).take(1_000).collect();
    let again: Vec<Request> = workload.requests(3).take(1_000).collect();
    let other: Vec<Request> = workload.requests(4).take(1_000).collect();
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn requests_come_in_order_at_the_rate_of_the_load() {
    let requests: Vec<Request> = steady().requests(1).collect();
    assert!(requests.is_sorted_by_key(|request| request.at));
    let off = requests.len() as f64 - 200_000.0;
    assert!(off.abs() < 5.0 * 200_000f64.sqrt(), "{off} too many");
}

#[test]
fn popularity_errors_outliers_and_randomness_have_their_shares() {
    let requests: Vec<Request> = steady().requests(1).collect();
    let count = |of: fn(&Request) -> bool| requests.iter().filter(|it| of(it)).count();
    let total: f64 = (1..=50).map(|n| f64::from(n).powf(-1.5)).sum();
    let first = count(|it| it.operation == 0);
    assert!(plausible(first, requests.len(), 1.0 / total), "{first}");
    let last = count(|it| it.operation == 49);
    assert!(
        plausible(last, requests.len(), 50f64.powf(-1.5) / total),
        "{last}"
    );
    let errors = count(|it| it.error);
    assert!(plausible(errors, requests.len(), 0.05), "{errors}");
    let outliers = count(|it| it.outlier);
    assert!(plausible(outliers, requests.len(), 0.001), "{outliers}");
    let within = count(|it| it.falls_within(0.01));
    assert!(plausible(within, requests.len(), 0.01), "{within}");
}

#[test]
fn each_load_has_the_shape_that_its_name_says() {
    let at = Duration::from_secs;
    let ramp = Load::Ramp {
        low: 10.0,
        high: 20.0,
        from: at(10),
        to: at(20),
    };
    assert_eq!(
        [0, 10, 15, 20, 30].map(|t| ramp.rate(at(t))),
        [10.0, 10.0, 15.0, 20.0, 20.0]
    );
    let bursts = Load::Bursts {
        on: 9.0,
        off: 1.0,
        on_for: at(2),
        off_for: at(3),
    };
    assert_eq!(
        [0, 1, 2, 4, 5, 7].map(|t| bursts.rate(at(t))),
        [9.0, 9.0, 1.0, 1.0, 9.0, 1.0]
    );
    let day = Load::Day {
        trough: 1.0,
        peak: 3.0,
    };
    let hours = [0, 6, 12, 24].map(|hour| (day.rate(at(hour * 3600)) * 1e6).round() / 1e6);
    assert_eq!(hours, [1.0, 2.0, 3.0, 1.0]);
}
