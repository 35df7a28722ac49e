//! How much of a processor a service takes.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::RATE;
use super::service::Variant;

/// How many requests a round has.
const ROUND: u64 = 20_000;

/// How many rounds each variant has, in turns with the others.
const ROUNDS: usize = 25;

/// How long a paced run takes.
const PACED: Duration = Duration::from_secs(2);

/// How often a paced run goes on: it makes as many requests as are due, then sleeps.
const TICK: Duration = Duration::from_millis(1);

/// Nanoseconds per request of each variant, in its fastest round.
pub(super) fn nanoseconds(variants: &mut [Variant]) -> Result<Vec<f64>, String> {
    let mut fastest = vec![f64::INFINITY; variants.len()];
    for _ in 0..ROUNDS {
        for (variant, fastest) in variants.iter_mut().zip(&mut fastest) {
            let started = Instant::now();
            variant.serve(ROUND);
            let ns = started.elapsed().as_nanos() as f64 / ROUND as f64;
            *fastest = fastest.min(ns);
            // What was made is delivered before the next is measured.
            variant.settle()?;
        }
    }
    Ok(fastest)
}

/// The processors that a run at the rate takes on average, by all threads of this process.
pub(super) fn paced(variant: &mut Variant) -> Result<f64, String> {
    let before = on_processor()?;
    let started = Instant::now();
    let (mut served, mut second) = (0, 1);
    while started.elapsed() < PACED {
        let due = (started.elapsed().as_secs_f64() * RATE) as u64;
        variant.serve(due - served);
        served = due;
        if started.elapsed() >= Duration::from_secs(second) {
            variant.settle()?;
            second += 1;
        }
        thread::sleep(TICK);
    }
    let took = on_processor()? - before;
    // What is made in a tick that came late is made all the same: the requests count, not the time.
    Ok(took.as_secs_f64() / (served as f64 / RATE))
}

/// Time on a processor of all threads of this process.
fn on_processor() -> Result<Duration, String> {
    let wrong = |error: std::io::Error| format!("/proc/self/task: {error}");
    let mut took = Duration::ZERO;
    for task in fs::read_dir("/proc/self/task").map_err(wrong)? {
        let path = task.map_err(wrong)?.path().join("schedstat");
        // A thread may end meanwhile; those that live through a run are what is asked for.
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        let nanoseconds = text.split(' ').next().and_then(|it| it.parse().ok());
        took += Duration::from_nanos(nanoseconds.ok_or("schedstat: no number")?);
    }
    Ok(took)
}
