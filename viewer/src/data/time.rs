//! Points in time.

use std::fmt;

/// A point in time: nanoseconds since the Unix epoch, as OTLP carries it. Zero means that it was not given.
///
/// `Display` writes the date and the time of day in UTC, to the millisecond.
///
/// ```
/// use throughline_viewer::Time;
///
/// let time = Time::from_nanos(1_700_000_000_123_456_789);
/// assert_eq!(time.to_string(), "2023-11-14 22:13:20.123");
/// assert_eq!(time.nanos_since(Time::from_nanos(time.as_nanos() + 1)), -1);
/// assert!(time.is_known() && !Time::UNKNOWN.is_known());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// A time that was not given.
    pub const UNKNOWN: Time = Time(0);

    /// This many nanoseconds after the Unix epoch.
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether the time was given at all.
    pub fn is_known(self) -> bool {
        self.0 != 0
    }

    /// Nanoseconds from `earlier` to this time; negative if `earlier` is later, saturating at the ends of `i64`.
    pub fn nanos_since(self, earlier: Time) -> i64 {
        let difference = i128::from(self.0) - i128::from(earlier.0);
        difference.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / DAY, self.0 % DAY);
        let (year, month, day) = civil(days as i64);
        let seconds = rest / SECOND;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let millis = rest % SECOND / 1_000_000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}"
        )
    }
}

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// The date of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`: years that begin in
/// March put the leap day last, so that the day of the year gives the month by one linear formula.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_at_the_ends_of_months_and_leap_years() {
        for (seconds, expected) in [
            (0_u64, "1970-01-01 00:00:00.000"),
            (951_782_399, "2000-02-28 23:59:59.000"),
            (951_782_400, "2000-02-29 00:00:00.000"),
            (951_868_800, "2000-03-01 00:00:00.000"),
            (4_107_542_399, "2100-02-28 23:59:59.000"),
            (4_107_542_400, "2100-03-01 00:00:00.000"),
        ] {
            assert_eq!(Time(seconds * SECOND).to_string(), expected);
        }
        assert_eq!(Time(u64::MAX).to_string(), "2554-07-21 23:34:33.709");
    }
}
