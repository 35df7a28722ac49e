//! Which instruments a view is about.

use std::borrow::Cow;

use opentelemetry::InstrumentationScope;

use crate::InstrumentKind;

/// Criteria that an instrument must meet, all of them (specification: `metrics/sdk.md`, "Instrument
/// selection criteria").
///
/// ```
/// use throughline_engine::{InstrumentKind, Selector};
///
/// // Every histogram in seconds whose name begins so.
/// let durations = Selector::name("http.*").kind(InstrumentKind::Histogram).unit("s");
///
/// // Whatever the meters of one library make.
/// let shop = Selector::any()
///     .scope_name("shop")
///     .scope_version("1.2.0")
///     .scope_schema_url("https://opentelemetry.io/schemas/1.37.0");
/// # assert_ne!(durations, shop);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Selector {
    name: Option<Cow<'static, str>>,
    kind: Option<InstrumentKind>,
    unit: Option<Cow<'static, str>>,
    scope_name: Option<Cow<'static, str>>,
    scope_version: Option<Cow<'static, str>>,
    scope_schema_url: Option<Cow<'static, str>>,
}

/// What a selector looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: InstrumentKind,
    pub(crate) unit: &'a str,
    pub(crate) scope: &'a InstrumentationScope,
}

impl Selector {
    /// Every instrument.
    pub fn any() -> Self {
        Self::default()
    }

    /// Instruments of this name, in any case. `*` stands for any number of characters, `?` for exactly one.
    pub fn name(pattern: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: Some(pattern.into()),
            ..Self::default()
        }
    }

    /// Only of this kind.
    pub fn kind(mut self, kind: InstrumentKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only with this unit, case-sensitive.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Only from meters of this name.
    pub fn scope_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.scope_name = Some(name.into());
        self
    }

    /// Only from meters of this version.
    pub fn scope_version(mut self, version: impl Into<Cow<'static, str>>) -> Self {
        self.scope_version = Some(version.into());
        self
    }

    /// Only from meters with this schema URL.
    pub fn scope_schema_url(mut self, url: impl Into<Cow<'static, str>>) -> Self {
        self.scope_schema_url = Some(url.into());
        self
    }

    /// Whether it can match instruments of several names.
    pub(crate) fn is_wide(&self) -> bool {
        self.name
            .as_ref()
            .is_none_or(|name| name.contains(['*', '?']))
    }

    pub(crate) fn matches(&self, candidate: Candidate<'_>) -> bool {
        let is = |criterion: &Option<Cow<'static, str>>, value: Option<&str>| {
            criterion
                .as_ref()
                .is_none_or(|wanted| Some(wanted.as_ref()) == value)
        };
        self.name
            .as_ref()
            .is_none_or(|pattern| matches_glob(pattern, candidate.name))
            && self.kind.is_none_or(|kind| kind == candidate.kind)
            && is(&self.unit, Some(candidate.unit))
            && is(&self.scope_name, Some(candidate.scope.name()))
            && is(&self.scope_version, candidate.scope.version())
            && is(&self.scope_schema_url, candidate.scope.schema_url())
    }
}

/// `*` any number of characters, `?` exactly one, letters in any case. Linear in `text` for each `*`.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (
        pattern.chars().flat_map(char::to_lowercase).collect(),
        text.chars().flat_map(char::to_lowercase).collect(),
    );
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and how much of the text it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star.as_mut() {
                Some((at, swallowed)) => {
                    *swallowed += 1;
                    p = *at + 1;
                    t = *swallowed;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_the_specification_says() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything.at_all", true),
            ("http.*", "http.server.duration", true),
            ("http.*", "http", false),
            ("*.duration", "http.server.duration", true),
            ("h*p.*r.d*", "http.server.duration", true),
            ("?ttp", "http", true),
            ("?", "", false),
            ("a?c", "ac", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("HTTP.Server", "http.server", true),
            ("http.server", "http.server.x", false),
        ] {
            assert_eq!(matches_glob(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
