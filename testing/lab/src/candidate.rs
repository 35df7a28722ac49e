//! What is compared.

use std::sync::Arc;
use std::time::Duration;

use crate::recording::Recording;
use crate::request::Request;
use crate::workload::Workload;

/// A sampler under test: keeps some of the requests that it is offered, each with the number that it stands for.
pub trait Candidate {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// A request comes, in order of time. What it keeps goes to `kept`, now or later.
    fn offer(&mut self, request: &Request, kept: &mut Recording);

    /// Time passes: called every [`TICK`](crate::TICK), before the requests that come from then on.
    fn tick(&mut self, _now: Duration, _kept: &mut Recording) {}

    /// The load is over: what is held back is decided.
    fn finish(&mut self, _kept: &mut Recording) {}

    /// What it holds in memory, and what it had to give up.
    fn footprint(&self) -> Footprint {
        Footprint::default()
    }
}

impl<C: Candidate + ?Sized> Candidate for &mut C {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn offer(&mut self, request: &Request, kept: &mut Recording) {
        (**self).offer(request, kept);
    }

    fn tick(&mut self, now: Duration, kept: &mut Recording) {
        (**self).tick(now, kept);
    }

    fn finish(&mut self, kept: &mut Recording) {
        (**self).finish(kept);
    }

    fn footprint(&self) -> Footprint {
        (**self).footprint()
    }
}

/// What a candidate holds back to decide later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The most bytes that its buffer has held.
    pub peak_bytes: u64,
    /// Spans that it gave up to stay within its bound.
    pub evicted: u64,
}

/// What a candidate is told of the workload.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many spans a second it should keep.
    pub target: f64,
    /// How many requests a second come at the start; someone who sets a fixed ratio knows that much.
    pub rate: f64,
    /// The operations' names.
    pub operations: Arc<[String]>,
}

impl Setup {
    /// What is known of this workload before it runs.
    pub fn of(workload: &Workload) -> Self {
        Self {
            target: workload.target,
            rate: workload.load.rate(Duration::ZERO),
            operations: workload.operations.clone(),
        }
    }
}
