//! Runs a test in a process of its own: what is global can be set once per process.

use std::process::Command;

const MARK: &str = "THROUGHLINE_TEST_ALONE";

/// Runs `body` in a new process that runs the test `name` alone, with these variables, and gives what it wrote
/// to standard error. `None` in that process itself.
pub(crate) fn alone(name: &str, variables: &[(&str, &str)], body: impl FnOnce()) -> Option<String> {
    if std::env::var(MARK).is_ok_and(|it| it == name) {
        body();
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("OTEL_") || name == "RUST_LOG")
    {
        command.env_remove(name);
    }
    let output = command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .env(MARK, name)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{name} alone: {}\n{out}\n{err}",
        output.status
    );
    assert!(
        out.contains("1 passed"),
        "{name} is not the test's name\n{out}"
    );
    Some(err.into_owned())
}
