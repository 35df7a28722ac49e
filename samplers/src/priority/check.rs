//! Whether rules make sense.

use std::collections::HashSet;

use opentelemetry::Key;

use super::index::MAX_RULES;
use super::pattern::{Form, Pattern, Patterns, Wanted};
use super::rule::Rule;
use super::rules::PriorityRules;
use crate::Error;
use crate::probability::Threshold;
use crate::settings_file::excerpt;

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Problem {
    /// Its place; `None` if it is not one rule's.
    pub(super) rule: Option<usize>,
    pub(super) field: &'static str,
    /// Which attribute, where the field is `attributes`.
    pub(super) key: Option<Key>,
    pub(super) value: String,
    pub(super) expected: String,
}

impl Problem {
    pub(super) fn into_error(self, rules: &PriorityRules) -> Error {
        let Self {
            rule,
            field,
            key,
            value,
            expected,
        } = self;
        match rule.and_then(|rule| rules.rules.get(rule)) {
            None => Error::Setting {
                field,
                value,
                expected,
            },
            Some(rule) => Error::Rule {
                rule: rule.id.to_string(),
                field: key.map_or_else(|| field.to_owned(), |key| format!("{field}.{key}")),
                value,
                expected,
            },
        }
    }
}

const LONGEST_ID: usize = 64;
/// In bytes. The index grows with them.
const LONGEST_PATTERN: usize = 256;
const MOST_PATTERNS: usize = 256;
const MOST_ATTRIBUTES: usize = 64;

pub(super) fn check(rules: &PriorityRules) -> Result<(), Problem> {
    let of_all = |field, value: String, expected: &str| Problem {
        rule: None,
        field,
        key: None,
        value,
        expected: expected.to_owned(),
    };
    match rules.rules.len() {
        0 => return Err(of_all("rules", "empty".to_owned(), "1 to 512 rules")),
        1..=MAX_RULES => {}
        many => return Err(of_all("rules", format!("{many} rules"), "1 to 512 rules")),
    }
    let share = Share {
        rate: ("default_rate", rules.default_rate),
        budget: ("default_budget", rules.default_budget),
    };
    share
        .check()
        .map_err(|(field, value, expected)| of_all(field, value, expected))?;
    for (place, rule) in rules.rules.iter().enumerate() {
        let wrong = |(field, key, value, expected): Wrong| Problem {
            rule: Some(place),
            field,
            key,
            value,
            expected,
        };
        check_rule(rule).map_err(wrong)?;
    }
    for (place, rule) in rules.rules.iter().enumerate() {
        let earlier = rules.rules[..place].iter().find(|it| it.takes_all_of(rule));
        if let Some(earlier) = earlier {
            let (field, value) = rule.first_condition();
            return Err(Problem {
                rule: Some(place),
                field,
                key: None,
                value,
                expected: format!(
                    "something that the earlier rule {:?} does not match already",
                    earlier.id
                ),
            });
        }
    }
    let mut ids = HashSet::new();
    match rules.rules.iter().position(|rule| !ids.insert(&rule.id)) {
        None => Ok(()),
        Some(place) => Err(Problem {
            rule: Some(place),
            field: "id",
            key: None,
            value: format!("{:?}", rules.rules[place].id),
            expected: "an id that no earlier rule has".to_owned(),
        }),
    }
}

/// Field, attribute, value and what is expected.
type Wrong = (&'static str, Option<Key>, String, String);

fn check_rule(rule: &Rule) -> Result<(), Wrong> {
    let wrong = |field, value: String, expected: &str| (field, None, value, expected.to_owned());
    if !(1..=LONGEST_ID).contains(&rule.id.chars().count()) || rule.id.contains(char::is_control) {
        let id = rule.id.chars().take(LONGEST_ID).collect::<String>();
        return Err(wrong(
            "id",
            format!("{id:?}"),
            "1 to 64 printable characters",
        ));
    }
    if &*rule.id == DEFAULT_ID {
        let expected = "another one: it stands for spans that no rule is for";
        return Err(wrong("id", format!("{DEFAULT_ID:?}"), expected));
    }
    let share = Share {
        rate: ("rate", rule.rate),
        budget: ("budget", rule.budget),
    };
    share
        .check()
        .map_err(|(field, value, expected)| wrong(field, value, expected))?;
    if rule.rate.is_none() && rule.budget.is_none() {
        return Err(wrong("rate", "missing".to_owned(), "a rate or a budget"));
    }
    check_conditions(rule)
}

/// How metrics and [`counts`](super::PrioritySampler::counts) call what no rule is for.
pub(super) const DEFAULT_ID: &str = "default";

fn check_conditions(rule: &Rule) -> Result<(), Wrong> {
    let wrong = |field, value: String, expected: &str| (field, None, value, expected.to_owned());
    let texts = [
        ("span_name", &rule.span_name),
        ("route", &rule.route),
        ("operation", &rule.operation),
    ];
    for (field, patterns) in texts {
        let Some(patterns) = patterns else { continue };
        check_patterns(patterns, true)
            .map_err(|(value, expected)| wrong(field, value, &expected))?;
    }
    if let Some(kinds) = &rule.kind
        && kinds.is_empty()
    {
        return Err(wrong("kind", "[]".to_owned(), "one kind at least"));
    }
    if rule.attributes.len() > MOST_ATTRIBUTES {
        let value = format!("{} of them", rule.attributes.len());
        return Err(wrong("attributes", value, "at most 64"));
    }
    for (key, patterns) in &rule.attributes {
        check_patterns(patterns, false)
            .map_err(|(value, expected)| ("attributes", Some(key.clone()), value, expected))?;
        if !(1..=LONGEST_PATTERN).contains(&key.as_str().len()) {
            let expected = "attributes whose names have 1 to 256 bytes";
            return Err(wrong("attributes", excerpt(key.as_str()), expected));
        }
    }
    match (&rule.operation, &rule.span_name, &rule.route) {
        (None, None, None) if rule.kind.is_none() && rule.attributes.is_empty() => Err(wrong(
            "operation",
            "missing".to_owned(),
            "a condition: operation, span_name, route, kind or attributes",
        )),
        (Some(operation), Some(_), _) | (Some(operation), _, Some(_)) => Err(wrong(
            "operation",
            shown(operation),
            "either operation, which is the name or the route, or these themselves",
        )),
        _ => Ok(()),
    }
}

fn check_patterns(patterns: &Patterns, texts_alone: bool) -> Result<(), (String, String)> {
    if !(1..=MOST_PATTERNS).contains(&patterns.0.len()) {
        let value = format!("a list of {}", patterns.0.len());
        return Err((value, "1 to 256 patterns".to_owned()));
    }
    for pattern in &patterns.0 {
        let expected = match &pattern.0 {
            Wanted::Text(text) if text.text.is_empty() && text.form != Form::Exact => {
                "some text in it"
            }
            Wanted::Text(text) if text.text.len() > LONGEST_PATTERN => "at most 256 bytes",
            Wanted::Text(_) => continue,
            _ if texts_alone => "a text",
            Wanted::Float(number) if number.is_nan() => "a number",
            _ => continue,
        };
        return Err((excerpt(&pattern.to_string()), expected.to_owned()));
    }
    Ok(())
}

/// A rate or a budget, each with the name of its field.
struct Share {
    rate: (&'static str, Option<f64>),
    budget: (&'static str, Option<f64>),
}

impl Share {
    fn check(self) -> Result<(), (&'static str, String, &'static str)> {
        if let (field, Some(rate)) = self.rate
            && rate != 0.0
            && Threshold::from_probability(rate).is_err()
        {
            return Err((field, rate.to_string(), "0, or 2^-56 to 1"));
        }
        let (field, Some(budget)) = self.budget else {
            return Ok(());
        };
        if !(1e-6..=1e6).contains(&budget) {
            return Err((
                field,
                budget.to_string(),
                "0.000001 to 1000000 spans per second",
            ));
        }
        match self.rate {
            (_, None) => Ok(()),
            (_, Some(rate)) => Err((
                field,
                format!("{budget} beside a rate of {rate}"),
                "a rate or a budget, not both",
            )),
        }
    }
}

impl Rule {
    /// Whether no span that the other one is for gets past this one. It may say no where it is so.
    pub(super) fn takes_all_of(&self, other: &Self) -> bool {
        let all = |mine: &Patterns, others: &Patterns| {
            let taken = |pattern: &_| mine.any(|mine| Pattern::implies(pattern, mine));
            others.0.iter().all(taken)
        };
        let given = |mine: &Option<Patterns>, others: &[&Option<Patterns>]| {
            let mut others = others.iter().copied().flatten();
            mine.as_ref()
                .is_none_or(|mine| others.any(|others| all(mine, others)))
        };
        given(&self.span_name, &[&other.span_name])
            && given(&self.route, &[&other.route])
            && given(
                &self.operation,
                &[&other.operation, &other.span_name, &other.route],
            )
            && self.kind.as_ref().is_none_or(|mine| {
                let others = other.kind.as_ref();
                others.is_some_and(|others| others.iter().all(|kind| mine.contains(kind)))
            })
            && self.attributes.iter().all(|(key, mine)| {
                let mut others = other.attributes.iter();
                others.any(|(other, others)| other == key && all(mine, others))
            })
    }

    /// To show which rule is meant.
    fn first_condition(&self) -> (&'static str, String) {
        let texts = [
            ("operation", &self.operation),
            ("span_name", &self.span_name),
            ("route", &self.route),
        ];
        for (field, patterns) in texts {
            if let Some(patterns) = patterns {
                return (field, shown(patterns));
            }
        }
        match self.attributes.first() {
            Some((key, patterns)) => ("attributes", format!("{key} = {}", shown(patterns))),
            None => (
                "kind",
                format!("{:?}", self.kind.as_deref().unwrap_or_default()),
            ),
        }
    }
}

fn shown(patterns: &Patterns) -> String {
    let mut all = patterns.0.iter().map(ToString::to_string);
    match (all.next(), patterns.0.len()) {
        (Some(one), 1) => excerpt(&one),
        (one, _) => excerpt(&format!("[{}, …]", one.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests;
