//! The machine and its operating system (semantic conventions, `resource/host.md`, `resource/os.md`).

use std::env::consts::{ARCH, OS};

use opentelemetry::KeyValue;

pub(super) fn detect() -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("host.arch", arch(ARCH)),
        KeyValue::new("os.type", os_type(OS)),
    ];
    if let Some(name) = hostname::get()
        .ok()
        .and_then(|name| name.into_string().ok())
    {
        attributes.push(KeyValue::new("host.name", name));
    }
    let release = std::fs::read_to_string("/etc/os-release")
        .or_else(|_| std::fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    for (field, key) in [
        ("PRETTY_NAME", "os.description"),
        ("NAME", "os.name"),
        ("VERSION_ID", "os.version"),
    ] {
        if let Some(value) = release_field(&release, field) {
            attributes.push(KeyValue::new(key, value));
        }
    }
    attributes
}

/// The conventions' word for an architecture; its own name where they have none.
fn arch(rust: &'static str) -> &'static str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// The conventions' word for an operating system; its own name where they have none.
fn os_type(rust: &'static str) -> &'static str {
    match rust {
        "macos" | "ios" => "darwin",
        "dragonfly" => "dragonflybsd",
        "illumos" => "solaris",
        other => other,
    }
}

/// A field of `os-release`, whose values may be quoted as in a shell.
fn release_field(release: &str, field: &str) -> Option<String> {
    release.lines().find_map(|line| {
        let value = line.strip_prefix(field)?.strip_prefix('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_fields_lose_their_quotes() {
        let release = "NAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nVARIANT=\n";
        assert_eq!(
            release_field(release, "NAME").as_deref(),
            Some("Debian GNU/Linux")
        );
        assert_eq!(release_field(release, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(release_field(release, "ID").as_deref(), Some("debian"));
        assert_eq!(release_field(release, "VARIANT"), None);
        assert_eq!(release_field(release, "VERSION"), None);
    }

    #[test]
    fn machines_are_called_what_the_conventions_call_them() {
        assert_eq!(arch("x86_64"), "amd64");
        assert_eq!(arch("s390x"), "s390x");
        assert_eq!(os_type("macos"), "darwin");
        assert_eq!(os_type("linux"), "linux");
    }
}
