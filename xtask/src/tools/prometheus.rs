//! Prometheus and promtool: Debian's package, unpacked and not installed; else what is on PATH; else built with Go.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{AtPath, Error},
    project::Project,
    tools::{afresh, first_of, go, made_from, on_path, remember},
};

/// The release to build where there is no package: 2.42, as Debian 12 has it. (Go modules call it v0.42.)
const GO_MODULE: &str = "github.com/prometheus/prometheus";
const GO_VERSION: &str = "v0.42.0";

/// Returns the paths of prometheus and promtool.
pub(crate) fn install(project: &Project, dir: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let unpacked = (dir.join("usr/bin/prometheus"), dir.join("usr/bin/promtool"));
    let built = (dir.join("prometheus"), dir.join("promtool"));
    if made_from(dir, "package") {
        return Ok(unpacked);
    }
    if made_from(dir, GO_VERSION) {
        return Ok(built);
    }
    first_of(
        "Prometheus",
        &[
            ("Debian's package", &|| {
                unpack(project, dir)?;
                Ok(unpacked.clone())
            }),
            ("on PATH", &|| {
                Ok((on_path("prometheus")?, on_path("promtool")?))
            }),
            ("built with Go", &|| {
                build(project, dir)?;
                Ok(built.clone())
            }),
        ],
    )
}

/// Downloads the package with apt and unpacks it, without its scripts: no service is set up or started.
fn unpack(project: &Project, dir: &Path) -> Result<(), Error> {
    afresh(dir)?;
    let download = || {
        project
            .command("apt-get")
            .args(["download", "--quiet", "-oAcquire::Retries=5", "prometheus"])
            .dir(dir)
            .run()
    };
    // A new machine has no lists of packages, an old one has lists of packages that are gone.
    download().or_else(|_| {
        project
            .command("apt-get")
            .args(["update", "--quiet=2"])
            .run()?;
        download()
    })?;
    let package = fs::read_dir(dir)
        .at(dir)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package
        .ok_or_else(|| Error::Rule("`apt-get download prometheus` left no package".to_owned()))?;
    project
        .command("dpkg-deb")
        .arg("-x")
        .arg(&package)
        .arg(dir)
        .run()?;
    fs::remove_file(&package).at(&package)?;
    remember(dir, "package")
}

/// Builds both programs in a copy of their module: it has `replace` lines, which `go install` refuses and another
/// module would not inherit. Takes about ten minutes on two cores.
fn build(project: &Project, dir: &Path) -> Result<(), Error> {
    afresh(dir)?;
    let module = format!("{GO_MODULE}@{GO_VERSION}");
    go(project)
        .args(["mod", "download", &module])
        .dir(dir)
        .run()?;
    let cache = go(project).args(["env", "GOMODCACHE"]).output()?;
    let source = dir.join("source");
    let copy = project.command("cp").args(["-r", "--no-preserve=mode"]);
    copy.arg(Path::new(cache.trim()).join(module))
        .arg(&source)
        .run()?;
    for program in ["prometheus", "promtool"] {
        let build = go(project).args(["build", "-o", &format!("../{program}")]);
        build.arg(format!("./cmd/{program}")).dir(&source).run()?;
    }
    fs::remove_dir_all(&source).at(&source)?;
    remember(dir, GO_VERSION)
}
