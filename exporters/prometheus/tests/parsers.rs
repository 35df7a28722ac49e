//! Readers that no one here wrote: the strict OpenMetrics parser of PyPI's `prometheus-client`, and `promtool`.
//!
//! `THROUGHLINE_PYTHON` names a Python that has `prometheus-client`, `THROUGHLINE_PROMTOOL` a `promtool`. Where they
//! are not set, the tests say that they are skipped; `cargo xtask e2e` sets both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "support/any.rs"]
mod any;
#[path = "support/rich.rs"]
mod rich;
#[path = "support/snapshots.rs"]
mod snapshots;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use opentelemetry::Value;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use snapshots::{openmetrics, text};
use throughline_model::{Data, Exemplar, Snapshot};
use throughline_prometheus::{Format, Options, render};

/// The rich one, and others whose seed is fixed.
fn snapshots(count: usize) -> Vec<Snapshot> {
    let mut runner = TestRunner::deterministic();
    let strategy = any::snapshot();
    let mut any = || strategy.new_tree(&mut runner).unwrap().current();
    std::iter::once(rich::rich())
        .chain(std::iter::repeat_with(&mut any).take(count))
        .collect()
}

fn program(variable: &str) -> Option<PathBuf> {
    throughline_e2e::tool(variable).unwrap()
}

/// `prometheus-client` takes an escaped quote in an exemplar's label for the label's end, so it is given none.
fn without_quotes_in_exemplars(mut snapshot: Snapshot) -> Snapshot {
    let metrics = snapshot
        .scopes
        .iter_mut()
        .flat_map(|scope| &mut scope.metrics);
    for metric in metrics {
        let exemplars: Vec<&mut Exemplar> = match &mut metric.data {
            Data::Sum(sum) => sum
                .points
                .iter_mut()
                .flat_map(|point| &mut point.exemplars)
                .collect(),
            Data::Gauge(_) => vec![],
            Data::Histogram(histogram) => {
                let points = histogram.points.iter_mut();
                points.flat_map(|point| &mut point.exemplars).collect()
            }
            Data::ExponentialHistogram(histogram) => {
                let points = histogram.points.iter_mut();
                points.flat_map(|point| &mut point.exemplars).collect()
            }
        };
        for exemplar in exemplars {
            let attributes = &mut exemplar.filtered_attributes;
            attributes.retain(|attribute| match &attribute.value {
                Value::Array(_) => false,
                other => !other.as_str().contains('"'),
            });
        }
    }
    snapshot
}

/// Prints what it understood: per file the families with their samples and exemplars.
const READ: &str = r#"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
samples = exemplars = 0
for path in sys.argv[1:]:
    with open(path, newline="\n", encoding="utf-8") as file:
        text = file.read()
    try:
        for family in text_string_to_metric_families(text):
            samples += len(family.samples)
            exemplars += sum(1 for sample in family.samples if sample.exemplar)
    except Exception as error:
        sys.exit(f"{path}: {error!r}\n{text}")
print(samples, exemplars)
"#;

#[test]
fn the_openmetrics_parser_of_prometheus_client_reads_every_sample() {
    let Some(python) = program("THROUGHLINE_PYTHON") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let (mut samples, mut exemplars) = (0, 0);
    let mut command = Command::new(python);
    command.args(["-c", READ]);
    for (at, snapshot) in snapshots(200).into_iter().enumerate() {
        let snapshot = &without_quotes_in_exemplars(snapshot);
        for (created, name) in [(false, "plain"), (true, "created")] {
            let format = Format::negotiate(Some("application/openmetrics-text;version=1.0.0"));
            let options = Options {
                created,
                ..Options::default()
            };
            let text = render(snapshot, format, &options).text;
            samples += text.lines().filter(|line| !line.starts_with('#')).count();
            exemplars += text.matches(" # {").count();
            let path = directory.path().join(format!("{at}.{name}.om"));
            std::fs::write(&path, text).unwrap();
            command.arg(path);
        }
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let understood = String::from_utf8(output.stdout).unwrap();
    assert_eq!(understood.trim(), format!("{samples} {exemplars}"));
}

fn promtool(program: &Path, text: &str) -> (Option<i32>, String) {
    let mut child = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn promtool_reads_text_0_0_4() {
    let Some(program) = program("THROUGHLINE_PROMTOOL") else {
        return;
    };
    for snapshot in snapshots(40) {
        let text = text(&snapshot).text;
        // 1 is what cannot be read; 3 is what could be named better, which is up to the user's names.
        let (code, said) = promtool(&program, &text);
        assert!(matches!(code, Some(0 | 3)), "{code:?}: {said}\n{text}");
    }
    let (code, _) = promtool(&program, "not an exposition\n");
    assert_eq!(code, Some(1), "promtool takes anything");
}

#[test]
fn the_golden_file_and_the_parsers_speak_of_the_same_text() {
    // The files are what the parsers read first.
    let golden = include_str!("golden/rich.om");
    assert_eq!(openmetrics(&rich::rich()).text, golden);
}
