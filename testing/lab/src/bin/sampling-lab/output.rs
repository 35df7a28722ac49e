//! Tables, JSON and pictures.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use throughline_lab::{Bars, Bias, Measures, Picture, Row, Settled, Table};

use crate::bench::{BiasOf, Run};
use crate::plan::Load;

pub(crate) fn tables(runs: &[Run], biases: &[BiasOf]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for run in runs {
        let workload = &run.workload;
        writeln!(
            out,
            "{}: {} operations, {:.0} s, target {} sampled/s",
            workload.name,
            workload.operations.len(),
            workload.duration.as_secs_f64(),
            workload.target,
        )?;
        let mut table = Table::new([
            "sampler",
            "sampled/s",
            "steady %",
            "peak x",
            "up s",
            "down s",
            "seen/min %",
            "worst %",
            "errors %",
            "outliers %",
            "bias %",
            "+-",
            "buffer KiB",
            "evicted",
        ]);
        for outcome in &run.results {
            table.row(cells(outcome.sampler, &outcome.measures));
        }
        writeln!(out, "{table}")?;
    }
    if let Some(first) = biases.first() {
        let seeds = first.bias.runs;
        writeln!(out, "bias of the estimated totals over {seeds} seeds")?;
        let mut table = Table::new(["sampler", "operations", "bias %", "+-", "z"]);
        for BiasOf {
            sampler,
            operations,
            bias,
        } in biases
        {
            table.row([
                (*sampler).to_owned(),
                operations.to_string(),
                format!("{:+.3}", 100.0 * bias.mean),
                format!("{:.3}", 100.0 * bias.standard_error),
                format!("{:+.1}", bias.z),
            ]);
        }
        writeln!(out, "{table}")?;
    }
    Ok(())
}

fn cells(sampler: &str, measures: &Measures) -> [String; 14] {
    let held = |count: u64| match measures.peak_bytes {
        0 => String::new(),
        _ => count.to_string(),
    };
    let percent =
        |share: Option<f64>| share.map_or_else(String::new, |it| format!("{:.1}", 100.0 * it));
    [
        sampler.to_owned(),
        format!("{:.1}", measures.sampled_per_second),
        format!("{:+.1}", 100.0 * measures.steady_error),
        format!("{:.1}", measures.peak),
        settled(measures.settled_up),
        settled(measures.settled_down),
        percent(measures.seen),
        percent(measures.seen_at_least),
        format!("{:.1}", 100.0 * measures.error_recall),
        format!("{:.1}", 100.0 * measures.outlier_recall),
        format!("{:+.2}", 100.0 * measures.bias),
        format!("{:.2}", 100.0 * measures.bias_standard_error),
        held(measures.peak_bytes / 1024),
        held(measures.evicted),
    ]
}

fn settled(settled: Settled) -> String {
    match settled {
        Settled::NoStep => String::new(),
        Settled::After(seconds) => format!("{seconds:.1}"),
        Settled::Never => "never".to_owned(),
    }
}

/// A row of the JSON file: a line of a table.
#[derive(Debug, Serialize)]
#[serde(tag = "table", rename_all = "snake_case")]
enum JsonRow<'a> {
    Run {
        load: &'a str,
        operations: usize,
        target: f64,
        sampler: &'a str,
        #[serde(flatten)]
        measures: &'a Measures,
    },
    Bias {
        sampler: &'a str,
        operations: usize,
        #[serde(flatten)]
        bias: &'a Bias,
    },
}

pub(crate) fn json(file: &Path, runs: &[Run], biases: &[BiasOf]) -> io::Result<()> {
    let lines = runs.iter().flat_map(|run| {
        run.results.iter().map(|outcome| JsonRow::Run {
            load: run.workload.name,
            operations: run.workload.operations.len(),
            target: run.workload.target,
            sampler: outcome.sampler,
            measures: &outcome.measures,
        })
    });
    let biases = biases.iter().map(|it| JsonRow::Bias {
        sampler: it.sampler,
        operations: it.operations,
        bias: &it.bias,
    });
    let rows: Vec<JsonRow<'_>> = lines.chain(biases).collect();
    let mut text = serde_json::to_vec_pretty(&rows)?;
    text.push(b'\n');
    at(file, fs::write(file, text))
}

pub(crate) fn pictures(folder: &Path, runs: &[Run]) -> io::Result<()> {
    at(folder, fs::create_dir_all(folder))?;
    for run in runs {
        let rows: Vec<Row<'_>> = run
            .results
            .iter()
            .map(|outcome| Row {
                name: outcome.sampler,
                recording: &outcome.recording,
                ours: outcome.ours,
            })
            .collect();
        let windows = run.load.windows();
        let picture = Picture {
            workload: &run.workload,
            windows: &windows,
        };
        let name = run.workload.name.replace(' ', "-");
        let file = folder.join(format!("{name}-{}.svg", run.workload.operations.len()));
        at(&file, fs::write(&file, picture.svg(&rows)))?;
    }
    if let Some(run) = runs.iter().find(|run| run.load == Load::Failures) {
        let file = folder.join("kept.svg");
        at(&file, fs::write(&file, kept(run)))?;
    }
    println!("pictures: {}", folder.display());
    Ok(())
}

/// What each sampler kept of what someone will look for.
fn kept(run: &Run) -> String {
    let bars = Bars {
        title: "What is kept of 1,000 requests a second",
        columns: &[
            "of all requests",
            "of errors",
            "of outliers",
            "of operations, per minute",
        ],
    };
    let rows = run.results.iter().map(|outcome| {
        let measures = &outcome.measures;
        let all = outcome.recording.totals.kept as f64 / outcome.recording.totals.offered as f64;
        let shares = [
            Some(all),
            Some(measures.error_recall),
            Some(measures.outlier_recall),
            measures.seen,
        ];
        (outcome.sampler, outcome.ours, shares.to_vec())
    });
    bars.svg(&rows.collect::<Vec<_>>())
}

/// Says which path it was.
fn at<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
