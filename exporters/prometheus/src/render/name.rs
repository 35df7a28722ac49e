//! What a metric is called in Prometheus.

use super::unit;

/// What a family's samples and comments are named after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The name without `_total`: what OpenMetrics' comments use, and what suffixes are appended to.
    pub(super) base: String,
    /// The unit's words, for the UNIT comment; empty where `base` does not end in `_` and them.
    pub(super) unit: String,
}

/// What the type contributes to the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suffix {
    /// Monotonic sums: `_total`, which is not part of [`Name::base`].
    Total,
    /// Gauges: `_ratio` for the unit `1`.
    Ratio,
    /// Everything else: none.
    Nothing,
}

impl Name {
    /// Translates a stream's name and unit; `None` where nothing valid is left of the name.
    pub(super) fn new(name: &str, unit: &str, suffix: Suffix) -> Option<Self> {
        let mut base = String::with_capacity(name.len() + 16);
        push_words(&mut base, name);
        if base.is_empty() {
            return None;
        }
        if suffix == Suffix::Total
            && let Some(stripped) = base.strip_suffix("_total")
        {
            base.truncate(stripped.len());
        }
        let mut words = String::new();
        if suffix == Suffix::Ratio && unit == "1" {
            words.push_str("ratio");
        } else if !unit.is_empty() {
            unit::push_words(&mut words, unit);
        }
        append(&mut base, &words);
        if base.starts_with(|c: char| c.is_ascii_digit()) {
            base.insert(0, '_');
        }
        if !ends_in(&base, &words) {
            words.clear();
        }
        Some(Self { base, unit: words })
    }
}

/// Appends the words to the name unless it ends in them, or is nothing but them. A name that ends in the
/// unit's part before `per` gets the rest: `sent_bytes` and `By/s` give `sent_bytes_per_second`.
fn append(base: &mut String, words: &str) {
    if words.is_empty() || base == words || ends_in(base, words) {
        return;
    }
    if let Some(per) = words.find("_per_")
        && (ends_in(base, &words[..per]) || base.as_str() == &words[..per])
    {
        base.push_str(&words[per..]);
    } else {
        base.push('_');
        base.push_str(words);
    }
}

fn ends_in(base: &str, words: &str) -> bool {
    base.strip_suffix(words)
        .is_some_and(|rest| rest.ends_with('_'))
}

/// Appends the runs of valid characters in `text`, joined by `_`.
pub(super) fn push_words(out: &mut String, text: &str) {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == ':';
    for word in text.split(|c| !valid(c)).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(word);
    }
}

/// Appends `key` as the name of a label.
///
/// Unlike a metric's name it keeps a `_` at either end, as prometheus/otlptranslator does; but
/// never two, so no attribute can pose as `__name__`.
pub(super) fn push_label(out: &mut String, key: &str) {
    let start = out.len();
    if key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push_str("key_");
    }
    for c in key.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out[start..].ends_with('_') {
            out.push('_');
        }
    }
    if out.len() == start {
        out.push('_');
    }
}

#[cfg(test)]
mod tests;
