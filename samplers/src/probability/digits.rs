//! The hexadecimal digits in which 56-bit numbers travel.

/// How many bits thresholds and randomness have (`tracestate-probability-sampling.md`, "Definitions").
pub(super) const BITS: u32 = 56;
/// 2^56: how many thresholds there are, and how many values of randomness.
pub(super) const RANGE: u64 = 1 << BITS;
/// How many digits 56 bits take.
pub(super) const MAX_DIGITS: usize = 14;

/// Reads 1 to 14 lower-case hexadecimal digits; fewer than 14 are the leading ones.
pub(super) fn decode(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut number = 0;
    for digit in digits.bytes() {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u64::from(digit);
    }
    Some(number << (4 * (MAX_DIGITS - digits.len())))
}

/// How many leading digits are left when trailing zeros are dropped: 1 to 14.
pub(super) fn significant(number: u64) -> usize {
    MAX_DIGITS - ((number.trailing_zeros() / 4) as usize).min(MAX_DIGITS - 1)
}

/// Writes the first `count` of the 14 digits.
pub(super) fn encode(number: u64, count: usize, to: &mut String) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    for place in (MAX_DIGITS - count..MAX_DIGITS).rev() {
        to.push(DIGITS[(number >> (4 * place)) as usize & 0xf]);
    }
}

/// What a user gave us, short enough for an error.
pub(super) fn excerpt(given: &str) -> String {
    const ENOUGH: usize = 64;
    match given.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &given[..end]),
        None => given.to_owned(),
    }
}
