//! Which values are told apart.

use crate::Error;
use crate::layout::Layout;

/// Which values are told apart, and to how many digits: the bounds and the precision of a histogram.
///
/// A value is known to within `10^-digits` of itself or within `low`, whichever is more. Values above `high` count as
/// `high`, those below 0 as 0, and both are counted as clamped ([`Outside`](crate::Outside)).
///
/// Counts are of integers. [`Range::new`] takes them as they are; [`Range::floats`] counts in units of its `low`.
///
/// ```
/// use throughline_hdr::Range;
///
/// let bytes = Range::new(1, 1 << 40, 3)?;
/// assert_eq!((bytes.low(), bytes.high(), bytes.unit()), (1, 1 << 40, 1.0));
/// // Seconds from a microsecond to an hour.
/// let seconds = Range::floats(1e-6, 3600.0, 3)?;
/// assert_eq!((seconds.low(), seconds.high(), seconds.unit()), (1, 3_600_000_000, 1e-6));
/// # Ok::<(), throughline_hdr::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: u64,
    high: u64,
    digits: u8,
    /// What 1 stands for. Above 0.
    unit: f64,
    fine: Layout,
    /// Of two digits, where `fine` has more.
    coarse: Option<Layout>,
}

/// Precision falls to this many digits where memory ends.
pub(crate) const COARSE_DIGITS: u8 = 2;

impl Range {
    /// Of integers from 0 to `high`, told apart from `low` on, to `digits` significant digits, 1 to 5.
    ///
    /// `low` is rounded down to a power of two; 1 tells all integers apart, as far as the digits go.
    ///
    /// # Errors
    ///
    /// Where `low` is 0, `high` less than `2 * low`, `digits` not in 1 to 5, or `low * 2 * 10^digits` beyond 63 bits.
    pub fn new(low: u64, high: u64, digits: u8) -> Result<Self, Error> {
        Self::with_unit(low, high, digits, 1.0)
    }

    /// Of floats from 0 to `high`, in units of `low`: each is rounded to the nearest multiple of it.
    ///
    /// # Errors
    ///
    /// Where `low` is not a normal number above 0, `high` is less than `2 * low` or more than `2^53 * low`, or `digits`
    /// not in 1 to 5.
    pub fn floats(low: f64, high: f64, digits: u8) -> Result<Self, Error> {
        if !(low.is_normal() && low > 0.0) {
            return Err(Error::invalid("range.low", low, "a normal number above 0"));
        }
        let units = (high / low).round();
        if !(2.0..=MAX_EXACT).contains(&units) {
            let expected = "at least twice range.low, at most 2^53 times";
            return Err(Error::invalid("range.high", high, expected));
        }
        Self::with_unit(1, units as u64, digits, low)
    }

    fn with_unit(low: u64, high: u64, digits: u8, unit: f64) -> Result<Self, Error> {
        if low == 0 {
            return Err(Error::invalid("range.low", low, "at least 1"));
        }
        if high / 2 < low {
            return Err(Error::invalid(
                "range.high",
                high,
                "at least twice range.low",
            ));
        }
        if !(1..=5).contains(&digits) {
            return Err(Error::invalid("range.digits", digits, "1 to 5"));
        }
        let Some(fine) = Layout::new(low, digits) else {
            let expected = "2 * 10^digits times it to be within 63 bits";
            return Err(Error::invalid("range.low", low, expected));
        };
        let coarse = Layout::new(low, COARSE_DIGITS).filter(|_| digits > COARSE_DIGITS);
        Ok(Self {
            low,
            high,
            digits,
            unit,
            fine,
            coarse,
        })
    }

    /// The lowest integer that is told from 0, in units.
    pub fn low(&self) -> u64 {
        self.low
    }

    /// The highest integer, in units. What is above counts as this.
    pub fn high(&self) -> u64 {
        self.high
    }

    /// Significant decimal digits, 1 to 5.
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// What an integer of 1 stands for: 1.0 for [`Range::new`], `low` for [`Range::floats`].
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// The integer that a float counts as: the nearest, within 0 to [`high`](Self::high). NaN counts as 0 here.
    ///
    /// ```
    /// let millis = throughline_hdr::Range::floats(1e-3, 10.0, 3)?;
    /// assert_eq!([-1.0, 0.0123, 60.0].map(|seconds| millis.units(seconds)), [0, 12, 10_000]);
    /// # Ok::<(), throughline_hdr::Error>(())
    /// ```
    pub fn units(&self, value: f64) -> u64 {
        ((value / self.unit + 0.5) as u64).min(self.high)
    }

    /// Slots per octave, as a power of two. The widest slot is `2^-resolution` of its lowest value, which is at most
    /// `10^-digits`.
    ///
    /// ```
    /// assert_eq!(throughline_hdr::Range::new(1, 1000, 3)?.resolution(), 10);
    /// # Ok::<(), throughline_hdr::Error>(())
    /// ```
    pub fn resolution(&self) -> u32 {
        self.fine.half()
    }

    /// The same with two digits, if it has more.
    pub(crate) fn coarser(&self) -> Self {
        match self.coarse {
            Some(coarse) => Self {
                digits: COARSE_DIGITS,
                fine: coarse,
                coarse: None,
                ..*self
            },
            None => *self,
        }
    }

    /// The finest range whose slots are unions of slots of both.
    pub(crate) fn common(&self, other: &Self) -> Result<Self, Error> {
        if self.unit != other.unit {
            return Err(Error::Units {
                ours: self.unit,
                theirs: other.unit,
            });
        }
        let low = self.low.max(other.low);
        // Twice the larger `low` is at most the `high` beside it.
        Self::with_unit(
            low,
            self.high.max(other.high),
            self.digits.min(other.digits),
            self.unit,
        )
    }

    /// Slots of the digits asked for, then those of two digits.
    pub(crate) fn layouts(&self) -> [Option<Layout>; 2] {
        [Some(self.fine), self.coarse]
    }

    #[inline(always)]
    pub(crate) fn fine(&self) -> Layout {
        self.fine
    }
}

/// Integers up to 2^53 are exact as floats.
const MAX_EXACT: f64 = (1u64 << 53) as f64;
