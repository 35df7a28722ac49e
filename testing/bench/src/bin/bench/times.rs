//! `bench times`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

use throughline_bench::{
    Case, Counts, PROBES, Pace, Probe, SINGLES, cases, markdown, measure, overhead, single, targets,
};

use crate::memory;

/// Every case: a Markdown table goes to standard output, progress to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Fewer and shorter rounds: under a minute in all.
    #[arg(long)]
    quick: bool,
    /// Only cases whose name contains this. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    case: Vec<String>,
    /// Names the cases and who takes part, and ends.
    #[arg(long)]
    list: bool,
    /// Writes the rows there too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let chosen = |name: &str| {
        let patterns = &arguments.case;
        patterns.is_empty() || patterns.iter().any(|pattern| name.contains(pattern))
    };
    let mut cases = cases::all();
    let singles = cases::all()
        .into_iter()
        .filter(|case| SINGLES.contains(&case.name) && chosen(&format!("single/{}", case.name)));
    let singles: Vec<Case> = singles.collect();
    cases.retain(|case| chosen(case.name));
    let probes: Vec<(usize, &Probe)> = PROBES
        .iter()
        .enumerate()
        .filter(|(_, probe)| chosen(probe.case))
        .collect();
    if arguments.list {
        for case in &cases {
            for subject in &case.subjects {
                println!(
                    "{} | {} | {:?} threads",
                    case.name, subject.name, case.threads
                );
            }
        }
        for case in &singles {
            for subject in &case.subjects {
                println!("single/{} | {} | [1] threads", case.name, subject.name);
            }
        }
        for (_, probe) in probes {
            println!(
                "{} | {} | {} threads",
                probe.case, probe.subject, probe.threads
            );
        }
        return Ok(());
    }
    let counts: Counts = serde_json::from_str(include_str!("../../../instructions.json"))
        .map_err(|error| format!("instructions.json: {error}"))?;
    let pace = if arguments.quick {
        Pace {
            round: Duration::from_millis(1),
            rounds: 9,
        }
    } else {
        Pace {
            round: Duration::from_millis(10),
            rounds: 51,
        }
    };
    let (started, all) = (Instant::now(), cases.len() + singles.len() + probes.len());
    let progress = |done: usize, name: &str, threads: usize| {
        let took = started.elapsed().as_secs();
        eprintln!(
            "[{:>2}/{all}] {took:>4} s  {name}, {threads} threads",
            done + 1
        );
    };
    let mut rows = Vec::new();
    for (done, case) in cases.iter().enumerate() {
        // What takes long by itself is done less often.
        let slow = ["collect/", "threads/"];
        let pace = if slow.iter().any(|prefix| case.name.starts_with(prefix)) {
            let rounds = pace.rounds / 8 + 2;
            Pace { rounds, ..pace }
        } else {
            pace
        };
        for threads in case.threads {
            progress(done, case.name, *threads);
            rows.extend(measure(case, *threads, pace)?);
        }
    }
    for row in rows.iter_mut().filter(|row| row.threads == 1) {
        row.instructions = counts.of(&row.case, &row.subject);
    }
    for (done, case) in singles.iter().enumerate() {
        progress(cases.len() + done, &format!("single/{}", case.name), 1);
        rows.extend(single(case, pace)?);
    }
    for (done, (at, probe)) in probes.iter().enumerate() {
        progress(
            cases.len() + singles.len() + done,
            probe.case,
            probe.threads,
        );
        rows.push(memory::in_a_process(*at, probe)?);
    }
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
        fs::write(path, json + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if !singles.is_empty() {
        eprintln!(
            "single steps: {:.1} ns of the stopwatch's own are subtracted from each",
            overhead()
        );
    }
    let text = markdown(&rows) + &targets(&rows);
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| error.to_string())
}
