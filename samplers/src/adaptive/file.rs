//! Settings from a file.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::check;
use super::settings::{AdaptiveSettings, HighValue};
use crate::Error;
use crate::priority::Pattern;
use crate::settings_file::{self, SettingsFile, Step};

pub(super) fn read(path: &Path) -> Result<AdaptiveSettings, Error> {
    parse(Some(path), &settings_file::read(path)?)
}

pub(super) fn parse(path: Option<&Path>, text: &str) -> Result<AdaptiveSettings, Error> {
    let file = SettingsFile::parse(path, text)?;
    let settings: AdaptiveSettings = file.section("adaptive")?;
    check::check(&settings).map_err(|problem| {
        let place = problem.place;
        let place = place.map(|place| [Step::Key("high_value"), Step::Place(place)]);
        let steps = place.into_iter().flatten();
        let steps: Vec<_> = steps.chain([Step::Key(problem.field)]).collect();
        file.in_section(&steps, problem.value, problem.expected)
    })?;
    Ok(settings)
}

/// The fields of the table; what they hold is checked by [`AdaptiveSettings::check`].
impl<'de> Deserialize<'de> for AdaptiveSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Fields {
            target_per_second: f64,
            base_rate: f64,
            error_rate: f64,
            slow_rate: f64,
            slow_threshold: Time,
            load_threshold: f64,
            load_factor: f64,
            max_operations: usize,
            high_value: Vec<HighValue>,
        }

        impl Default for Fields {
            fn default() -> Self {
                let settings = AdaptiveSettings::default();
                Self {
                    target_per_second: settings.target_per_second,
                    base_rate: settings.base_rate,
                    error_rate: settings.error_rate,
                    slow_rate: settings.slow_rate,
                    slow_threshold: Time(settings.slow_threshold),
                    load_threshold: settings.load_threshold,
                    load_factor: settings.load_factor,
                    max_operations: settings.max_operations,
                    high_value: settings.high_value,
                }
            }
        }

        let fields = Fields::deserialize(deserializer)?;
        Ok(Self {
            target_per_second: fields.target_per_second,
            base_rate: fields.base_rate,
            error_rate: fields.error_rate,
            slow_rate: fields.slow_rate,
            slow_threshold: fields.slow_threshold.0,
            load_threshold: fields.load_threshold,
            load_factor: fields.load_factor,
            max_operations: fields.max_operations,
            high_value: fields.high_value,
        })
    }
}

impl<'de> Deserialize<'de> for HighValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            operation: Pattern,
            rate: f64,
        }

        let Fields { operation, rate } = Fields::deserialize(deserializer)?;
        Ok(Self { operation, rate })
    }
}

/// A number with its unit: `"500ms"`.
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;

        impl Visitor<'_> for TimeVisitor {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time with its unit, such as \"500ms\", \"2.5s\" or \"1m\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                let time = time(text).map(Time);
                time.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(TimeVisitor)
    }
}

fn time(text: &str) -> Option<Duration> {
    let unit = text.find(|sign: char| sign != '.' && !sign.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit.trim_start() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    // Rounded, since 0.0025 has no end in binary.
    let nanoseconds = (number * seconds * 1e9).round();
    (nanoseconds <= u64::MAX as f64).then(|| Duration::from_nanos(nanoseconds as u64))
}

#[cfg(test)]
mod tests;
