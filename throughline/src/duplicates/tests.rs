use super::*;

const REGISTRY: &str = "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f";

fn found(text: &[u8]) -> Vec<String> {
    versions(text).unwrap().into_iter().collect()
}

#[test]
fn a_second_version_is_found_by_the_paths_of_its_sources() {
    let program = format!(
        "\x7fELF…{REGISTRY}/opentelemetry-0.33.1/src/context.rs…\
         {REGISTRY}/opentelemetry-0.31.0/src/global/trace.rs\0…C:\\reg\\opentelemetry-0.30.0-rc.1\\src\\lib.rs"
    );
    let found = look(program.as_bytes());
    let expected = ["0.30.0-rc.1", "0.31.0"].map(str::to_owned).into();
    assert_eq!(found, Duplicates::Found(expected));
    let said = found.to_string();
    assert!(
        said.contains("opentelemetry 0.30.0-rc.1, 0.31.0 besides 0.33.1"),
        "{said}"
    );
}

#[test]
fn what_only_looks_like_one_is_none() {
    for text in [
        "/tracing-opentelemetry-0.34.0/src/layer.rs",
        "/opentelemetry-proto-0.31.0/src/lib.rs",
        "/opentelemetry_sdk-0.31.0/src/lib.rs",
        "/opentelemetry-0.31.0",
        "/opentelemetry-0.31.0/benches/a.rs",
        "/opentelemetry-0.31/src/lib.rs",
        "see /opentelemetry-2024/src",
        "/opentelemetry-opentelemetry-0.3.",
        "",
    ] {
        assert_eq!(found(text.as_bytes()), [""; 0], "{text}");
    }
    assert_eq!(look(&b"/opentelemetry-0.33.1/src"[..]), Duplicates::None);
}

#[test]
fn a_path_across_two_reads_is_found_wherever_the_cut_is() {
    /// Gives at most `step` bytes at a time.
    struct Slow<'a>(&'a [u8], usize);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.1);
            (&mut self.0)
                .take(length as u64)
                .read(&mut buffer[..length])
        }
    }
    let text = format!(
        "{}/opentelemetry-0.31.0/src/lib.rs{}",
        "opentele".repeat(9),
        "-".repeat(99)
    );
    for step in 1..text.len() {
        let found = versions(Slow(text.as_bytes(), step)).unwrap();
        assert_eq!(found.len(), 1, "{step}");
    }
}

#[test]
fn our_own_version_is_the_one_in_the_lock_file() {
    let lock = include_str!("../../../Cargo.lock");
    let entry = format!("name = \"opentelemetry\"\nversion = \"{OURS}\"");
    assert!(lock.contains(&entry), "no {entry:?} in Cargo.lock");
}
