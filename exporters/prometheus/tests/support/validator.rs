//! A strict reader of both formats, written from their specifications and not from the writer:
//! OpenMetrics 1.0 ("Text format", "Metric Types") and prometheus/docs `exposition_formats.md`.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Which format to hold the text against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Text,
    OpenMetrics,
}

/// Checks the whole text and says how many series groups (points) it has, `target_info` included.
pub fn validate(text: &str, dialect: Dialect) -> Result<usize, String> {
    let mut reader = Reader {
        dialect,
        families: Vec::new(),
        taken: HashMap::new(),
        eof: false,
    };
    let Some(body) = text.strip_suffix('\n').or((text.is_empty()).then_some("")) else {
        return Err("the last line has no line feed".into());
    };
    if !text.is_empty() {
        for line in body.split('\n') {
            reader
                .line(line)
                .map_err(|reason| format!("{reason}: {line}"))?;
        }
    }
    if dialect == Dialect::OpenMetrics && !reader.eof {
        return Err("no # EOF".into());
    }
    let mut points = 0;
    for family in &reader.families {
        points += family
            .check(dialect)
            .map_err(|reason| format!("{reason} in {}", family.name))?;
    }
    Ok(points)
}

struct Reader {
    dialect: Dialect,
    families: Vec<Family>,
    /// Every name that a family could have a sample of, with the family's place.
    taken: HashMap<String, usize>,
    eof: bool,
}

#[derive(Default)]
struct Family {
    name: String,
    kind: Option<String>,
    unit: Option<String>,
    help: Option<String>,
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: String,
    exemplar: Option<Exemplar>,
}

struct Exemplar {
    value: f64,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.eof {
            return Err("a line after # EOF".into());
        }
        if line.is_empty() {
            return Err("a blank line".into());
        }
        if line == "# EOF" && self.dialect == Dialect::OpenMetrics {
            self.eof = true;
            return Ok(());
        }
        match line.strip_prefix("# ") {
            Some(comment) => self.comment(comment),
            None if line.starts_with('#') => Err("a comment that is none of the known".into()),
            None => self.sample(line),
        }
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        let mut parts = comment.splitn(3, ' ');
        let (Some(keyword), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("a comment with fewer than three parts".into());
        };
        check_name(name, true)?;
        if self
            .families
            .last()
            .is_none_or(|family| family.name != name)
        {
            if self.families.iter().any(|family| family.name == name) {
                return Err("a family in two places".into());
            }
            let name = name.to_owned();
            self.families.push(Family {
                name,
                ..Family::default()
            });
        }
        let openmetrics = self.dialect == Dialect::OpenMetrics;
        let place = self.families.len() - 1;
        let family = &mut self.families[place];
        if !family.samples.is_empty() {
            return Err("a comment after samples".into());
        }
        let (slot, later): (_, &[&Option<String>]) = match keyword {
            "TYPE" => (&mut family.kind, &[&family.unit, &family.help]),
            "UNIT" if openmetrics => (&mut family.unit, &[&family.help]),
            "HELP" => (&mut family.help, &[]),
            _ => return Err("an unknown keyword".into()),
        };
        if slot.is_some() {
            return Err("the same comment twice".into());
        }
        if openmetrics && later.iter().any(|later| later.is_some()) {
            return Err("not in the order TYPE, UNIT, HELP".into());
        }
        *slot = Some(rest.to_owned());
        if keyword == "HELP" {
            check_escapes(rest, openmetrics)?;
        }
        if keyword == "TYPE" {
            for suffix in suffixes(rest, openmetrics)? {
                let full = format!("{name}{suffix}");
                if self
                    .taken
                    .insert(full.clone(), place)
                    .is_some_and(|other| other != place)
                {
                    return Err(format!("{full} is taken by another family"));
                }
            }
        }
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let sample = parse_sample(line, self.dialect)?;
        let place = self
            .taken
            .get(&sample.name)
            .ok_or("a sample of no family")?;
        if *place != self.families.len() - 1 {
            return Err("a sample outside of its family".into());
        }
        self.families[*place].samples.push(sample);
        Ok(())
    }
}

/// The names of a family's samples, and what it reserves.
fn suffixes(kind: &str, openmetrics: bool) -> Result<&'static [&'static str], String> {
    Ok(match (kind, openmetrics) {
        ("counter", true) => &["", "_total", "_created"],
        ("counter" | "gauge", false) | ("gauge", true) => &[""],
        ("histogram", true) => &["", "_bucket", "_sum", "_count", "_created"],
        ("histogram", false) => &["", "_bucket", "_sum", "_count"],
        ("info", true) => &["", "_info"],
        _ => return Err("an unknown type".into()),
    })
}

impl Family {
    /// Checks the samples against the type, and counts the label sets.
    fn check(&self, dialect: Dialect) -> Result<usize, String> {
        let openmetrics = dialect == Dialect::OpenMetrics;
        let kind = self.kind.as_deref().ok_or("no type")?;
        if let Some(unit) = &self.unit
            && (unit.is_empty() || !self.name.ends_with(&format!("_{unit}")) || kind == "info")
        {
            return Err("a unit that is no suffix".into());
        }
        let mut series = HashSet::new();
        for sample in &self.samples {
            if !series.insert((&sample.name, &sample.labels)) {
                return Err(format!(
                    "the same series twice: {} {:?}",
                    sample.name, sample.labels
                ));
            }
            let suffix = &sample.name[self.name.len()..];
            let value = number(&sample.value)?;
            let allowed = match (kind, openmetrics) {
                ("counter", true) => suffix == "_total" || suffix == "_created",
                ("info", _) => suffix == "_info" && value == 1.0,
                ("histogram", _) => !suffix.is_empty(),
                _ => suffix.is_empty(),
            };
            if !allowed {
                return Err(format!("no such sample in a {kind}: {}", sample.name));
            }
            let counts = kind == "histogram" || (kind == "counter" && suffix == "_total");
            if openmetrics && counts && (value.is_nan() || value < 0.0) {
                return Err("a counter that is negative or NaN".into());
            }
            if sample.exemplar.is_some() && !["_bucket", "_total"].contains(&suffix) {
                return Err("an exemplar at the wrong sample".into());
            }
            if (suffix == "_bucket") != sample.labels.contains_key("le") && kind == "histogram" {
                return Err("le at the wrong sample".into());
            }
        }
        if kind == "histogram" {
            self.check_histogram(openmetrics)
        } else if openmetrics && kind == "counter" {
            Ok(self
                .samples
                .iter()
                .filter(|sample| sample.name.ends_with("_total"))
                .count())
        } else {
            Ok(self.samples.len())
        }
    }

    fn check_histogram(&self, openmetrics: bool) -> Result<usize, String> {
        let mut groups: Vec<(BTreeMap<String, String>, Vec<&Sample>)> = Vec::new();
        for sample in &self.samples {
            let mut labels = sample.labels.clone();
            labels.remove("le");
            let place = groups.iter().position(|(of_group, _)| *of_group == labels);
            match place {
                None => groups.push((labels, vec![sample])),
                Some(at) if at + 1 == groups.len() => groups[at].1.push(sample),
                Some(_) => return Err("metrics are interleaved".into()),
            }
        }
        for (_, samples) in &groups {
            self.check_point(samples, openmetrics)?;
        }
        Ok(groups.len())
    }

    fn check_point(&self, samples: &[&Sample], openmetrics: bool) -> Result<(), String> {
        let of = |suffix: &str| {
            let name = format!("{}{suffix}", self.name);
            samples.iter().filter(move |sample| sample.name == name)
        };
        let mut before = (f64::NEG_INFINITY, 0u64);
        let mut first = true;
        let mut negative = false;
        for bucket in of("_bucket") {
            let le = &bucket.labels["le"];
            let bound = number(le)?;
            if openmetrics && le.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
                return Err(format!("le is no canonical float: {le}"));
            }
            let count: u64 = bucket
                .value
                .parse()
                .map_err(|_| "a bucket that is no integer")?;
            if (!first && bound <= before.0) || count < before.1 {
                return Err("buckets that do not increase".into());
            }
            if let Some(exemplar) = &bucket.exemplar
                && !(exemplar.value <= bound && (first || exemplar.value > before.0))
            {
                return Err(format!(
                    "an exemplar outside of its bucket: {}",
                    exemplar.value
                ));
            }
            negative |= bound < 0.0;
            first = false;
            before = (bound, count);
        }
        if before.0 != f64::INFINITY {
            return Err("no bucket of +Inf".into());
        }
        let (sum, count) = (of("_sum").next(), of("_count").next());
        if sum.is_some() != count.is_some() || (!openmetrics && sum.is_none()) {
            return Err("a sum without a count, or none".into());
        }
        if count.is_some_and(|count| count.value != before.1.to_string()) {
            return Err("a count that is not the last bucket".into());
        }
        if openmetrics && negative && sum.is_some() {
            return Err("a sum beside negative bounds".into());
        }
        Ok(())
    }
}

fn parse_sample(line: &str, dialect: Dialect) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(end);
    check_name(name, true)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let rest = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, exemplar)) => (value, Some(parse_exemplar(exemplar)?)),
        None => (rest, None),
    };
    if value.contains(' ') {
        return Err("a timestamp".into());
    }
    if exemplar.is_some() && dialect == Dialect::Text {
        return Err("an exemplar in text 0.0.4".into());
    }
    number(value)?;
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: value.to_owned(),
        exemplar,
    })
}

fn parse_exemplar(text: &str) -> Result<Exemplar, String> {
    let (labels, rest) = parse_labels(text.strip_prefix('{').ok_or("no labels")?)?;
    let characters: usize = labels
        .iter()
        .map(|(name, value)| name.chars().count() + value.chars().count())
        .sum();
    if characters > 128 {
        return Err("an exemplar past 128 characters".into());
    }
    for (name, length) in [("trace_id", 32), ("span_id", 16)] {
        if labels
            .get(name)
            .is_some_and(|id| id.bytes().all(|b| b == b'0') && id.len() == length)
        {
            return Err("an id of zeros".into());
        }
    }
    let rest = rest.strip_prefix(' ').ok_or("no space")?;
    let (value, time) = rest.split_once(' ').ok_or("an exemplar without a time")?;
    if !number(time)?.is_finite() {
        return Err("a time that is no time".into());
    }
    let value = number(value)?;
    Ok(Exemplar { value })
}

/// The labels up to the closing brace, unescaped, and what follows it.
fn parse_labels(text: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.starts_with('}') {
        if !labels.is_empty() {
            rest = rest.strip_prefix(',').ok_or("no comma between labels")?;
        }
        let (name, value) = rest.split_once("=\"").ok_or("a label without a value")?;
        check_name(name, false)?;
        let mut unescaped = String::new();
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().ok_or("a value without an end")? {
                (at, '"') => break at,
                (_, '\\') => match chars.next() {
                    Some((_, 'n')) => unescaped.push('\n'),
                    Some((_, c @ ('"' | '\\'))) => unescaped.push(c),
                    _ => return Err("an unknown escape".into()),
                },
                (_, c) => unescaped.push(c),
            }
        };
        if unescaped.is_empty() {
            return Err("an empty label".into());
        }
        if labels.insert(name.to_owned(), unescaped).is_some() {
            return Err("a label twice".into());
        }
        rest = &value[end + 1..];
    }
    Ok((labels, &rest[1..]))
}

fn check_name(name: &str, colon: bool) -> Result<(), String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    let bad_start = name.starts_with(|c: char| c.is_ascii_digit()) || name.starts_with("__");
    if name.is_empty() || bad_start || !name.chars().all(valid) {
        return Err(format!("not a name: {name:?}"));
    }
    Ok(())
}

fn check_escapes(help: &str, quotes: bool) -> Result<(), String> {
    let mut chars = help.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\' | 'n') => {}
                Some('"') if quotes => {}
                _ => return Err("an unknown escape".into()),
            },
            '"' if quotes => return Err("a quote that is not escaped".into()),
            _ => {}
        }
    }
    Ok(())
}

fn number(text: &str) -> Result<f64, String> {
    let known = match text {
        "NaN" => Some(f64::NAN),
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    let digits = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e');
    let plain = || {
        text.bytes()
            .all(digits)
            .then(|| text.parse().ok())
            .flatten()
    };
    known.or_else(plain).ok_or(format!("not a number: {text}"))
}
