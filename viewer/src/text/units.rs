//! Numbers for people: about three digits and a unit.

/// A count with a comma every three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A length of time, given in seconds; negative ones keep their sign.
pub(super) fn seconds(seconds: f64, ascii: bool) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let length = seconds.abs();
    let micro = if ascii { "us" } else { "µs" };
    // Each bound is where the smaller unit would round to 1000, so that nothing reads "1000 ms".
    let text = if length == 0.0 {
        "0 s".to_owned()
    } else if length < 0.999_5e-6 {
        format!("{} ns", three(length * 1e9))
    } else if length < 0.999_5e-3 {
        format!("{} {micro}", three(length * 1e6))
    } else if length < 0.999_5 {
        format!("{} ms", three(length * 1e3))
    } else if length < 59.95 {
        format!("{} s", three(length))
    } else if length < 3_599.5 {
        let whole = length.round() as u64;
        format!("{}m {:02}s", whole / 60, whole % 60)
    } else {
        let minutes = (length / 60.0).round() as u64;
        format!("{}h {:02}m", count(minutes / 60), minutes % 60)
    };
    format!("{sign}{text}")
}

/// A length of time, given in nanoseconds.
pub(super) fn nanos(nanos: i64, ascii: bool) -> String {
    seconds(nanos as f64 / 1e9, ascii)
}

/// An amount of memory, given in bytes.
pub(super) fn bytes(bytes: f64) -> String {
    let mut amount = bytes;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if amount.abs() < 1_023.5 {
            break;
        }
        amount /= 1_024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{amount:.0} B")
    } else {
        format!("{} {unit}", three(amount))
    }
}

/// A value in a unit as UCUM writes it.
pub(super) fn value(number: f64, unit: &str, ascii: bool) -> String {
    if let Some(scale) = crate::report::seconds_per(unit) {
        return seconds(number * scale, ascii);
    }
    match unit {
        "" | "1" => plain(number),
        "By" => bytes(number),
        "%" => format!("{}%", plain(number)),
        // An annotation says what is counted, and is no unit.
        _ if unit.starts_with('{') && unit.ends_with('}') => {
            format!("{} {}", plain(number), &unit[1..unit.len() - 1])
        }
        _ => format!("{} {unit}", plain(number)),
    }
}

/// How often per second.
pub(super) fn rate(per_second: f64) -> String {
    format!("{}/s", plain(per_second))
}

/// A share of a whole.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let share = part as f64 / whole.max(1) as f64 * 100.0;
    if part > 0 && share < 0.1 {
        "<0.1%".to_owned()
    } else {
        format!("{share:.1}%")
    }
}

/// A number without a unit: whole ones exactly, others to three digits.
fn plain(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let whole = number.abs();
    if number.fract() == 0.0 && whole < 1e15 {
        let sign = if number < 0.0 { "-" } else { "" };
        format!("{sign}{}", count(whole as u64))
    } else if !(1e-3..1e15).contains(&whole) {
        format!("{number:.2e}")
    } else if whole >= 999.5 {
        let sign = if number < 0.0 { "-" } else { "" };
        format!("{sign}{}", count(whole.round() as u64))
    } else {
        three(number)
    }
}

/// Three significant digits, for numbers below 1000 or so.
fn three(number: f64) -> String {
    let size = number.abs();
    if size >= 99.95 {
        format!("{number:.0}")
    } else if size >= 9.995 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_three_digits_and_round_into_the_next_unit() {
        for (given, expected) in [
            (0.0, "0 s"),
            (3.1e-9, "3.10 ns"),
            (999.4e-9, "999 ns"),
            (999.6e-9, "1.00 µs"),
            (0.012_34, "12.3 ms"),
            (0.999_6, "1.00 s"),
            (2.345, "2.35 s"),
            (-0.001_2, "-1.20 ms"),
            (59.96, "1m 00s"),
            (192.0, "3m 12s"),
            (3_600.0, "1h 00m"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(seconds(given, false), expected);
        }
    }

    #[test]
    fn values_are_written_in_their_unit() {
        assert_eq!(value(1_234_567.0, "{order}", false), "1,234,567 order");
        assert_eq!(value(3.5 * 1_048_576.0, "By", false), "3.50 MiB");
        assert_eq!(value(1_023.6, "By", false), "1.00 KiB");
        assert_eq!(value(0.25, "1", false), "0.25");
        assert_eq!(value(12.0, "ms", true), "12.0 ms");
        assert_eq!(value(-5.0, "", false), "-5");
        assert_eq!(value(12_345.6, "", false), "12,346");
        assert_eq!(percent(1, 10_000), "<0.1%");
    }
}
