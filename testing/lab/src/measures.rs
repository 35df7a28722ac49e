//! Numbers from recordings.

use std::time::Duration;

use serde::Serialize;

use crate::candidate::Footprint;
use crate::load::Load;
use crate::recording::{BIN, Recording, bin};
use crate::workload::Workload;

/// How well a candidate did in one run, or in several of the same workload taken together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// What was kept, per second, after the warm-up.
    pub sampled_per_second: f64,
    /// How much more (or less, if negative) was kept than the target, or than what came where that is less;
    /// 0.02 is 2 %. After the warm-up, up to the step where there is one.
    pub steady_error: f64,
    /// The highest mean over one second, over the target: in the 30 s after a step, else after the warm-up.
    pub peak: f64,
    /// How long after the step up the mean over 5 s is within 20 % of the target, and stays so for 30 s.
    pub settled_up: Settled,
    /// The same after the step down.
    pub settled_down: Settled,
    /// Of the operations that are called in a minute, the share that is seen in it; the mean over the minutes.
    pub seen: Option<f64>,
    /// The same in the worst minute.
    pub seen_at_least: Option<f64>,
    /// The share of the errors that is kept.
    pub error_recall: f64,
    /// The share of the outliers that is kept.
    pub outlier_recall: f64,
    /// How far the sum of the adjusted counts is off the number of requests; 0.01 is 1 %.
    pub bias: f64,
    /// The standard error that chance alone gives it.
    pub bias_standard_error: f64,
    /// The most that a buffer has held.
    pub peak_bytes: u64,
    /// What a buffer had to give up.
    pub evicted: u64,
}

/// How long it took until a rate stayed where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The load has no step.
    NoStep,
    /// It took so many seconds.
    After(f64),
    /// It did not stay there.
    Never,
}

/// The width of the window that has to be within [`TOLERANCE`].
const WINDOW: Duration = Duration::from_secs(5);
const TOLERANCE: f64 = 0.2;
/// How long it has to stay there. In much longer, chance alone leaves the band.
const CALM: Duration = Duration::from_secs(30);
/// How long after a step its peak is looked for.
const PEAK: Duration = Duration::from_secs(30);

impl Measures {
    /// The measures of one run.
    pub fn of(workload: &Workload, recording: &Recording) -> Self {
        Self::over(workload, std::slice::from_ref(recording))
    }

    /// The measures of several runs together: rates are means over the runs, counts are sums. What chance
    /// does to one run is averaged out, so that a bound can be tight.
    pub fn over(workload: &Workload, runs: &[Recording]) -> Self {
        let series = Series::mean(runs);
        let from = bin(workload.warm_up);
        let (steady, peak) = match workload.load {
            Load::Step { up, .. } => (from..bin(up), bin(up)..bin(up + PEAK)),
            _ => (from..series.kept.len(), from..series.kept.len()),
        };
        let total = |count: fn(&Recording) -> f64| -> f64 {
            runs.iter().map(count).fold(0.0, |a, b| a + b)
        };
        let offered = total(|run| run.totals.offered as f64);
        let share = |kept: f64, of: f64| if of > 0.0 { kept / of } else { 1.0 };
        let seen: Vec<f64> = runs.iter().flat_map(Recording::seen_per_minute).collect();
        let (settled_up, settled_down) = match workload.load {
            Load::Step { up, down, .. } => (
                series.settled(workload.target, up, down),
                series.settled(workload.target, down, workload.duration),
            ),
            _ => (Settled::NoStep, Settled::NoStep),
        };
        Self {
            sampled_per_second: series.kept_per_second(from..series.kept.len()),
            steady_error: series.kept_per_second(steady.clone())
                / series.budget(steady, workload.target)
                - 1.0,
            peak: series.highest_second(peak) / workload.target,
            settled_up,
            settled_down,
            seen: (!seen.is_empty()).then(|| seen.iter().sum::<f64>() / seen.len() as f64),
            seen_at_least: seen.iter().copied().reduce(f64::min),
            error_recall: share(
                total(|run| run.totals.errors_kept as f64),
                total(|run| run.totals.errors as f64),
            ),
            outlier_recall: share(
                total(|run| run.totals.outliers_kept as f64),
                total(|run| run.totals.outliers as f64),
            ),
            bias: total(|run| run.estimate) / offered - 1.0,
            bias_standard_error: total(|run| run.variance).sqrt() / offered,
            peak_bytes: 0,
            evicted: 0,
        }
    }

    /// The same with what the candidate's buffer says.
    #[must_use]
    pub fn with(mut self, footprint: Footprint) -> Self {
        self.peak_bytes = footprint.peak_bytes;
        self.evicted = footprint.evicted;
        self
    }
}

/// Requests per bin: the mean over some runs.
#[derive(Debug)]
struct Series {
    offered: Vec<f64>,
    kept: Vec<f64>,
}

type Bins = std::ops::Range<usize>;

impl Series {
    fn mean(runs: &[Recording]) -> Self {
        let mean = |of: fn(&Recording) -> &[u32]| {
            let mut sums = vec![0.0; runs.first().map_or(0, |run| of(run).len())];
            for run in runs {
                for (sum, count) in sums.iter_mut().zip(of(run)) {
                    *sum += f64::from(*count) / runs.len() as f64;
                }
            }
            sums
        };
        Self {
            offered: mean(|run| &run.offered),
            kept: mean(|run| &run.kept),
        }
    }

    fn kept_per_second(&self, bins: Bins) -> f64 {
        let seconds = bins.len() as f64 * BIN.as_secs_f64();
        self.kept[bins].iter().sum::<f64>() / seconds
    }

    /// What a perfect sampler would keep per second: the target, or all where less comes.
    fn budget(&self, bins: Bins, target: f64) -> f64 {
        let in_a_second = (1.0 / BIN.as_secs_f64()) as usize;
        let seconds = self.offered[bins].chunks_exact(in_a_second);
        let count = seconds.len() as f64;
        seconds
            .map(|second| second.iter().sum::<f64>().min(target))
            .sum::<f64>()
            / count
    }

    fn highest_second(&self, bins: Bins) -> f64 {
        let in_a_second = (1.0 / BIN.as_secs_f64()) as usize;
        let bins = &self.kept[bins.start..bins.end.min(self.kept.len())];
        let seconds = bins.windows(in_a_second);
        seconds
            .map(|second| second.iter().sum::<f64>())
            .fold(0.0, f64::max)
    }

    fn settled(&self, target: f64, step: Duration, until: Duration) -> Settled {
        let width = bin(WINDOW);
        let inside = |last: usize| {
            let mean = self.kept_per_second((last + 1).saturating_sub(width)..last + 1);
            (mean / target - 1.0).abs() <= TOLERANCE
        };
        let calm = bin(CALM).min(bin(until) - bin(step));
        let mut inside_for = 0;
        for last in bin(step)..bin(until) {
            inside_for = if inside(last) { inside_for + 1 } else { 0 };
            if inside_for == calm {
                let first = last + 1 - calm - bin(step);
                return Settled::After(first as f64 * BIN.as_secs_f64());
            }
        }
        Settled::Never
    }
}
