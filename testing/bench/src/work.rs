//! Work: one step done many times, and the proof that it was done.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stopwatch::Stopwatch;

/// What has been done since the subject was made, by all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    /// How many steps.
    pub steps: u64,
    /// The sum of the latencies ([`crate::values::latency`]) of these steps.
    pub latencies: f64,
    /// The number of the last step of the last run. Steps of a run are numbered from 0.
    pub last: u64,
}

/// Compares what was done with what the subject has counted; the text says how they differ.
pub type Verify = Box<dyn Fn(&Done) -> Result<(), String> + Send + Sync>;

/// Something that is measured.
pub trait Workload: Send + Sync {
    /// On this thread, the `thread`-th of the round: warms up, calls `start`, then does `times` steps.
    fn run(&self, thread: usize, times: u64, start: &dyn Fn()) -> Duration;

    /// The same on one thread, with each step timed by itself.
    fn run_each(&self, times: u64, stopwatch: &mut Stopwatch);

    /// How many steps a run does before the clock starts.
    fn warm_up(&self) -> u64;

    /// Whether the subject counted what was done.
    ///
    /// # Errors
    /// How the two differ.
    fn verify(&self, done: &Done) -> Result<(), String>;
}

/// A step with what it needs on its thread.
pub struct Work<M, S> {
    local: M,
    step: S,
    warm_up: u64,
    verify: Verify,
}

impl<L, M, S> Work<M, S>
where
    M: Fn(usize) -> L + Send + Sync,
    S: Fn(&mut L, u64) + Send + Sync,
{
    /// `local` makes what a thread keeps during a run (a handle, an attached context), `step` is what is measured.
    pub fn new(local: M, step: S, verify: Verify) -> Self {
        Self {
            local,
            step,
            warm_up: 2048,
            verify,
        }
    }

    /// Does fewer or more steps before the clock starts. The default is 2,048.
    pub fn warm_up(self, steps: u64) -> Self {
        Self {
            warm_up: steps,
            ..self
        }
    }

    /// As subjects have it.
    pub fn boxed(self) -> Box<dyn Workload>
    where
        M: 'static,
        S: 'static,
    {
        Box::new(self)
    }
}

impl<L, M, S> Workload for Work<M, S>
where
    M: Fn(usize) -> L + Send + Sync,
    S: Fn(&mut L, u64) + Send + Sync,
{
    fn run(&self, thread: usize, times: u64, start: &dyn Fn()) -> Duration {
        let mut local = (self.local)(thread);
        for at in 0..self.warm_up {
            (self.step)(black_box(&mut local), at);
        }
        start();
        let started = Instant::now();
        counted_steps(&self.step, &mut local, times);
        started.elapsed()
    }

    fn run_each(&self, times: u64, stopwatch: &mut Stopwatch) {
        let mut local = (self.local)(0);
        for at in 0..self.warm_up {
            (self.step)(black_box(&mut local), at);
        }
        for at in 0..times {
            stopwatch.time(|| (self.step)(black_box(&mut local), at));
        }
    }

    fn warm_up(&self) -> u64 {
        self.warm_up
    }

    fn verify(&self, done: &Done) -> Result<(), String> {
        (self.verify)(done)
    }
}

/// A step that is only once what it is, such as the first touch of a series: after `chunk` steps, it goes on with
/// something fresh.
pub(crate) struct Fresh<M, S, C> {
    make: M,
    step: S,
    count: C,
    chunk: u64,
    counted: AtomicU64,
}

impl<L, M, S, C> Fresh<M, S, C>
where
    M: Fn() -> L + Send + Sync + 'static,
    S: Fn(&mut L, u64) + Send + Sync + 'static,
    C: Fn(L) -> u64 + Send + Sync + 'static,
{
    /// `make` is not timed; `step` counts from 0 for each thing made; `count` says how many steps a thing has counted.
    pub(crate) fn boxed(chunk: u64, make: M, step: S, count: C) -> Box<dyn Workload>
    where
        L: 'static,
    {
        Box::new(Self {
            make,
            step,
            count,
            chunk,
            counted: AtomicU64::new(0),
        })
    }

    /// Does `times` steps, as many at once as a thing is good for.
    fn chunks(&self, times: u64, mut steps: impl FnMut(&mut L, u64)) {
        let mut left = times;
        while left > 0 {
            let chunk = left.min(self.chunk);
            let mut fresh = (self.make)();
            steps(&mut fresh, chunk);
            let counted = (self.count)(fresh);
            self.counted.fetch_add(counted, Ordering::Relaxed);
            left -= chunk;
        }
    }
}

impl<L, M, S, C> Workload for Fresh<M, S, C>
where
    M: Fn() -> L + Send + Sync + 'static,
    S: Fn(&mut L, u64) + Send + Sync + 'static,
    C: Fn(L) -> u64 + Send + Sync + 'static,
{
    fn run(&self, _: usize, times: u64, start: &dyn Fn()) -> Duration {
        start();
        let mut took = Duration::ZERO;
        self.chunks(times, |fresh, steps| {
            let started = Instant::now();
            counted_steps(&self.step, fresh, steps);
            took += started.elapsed();
        });
        took
    }

    fn run_each(&self, times: u64, stopwatch: &mut Stopwatch) {
        self.chunks(times, |fresh, steps| {
            for at in 0..steps {
                stopwatch.time(|| (self.step)(black_box(fresh), at));
            }
        });
    }

    fn warm_up(&self) -> u64 {
        0
    }

    fn verify(&self, done: &Done) -> Result<(), String> {
        let counted = self.counted.load(Ordering::Relaxed);
        if counted == done.steps {
            Ok(())
        } else {
            Err(format!("{} steps, {counted} counted", done.steps))
        }
    }
}

/// The loop. Callgrind counts what happens inside of functions of this name, see [`crate::count`].
#[inline(never)]
fn counted_steps<L>(step: &impl Fn(&mut L, u64), local: &mut L, times: u64) {
    for at in 0..times {
        step(black_box(local), at);
    }
}

/// Expects as many operations as steps.
pub(crate) fn counts(total: impl Fn() -> u64 + Send + Sync + 'static) -> Verify {
    Box::new(move |done| {
        let counted = total();
        if counted == done.steps {
            Ok(())
        } else {
            Err(format!("{} steps, {counted} counted", done.steps))
        }
    })
}

/// Expects as many measurements as steps, and the sum of their latencies.
pub(crate) fn records(total: impl Fn() -> (u64, f64) + Send + Sync + 'static) -> Verify {
    Box::new(move |done| {
        let (count, sum) = total();
        // Latencies are whole numbers, so sums of floats are exact.
        if count == done.steps && sum == done.latencies {
            Ok(())
        } else {
            Err(format!(
                "{} steps of {} together, {count} counted of {sum} together",
                done.steps, done.latencies
            ))
        }
    })
}

/// Expects as many measurements as steps, and the sum of their latencies to three digits.
pub(crate) fn about(total: impl Fn() -> (u64, f64) + Send + Sync + 'static) -> Verify {
    Box::new(move |done| {
        let (count, sum) = total();
        if count == done.steps && (sum - done.latencies).abs() <= done.latencies / 500.0 {
            Ok(())
        } else {
            Err(format!(
                "{} steps of {} together, {count} counted of {sum} together",
                done.steps, done.latencies
            ))
        }
    })
}

/// Expects the number of the last step.
pub(crate) fn shows(value: impl Fn() -> i64 + Send + Sync + 'static) -> Verify {
    Box::new(move |done| {
        let value = value();
        if value.cast_unsigned() == done.last {
            Ok(())
        } else {
            Err(format!("the last step set {}, {value} is shown", done.last))
        }
    })
}

/// For limits of the machine that count nothing.
pub(crate) fn nothing() -> Verify {
    Box::new(|_| Ok(()))
}
