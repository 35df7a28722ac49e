//! Notices a second version of `opentelemetry` in this program.
//!
//! Two versions do not see each other: each has its own globals and its own context, so what a library
//! records through the other one vanishes without a word. A build script cannot see the final lock file,
//! so we look at what the program itself says: paths of source files, which panics and log events carry,
//! name each version of a crate from a registry (`…/opentelemetry-0.31.0/src/context.rs`), in release and
//! stripped builds too.
//!
//! What this cannot see: a version from git or a path (its directory has no version in its name), one in a
//! dynamic library, and one built without locations (`-Z location-detail=none`). It is said as "none was
//! found", never as "there is none"; `cargo tree --duplicates` knows for certain.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::OnceLock;

/// The version that this crate is built with; the workspace pins it.
pub(crate) const OURS: &str = "0.33.1";

/// No program is larger; what is beyond is not read.
const MAX_BYTES: u64 = 2 << 30;

/// What was found in this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// Not looked for.
    #[default]
    Unknown,
    /// None, as far as can be seen.
    None,
    /// These versions besides ours.
    Found(BTreeSet<String>),
    /// The program could not be read.
    Unreadable(String),
}

impl Duplicates {
    /// Looks once per process: reads the program's file, which takes about as long as copying it.
    pub(crate) fn of_this_program() -> &'static Duplicates {
        static FOUND: OnceLock<Duplicates> = OnceLock::new();
        FOUND.get_or_init(|| match open_this_program() {
            Ok(program) => look(program),
            Err(error) => Duplicates::Unreadable(error.to_string()),
        })
    }
}

impl fmt::Display for Duplicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Duplicates::Unknown => {
                f.write_str("nobody looked for a second version of opentelemetry")
            }
            Duplicates::None => write!(
                f,
                "opentelemetry {OURS}: no second version was found in this program"
            ),
            Duplicates::Found(versions) => {
                let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
                write!(
                    f,
                    "this program contains opentelemetry {} besides {OURS}: whatever is recorded through \
                     it goes nowhere, since the versions do not see each other. `cargo tree -i \
                     opentelemetry@{}` shows who brings it",
                    versions.join(", "),
                    versions.first().unwrap_or(&"")
                )
            }
            Duplicates::Unreadable(error) => write!(
                f,
                "a second version of opentelemetry cannot be looked for, the program's file cannot be \
                 read: {error}"
            ),
        }
    }
}

fn open_this_program() -> io::Result<File> {
    // On Linux this works even where the file was replaced or deleted since the start.
    File::open("/proc/self/exe").or_else(|_| File::open(std::env::current_exe()?))
}

fn look(program: impl Read) -> Duplicates {
    match versions(program.take(MAX_BYTES)) {
        Ok(mut versions) => {
            versions.remove(OURS);
            if versions.is_empty() {
                Duplicates::None
            } else {
                Duplicates::Found(versions)
            }
        }
        Err(error) => Duplicates::Unreadable(error.to_string()),
    }
}

const NEEDLE: &[u8; 14] = b"opentelemetry-";

/// What follows the needle: at most a version and `/src`.
const TAIL: usize = 40;

/// The versions whose paths stand in what is read.
fn versions(mut from: impl Read) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    loop {
        let read = match from.read(&mut buffer[filled..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled += read;
        search(&buffer[..filled], &mut found);
        if read == 0 {
            return Ok(found);
        }
        // A path may stand across two reads: what could begin one stays, with the separator before it.
        let keep = filled.min(1 + NEEDLE.len() + TAIL);
        buffer.copy_within(filled - keep..filled, 0);
        filled = keep;
    }
}

/// Finds the needle by looking at its last byte first (Horspool, "Practical fast searching in strings",
/// 1980), which skips most bytes, in debug builds too.
fn search(text: &[u8], found: &mut BTreeSet<String>) {
    let last = NEEDLE.len() - 1;
    let mut skip = [NEEDLE.len(); 256];
    for (at, byte) in NEEDLE[..last].iter().enumerate() {
        skip[usize::from(*byte)] = last - at;
    }
    let mut end = last;
    while end < text.len() {
        if text[end] == NEEDLE[last] && is_directory(&text[..=end]) {
            found.extend(version(&text[end + 1..]));
        }
        end += skip[usize::from(text[end])];
    }
}

/// True if this ends in the needle as the beginning of a directory's name, not in `tracing-opentelemetry-`.
fn is_directory(text: &[u8]) -> bool {
    let before = text.strip_suffix(NEEDLE).and_then(<[u8]>::last);
    before.is_some_and(|byte| matches!(byte, b'/' | b'\\'))
}

/// `0.31.0` of `0.31.0/src/…`: a version, then the directory of the sources.
fn version(text: &[u8]) -> Option<String> {
    let text = &text[..text.len().min(TAIL)];
    let end = text.iter().position(|byte| matches!(byte, b'/' | b'\\'))?;
    let (version, rest) = text.split_at(end);
    let is_version = version.first()?.is_ascii_digit()
        && version.iter().filter(|byte| **byte == b'.').count() >= 2
        && version
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'));
    let is_source = rest[1..].starts_with(b"src");
    (is_version && is_source).then(|| String::from_utf8_lossy(version).into_owned())
}

#[cfg(test)]
mod tests;
