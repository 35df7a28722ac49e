//! What the specification allows as names, units and bounds of instruments.
//!
//! An instrument that breaks a rule does nothing, and one warning names the field, the value and what was
//! expected. Nothing panics.

use std::borrow::Cow;

use opentelemetry::InstrumentationScope;

use crate::Error;
use crate::aggregation::check_bounds;
use crate::warning::warn;

/// Specification: `metrics/api.md`, "Instrument name syntax".
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let mut bytes = name.bytes();
    let valid = name.len() <= 255
        && bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/'));
    if valid {
        Ok(())
    } else {
        Err(Error::invalid(
            "instrument.name",
            shorten(name),
            "a letter, then letters, digits, `_`, `.`, `-` or `/`, 255 characters at most, all ASCII",
        ))
    }
}

/// Specification: `metrics/api.md`, "Instrument unit".
pub(crate) fn check_unit(unit: &str) -> Result<(), Error> {
    if unit.is_ascii() && unit.len() <= 63 {
        Ok(())
    } else {
        Err(Error::invalid(
            "instrument.unit",
            shorten(unit),
            "63 ASCII characters at most",
        ))
    }
}

/// Specification: `metrics/api.md`, "Instrument advisory parameter: ExplicitBucketBoundaries".
pub(crate) fn check_advice(bounds: Option<&[f64]>) -> Result<(), Error> {
    bounds.map_or(Ok(()), |bounds| {
        check_bounds("instrument.boundaries", bounds)
    })
}

/// Says that an instrument does nothing, and why.
pub(crate) fn warn_refused(scope: &InstrumentationScope, name: &str, error: &Error) {
    warn(format_args!(
        "{error}; the instrument {:?} of the meter {:?} records nothing",
        shorten(name),
        scope.name(),
    ));
}

/// A value fit for a log line.
fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(300) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_syntax_of_the_specification() {
        let longest = "a".repeat(255);
        for name in ["a", "Z9", "http.server-request_x/y", &longest] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(256);
        for name in ["", "1a", ".a", "_a", "a b", "é", "a\n", "a*", &too_long] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn units_are_short_and_ascii() {
        assert_eq!(check_unit(""), Ok(()));
        assert_eq!(check_unit(&"u".repeat(63)), Ok(()));
        assert!(check_unit(&"u".repeat(64)).is_err());
        let error = check_unit("µs").unwrap_err().to_string();
        assert!(error.contains("instrument.unit is \"µs\""), "{error}");
        assert!(error.contains("63 ASCII"), "{error}");
    }

    #[test]
    fn boundaries_are_finite_and_increase() {
        assert_eq!(check_advice(None), Ok(()));
        assert_eq!(check_advice(Some(&[])), Ok(()));
        assert_eq!(check_advice(Some(&[-1.0, 0.0, 1.0])), Ok(()));
        for bounds in [
            &[2.0, 1.0][..],
            &[1.0, 1.0],
            &[f64::NAN],
            &[1.0, f64::INFINITY],
            &[f64::NEG_INFINITY],
        ] {
            assert!(check_advice(Some(bounds)).is_err(), "{bounds:?}");
        }
    }
}
