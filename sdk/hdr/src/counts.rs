//! What was recorded, merged.

use hdrhistogram::Histogram;

use crate::block::{COARSE, FINE};
use crate::chunks::Chunks;
use crate::{Error, Range};

/// What a recorder's threads recorded, merged: plain data, as large as the values were different.
///
/// ```
/// use throughline_hdr::{Range, Recorder};
///
/// let range = Range::new(1, 1_000_000, 3)?;
/// let (here, there) = (Recorder::new(range), Recorder::new(range));
/// (1..=900).for_each(|n| here.record(n));
/// (901..=1000).for_each(|n| there.record(n));
///
/// let mut both = here.collect();
/// both.merge(&there.collect())?;
/// assert_eq!(both.len(), 1000);
/// assert_eq!([0.5, 0.99].map(|q| both.quantile(q)), [Some(500), Some(990)]);
/// # Ok::<(), throughline_hdr::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Counts {
    range: Range,
    /// By layout of the range: fine, coarse. Nothing is in the coarse one of a range that has none.
    layers: [Chunks; 2],
}

/// Values that are not told apart, and how often they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The lowest of them, in units of the range.
    pub lowest: u64,
    /// The highest of them, in units of the range.
    pub highest: u64,
    /// How often they came. Never 0.
    pub count: u64,
}

impl Counts {
    /// None yet.
    pub fn new(range: Range) -> Self {
        Self {
            range,
            layers: Default::default(),
        }
    }

    /// What the values were told apart by.
    pub fn range(&self) -> &Range {
        &self.range
    }

    /// How many values there are.
    pub fn len(&self) -> u64 {
        let [fine, coarse] = &self.layers;
        fine.total().saturating_add(coarse.total())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values are known to two digits alone, for want of memory. See [`Budget`](crate::Budget).
    pub fn coarse(&self) -> u64 {
        self.layers[COARSE].total()
    }

    /// The digits that all values are known to: those of the range, or 2 where some are [`coarse`](Self::coarse).
    pub fn digits(&self) -> u8 {
        match self.coarse() {
            0 => self.range.digits(),
            _ => self.range.coarser().digits(),
        }
    }

    /// The slots that something is in, ascending by their lowest value. Where some are coarse, a coarse slot may cover
    /// fine ones.
    ///
    /// ```
    /// use throughline_hdr::{Range, Recorder, Slot};
    ///
    /// let sizes = Recorder::new(Range::new(1, 1_000_000, 3)?);
    /// [1, 1, 5001].into_iter().for_each(|size| sizes.record(size));
    /// let slots: Vec<Slot> = sizes.collect().slots().collect();
    /// assert_eq!(slots[0], Slot { lowest: 1, highest: 1, count: 2 });
    /// assert_eq!(slots[1], Slot { lowest: 5000, highest: 5003, count: 1 });
    /// # Ok::<(), throughline_hdr::Error>(())
    /// ```
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        let mut fine = self.layer(FINE).peekable();
        let mut coarse = self.layer(COARSE).peekable();
        std::iter::from_fn(move || match (fine.peek(), coarse.peek()) {
            (Some(one), Some(other)) if other.lowest < one.lowest => coarse.next(),
            (Some(_), _) => fine.next(),
            (None, _) => coarse.next(),
        })
    }

    /// The value that a part `q` of all values is at or below, in units: the highest of its slot, as
    /// [`Histogram::value_at_quantile`] has it. `q` is 0 to 1; 0 asks for the lowest value of the lowest slot. `None`
    /// where there are no values.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.coarse() > 0 {
            return self.recast(self.range.coarser()).quantile(q);
        }
        let wanted = ((q.clamp(0.0, 1.0) * self.len() as f64).ceil() as u64).max(1);
        let mut seen = 0u64;
        let slot = self.slots().find(|slot| {
            seen = seen.saturating_add(slot.count);
            seen >= wanted
        })?;
        Some(if q > 0.0 { slot.highest } else { slot.lowest })
    }

    /// The same as a float: times the range's [`unit`](Range::unit).
    pub fn quantile_f64(&self, q: f64) -> Option<f64> {
        self.quantile(q)
            .map(|units| units as f64 * self.range.unit())
    }

    /// Adds the counts of another recorder, or of another process.
    ///
    /// Where the ranges differ, the result has one that covers both, at the precision of the less precise.
    ///
    /// # Errors
    ///
    /// [`Error::Units`] where the ranges count in different units.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.range == other.range {
            self.merge_same(other);
        } else {
            let common = self.range.common(&other.range)?;
            *self = self.recast(common);
            self.merge_same(&other.recast(common));
        }
        Ok(())
    }

    /// What was recorded after `before`, an earlier collection of the same recorder. Counts of another range have
    /// nothing in common with these.
    ///
    /// ```
    /// use throughline_hdr::{Range, Recorder};
    ///
    /// let sizes = Recorder::new(Range::new(1, 1000, 2)?);
    /// sizes.record(10);
    /// let before = sizes.collect();
    /// sizes.record(20);
    /// assert_eq!(sizes.collect().since(&before).quantile(0.0), Some(20));
    /// # Ok::<(), throughline_hdr::Error>(())
    /// ```
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        if self.range != before.range {
            return self.clone();
        }
        let [fine, coarse] = [FINE, COARSE].map(|at| self.layers[at].since(&before.layers[at]));
        Self {
            range: self.range,
            layers: [fine, coarse],
        }
    }

    /// The same as a histogram of units, with the range's bounds and [`digits`](Self::digits). It always takes the
    /// memory of its whole range: 270 KB for three digits of nanoseconds up to an hour.
    #[expect(
        clippy::expect_used,
        reason = "a range keeps to what a histogram asks of its bounds"
    )]
    pub fn histogram(&self) -> Histogram<u64> {
        let digits = self.digits();
        let mut histogram = Histogram::new_with_bounds(self.range.low(), self.range.high(), digits)
            .expect("bounds that a range was made of");
        for slot in self.slots() {
            // Clamping does nothing: the last slot of the histogram is that of the range's highest value.
            histogram.saturating_record_n(slot.highest, slot.count);
        }
        histogram
    }

    /// Adds values that all are in one slot.
    pub(crate) fn add(&mut self, value: u64, n: u64) {
        self.layers[FINE].add(self.range.fine().slot(value), n);
    }

    /// Adds counts of the same range.
    pub(crate) fn merge_same(&mut self, other: &Self) {
        for (mine, theirs) in self.layers.iter_mut().zip(&other.layers) {
            mine.merge(theirs);
        }
    }

    /// The counts of a layer.
    pub(crate) fn chunks(&mut self, kind: usize) -> &mut Chunks {
        &mut self.layers[kind]
    }

    fn layer(&self, kind: usize) -> impl Iterator<Item = Slot> {
        let layout = self.range.layouts()[kind];
        layout.into_iter().flat_map(move |layout| {
            self.layers[kind].iter().map(move |(slot, count)| {
                let (lowest, highest) = layout.values(slot);
                Slot {
                    lowest,
                    highest,
                    count,
                }
            })
        })
    }

    /// The same counts by a range whose slots are unions of these.
    fn recast(&self, range: Range) -> Self {
        let mut recast = Self::new(range);
        let [fine, coarse] = range.layouts();
        let targets = [(FINE, fine), (COARSE, coarse)];
        for kind in [FINE, COARSE] {
            // A range of two digits has one layout for both.
            let (at, layout) = match targets[kind] {
                (at, Some(layout)) => (at, layout),
                _ => (FINE, range.fine()),
            };
            for slot in self.layer(kind) {
                recast.layers[at].add(layout.slot(slot.lowest), slot.count);
            }
        }
        recast
    }
}
