//! `cargo xtask policy`: holds the dependencies to `deny.toml`.
//!
//! The rules are in cargo-deny's format, and `cargo deny check licenses bans sources` reads the same file. What is
//! here needs no tool built first (minutes, for cargo-deny) and no download: `cargo metadata` says it all. It knows
//! the keys that our `deny.toml` uses; advisories need a database that must be fetched, and stay with cargo-deny.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs};

use cargo_metadata::{Metadata, Package};
use toml::{Table, Value};

use crate::{
    error::{AtPath, Error},
    project::Project,
};

pub(crate) fn run(project: &Project) -> Result<(), Error> {
    let path = project.path("deny.toml");
    let text = fs::read_to_string(&path).at(&path)?;
    let rules =
        Rules::parse(&text).map_err(|error| Error::Rule(format!("{}: {error}", path.display())))?;
    let metadata = project.metadata()?;
    let broken = rules.broken_by(&metadata);
    if broken.is_empty() {
        eprintln!(
            "{} packages keep the rules of deny.toml",
            metadata.packages.len()
        );
        return Ok(());
    }
    for line in &broken {
        eprintln!("deny.toml: {line}");
    }
    Err(Error::Rule(format!(
        "{} dependencies break the rules of deny.toml",
        broken.len()
    )))
}

/// The part of `deny.toml` that is checked here.
#[derive(Debug, PartialEq)]
struct Rules {
    licences: Vec<String>,
    registries: Vec<String>,
    bans: Vec<Ban>,
}

#[derive(Debug, PartialEq)]
struct Ban {
    name: String,
    /// Only a second version is forbidden, not the crate.
    second_version_only: bool,
    reason: String,
}

impl Rules {
    fn parse(text: &str) -> Result<Self, String> {
        let root: Table = text
            .parse()
            .map_err(|error: toml::de::Error| error.to_string())?;
        let field = |section: &str, key: &str| {
            let value = root
                .get(section)
                .and_then(|section| section.get(key))
                .and_then(Value::as_array);
            value.ok_or_else(|| format!("`{section}.{key}` is not there, or no array"))
        };
        Ok(Self {
            licences: strings(field("licenses", "allow")?)?,
            registries: strings(field("sources", "allow-registry")?)?,
            bans: field("bans", "deny")?
                .iter()
                .map(Ban::parse)
                .collect::<Result<_, _>>()?,
        })
    }

    /// One line for each rule that a package breaks.
    fn broken_by(&self, metadata: &Metadata) -> Vec<String> {
        let mut broken = Vec::new();
        let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for package in &metadata.packages {
            versions
                .entry(package.name.as_str())
                .or_default()
                .push(package.version.to_string());
            let ours = package.source.is_none();
            let answers = [
                self.licence(package),
                if ours {
                    wildcard(package)
                } else {
                    self.source(package)
                },
            ];
            broken.extend(
                answers
                    .into_iter()
                    .flatten()
                    .map(|rule| format!("{} {}: {rule}", package.name, package.version)),
            );
        }
        for ban in &self.bans {
            let found = versions
                .get(ban.name.as_str())
                .map_or(&[][..], Vec::as_slice);
            if found.len() > usize::from(ban.second_version_only) {
                broken.push(format!(
                    "{} {}: banned, since {}",
                    ban.name,
                    found.join(" and "),
                    ban.reason
                ));
            }
        }
        broken
    }

    fn licence(&self, package: &Package) -> Option<String> {
        let Some(text) = &package.license else {
            return Some("states no licence".to_owned());
        };
        // Lax: old crates write `MIT/Apache-2.0`.
        match spdx::Expression::parse_mode(text, spdx::ParseMode::LAX) {
            Ok(expression)
                if expression
                    .evaluate(|required| self.licences.contains(&required.to_string())) =>
            {
                None
            }
            Ok(_) => Some(format!("its licence {text} is not allowed")),
            Err(error) => Some(format!(
                "its licence {text:?} cannot be read: {}",
                error.reason
            )),
        }
    }

    fn source(&self, package: &Package) -> Option<String> {
        let source = package.source.as_ref()?.to_string();
        let known = source
            .strip_prefix("registry+")
            .is_some_and(|url| self.registries.iter().any(|registry| registry == url));
        (!known).then(|| format!("comes from {source}"))
    }
}

impl Ban {
    fn parse(value: &Value) -> Result<Self, String> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            name: text("crate").ok_or_else(|| format!("`bans.deny`: {value} names no `crate`"))?,
            second_version_only: value
                .get("deny-multiple-versions")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            reason: text("reason")
                .ok_or_else(|| format!("`bans.deny`: {value} gives no `reason`"))?,
        })
    }
}

/// A dependency of ours on `*`, other than by path.
fn wildcard(package: &Package) -> Option<String> {
    let wild = package
        .dependencies
        .iter()
        .find(|dependency| dependency.path.is_none() && dependency.req.to_string() == "*")?;
    Some(format!("depends on any version of {}", wild.name))
}

fn strings(values: &[Value]) -> Result<Vec<String>, String> {
    let string = |value: &Value| {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("{value} is not a string"))
    };
    values.iter().map(string).collect()
}
