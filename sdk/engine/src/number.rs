//! The types that instruments measure in.

use throughline_model::Number;

/// A type that an instrument can measure in. A cell keeps it as 64 bits.
pub(crate) trait Measured: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// `u64`, `i64` or `f64`, as a word of the language.
    const TYPE: NumberType;

    /// What [`is_plain`](Measured::is_plain) tests, where negative values are refused or not, and what is above `up_to` may
    /// be an outlier.
    fn plain(monotonic: bool, up_to: f64) -> Plain;

    /// Whether it can be recorded for certain, and is no outlier: one test on the hot path. Of what is not plain,
    /// `refusal` and the stream know more.
    #[inline(always)]
    fn is_plain(self, plain: Plain) -> bool {
        self.to_bits() & plain.mask < plain.end
    }

    /// Why this value cannot be recorded, if it cannot.
    fn refusal(self, monotonic: bool) -> Option<Refusal>;

    /// As the bits of a cell.
    fn to_bits(self) -> u64;

    /// From the bits of a cell.
    fn from_bits(bits: u64) -> Self;

    /// The sum: integers wrap, floats stay finite.
    fn plus(self, other: Self) -> Self;

    /// The sum as a cell keeps it: that of floats may become infinite, and stays so. Whoever reads it adds it up by
    /// [`plus`](Self::plus), which makes it finite: the largest float, or the lowest, from then on, whatever is added.
    fn plus_unbounded(self, other: Self) -> Self;

    /// The difference: integers wrap, floats stay finite.
    fn minus(self, other: Self) -> Self;

    /// Whether it is below `other`.
    fn is_below(self, other: Self) -> bool;

    /// As a float, for buckets.
    fn as_f64(self) -> f64;

    /// As the model's number.
    fn number(self) -> Number;
}

/// Which values are plain: those whose bits, of those in the mask, are below an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    mask: u64,
    end: u64,
}

impl Plain {
    const SIGN: u64 = 1 << 63;

    /// Of numbers with a sign: negative ones are below no end, or as plain as positive ones.
    fn signed(monotonic: bool, end: u64) -> Self {
        Self {
            mask: if monotonic { u64::MAX } else { !Self::SIGN },
            end,
        }
    }
}

/// The first integer above a bound, 0 where all are; the largest where none is.
fn above(bound: f64) -> u64 {
    if bound < 0.0 {
        return 0;
    }
    (bound as u64).saturating_add(1)
}

/// The types by name. Two instruments of one name and different types are in conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NumberType {
    U64,
    I64,
    F64,
}

impl NumberType {
    /// The type of a number.
    pub(crate) fn of(number: Number) -> Self {
        match number {
            Number::U64(_) => Self::U64,
            Number::I64(_) => Self::I64,
            Number::F64(_) => Self::F64,
        }
    }
}

/// Why a measurement was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// NaN or an infinity.
    NonFinite,
    /// Below zero where the sum must not go down.
    Negative,
    /// Observed by a collector that did not name the instrument.
    Undescribed,
}

impl Measured for u64 {
    const TYPE: NumberType = NumberType::U64;

    fn plain(_monotonic: bool, up_to: f64) -> Plain {
        Plain {
            mask: u64::MAX,
            end: above(up_to),
        }
    }

    #[inline]
    fn refusal(self, _monotonic: bool) -> Option<Refusal> {
        None
    }

    #[inline]
    fn to_bits(self) -> u64 {
        self
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits
    }

    #[inline]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline]
    fn plus_unbounded(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn is_below(self, other: Self) -> bool {
        self < other
    }

    #[inline]
    fn as_f64(self) -> f64 {
        self as f64
    }

    fn number(self) -> Number {
        Number::U64(self)
    }
}

impl Measured for i64 {
    const TYPE: NumberType = NumberType::I64;

    fn plain(monotonic: bool, up_to: f64) -> Plain {
        Plain::signed(monotonic, above(up_to).min(Plain::SIGN))
    }

    #[inline]
    fn refusal(self, monotonic: bool) -> Option<Refusal> {
        (monotonic && self < 0).then_some(Refusal::Negative)
    }

    #[inline]
    fn to_bits(self) -> u64 {
        self.cast_unsigned()
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits.cast_signed()
    }

    #[inline]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline]
    fn plus_unbounded(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn is_below(self, other: Self) -> bool {
        self < other
    }

    #[inline]
    fn as_f64(self) -> f64 {
        self as f64
    }

    fn number(self) -> Number {
        Number::I64(self)
    }
}

impl Measured for f64 {
    const TYPE: NumberType = NumberType::F64;

    /// Bits of floats without a sign are in the order of the floats, infinity and NaN above all that are finite.
    /// −0.0 passes for negative here.
    fn plain(monotonic: bool, up_to: f64) -> Plain {
        let end = if up_to < 0.0 {
            0
        } else {
            f64::to_bits(up_to.abs().min(f64::MAX)) + 1
        };
        Plain::signed(monotonic, end)
    }

    #[inline]
    fn refusal(self, monotonic: bool) -> Option<Refusal> {
        if !self.is_finite() {
            Some(Refusal::NonFinite)
        } else if monotonic && self < 0.0 {
            Some(Refusal::Negative)
        } else {
            None
        }
    }

    #[inline]
    fn to_bits(self) -> u64 {
        f64::to_bits(self)
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }

    #[inline]
    fn plus(self, other: Self) -> Self {
        (self + other).clamp(f64::MIN, f64::MAX)
    }

    #[inline]
    fn plus_unbounded(self, other: Self) -> Self {
        self + other
    }

    fn minus(self, other: Self) -> Self {
        (self - other).clamp(f64::MIN, f64::MAX)
    }

    fn is_below(self, other: Self) -> bool {
        self < other
    }

    #[inline]
    fn as_f64(self) -> f64 {
        self
    }

    fn number(self) -> Number {
        Number::F64(self)
    }
}
