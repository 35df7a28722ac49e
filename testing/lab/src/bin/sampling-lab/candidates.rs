//! Who takes part.

use std::io;

use throughline_lab::{Candidate, Setup, Workload, field, ours};

use crate::plan::Set;

/// A sampler, and whether it is one of ours.
pub(crate) type Entry = (bool, Box<dyn Candidate>);

/// Those of a set whose name contains one of these; all of them if none is named.
pub(crate) fn candidates(
    set: Set,
    workload: &Workload,
    named: &[String],
) -> io::Result<Vec<Entry>> {
    let setup = Setup::of(workload);
    let mut all: Vec<Entry> = Vec::new();
    if set != Set::Pipelines {
        all.extend(field::all(&setup).into_iter().map(|it| (false, it)));
        all.extend(ours::all(&setup).into_iter().map(|it| (true, it)));
    }
    if set != Set::Heads {
        all.extend(ours::pipelines(&setup)?.into_iter().map(|it| (true, it)));
    }
    let asked = |name: &str| named.is_empty() || named.iter().any(|part| contains(name, part));
    all.retain(|(_, candidate)| asked(candidate.name()));
    Ok(all)
}

/// An error where one of these names no sampler of any of the sets.
pub(crate) fn check(jobs: &[(Set, Workload)], named: &[String]) -> io::Result<()> {
    let mut names = Vec::new();
    for (set, workload) in jobs {
        for (_, candidate) in candidates(*set, workload, &[])? {
            if !names.contains(&candidate.name()) {
                names.push(candidate.name());
            }
        }
    }
    for name in named {
        if !names.iter().any(|it| contains(it, name)) {
            let error = format!("--sampler is {name:?}: expected part of one of {names:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
    }
    Ok(())
}

fn contains(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.to_lowercase())
}
