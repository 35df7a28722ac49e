//! `cargo xtask check`: what CI runs, the cheap checks first.

use std::time::{Duration, Instant};

use crate::{error::Error, policy, project::Project, tally::Tally};

/// One check: its name in the table, and what it does. Tests add their closing lines to the tally.
struct Step {
    name: &'static str,
    run: fn(&Project, &mut Tally) -> Result<(), Error>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        run: |project, _| project.cargo().args(["fmt", "--all", "--check"]).run(),
    },
    Step {
        name: "policy",
        run: |project, _| policy::run(project),
    },
    Step {
        name: "clippy",
        run: |project, _| clippy(project),
    },
    Step {
        name: "doc",
        run: |project, _| doc(project),
    },
    // The README's test command.
    Step {
        name: "test",
        run: |project, tally| project.cargo().args(["test", "--workspace"]).test(tally),
    },
];

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

fn doc(project: &Project) -> Result<(), Error> {
    let doc = project.cargo().args(["doc", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings").run()
}

/// What became of one step.
struct Row {
    name: &'static str,
    took: Duration,
    result: Result<(), Error>,
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
        let result = row
            .result
            .as_ref()
            .map_or_else(ToString::to_string, |()| "ok".to_owned());
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
        counts.passed, counts.ignored
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
