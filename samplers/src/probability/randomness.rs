//! What decides which traces are sampled.

use std::fmt;
use std::str::FromStr;

use opentelemetry::trace::TraceId;
use throughline_model::Random;

use super::digits::{self, MAX_DIGITS, RANGE};
use crate::Error;

/// 56 random bits that all who sample a trace share, so that their decisions agree.
///
/// They are the explicit `rv` of the trace's `tracestate`, else the last 56 bits of its trace id. `rv` is
/// exactly 14 lower-case hexadecimal digits, which [`Display`](fmt::Display) and [`FromStr`] speak, and
/// is never changed on the way.
///
/// Trace ids are presumed to be random, as the specification asks (`trace/sdk.md`, "Presumption of TraceID
/// randomness"). The W3C random flag would confirm it; `opentelemetry` 0.33 masks it where contexts come
/// in and go out, so it says nothing and is not looked at. See the [module](super) for what follows.
///
/// Specification: `trace/tracestate-probability-sampling.md`, "Randomness Value (`rv`)".
///
/// # Example
///
/// ```
/// use opentelemetry::trace::TraceId;
/// use throughline_samplers::probability::Randomness;
///
/// let trace_id = TraceId::from_hex("4bf92f3577b34da6a36e6d1a75832a2f").unwrap();
/// assert_eq!(Randomness::from_trace_id(trace_id), "6e6d1a75832a2f".parse()?);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Randomness(
    /// < 2^56
    u64,
);

impl Randomness {
    /// The last 56 bits of a trace id.
    ///
    /// ```
    /// use opentelemetry::trace::TraceId;
    /// use throughline_samplers::probability::Randomness;
    ///
    /// assert_eq!(Randomness::from_trace_id(TraceId::from(0xab << 56 | 7)).bits(), 7);
    /// ```
    pub fn from_trace_id(trace_id: TraceId) -> Self {
        Self(u128::from_be_bytes(trace_id.to_bytes()) as u64 & (RANGE - 1))
    }

    /// Draws a new one, for a decision that follows no trace.
    ///
    /// ```
    /// use throughline_model::SystemRandom;
    /// use throughline_samplers::probability::Randomness;
    ///
    /// assert!(Randomness::fresh(&SystemRandom).bits() < 1 << 56);
    /// ```
    pub fn fresh(random: &(impl Random + ?Sized)) -> Self {
        Self(random.next_u64() >> (u64::BITS - digits::BITS))
    }

    /// The randomness of this number, if it is less than 2^56.
    ///
    /// ```
    /// use throughline_samplers::probability::Randomness;
    ///
    /// assert_eq!(Randomness::from_bits(10).unwrap().to_string(), "0000000000000a");
    /// assert_eq!(Randomness::from_bits(1 << 56), None);
    /// ```
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits < RANGE { Some(Self(bits)) } else { None }
    }

    /// The number, less than 2^56.
    ///
    /// ```
    /// use throughline_samplers::probability::Randomness;
    ///
    /// assert_eq!("0000000000000a".parse::<Randomness>()?.bits(), 10);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Reads `rv`. `None` if it is not 14 lower-case hexadecimal digits.
    pub(super) fn decode(rv: &str) -> Option<Self> {
        (rv.len() == MAX_DIGITS)
            .then(|| digits::decode(rv))
            .flatten()
            .map(Self)
    }
}

impl fmt::Display for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0MAX_DIGITS$x}", self.0)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Randomness({self})")
    }
}

impl FromStr for Randomness {
    type Err = Error;

    /// Reads `rv`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is not exactly 14 lower-case hexadecimal digits.
    fn from_str(rv: &str) -> Result<Self, Error> {
        Self::decode(rv).ok_or_else(|| Error::Setting {
            field: "rv",
            value: digits::excerpt(rv),
            expected: "14 lower-case hexadecimal digits".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_nine_bytes_of_a_trace_id_do_not_matter() {
        let of = |hex: &str| Randomness::from_trace_id(TraceId::from_hex(hex).unwrap());
        assert_eq!(
            of("ffffffffffffffffff6e6d1a75832a2f").to_string(),
            "6e6d1a75832a2f"
        );
        assert_eq!(
            of("0000000000000000006e6d1a75832a2f").to_string(),
            "6e6d1a75832a2f"
        );
    }

    #[test]
    fn rv_is_exactly_fourteen_lower_case_digits() {
        for good in ["00000000000000", "ffffffffffffff", "0123456789abcd"] {
            assert_eq!(good.parse::<Randomness>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "0",
            "1234567890abc",
            "1234567890abcde",
            "1234567890ABCD",
            "1234567890abcx",
            "+234567890abcd",
            " 234567890abcd",
            "1234567890abé",
        ] {
            assert_eq!(Randomness::decode(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_bad_rv_is_named_and_not_repeated_at_length() {
        let said = "é"
            .repeat(1 << 20)
            .parse::<Randomness>()
            .unwrap_err()
            .to_string();
        assert!(said.starts_with("rv is éé"), "{said}");
        assert!(said.len() < 250);
    }

    #[test]
    fn fresh_randomness_uses_the_whole_range_and_nothing_more() {
        #[derive(Debug)]
        struct Fixed(u64);
        impl Random for Fixed {
            fn next_u64(&self) -> u64 {
                self.0
            }
        }
        assert_eq!(Randomness::fresh(&Fixed(u64::MAX)).bits(), RANGE - 1);
        assert_eq!(Randomness::fresh(&Fixed(0)).bits(), 0);
    }

    proptest! {
        #[test]
        fn rv_survives_a_round_trip(bits in 0..RANGE) {
            let randomness = Randomness::from_bits(bits).unwrap();
            prop_assert_eq!(randomness.to_string().len(), 14);
            prop_assert_eq!(randomness.to_string().parse::<Randomness>().unwrap(), randomness);
        }
    }
}
