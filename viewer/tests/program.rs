//! The program, as a user runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

fn run(flags: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline-viewer"));
    command.args(flags).env_remove("COLUMNS");
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn it_says_where_it_listens_and_reports_when_told_to_end() {
    for signal in ["-INT", "-TERM"] {
        let mut child = run(&["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
        }
        let http = said
            .split("over HTTP at http://")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        assert!(
            said.contains(&format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{http}")),
            "{said}"
        );

        let body = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hi"}}]}]}]}"#;
        let mut stream = TcpStream::connect(http).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /v1/logs HTTP/1.1\r\nHost: v\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success());
        assert!(
            rest.contains("OPERATIONS") && rest.contains("1 log records"),
            "{rest}"
        );
        assert!(!rest.contains('\u{1b}'), "no escapes where nobody watches");
    }
}

#[test]
fn it_prints_while_it_runs_when_asked_to() {
    let mut child = run(&[
        "--grpc",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--report-every",
        "10ms",
    ]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("Ctrl-C") {
        assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let http = said
        .split("over HTTP at http://")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(http).unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nHost: v\r\nContent-Type: application/x-protobuf";
    write!(
        stream,
        "{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut report = String::new();
    while !report.contains("held:") {
        assert!(out.read_line(&mut report).unwrap() > 0, "{report}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_bad_flag_and_a_taken_port_are_said_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str); 4] = [
        (&["--grpc", &address], "(--grpc)"),
        (
            &["--http", "0.0.0.0:0", "--grpc", "127.0.0.1:0"],
            "--allow-public",
        ),
        (&["--max-memory", "lots"], "KiB, MiB or GiB"),
        (
            &["--max-memory", "1KiB", "--grpc", "127.0.0.1:0"],
            "limits.bytes is 1024, expected",
        ),
    ];
    for (flags, expected) in cases {
        let out = run(flags).wait_with_output().unwrap();
        let error = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success());
        assert!(error.contains(expected), "{error}");
    }
}
