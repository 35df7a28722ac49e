//! Runs the plan.

use std::io;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use throughline_lab::{Bias, Measures, Recording, Workload};

use crate::arguments::Arguments;
use crate::candidates::{Entry, candidates, check};
use crate::output;
use crate::parallel::in_parallel;
use crate::plan::{self, Load, Set};

/// One workload, and what each sampler made of it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) load: Load,
    pub(crate) workload: Workload,
    pub(crate) results: Vec<Outcome>,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sampler: &'static str,
    pub(crate) ours: bool,
    pub(crate) recording: Recording,
    pub(crate) measures: Measures,
}

/// What a sampler's estimates are off by, over the seeds.
#[derive(Debug)]
pub(crate) struct BiasOf {
    pub(crate) sampler: &'static str,
    pub(crate) operations: usize,
    pub(crate) bias: Bias,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let loads = match arguments.load.as_slice() {
        [] => Load::value_variants(),
        some => some,
    };
    let jobs: Vec<(Load, Workload)> = loads
        .iter()
        .flat_map(|load| load.workloads().into_iter().map(|it| (*load, it)))
        .collect();
    let sets: Vec<_> = jobs
        .iter()
        .map(|(load, workload)| (load.set(), workload.clone()))
        .collect();
    check(&sets, &arguments.sampler)?;

    let progress = MultiProgress::new();
    let runs = in_parallel(&jobs, |(load, workload)| {
        let line = line(&progress, workload.name, workload);
        line.set_length(workload.duration.as_secs());
        let entries = candidates(load.set(), workload, &arguments.sampler)?;
        let results = outcomes(workload, arguments.seed, entries, &line);
        line.finish_and_clear();
        Ok(Run {
            load: *load,
            workload: workload.clone(),
            results,
        })
    });
    let runs: Vec<Run> = runs.into_iter().collect::<io::Result<_>>()?;
    let mut biases = Vec::new();
    if arguments.seeds >= 2 {
        for (set, workload) in plan::biased() {
            biases.extend(bias(set, &workload, arguments, &progress)?);
        }
    }
    output::tables(&runs, &biases)?;
    if let Some(file) = &arguments.json {
        output::json(file, &runs, &biases)?;
    }
    output::pictures(&arguments.svg, &runs)
}

fn outcomes(
    workload: &Workload,
    seed: u64,
    entries: Vec<Entry>,
    line: &ProgressBar,
) -> Vec<Outcome> {
    let (ours, mut candidates): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let report = |now: Duration| line.set_position(now.as_secs());
    let recordings = throughline_lab::run(workload, seed, &mut candidates, &report);
    let results = recordings.into_iter().zip(&candidates).zip(ours);
    results
        .map(|((recording, candidate), ours)| Outcome {
            sampler: candidate.name(),
            ours,
            measures: Measures::of(workload, &recording).with(candidate.footprint()),
            recording,
        })
        .collect()
}

/// Each sampler's bias over the seeds.
fn bias(
    set: Set,
    workload: &Workload,
    arguments: &Arguments,
    progress: &MultiProgress,
) -> io::Result<Vec<BiasOf>> {
    let seeds: Vec<u64> = (arguments.seed..).take(arguments.seeds as usize).collect();
    let line = line(progress, "bias over seeds", workload);
    line.set_length(arguments.seeds);
    let hidden = ProgressBar::hidden();
    let by_seed = in_parallel(&seeds, |seed| {
        let entries = candidates(set, workload, &arguments.sampler)?;
        let outcomes = outcomes(workload, *seed, entries, &hidden);
        line.inc(1);
        Ok(outcomes)
    });
    line.finish_and_clear();
    let by_seed: Vec<Vec<Outcome>> = by_seed.into_iter().collect::<io::Result<_>>()?;
    let samplers = by_seed.first().map_or(&[][..], Vec::as_slice);
    let of = |index: usize| {
        by_seed
            .iter()
            .map(move |outcomes| &outcomes[index].recording)
    };
    let named = samplers.iter().enumerate();
    Ok(named
        .map(|(index, outcome)| BiasOf {
            sampler: outcome.sampler,
            operations: workload.operations.len(),
            bias: Bias::over(of(index)),
        })
        .collect())
}

fn line(progress: &MultiProgress, name: &str, workload: &Workload) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:32} {bar:40} {percent:>3} %  {eta} left");
    let line = progress.add(ProgressBar::new(0));
    if let Ok(style) = style {
        line.set_style(style);
    }
    line.with_prefix(format!("{name}, {} operations", workload.operations.len()))
}
