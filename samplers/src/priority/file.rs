//! Rules from a file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use opentelemetry::trace::SpanKind;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::check;
use super::pattern::{Pattern, Patterns};
use super::rule::Rule;
use super::rules::PriorityRules;
use crate::Error;
use crate::settings_file::{self, SettingsFile, Step};

pub(super) fn read(path: &Path) -> Result<PriorityRules, Error> {
    parse(Some(path), &settings_file::read(path)?)
}

pub(super) fn parse(path: Option<&Path>, text: &str) -> Result<PriorityRules, Error> {
    let file = SettingsFile::parse(path, text)?;
    let rules: PriorityRules = file.section("priority")?;
    check::check(&rules).map_err(|problem| {
        let key = problem.key.as_ref().map(|key| Step::Key(key.as_str()));
        let rule = problem
            .rule
            .map(|rule| [Step::Key("rules"), Step::Place(rule)]);
        let steps: Vec<_> = rule
            .into_iter()
            .flatten()
            .chain([Step::Key(problem.field)])
            .chain(key)
            .collect();
        file.in_section(&steps, problem.value, problem.expected)
    })?;
    Ok(rules)
}

/// The fields of the table; what they hold is checked by [`PriorityRules::check`].
impl<'de> Deserialize<'de> for PriorityRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(default)]
            rules: Vec<Rule>,
            default_rate: Option<f64>,
            default_budget: Option<f64>,
        }

        let fields = Fields::deserialize(deserializer)?;
        Ok(Self {
            rules: fields.rules,
            default_rate: fields.default_rate,
            default_budget: fields.default_budget,
        })
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            id: Box<str>,
            span_name: Option<Patterns>,
            route: Option<Patterns>,
            operation: Option<Patterns>,
            kind: Option<Kinds>,
            #[serde(default)]
            attributes: BTreeMap<String, Patterns>,
            rate: Option<f64>,
            budget: Option<f64>,
            #[serde(default)]
            high_value: bool,
        }

        let fields = Fields::deserialize(deserializer)?;
        let attributes = fields.attributes.into_iter();
        Ok(Self {
            id: fields.id,
            span_name: fields.span_name,
            route: fields.route,
            operation: fields.operation,
            kind: fields.kind.map(|kinds| kinds.0),
            attributes: attributes
                .map(|(key, patterns)| (key.into(), patterns))
                .collect(),
            rate: fields.rate,
            budget: fields.budget,
            high_value: fields.high_value,
        })
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternsVisitor)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

struct PatternVisitor;

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a boolean or { prefix = … }, { contains = … }, { glob = … }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Pattern, E> {
        Ok(text.into())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Pattern, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Pattern, E> {
        Ok(number.into())
    }

    fn visit_bool<E: de::Error>(self, wanted: bool) -> Result<Pattern, E> {
        Ok(wanted.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Pattern, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            exact: Option<String>,
            prefix: Option<String>,
            contains: Option<String>,
            glob: Option<String>,
            #[serde(default)]
            ignore_case: bool,
        }

        let fields = Fields::deserialize(de::value::MapAccessDeserializer::new(fields))?;
        let pattern = match (fields.exact, fields.prefix, fields.contains, fields.glob) {
            (Some(text), None, None, None) => text.into(),
            (None, Some(text), None, None) => Pattern::prefix(text),
            (None, None, Some(text), None) => Pattern::contains(text),
            (None, None, None, Some(text)) => Pattern::glob(text),
            _ => {
                let expected = "one of `exact`, `prefix`, `contains`, `glob`";
                return Err(de::Error::custom(format!("a pattern, expected {expected}")));
            }
        };
        Ok(if fields.ignore_case {
            pattern.ignore_case()
        } else {
            pattern
        })
    }
}

struct PatternsVisitor;

impl<'de> Visitor<'de> for PatternsVisitor {
    type Value = Patterns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PatternVisitor.expecting(f)?;
        f.write_str(", or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Patterns, E> {
        PatternVisitor.visit_str(text).map(Patterns::from)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Patterns, E> {
        PatternVisitor.visit_i64(number).map(Patterns::from)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Patterns, E> {
        PatternVisitor.visit_f64(number).map(Patterns::from)
    }

    fn visit_bool<E: de::Error>(self, wanted: bool) -> Result<Patterns, E> {
        PatternVisitor.visit_bool(wanted).map(Patterns::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Patterns, A::Error> {
        PatternVisitor.visit_map(fields).map(Patterns::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Patterns, A::Error> {
        let mut patterns = Vec::new();
        while let Some(pattern) = list.next_element()? {
            patterns.push(pattern);
        }
        Ok(Patterns(patterns))
    }
}

struct Kinds(Vec<SpanKind>);

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindsVisitor)
    }
}

struct KindsVisitor;

impl<'de> Visitor<'de> for KindsVisitor {
    type Value = Kinds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kind of span or a list of them")
    }

    fn visit_str<E: de::Error>(self, kind: &str) -> Result<Kinds, E> {
        let kind = KINDS.iter().find(|(name, _)| *name == kind);
        match kind {
            Some((_, kind)) => Ok(Kinds(vec![kind.clone()])),
            None => Err(E::custom(format!(
                "unknown kind, expected one of {}",
                KINDS.map(|(name, _)| format!("{name:?}")).join(", ")
            ))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kinds, A::Error> {
        let mut kinds = Vec::new();
        while let Some(Kinds(kind)) = list.next_element()? {
            kinds.extend(kind);
        }
        Ok(Kinds(kinds))
    }
}

const KINDS: [(&str, SpanKind); 5] = [
    ("internal", SpanKind::Internal),
    ("server", SpanKind::Server),
    ("client", SpanKind::Client),
    ("producer", SpanKind::Producer),
    ("consumer", SpanKind::Consumer),
];

#[cfg(test)]
mod tests;
