//! `bench instructions`: counts them per step of the single-threaded cases, and compares them with what they were.

use std::path::PathBuf;
use std::time::Instant;

use throughline_bench::{Case, Counts, Done, STEPS, Subject, cases, count, values};

/// Instructions per operation, under callgrind, against a file. Fails where one of ours rose by more than 3 %.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file.
    #[arg(long, value_name = "FILE", default_value = "instructions.json")]
    file: PathBuf,
    /// Counts the peers too, and rewrites the file.
    #[arg(long)]
    update: bool,
    /// Only cases whose name contains this. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    case: Vec<String>,
}

/// By how much a count may rise.
const TOLERANCE: f64 = 1.03;

/// What is not counted: it is no hot path, needs several threads, or asks the system for the time.
const LEFT_OUT: [&str; 4] = ["collect/", "collecting/", "machine/clock", "threads/"];

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let mut cases = cases::all();
    cases.retain(|case| case.threads.contains(&1));
    cases.retain(|case| !LEFT_OUT.iter().any(|prefix| case.name.starts_with(prefix)));
    let patterns = &arguments.case;
    cases.retain(|case| patterns.is_empty() || patterns.iter().any(|it| case.name.contains(it)));
    let before = Counts::read(&arguments.file);
    let mut counts = match &before {
        Ok(before) => before.clone(),
        Err(_) if arguments.update => Counts::default(),
        Err(error) => return Err(error.clone()),
    };
    if arguments.update && patterns.is_empty() {
        counts = Counts::default();
    }
    let before = before.unwrap_or_default();
    let (started, mut risen) = (Instant::now(), Vec::new());
    for case in &cases {
        for subject in &case.subjects {
            if !arguments.update && !subject.is_ours() {
                continue;
            }
            let now = count(case.name, subject.name)?;
            let was = before.of(case.name, subject.name);
            let change =
                was.map(|was| format!("{was:9.1} before, {:+6.2} %", 100.0 * (now / was - 1.0)));
            println!(
                "{now:9.1} {:34} {}, {}",
                change.unwrap_or_else(|| "new".to_owned()),
                case.name,
                subject.name
            );
            counts.insert(case.name, subject.name, (now * 10.0).round() / 10.0);
            if subject.is_ours() && was.is_some_and(|was| now > was * TOLERANCE) {
                risen.push(format!("{}, {}", case.name, subject.name));
            }
        }
    }
    eprintln!("{} s", started.elapsed().as_secs());
    if arguments.update {
        return counts.write(&arguments.file);
    }
    if risen.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than 3 % more instructions than in {}: {}",
        arguments.file.display(),
        risen.join("; ")
    ))
}

/// The steps of one subject of one case, which are counted from outside.
pub(crate) fn one(case: &str, subject: &str) -> Result<(), String> {
    let cases = cases::all();
    let case = cases.iter().find(|it| it.name == case);
    let find = |case: &Case| -> Option<usize> {
        case.subjects
            .iter()
            .position(|it: &Subject| it.name == subject)
    };
    let found = case.and_then(|case| Some(&case.subjects[find(case)?]));
    let workload = found.ok_or("no such case or subject")?.make();
    workload.run(0, STEPS, &|| ());
    let warm_up = workload.warm_up();
    workload.verify(&Done {
        steps: warm_up + STEPS,
        latencies: values::sum_of_latencies(warm_up) + values::sum_of_latencies(STEPS),
        last: STEPS - 1,
    })
}
