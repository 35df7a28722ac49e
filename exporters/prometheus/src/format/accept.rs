//! The `Accept` header: ranges with weights, most specific first.

use super::{Escaping, Format, Protocol};

/// The offered format that `header` weighs highest; `None` where it accepts none of them.
pub(super) fn choose(header: &str) -> Option<Format> {
    let ranges: Vec<Range<'_>> = split(header, ',').filter_map(Range::parse).collect();
    let mut best: Option<(Rank, Format)> = None;
    for protocol in Protocol::OFFERED {
        let matching = ranges
            .iter()
            .enumerate()
            .filter_map(|(at, range)| Some((range.specificity(protocol)?, at, range)));
        // Of equally specific ranges the first one counts.
        let Some((specificity, at, range)) =
            matching.max_by_key(|(specificity, at, _)| (*specificity, usize::MAX - at))
        else {
            continue;
        };
        if range.weight == 0 {
            continue;
        }
        let rank = (
            range.weight,
            specificity.min(Specificity::Named),
            usize::MAX - at,
        );
        // Strictly greater: of equals, what is offered first stays.
        if best.is_none_or(|(of_best, _)| rank > of_best) {
            let escaping = range.escaping.filter(|_| protocol.knows_escaping());
            let escaping = escaping.unwrap_or_default();
            best = Some((rank, Format { protocol, escaping }));
        }
    }
    best.map(|(_, format)| format)
}

type Rank = (u16, Specificity, usize);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Anything,
    Type,
    Named,
    Versioned,
}

/// One element of the header: `text/plain;version=0.0.4;q=0.5`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<&'a str>,
    escaping: Option<Escaping>,
    /// In thousandths, 0 to 1000.
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = split(element, ';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Range {
            kind: kind.trim(),
            subtype: subtype.trim(),
            version: None,
            escaping: None,
            weight: 1000,
        };
        for parameter in parts.filter(|part| !part.is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                range.weight = weight(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value);
            } else if name.eq_ignore_ascii_case("escaping") {
                // An unknown scheme is passed over, as prometheus/common does.
                range.escaping = escaping(value);
            }
        }
        Some(range)
    }

    /// How closely this range names `protocol`; `None` where it does not match.
    fn specificity(&self, protocol: Protocol) -> Option<Specificity> {
        let (kind, subtype) = protocol.mime();
        match (self.kind, self.subtype) {
            ("*", "*") => Some(Specificity::Anything),
            (k, "*") if k.eq_ignore_ascii_case(kind) => Some(Specificity::Type),
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => {
                match self.version {
                    Some(version) if version == protocol.version() => Some(Specificity::Versioned),
                    None if protocol.is_unversioned() => Some(Specificity::Named),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Splits at `separator`, but not inside double quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

/// RFC 9110, 12.4.2: `0` to `1` with at most three digits. More digits are cut off; the rest is malformed.
pub(crate) fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction
        .bytes()
        .chain(*b"000")
        .take(3)
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        "0" | "" => Some(thousandths),
        "1" => Some(1000),
        _ => None,
    }
}

fn escaping(value: &str) -> Option<Escaping> {
    match value {
        "allow-utf-8" => Some(Escaping::AllowUtf8),
        "underscores" => Some(Escaping::Underscores),
        "values" => Some(Escaping::Values),
        _ => None,
    }
}
