//! Numbers as the formats spell them.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use throughline_model::Number;

/// Whether a float that has neither point nor exponent gets `.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As Go's `%g` writes it: `1`, `0.25`, `1e+06`. Text 0.0.4.
    Plain,
    /// The same with `.0` where it would look like an integer: `1.0`. OpenMetrics ("Numbers",
    /// "Canonical Numbers").
    Float,
}

/// Appends `value`, exactly.
#[inline]
pub(super) fn push_u64(out: &mut String, value: u64) {
    // Many a bucket and a counter.
    if value < 10 {
        out.push(char::from(b'0' + value as u8));
    } else {
        push_digits(out, value);
    }
}

fn push_digits(out: &mut String, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    let digits = &digits[at..];
    match digits {
        // Two stores instead of a check and a copy.
        [tens, ones] => out.extend([char::from(*tens), char::from(*ones)]),
        _ => push_ascii(out, digits),
    }
}

/// Appends the bytes of an id in hexadecimal.
pub(super) fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
        push_ascii(out, &[DIGITS[high], DIGITS[low]]);
    }
}

/// One copy instead of a push per character.
fn push_ascii(out: &mut String, digits: &[u8]) {
    out.push_str(str::from_utf8(digits).unwrap_or_default());
}

/// Appends `value`, exactly.
pub(super) fn push_i64(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    push_u64(out, value.unsigned_abs());
}

/// Appends a sample's value: integers without a point, floats in `style`.
pub(super) fn push_number(out: &mut String, value: Number, style: Style) {
    match value {
        Number::U64(value) => push_u64(out, value),
        Number::I64(value) => push_i64(out, value),
        Number::F64(value) => push_f64(out, value, style),
    }
}

/// Appends `value` with the fewest digits that read back as the same float, in the form of Go's
/// `strconv.FormatFloat(value, 'g', -1, 64)`: an exponent below 1e-4 and from 1e6 on.
pub(super) fn push_f64(out: &mut String, value: f64, style: Style) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value.trunc() == value
        && value.abs() < 1e6
        && (value != 0.0 || value.is_sign_positive())
    {
        push_i64(out, value as i64);
        if style == Style::Float {
            out.push_str(".0");
        }
    } else {
        push_shortest(out, value, style);
    }
}

/// Appends seconds since the epoch, to the nanosecond.
pub(super) fn push_time(out: &mut String, time: SystemTime) {
    let distance = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after,
        Err(before) => {
            out.push('-');
            before.duration()
        }
    };
    push_u64(out, distance.as_secs());
    let nanos = distance.subsec_nanos();
    if nanos > 0 {
        let start = out.len();
        // Nine digits: a leading 1 holds the zeros and becomes the point.
        push_u64(out, 1_000_000_000 + u64::from(nanos));
        out.replace_range(start..=start, ".");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// The digits of `1.2345e-7`, as the standard library finds them.
struct Scientific {
    bytes: [u8; 32],
    len: usize,
}

impl Write for Scientific {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let place = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn push_shortest(out: &mut String, value: f64, style: Style) {
    let mut scientific = Scientific {
        bytes: [0; 32],
        len: 0,
    };
    // The longest is `-1.2345678901234567e-308`, 24 characters; should it ever not fit, the plain form is right too.
    if write!(scientific, "{value:e}").is_err() {
        let _ = write!(out, "{value:?}");
        return;
    }
    let text = str::from_utf8(&scientific.bytes[..scientific.len]).unwrap_or_default();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let mantissa = match mantissa.strip_prefix('-') {
        Some(positive) => {
            out.push('-');
            positive
        }
        None => mantissa,
    };
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !(-4..6).contains(&exponent) {
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push('e');
        out.push(if exponent < 0 { '-' } else { '+' });
        let exponent = exponent.unsigned_abs();
        if exponent < 10 {
            out.push('0');
        }
        push_u64(out, u64::from(exponent));
    } else if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n(
            '0',
            exponent.unsigned_abs() as usize - 1,
        ));
        out.push_str(first);
        out.push_str(rest);
    } else {
        let whole = exponent as usize;
        out.push_str(first);
        if rest.len() > whole {
            out.push_str(&rest[..whole]);
            out.push('.');
            out.push_str(&rest[whole..]);
        } else {
            out.push_str(rest);
            out.extend(std::iter::repeat_n('0', whole - rest.len()));
            if style == Style::Float {
                out.push_str(".0");
            }
        }
    }
}

#[cfg(test)]
mod tests;
