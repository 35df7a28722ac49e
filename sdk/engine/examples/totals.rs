//! Eight threads measure and three readers collect for a minute, or for as many seconds as are given; then every total is
//! compared with what the threads counted themselves.
//!
//! ```console
//! cargo run --release -p throughline-engine --example totals -- 60
//! ```

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use throughline_engine::{MeterProvider, Reader, TemporalityPreference};
use throughline_model::{Collect, CollectError, Data, Snapshot};

const WRITERS: u64 = 8;
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = match std::env::args().nth(1) {
        Some(seconds) => seconds.parse()?,
        None => 60,
    };
    let delta = Reader::builder()
        .temporality(TemporalityPreference::Delta)
        .build();
    let readers = [Reader::default(), Reader::default(), delta];
    let mut provider = MeterProvider::builder();
    for reader in &readers {
        provider = provider.reader(reader.clone());
    }
    let meter = provider.build()?.meter("totals");
    let counter = meter.u64_counter("adds").build();
    let histogram = meter.f64_histogram("records").build();

    let end = Instant::now() + Duration::from_secs(seconds);
    let done = AtomicBool::new(false);
    let (measured, seen) = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (counter, histogram) = (&counter, &histogram);
                scope.spawn(move || measure(counter, histogram, writer, end))
            })
            .collect();
        let collectors: Vec<_> = readers
            .iter()
            .map(|reader| scope.spawn(|| collect(reader, &done)))
            .collect();
        let measured: u64 = writers.into_iter().filter_map(|it| it.join().ok()).sum();
        done.store(true, Ordering::Release);
        let seen: Vec<_> = collectors
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        (measured, seen)
    });
    println!("{measured} measurements of each kind by {WRITERS} threads in {seconds} s");
    for (name, seen) in ["cumulative", "cumulative", "delta"].into_iter().zip(seen) {
        let seen = seen.map_err(|_| "a reader panicked")??;
        println!(
            "{name}: {} added, {} recorded, {} collections",
            seen.added, seen.recorded, seen.collections
        );
        if (seen.added, seen.recorded) != (measured, measured) {
            return Err(format!("{name}: not {measured}").into());
        }
    }
    Ok(())
}

/// Measures in five series, bound to none, until `end`; how often.
fn measure(counter: &Counter<u64>, histogram: &Histogram<f64>, writer: u64, end: Instant) -> u64 {
    let sets: Vec<_> = (0..5).map(|tier| [KeyValue::new("tier", tier)]).collect();
    let mut measured = 0;
    while Instant::now() < end {
        for at in 0..1_000 {
            let set = &sets[(writer as usize + at) % sets.len()];
            counter.add(1, set);
            histogram.record(at as f64, set);
        }
        measured += 1_000;
    }
    measured
}

/// What a reader saw in all.
#[derive(Default)]
struct Total {
    added: u64,
    recorded: u64,
    collections: u64,
}

/// Collects all the time, and once more when everything is measured. Totals never fall.
fn collect(reader: &Reader, done: &AtomicBool) -> Result<Total, String> {
    let mut total = Total::default();
    loop {
        let last = done.load(Ordering::Acquire);
        let snapshot = reader
            .collect(LIMIT)
            .map_err(|error: CollectError| error.to_string())?;
        let (added, recorded, cumulative) = counts(&snapshot);
        if cumulative && (added < total.added || recorded < total.recorded) {
            return Err(format!(
                "{added} and {recorded} after {} and {}",
                total.added, total.recorded
            ));
        }
        let before = if cumulative {
            (0, 0)
        } else {
            (total.added, total.recorded)
        };
        if added > 0 || recorded > 0 {
            (total.added, total.recorded) = (before.0 + added, before.1 + recorded);
        }
        total.collections += 1;
        if last {
            return Ok(total);
        }
    }
}

/// What was added and recorded, and whether since the beginning.
fn counts(snapshot: &Snapshot) -> (u64, u64, bool) {
    let (mut added, mut recorded, mut cumulative) = (0, 0, false);
    for (_, metric) in snapshot.metrics() {
        match &metric.data {
            Data::Sum(sum) => {
                added += sum
                    .points
                    .iter()
                    .map(|point| point.value.as_f64() as u64)
                    .sum::<u64>();
                cumulative = sum.temporality == throughline_model::Temporality::Cumulative;
            }
            Data::Histogram(histogram) => {
                recorded += histogram
                    .points
                    .iter()
                    .map(|point| point.count())
                    .sum::<u64>();
                cumulative = histogram.temporality == throughline_model::Temporality::Cumulative;
            }
            _ => {}
        }
    }
    (added, recorded, cumulative)
}
