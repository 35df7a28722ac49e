//! What the command prints and writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sampling-lab"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_run_prints_a_table_writes_the_same_as_json_and_draws() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab");
    let (rows, pictures) = (folder.with_extension("json"), folder.to_str().unwrap());
    let output = lab(&[
        "--load",
        "steady",
        "--sampler",
        "our ratio",
        "--sampler",
        "JAVA",
        "--seeds",
        "2",
        "--json",
        rows.to_str().unwrap(),
        "--svg",
        pictures,
    ]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(rows).unwrap()).unwrap();
    let tables = ["run", "run", "run", "run", "bias", "bias", "bias", "bias"];
    assert!(rows.iter().map(|row| &row["table"]).eq(tables), "{rows:?}");
    for row in &rows[..4] {
        let rate = row["sampled_per_second"].as_f64().unwrap();
        let line = format!("{}  ", row["sampler"].as_str().unwrap());
        let shown = format!(" {rate:.1} ");
        let found = printed
            .lines()
            .any(|it| it.starts_with(&line) && it.contains(&shown));
        assert!(found, "{line}{shown} in\n{printed}");
    }
    let picture = std::fs::read_to_string(folder.join("steady-50.svg")).unwrap();
    assert!(
        picture.starts_with("<svg ") && picture.contains(">our ratio<"),
        "{picture}"
    );
}

#[test]
fn a_sampler_that_is_not_there_is_an_error_that_names_it() {
    let output = lab(&["--sampler", "nobody"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("\"nobody\"") && said.contains("our ratio"),
        "{said}"
    );
}
