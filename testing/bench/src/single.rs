//! Single steps: not what they take on average, but what one in a hundred or a thousand takes.

use crate::case::Case;
use crate::measure::{Pace, blame};
use crate::report::Row;
use crate::stopwatch::Stopwatch;
use crate::values::sum_of_latencies;
use crate::work::Done;

/// The cases whose steps are also timed one by one, as `single/<name>`.
pub const SINGLES: [&str; 12] = [
    "machine",
    "counter/bound",
    "counter/3 attributes",
    "up-down counter/bound",
    "gauge/bound",
    "histogram/bound",
    "histogram/3 attributes",
    "exponential histogram/bound",
    "hdr",
    "exemplars/histogram",
    "collecting/histogram",
    "operation/3 attributes",
];

/// How many steps of a round are timed.
const STEPS: u64 = 10_000;

/// Times each step of a case on one thread by itself; rounds of all subjects take turns.
///
/// # Errors
/// Names the subject that did not count what was done.
pub fn single(case: &Case, pace: Pace) -> Result<Vec<Row>, String> {
    let mut runners: Vec<_> = case
        .subjects
        .iter()
        .map(|it| (it.name, it.make(), Stopwatch::new()))
        .collect();
    for round in 1..=pace.rounds as u64 {
        for (subject, workload, stopwatch) in &mut runners {
            workload.run_each(STEPS, stopwatch);
            let warm_up = workload.warm_up();
            let each = sum_of_latencies(warm_up) + sum_of_latencies(STEPS);
            let done = Done {
                steps: round * (warm_up + STEPS),
                latencies: round as f64 * each,
                last: STEPS - 1,
            };
            workload
                .verify(&done)
                .map_err(|difference| blame(case, subject, 1, &difference))?;
        }
    }
    Ok(runners
        .into_iter()
        .map(|(subject, _, stopwatch)| Row {
            ns_median: Some(stopwatch.quantile(0.5)),
            ns_p99: Some(stopwatch.quantile(0.99)),
            ns_p999: Some(stopwatch.quantile(0.999)),
            ..Row::new(&format!("single/{}", case.name), subject, 1)
        })
        .collect())
}
