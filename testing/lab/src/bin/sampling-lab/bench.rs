//! Runs the plan.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use throughline_lab::{Bias, Candidate, Measures, Recording, Setup, Workload, field, ours};

use crate::arguments::Arguments;
use crate::output;
use crate::plan::{self, Load};

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

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let loads = match arguments.load.as_slice() {
        [] => Load::value_variants(),
        some => some,
    };
    let jobs: Vec<(Load, Workload)> = loads
        .iter()
        .flat_map(|load| {
            load.workloads()
                .into_iter()
                .map(|workload| (*load, workload))
        })
        .collect();
    known(&jobs, &arguments.sampler)?;
    let progress = MultiProgress::new();
    let runs = in_parallel(&jobs, |(load, workload)| {
        let line = line(&progress, workload.name, workload.operations.len());
        line.set_length(workload.duration.as_secs());
        let (names, mut candidates) = candidates(workload, &arguments.sampler);
        let report = |now: Duration| line.set_position(now.as_secs());
        let recordings = throughline_lab::run(workload, arguments.seed, &mut candidates, &report);
        line.finish_and_clear();
        let results = recordings.into_iter().zip(&candidates).zip(names);
        let results = results.map(|((recording, candidate), ours)| Outcome {
            sampler: candidate.name(),
            ours,
            measures: Measures::of(workload, &recording).with(candidate.footprint()),
            recording,
        });
        Run {
            load: *load,
            workload: workload.clone(),
            results: results.collect(),
        }
    });
    let biases = biases(arguments, &progress);
    output::tables(&runs, &biases)?;
    if let Some(file) = &arguments.json {
        output::json(file, &runs, &biases)?;
    }
    output::pictures(&arguments.svg, &runs)
}

/// Over the seeds, each sampler's bias.
fn biases(arguments: &Arguments, progress: &MultiProgress) -> Vec<(&'static str, Bias)> {
    if arguments.seeds < 2 {
        return Vec::new();
    }
    let workload = plan::biased();
    let seeds: Vec<u64> = (arguments.seed..).take(arguments.seeds as usize).collect();
    let line = line(progress, "bias over seeds", workload.operations.len());
    line.set_length(arguments.seeds);
    let by_seed = in_parallel(&seeds, |seed| {
        let (_, mut candidates) = candidates(&workload, &arguments.sampler);
        let recordings = throughline_lab::run(&workload, *seed, &mut candidates, &|_| {});
        line.inc(1);
        recordings
    });
    line.finish_and_clear();
    let (_, candidates) = candidates(&workload, &arguments.sampler);
    candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| {
            let runs = by_seed.iter().map(|recordings| &recordings[index]);
            (candidate.name(), Bias::over(runs))
        })
        .collect()
}

/// An error where one of these names no sampler.
fn known(jobs: &[(Load, Workload)], named: &[String]) -> io::Result<()> {
    let mut names = Vec::new();
    for (_, workload) in jobs {
        for candidate in candidates(workload, &[]).1 {
            if !names.contains(&candidate.name()) {
                names.push(candidate.name());
            }
        }
    }
    for name in named {
        if !names.iter().any(|it| contains(it, name)) {
            let error = format!("--sampler is {name:?}: expected part of one of {names:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
    }
    Ok(())
}

fn contains(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.to_lowercase())
}

/// Those whose name contains one of these, and for each whether it is ours.
fn candidates(workload: &Workload, named: &[String]) -> (Vec<bool>, Vec<Box<dyn Candidate>>) {
    let setup = Setup::of(workload);
    let field = field::all(&setup).into_iter().map(|it| (false, it));
    let ours = ours::all(&setup).into_iter().map(|it| (true, it));
    let asked = |name: &str| named.is_empty() || named.iter().any(|part| contains(name, part));
    field.chain(ours).filter(|(_, it)| asked(it.name())).unzip()
}

/// Does this with each, on as many threads as there are processors; results in the order of the inputs.
fn in_parallel<T: Sync, R: Send>(inputs: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = Mutex::new(inputs.iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(inputs.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((index, input)) = lock(&next).next() else {
                        return;
                    };
                    let result = work(input);
                    lock(&done).push((index, result));
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn line(progress: &MultiProgress, name: &str, operations: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:32} {bar:40} {percent:>3} %  {eta} left");
    let line = progress.add(ProgressBar::new(0));
    if let Ok(style) = style {
        line.set_style(style);
    }
    line.with_prefix(format!("{name}, {operations} operations"))
}
