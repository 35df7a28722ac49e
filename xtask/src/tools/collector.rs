//! The OpenTelemetry Collector: built from `collector-config/builder.yaml` where Go is installed; else what is on
//! PATH; else the official release, by its checksum.

use std::{
    env::consts,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{AtPath, Error},
    project::Project,
    tools::{afresh, first_of, go, made_from, on_path, remember},
};

const MANIFEST: &str = "collector-config/builder.yaml";
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder";
const RELEASES: &str =
    "https://github.com/open-telemetry/opentelemetry-collector-releases/releases/download";
/// The release's list of the checksums of its archives.
const SUMS: &str = "opentelemetry-collector-releases_otelcol-contrib_checksums.txt";

pub(crate) fn install(project: &Project, dir: &Path) -> Result<PathBuf, Error> {
    let path = project.path(MANIFEST);
    let manifest = fs::read_to_string(&path).at(&path)?;
    let version = version(&manifest)?;
    let (built, released) = (dir.join("otelcol"), dir.join("otelcol-contrib"));
    if made_from(dir, &manifest) {
        return Ok(if built.is_file() { built } else { released });
    }
    first_of(
        "OpenTelemetry Collector",
        &[
            ("built with Go", &|| {
                build(project, dir, version)?;
                remember(dir, &manifest)?;
                Ok(built.clone())
            }),
            ("on PATH", &|| {
                on_path("otelcol-contrib").or_else(|_| on_path("otelcol"))
            }),
            ("the official release", &|| {
                download(project, dir, version)?;
                remember(dir, &manifest)?;
                Ok(released.clone())
            }),
        ],
    )
}

/// Takes about three minutes on two cores; the manifest says where the result goes.
fn build(project: &Project, dir: &Path, version: &str) -> Result<(), Error> {
    project.command("go").arg("version").run()?;
    afresh(dir)?;
    go(project)
        .args([
            "run",
            &format!("{BUILDER}@v{version}"),
            "--config",
            MANIFEST,
        ])
        .run()
}

fn download(project: &Project, dir: &Path, version: &str) -> Result<(), Error> {
    afresh(dir)?;
    let archive = archive(version)?;
    for file in [archive.as_str(), SUMS] {
        let fetch = project
            .command("curl")
            .args(["-fsSL", "--connect-timeout", "20", "-O"])
            .args(["--retry", "5", "--retry-all-errors"]);
        let url = format!("{RELEASES}/v{version}/{file}");
        fetch.arg(url).dir(dir).run()?;
    }
    // The file of checksums lists every archive of the release; ours must be there and right.
    let listed = fs::read_to_string(dir.join(SUMS)).at(dir.join(SUMS))?;
    let line = listed
        .lines()
        .find(|line| line.ends_with(&format!(" {archive}")));
    let line = line.ok_or_else(|| Error::Rule(format!("{SUMS} has no checksum of {archive}")))?;
    let wanted = dir.join("wanted.sha256");
    fs::write(&wanted, format!("{line}\n")).at(&wanted)?;
    let verify = project.command("sha256sum").args(["--check", "--strict"]);
    verify.arg(&wanted).dir(dir).run()?;
    let unpack = project.command("tar").args(["-xzf", &archive]);
    unpack.arg("otelcol-contrib").dir(dir).run()
}

/// The name of the release's archive for this machine.
fn archive(version: &str) -> Result<String, Error> {
    match (consts::OS, consts::ARCH) {
        ("linux", "x86_64") => Ok(format!("otelcol-contrib_{version}_linux_amd64.tar.gz")),
        ("linux", "aarch64") => Ok(format!("otelcol-contrib_{version}_linux_arm64.tar.gz")),
        (system, processor) => Err(Error::Rule(format!(
            "no release for {system} on {processor} is known here"
        ))),
    }
}

/// `dist.version` of the manifest.
fn version(manifest: &str) -> Result<&str, Error> {
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("  version: "));
    version
        .map(str::trim)
        .ok_or_else(|| Error::Rule(format!("{MANIFEST}: no `dist.version`")))
}
