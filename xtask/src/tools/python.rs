//! A Python with the pinned parsers of `collector-config/requirements.txt`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{AtPath, Error},
    project::Project,
    tools::{afresh, made_from, remember},
};

pub(crate) fn install(project: &Project, dir: &Path) -> Result<PathBuf, Error> {
    let requirements = project.path("collector-config/requirements.txt");
    let recipe = fs::read_to_string(&requirements).at(&requirements)?;
    let python = dir.join("bin/python");
    if made_from(dir, &recipe) && python.is_file() {
        return Ok(python);
    }
    afresh(dir)?;
    let venv = project
        .command("python3")
        .args(["-m", "venv", "--without-pip"]);
    venv.arg(dir).run()?;
    // A step of its own, since `venv` hides why it failed; and once more, since it has failed on a busy machine.
    let pip = || {
        let ensure = project.command(&python).args(["-m", "ensurepip"]);
        ensure.arg("--default-pip").run()
    };
    pip().or_else(|_| pip())?;
    let pip = project.command(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    pip.arg("--requirement").arg(&requirements).run()?;
    remember(dir, &recipe)?;
    Ok(python)
}
