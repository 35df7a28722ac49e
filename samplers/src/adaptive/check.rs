//! Whether settings make sense.

use std::ops::RangeInclusive;

use super::settings::AdaptiveSettings;
use crate::Error;

/// What does not.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) field: &'static str,
    /// Which operation of high value, if it is one's.
    pub(super) place: Option<usize>,
    pub(super) value: String,
    pub(super) expected: String,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let (value, expected) = (problem.value, problem.expected);
        match problem.place {
            None => Error::Setting {
                field: problem.field,
                value,
                expected,
            },
            Some(place) => Error::Rule {
                rule: format!("high_value[{place}]"),
                field: problem.field.to_owned(),
                value,
                expected,
            },
        }
    }
}

/// The number of an operation has 16 bits, with some to spare.
const MOST_OPERATIONS: usize = 60_000;

pub(super) fn check(settings: &AdaptiveSettings) -> Result<(), Problem> {
    let share = 0.0..=1.0;
    number("target_per_second", settings.target_per_second, 1e-3..=1e6)?;
    number("base_rate", settings.base_rate, share.clone())?;
    number("error_rate", settings.error_rate, share.clone())?;
    number("slow_rate", settings.slow_rate, share)?;
    if settings.slow_threshold.is_zero() {
        let value = format!("{:?}", settings.slow_threshold);
        return Err(problem("slow_threshold", value, "more than nothing"));
    }
    part("load_threshold", settings.load_threshold)?;
    part("load_factor", settings.load_factor)?;
    let operations = settings.max_operations;
    if !(1..=MOST_OPERATIONS).contains(&operations) {
        let expected = format!("1 to {MOST_OPERATIONS}");
        return Err(problem("max_operations", operations.to_string(), expected));
    }
    for (place, high) in settings.high_value.iter().enumerate() {
        let of_it = |problem: Problem| Problem {
            place: Some(place),
            ..problem
        };
        if !high.operation.is_text() {
            let expected = "a text, since span names are";
            let problem = problem("operation", high.operation.to_string(), expected);
            return Err(of_it(problem));
        }
        part("rate", high.rate).map_err(of_it)?;
        if high.rate < settings.base_rate {
            let expected = format!("at least the base_rate, {}", settings.base_rate);
            return Err(of_it(problem("rate", high.rate.to_string(), expected)));
        }
    }
    Ok(())
}

/// Whether these may follow those that a sampler was built with: how many operations there is room for, and what
/// retention was told to do at the end of a trace, is settled then.
pub(super) fn check_replacement(
    built: &AdaptiveSettings,
    new: &AdaptiveSettings,
) -> Result<(), Problem> {
    check(new)?;
    let settled = |it: &AdaptiveSettings| {
        [
            ("max_operations", it.max_operations.to_string()),
            ("error_rate", it.error_rate.to_string()),
            ("slow_rate", it.slow_rate.to_string()),
            ("slow_threshold", format!("{:?}", it.slow_threshold)),
        ]
    };
    for ((field, built), (_, new)) in settled(built).into_iter().zip(settled(new)) {
        if new != built {
            return Err(problem(
                field,
                new,
                format!("{built}, as it was built with"),
            ));
        }
    }
    Ok(())
}

/// More than nothing, at most all.
fn part(field: &'static str, value: f64) -> Result<(), Problem> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(problem(field, value.to_string(), "more than 0, at most 1"))
}

fn number(field: &'static str, value: f64, range: RangeInclusive<f64>) -> Result<(), Problem> {
    // NaN is in no range.
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(problem(field, value.to_string(), expected))
}

fn problem(field: &'static str, value: String, expected: impl Into<String>) -> Problem {
    Problem {
        field,
        place: None,
        value,
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Pattern;

    fn refused(settings: &AdaptiveSettings) -> (&'static str, Option<usize>) {
        let problem = check(settings).unwrap_err();
        (problem.field, problem.place)
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let ok = AdaptiveSettings::new;
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.1] {
            assert_eq!(refused(&ok().base_rate(bad)).0, "base_rate", "{bad}");
            assert_eq!(refused(&ok().error_rate(bad)).0, "error_rate", "{bad}");
            assert_eq!(refused(&ok().slow_rate(bad)).0, "slow_rate", "{bad}");
            assert_eq!(
                refused(&ok().load_threshold(bad)).0,
                "load_threshold",
                "{bad}"
            );
            assert_eq!(refused(&ok().load_factor(bad)).0, "load_factor", "{bad}");
        }
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e-4, 2e6] {
            let settings = ok().target_per_second(bad);
            assert_eq!(refused(&settings).0, "target_per_second", "{bad}");
        }
        assert_eq!(
            refused(&ok().slow_threshold(Duration::ZERO)).0,
            "slow_threshold"
        );
        assert_eq!(refused(&ok().load_factor(0.0)).0, "load_factor");
        for bad in [0, 60_001, usize::MAX] {
            assert_eq!(refused(&ok().max_operations(bad)).0, "max_operations");
        }
    }

    #[test]
    fn the_ends_of_the_ranges_are_in_them() {
        for share in [0.0, 1.0] {
            let settings = AdaptiveSettings::new();
            let settings = settings.base_rate(share).error_rate(share).slow_rate(share);
            assert_eq!(
                check(&settings.load_threshold(1.0).load_factor(1.0)),
                Ok(())
            );
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let ok = AdaptiveSettings::new().base_rate(0.5).high_value("a", 0.5);
        assert_eq!(check(&ok), Ok(()));
        let lower_than_others = ok.clone().high_value("b", 0.4);
        assert_eq!(refused(&lower_than_others), ("rate", Some(1)));
        assert_eq!(
            refused(&ok.clone().high_value("b", f64::NAN)),
            ("rate", Some(1))
        );
        assert_eq!(
            refused(&ok.high_value(Pattern::from(443), 1.0)),
            ("operation", Some(1))
        );
        let never = AdaptiveSettings::new().base_rate(0.0).high_value("a", 0.0);
        assert_eq!(refused(&never), ("rate", Some(0)));
    }
}
