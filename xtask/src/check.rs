//! `cargo xtask check`: what CI runs, the cheap checks first.

use std::time::{Duration, Instant};

use crate::{
    e2e,
    error::Error,
    instructions::{self, Verdict},
    loom, miri, policy,
    project::Project,
    tally::Tally,
    valgrind,
};

/// One check: its name in the table, and what it does. Tests add their closing lines to the tally.
struct Step {
    name: &'static str,
    run: fn(&Project, &mut Tally) -> Result<Outcome, Error>,
}

/// How a step that did not fail came out.
enum Outcome {
    Ok,
    /// It cannot be run here, and why.
    Skipped(&'static str),
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        run: |project, _| fmt(project).map(ok),
    },
    Step {
        name: "policy",
        run: |project, _| policy::run(project).map(ok),
    },
    Step {
        name: "clippy",
        run: |project, _| clippy(project).map(ok),
    },
    Step {
        name: "features",
        run: |project, _| features(project).map(ok),
    },
    Step {
        name: "doc",
        run: |project, _| doc(project).map(ok),
    },
    Step {
        name: "test",
        run: |project, tally| test(project, tally).map(ok),
    },
    Step {
        name: "loom",
        run: |project, tally| loom::run(project, tally).map(ok),
    },
    Step {
        name: "valgrind",
        run: |project, tally| valgrind::run(project, tally).map(ok),
    },
    Step {
        name: "instructions",
        run: |project, _| instructions_where_they_count(project),
    },
    Step {
        name: "miri",
        run: miri_where_it_is,
    },
    Step {
        name: "e2e",
        run: |project, tally| e2e::run(project, tally).map(ok),
    },
];

fn ok((): ()) -> Outcome {
    Outcome::Ok
}

fn fmt(project: &Project) -> Result<(), Error> {
    project.cargo().args(["fmt", "--all", "--check"]).run()
}

fn clippy(project: &Project) -> Result<(), Error> {
    project
        .cargo()
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .run()
}

/// The face with each of its features alone, and with none.
fn features(project: &Project) -> Result<(), Error> {
    for features in ["", "otlp", "prometheus", "tracing", "logs", "tower", "axum"] {
        let clippy = project.cargo().args(["clippy", "-p", "throughline"]);
        let clippy = clippy.args(["--no-default-features", "--features", features]);
        clippy.args(["--", "-D", "warnings"]).run()?;
    }
    Ok(())
}

fn doc(project: &Project) -> Result<(), Error> {
    let doc = project.cargo().args(["doc", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings").run()
}

/// The README's test command.
fn test(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    project.cargo().args(["test", "--workspace"]).test(tally)
}

fn instructions_where_they_count(project: &Project) -> Result<Outcome, Error> {
    if !instructions::is_there(project) {
        eprintln!("{}", instructions::MISSING);
        return Ok(Outcome::Skipped("valgrind is not here"));
    }
    Ok(match instructions::run(project, false)? {
        Verdict::Fine => Outcome::Ok,
        Verdict::NotJudged => Outcome::Skipped("the counts are another compiler's"),
    })
}

fn miri_where_it_is(project: &Project, tally: &mut Tally) -> Result<Outcome, Error> {
    if !miri::is_there(project) {
        eprintln!("{}", miri::MISSING);
        return Ok(Outcome::Skipped("no toolchain here has Miri"));
    }
    miri::run(project, tally).map(ok)
}

/// What became of one step.
struct Row {
    name: &'static str,
    took: Duration,
    result: Result<Outcome, Error>,
    passed: u64,
}

pub(crate) fn run(project: &Project, keep_going: bool) -> Result<(), Error> {
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    for (number, step) in STEPS.iter().enumerate() {
        eprintln!("\n[{}/{}] {}", number + 1, STEPS.len(), step.name);
        let (started, passed_before) = (Instant::now(), tally.counts().passed);
        let result = (step.run)(project, &mut tally);
        if let Err(error) = &result {
            eprintln!("error: {error}");
        }
        let stop = result.is_err() && !keep_going;
        rows.push(Row {
            name: step.name,
            took: started.elapsed(),
            result,
            passed: tally.counts().passed - passed_before,
        });
        if stop {
            break;
        }
    }
    report(&rows, &tally)
}

/// Prints the tests' closing lines, the table of times, and the one line that sums up.
fn report(rows: &[Row], tally: &Tally) -> Result<(), Error> {
    println!("\nclosing lines of the tests:");
    for line in tally.closing_lines() {
        println!("{line}");
    }
    println!("\n{:<10} {:>9}  {:>6}  result", "step", "time", "tests");
    for row in rows {
        let result = match &row.result {
            Ok(Outcome::Ok) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("SKIPPED: {why}"),
            Err(error) => error.to_string(),
        };
        println!(
            "{:<10} {:>7.1} s  {:>6}  {result}",
            row.name,
            row.took.as_secs_f64(),
            row.passed
        );
    }
    for step in STEPS.iter().skip(rows.len()) {
        println!("{:<10} {:>9}  {:>6}  not run", step.name, "", "");
    }
    let failed_steps = rows.iter().filter(|row| row.result.is_err()).count();
    let counts = tally.counts();
    // A step that failed without a failed test (formatting, a crash) counts as one failure, so that this line
    // never says that nothing failed when something did.
    let other_failures = rows.iter().filter(
        |row| matches!(&row.result, Err(error) if !matches!(error, Error::TestsFailed { .. })),
    );
    let failed = counts.failed + u64::try_from(other_failures.count()).unwrap_or(u64::MAX);
    println!(
        "\n{} passed, {failed} failed, {} skipped",
        counts.passed, counts.skipped
    );
    if failed_steps == 0 {
        Ok(())
    } else {
        Err(Error::Rule(format!(
            "{failed_steps} of {} checks failed",
            STEPS.len()
        )))
    }
}
