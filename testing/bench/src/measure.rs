//! Rounds: all subjects of a case take turns.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::case::Case;
use crate::report::Row;
use crate::values::sum_of_latencies;
use crate::work::{Done, Workload};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// About how long a round takes.
    pub round: Duration,
    /// How many there are.
    pub rounds: usize,
}

/// One subject at one number of threads.
struct Runner {
    workload: Box<dyn Workload>,
    done: Done,
    /// How often each thread does its step in a round.
    times: u64,
    ns: Vec<f64>,
}

/// Measures a case at `threads` threads.
///
/// # Errors
/// Names the subject that did not count what was done.
pub fn measure(case: &Case, threads: usize, pace: Pace) -> Result<Vec<Row>, String> {
    let mut runners = Vec::new();
    for subject in &case.subjects {
        let mut runner = Runner {
            workload: subject.make(),
            done: Done::default(),
            times: 1,
            ns: Vec::new(),
        };
        runner
            .calibrate(threads, pace.round)
            .map_err(|difference| blame(case, subject.name, threads, &difference))?;
        runners.push(runner);
    }
    for _ in 0..pace.rounds {
        for (runner, subject) in runners.iter_mut().zip(&case.subjects) {
            let ns = runner
                .round(threads)
                .map_err(|difference| blame(case, subject.name, threads, &difference))?;
            runner.ns.push(ns);
        }
    }
    let rows = runners.into_iter().zip(&case.subjects);
    Ok(rows
        .map(|(mut runner, subject)| {
            runner.ns.sort_by(f64::total_cmp);
            Row {
                ns_min: runner.ns.first().copied(),
                ns_median: runner.ns.get(runner.ns.len() / 2).copied(),
                ..Row::new(case.name, subject.name, threads)
            }
        })
        .collect())
}

pub(crate) fn blame(case: &Case, subject: &str, threads: usize, difference: &str) -> String {
    format!("{}, {subject}, {threads} threads: {difference}", case.name)
}

impl Runner {
    /// Finds out how many steps fill a round.
    fn calibrate(&mut self, threads: usize, round: Duration) -> Result<(), String> {
        loop {
            let ns = self.round(threads)?;
            let took = ns * self.times as f64;
            let wanted = round.as_nanos() as f64;
            if took >= wanted / 8.0 {
                self.times = ((wanted / ns) as u64).max(1);
                return Ok(());
            }
            self.times *= 8;
        }
    }

    /// One round: nanoseconds per step, on average over threads.
    fn round(&mut self, threads: usize) -> Result<f64, String> {
        let (workload, times) = (&*self.workload, self.times);
        let took: Duration = if threads == 1 {
            workload.run(0, times, &|| ())
        } else {
            let waiting = AtomicUsize::new(threads);
            let start = || {
                waiting.fetch_sub(1, Ordering::AcqRel);
                while waiting.load(Ordering::Acquire) > 0 {
                    thread::yield_now();
                }
            };
            let took = thread::scope(|scope| {
                let run = |thread| scope.spawn(move || workload.run(thread, times, &start));
                // All are spawned before the first is joined.
                let running: Vec<_> = (0..threads).map(run).collect();
                running
                    .into_iter()
                    .map(thread::ScopedJoinHandle::join)
                    .collect::<Result<Vec<_>, _>>()
            });
            let took = took.map_err(|_| "a thread panicked".to_owned())?;
            took.iter().sum::<Duration>() / threads as u32
        };
        let warm_up = workload.warm_up();
        self.done.steps += threads as u64 * (warm_up + times);
        self.done.latencies +=
            threads as f64 * (sum_of_latencies(warm_up) + sum_of_latencies(times));
        self.done.last = times - 1;
        workload.verify(&self.done)?;
        Ok(took.as_nanos() as f64 / times as f64)
    }
}
