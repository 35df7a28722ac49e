//! This process (semantic conventions, `resource/process.md`). Its arguments are left out: they may hold
//! secrets.

use std::env;

use opentelemetry::KeyValue;

pub(super) fn detect() -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("process.pid", i64::from(std::process::id())),
        KeyValue::new("process.runtime.name", "rustc"),
    ];
    let version = env!("THROUGHLINE_RUSTC_VERSION");
    if !version.is_empty() {
        attributes.push(KeyValue::new("process.runtime.version", version));
    }
    if let Some(name) = executable_name() {
        attributes.push(KeyValue::new("process.executable.name", name));
    }
    attributes
}

pub(super) fn executable_name() -> Option<String> {
    let path = env::current_exe().ok()?;
    Some(path.file_name()?.to_str()?.to_owned())
}
