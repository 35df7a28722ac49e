//! Tells the crate which compiler built it, for the resource attribute `process.runtime.version`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    // "rustc 1.95.0 (f2d3ce0bd 2026-03-21)": the attribute wants the version alone.
    let version = version
        .as_deref()
        .and_then(|it| it.split_whitespace().nth(1));
    println!(
        "cargo::rustc-env=THROUGHLINE_RUSTC_VERSION={}",
        version.unwrap_or_default()
    );
}
