//! What is run.

use std::time::Duration;

use clap::ValueEnum;
use throughline_lab::{Load as Shape, Workload};

/// The loads by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Load {
    /// 2,000 requests a second.
    Steady,
    /// 2,000 requests a second, then 20,000, then 2,000 again.
    Step,
    /// From 2,000 to 20,000 requests a second within a minute.
    Ramp,
    /// 20,000 requests a second for 10 s, then 500 for 20 s, and so on.
    Bursts,
    /// 10 requests a second at night, 110 at noon.
    Day,
    /// 2,000 requests a second, over 10,000 operations.
    Popularity,
    /// 1,000 requests a second of which 1 % is to be sampled: errors and outliers are known at the end alone.
    Failures,
}

/// Which samplers take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// Those that decide when a trace starts.
    Heads,
    /// Whole pipelines that decide when it has ended.
    Pipelines,
    /// Both.
    All,
}

const STEADY: f64 = 2_000.0;
const HIGH: f64 = 20_000.0;

impl Load {
    pub(crate) fn workloads(self) -> Vec<Workload> {
        let seconds = Duration::from_secs;
        let (low, high) = (STEADY, HIGH);
        match self {
            Self::Steady => both(|keys| {
                let load = Shape::Steady { rate: STEADY };
                Workload::new("steady", load, seconds(300), keys, 100.0).warmed_up_for(seconds(60))
            }),
            // Long enough for those that need minutes.
            Self::Step => both(|keys| {
                let (up, down) = (seconds(2_400), seconds(2_700));
                let load = Shape::Step {
                    low,
                    high,
                    up,
                    down,
                };
                Workload::new("step x10", load, seconds(3_300), keys, 100.0)
                    .warmed_up_for(seconds(1_800))
            }),
            Self::Ramp => both(|keys| {
                let (from, to) = (seconds(120), seconds(180));
                let load = Shape::Ramp {
                    low,
                    high,
                    from,
                    to,
                };
                Workload::new("ramp x10", load, seconds(240), keys, 100.0)
                    .warmed_up_for(seconds(60))
            }),
            Self::Bursts => both(|keys| {
                let load = Shape::Bursts {
                    on: HIGH,
                    off: 500.0,
                    on_for: seconds(10),
                    off_for: seconds(20),
                };
                Workload::new("bursts", load, seconds(300), keys, 100.0).warmed_up_for(seconds(60))
            }),
            Self::Day => {
                let load = Shape::Day {
                    trough: 10.0,
                    peak: 110.0,
                };
                let day = Workload::new("day", load, seconds(86_400), 50, 6.0);
                vec![day.warmed_up_for(seconds(3_600))]
            }
            Self::Popularity => {
                let load = Shape::Steady { rate: STEADY };
                let workload = Workload::new("popularity", load, seconds(300), 10_000, 100.0);
                vec![workload.zipf(1.1).warmed_up_for(seconds(60))]
            }
            Self::Failures => {
                let load = Shape::Steady { rate: 1_000.0 };
                vec![
                    Workload::new("failures", load, seconds(180), 200, 10.0)
                        .warmed_up_for(seconds(60)),
                ]
            }
        }
    }

    pub(crate) fn set(self) -> Set {
        match self {
            // Real spans take microseconds each: these would take minutes.
            Self::Steady
            | Self::Step
            | Self::Ramp
            | Self::Bursts
            | Self::Day
            | Self::Popularity => Set::Heads,
            Self::Failures => Set::All,
        }
    }

    /// The windows of its picture.
    pub(crate) fn windows(self) -> Vec<(&'static str, Duration, Duration)> {
        let seconds = Duration::from_secs;
        match self {
            Self::Step => vec![
                ("step up at 2400 s", seconds(2_385), seconds(2_475)),
                ("step down at 2700 s", seconds(2_685), seconds(2_775)),
            ],
            Self::Ramp => vec![("", seconds(100), seconds(220))],
            Self::Bursts => vec![("", seconds(90), seconds(210))],
            Self::Day => vec![("", seconds(3_600), seconds(86_400))],
            Self::Steady | Self::Popularity => vec![("", seconds(60), seconds(300))],
            Self::Failures => vec![("", seconds(60), seconds(180))],
        }
    }
}

/// With few operations and with many.
fn both(workload: impl Fn(usize) -> Workload) -> Vec<Workload> {
    vec![workload(50), workload(500)]
}

/// What the bias is taken over: a step in a short time, so that changing probabilities are in it.
pub(crate) fn biased() -> Vec<(Set, Workload)> {
    let step = |low: f64, operations| {
        let seconds = Duration::from_secs;
        let load = Shape::Step {
            low,
            high: 10.0 * low,
            up: seconds(40),
            down: seconds(52),
        };
        Workload::new("bias", load, seconds(80), operations, low / 10.0)
            .warmed_up_for(Duration::ZERO)
    };
    vec![
        (Set::Heads, step(1_000.0, 50)),
        (Set::Heads, step(1_000.0, 500)),
        (Set::Pipelines, step(50.0, 50)),
    ]
}
