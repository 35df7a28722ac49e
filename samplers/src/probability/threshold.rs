//! The share of traces that is rejected.

use std::fmt;
use std::str::FromStr;

use super::digits::{self, MAX_DIGITS, RANGE};
use super::randomness::Randomness;
use crate::Error;

/// A rejection threshold: how many of 2^56 traces are *not* sampled.
///
/// A trace is sampled if its [`Randomness`] R is at least the threshold T, so the sampling probability is
/// `(2^56 - T) / 2^56`, between 2^-56 and 1. Never to sample is no threshold but its absence:
/// `Option<Threshold>` where that can be.
///
/// It travels as `th` in the `ot` entry of `tracestate`: 1 to 14 lower-case hexadecimal digits, the
/// leading ones, trailing zeros dropped. [`Display`](fmt::Display) and [`FromStr`] speak that form.
/// A greater threshold means fewer traces; `Ord` orders thresholds, not probabilities.
///
/// Specification: `trace/tracestate-probability-sampling.md`, "Rejection Threshold (`th`)".
///
/// # Example
///
/// ```
/// use throughline_samplers::probability::Threshold;
///
/// let one_in_four = Threshold::from_probability(0.25)?;
/// assert_eq!(one_in_four.to_string(), "c");
/// assert_eq!("c".parse::<Threshold>()?, one_in_four);
/// assert_eq!(one_in_four.adjusted_count(), 4.0);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(
    /// < 2^56
    u64,
);

impl Threshold {
    /// Rejects nothing: probability 1, `th:0`.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::ALWAYS, Threshold::from_probability(1.0)?);
    /// assert_eq!(Threshold::ALWAYS.to_string(), "0");
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const ALWAYS: Self = Self(0);

    /// The highest one: probability 2^-56, `th:ffffffffffffff`.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::MAX, "ffffffffffffff".parse()?);
    /// assert_eq!(Threshold::MAX.probability(), Threshold::MIN_PROBABILITY);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const MAX: Self = Self(RANGE - 1);

    /// The lowest probability that a threshold can express, 2^-56.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::from_probability(Threshold::MIN_PROBABILITY)?, Threshold::MAX);
    /// assert!(Threshold::from_probability(Threshold::MIN_PROBABILITY / 2.0).is_err());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const MIN_PROBABILITY: f64 = 1.0 / RANGE as f64;

    /// How many significant digits [`from_probability`](Self::from_probability) keeps: 4, as the
    /// specification recommends to SDKs.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// let third = Threshold::with_precision(1.0 / 3.0, Threshold::DEFAULT_PRECISION)?;
    /// assert_eq!(third, Threshold::from_probability(1.0 / 3.0)?);
    /// assert_eq!(third.to_string(), "aaab");
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const DEFAULT_PRECISION: u32 = 4;

    /// The threshold of a probability between 2^-56 and 1, at the default precision of 4 digits: the
    /// probability that results differs by less than 0.0123 %.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the probability is not in that range. 0 is not: never to sample is not a
    /// form of probability sampling.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::from_probability(0.01)?.to_string(), "fd70a");
    /// assert_eq!(
    ///     Threshold::from_probability(1.5).unwrap_err().to_string(),
    ///     "probability is 1.5: expected 2^-56 to 1",
    /// );
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn from_probability(probability: f64) -> Result<Self, Error> {
        Self::with_precision(probability, Self::DEFAULT_PRECISION)
    }

    /// The threshold of a probability, rounded to `precision` significant digits, 1 to 14.
    ///
    /// Leading `f`s, and leading `0`s, come on top, so that small probabilities are as precise as large
    /// ones. 14 digits do not round: what is left is the error of an `f64`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the probability is not within 2^-56 to 1, or the precision not within 1 to 14.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// let th = |precision| Threshold::with_precision(1.0 / 3.0, precision).unwrap().to_string();
    /// assert_eq!(th(3), "aab");
    /// assert_eq!(th(14), "aaaaaaaaaaaaac");
    /// ```
    pub fn with_precision(probability: f64, precision: u32) -> Result<Self, Error> {
        // NaN is in no range.
        if !(Self::MIN_PROBABILITY..=1.0).contains(&probability) {
            return Err(Error::Setting {
                field: "probability",
                value: probability.to_string(),
                expected: "2^-56 to 1".to_owned(),
            });
        }
        if !(1..=MAX_DIGITS as u32).contains(&precision) {
            return Err(Error::Setting {
                field: "precision",
                value: precision.to_string(),
                expected: "1 to 14 digits".to_owned(),
            });
        }
        Ok(Self::rounded(probability, precision))
    }

    /// As [`with_precision`](Self::with_precision); what is out of range is taken to its end.
    pub(crate) fn rounded(probability: f64, precision: u32) -> Self {
        let probability = probability.clamp(Self::MIN_PROBABILITY, 1.0);
        let sampled = (probability * RANGE as f64).round() as u64;
        let exact = RANGE - sampled;
        let digits = (precision + leading(probability)).max(precision + leading(1.0 - probability));
        if digits >= MAX_DIGITS as u32 {
            return Self(exact);
        }
        let shift = 4 * (MAX_DIGITS as u32 - digits);
        Self((exact + (1 << (shift - 1))) >> shift << shift).min(Self::MAX)
    }

    /// The threshold of this number, if it is less than 2^56.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::from_bits(1 << 55).map(Threshold::probability), Some(0.5));
    /// assert_eq!(Threshold::from_bits(1 << 56), None);
    /// ```
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits < RANGE { Some(Self(bits)) } else { None }
    }

    /// The number, less than 2^56.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::ALWAYS.bits(), 0);
    /// ```
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a trace of this randomness is sampled: R >= T.
    ///
    /// Specification: `trace/tracestate-probability-sampling.md`, "Decision algorithm".
    ///
    /// ```
    /// use throughline_samplers::probability::{Randomness, Threshold};
    ///
    /// let half: Threshold = "8".parse()?;
    /// assert!(half.keeps("80000000000000".parse::<Randomness>()?));
    /// assert!(!half.keeps("7fffffffffffff".parse::<Randomness>()?));
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub const fn keeps(self, randomness: Randomness) -> bool {
        randomness.bits() >= self.0
    }

    /// The probability of being sampled, 2^-56 to 1.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::MAX.probability(), 2f64.powi(-56));
    /// ```
    pub fn probability(self) -> f64 {
        (RANGE - self.0) as f64 / RANGE as f64
    }

    /// How many spans a sampled one stands for: 1 / probability, 1 to 2^56.
    ///
    /// ```
    /// use throughline_samplers::probability::Threshold;
    ///
    /// assert_eq!(Threshold::ALWAYS.adjusted_count(), 1.0);
    /// ```
    pub fn adjusted_count(self) -> f64 {
        RANGE as f64 / (RANGE - self.0) as f64
    }

    /// What a later stage that aims at the threshold `aim` makes of a span that was sampled with this one:
    /// its threshold from then on, or `None` if it is dropped.
    ///
    /// A later stage may raise a threshold, never lower it: that would count spans that an earlier stage
    /// has dropped. A span that was sampled with a higher threshold than the aim keeps it.
    ///
    /// Specification: `trace/tracestate-probability-sampling.md`, "Equalizing downstream sampler".
    ///
    /// ```
    /// use throughline_samplers::probability::{Randomness, Threshold};
    ///
    /// let randomness: Randomness = "d0000000000000".parse()?;
    /// let (half, quarter, eighth): (Threshold, Threshold, Threshold) =
    ///     ("8".parse()?, "c".parse()?, "e".parse()?);
    /// assert_eq!(half.equalized(quarter, randomness), Some(quarter));
    /// assert_eq!(half.equalized(eighth, randomness), None);
    /// assert_eq!(quarter.equalized(half, randomness), Some(quarter));
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn equalized(self, aim: Self, randomness: Randomness) -> Option<Self> {
        let threshold = self.max(aim);
        (self > aim || threshold.keeps(randomness)).then_some(threshold)
    }

    /// Reads `th`. `None` if it is not 1 to 14 lower-case hexadecimal digits.
    pub(super) fn decode(th: &str) -> Option<Self> {
        digits::decode(th).map(Self)
    }

    /// Writes `th`.
    pub(super) fn encode(self, to: &mut String) {
        digits::encode(self.0, digits::significant(self.0), to);
    }
}

/// How many hexadecimal digits a number in `[0, 1)` spends on saying that it is small: its leading zeros.
fn leading(number: f64) -> u32 {
    if number == 0.0 {
        return 0;
    }
    // The exponent as C's `frexp` has it: number = m * 2^exponent, 0.5 <= m < 1.
    let exponent = (number.to_bits() >> 52 & 0x7ff) as i32 - 1022;
    exponent.min(0).unsigned_abs() / 4
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = digits::significant(self.0);
        write!(f, "{:0width$x}", self.0 >> (4 * (MAX_DIGITS - width)))
    }
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threshold({self})")
    }
}

impl FromStr for Threshold {
    type Err = Error;

    /// Reads `th`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is not 1 to 14 lower-case hexadecimal digits.
    fn from_str(th: &str) -> Result<Self, Error> {
        Self::decode(th).ok_or_else(|| Error::Setting {
            field: "th",
            value: digits::excerpt(th),
            expected: "1 to 14 lower-case hexadecimal digits".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
