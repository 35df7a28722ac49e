//! Where threads record.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use throughline_cells::{Blocks, Collection, OwnBlock};

use crate::block::{self, COARSE, FINE};
use crate::layout::Layout;
use crate::{Budget, Counts, Range};

/// A histogram that any number of threads record into, without a lock and without sharing a cache line.
///
/// Counts only ever grow: what happened since an earlier collection is a difference ([`Counts::since`]), and so are
/// sliding windows ([`Window`](crate::Window)). Threads that ended leave their counts, and their memory to later threads.
///
/// ```
/// use throughline_hdr::{Range, Recorder};
///
/// let sizes = &Recorder::new(Range::new(1, 1 << 30, 3)?);
/// std::thread::scope(|s| {
///     for _ in 0..8 {
///         s.spawn(|| (1..=100).for_each(|kib| sizes.record(kib << 10)));
///     }
/// });
/// assert_eq!(sizes.collect().histogram().len(), 800);
/// # Ok::<(), throughline_hdr::Error>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    /// The threads' counts; `None` where the process has no place for them any more. Then all goes to `shared`.
    blocks: Option<Blocks>,
    fine: Layout,
    high: u64,
    /// Floats from 0 to this are within the range. At most 2^62 units.
    highest: f64,
    per_unit: f64,
    // ------------------------------------------------------------------------- the hot path does not go below
    range: Range,
    budget: Option<Arc<Budget>>,
    /// What the threads' arrays take.
    bytes: AtomicUsize,
    /// What threads count together when they have no words of their own: late in their end.
    shared: Mutex<Option<Box<Counts>>>,
    below: AtomicU64,
    above: AtomicU64,
    refused: AtomicU64,
}

/// Values that were not recorded as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outside {
    /// Below 0, recorded as 0.
    pub below: u64,
    /// Above the range, recorded as its highest value.
    pub above: u64,
    /// Neither finite nor recorded.
    pub refused: u64,
}

impl Recorder {
    /// One whose memory has no limit but its range.
    pub fn new(range: Range) -> Self {
        Self::make(range, None)
    }

    /// One that falls to two digits where the budget ends.
    pub fn with_budget(range: Range, budget: Arc<Budget>) -> Self {
        Self::make(range, Some(budget))
    }

    fn make(range: Range, budget: Option<Arc<Budget>>) -> Self {
        Self {
            blocks: Blocks::new(),
            fine: range.fine(),
            high: range.high(),
            highest: (range.high() as f64).min((1u64 << 62) as f64) * range.unit(),
            per_unit: 1.0 / range.unit(),
            range,
            budget,
            bytes: AtomicUsize::new(0),
            shared: Mutex::new(None),
            below: AtomicU64::new(0),
            above: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// What values are told apart by.
    pub fn range(&self) -> &Range {
        &self.range
    }

    /// Records a value, in units of the range. Above the range it counts as the highest.
    #[inline]
    pub fn record(&self, value: u64) {
        self.record_n(value, 1);
    }

    /// Records a value `n` times.
    #[inline]
    pub fn record_n(&self, value: u64, n: u64) {
        if value > self.high {
            return self.record_above(n);
        }
        let slot = self.fine.slot(value);
        let recorded = self.blocks.as_ref().and_then(|blocks| {
            blocks.with(|block| match block.words() {
                Some(row) if block::add(row, FINE, slot, n) => {}
                _ => self.record_elsewhere(block, value, n),
            })
        });
        if recorded.is_none() {
            self.record_shared(value, n);
        }
    }

    /// Records a float, rounded to the nearest unit. Below 0 it counts as 0, above the range as the highest; NaN and
    /// infinities are refused and counted.
    ///
    /// ```
    /// use throughline_hdr::{Range, Recorder};
    ///
    /// let seconds = Recorder::new(Range::floats(1e-3, 60.0, 3)?);
    /// [0.25, -1.0, 3600.0, f64::NAN].into_iter().for_each(|value| seconds.record_f64(value));
    /// let counts = seconds.collect();
    /// assert_eq!([0.1, 0.5, 1.0].map(|q| counts.quantile(q)), [Some(0), Some(250), Some(60_031)]);
    /// let outside = seconds.outside();
    /// assert_eq!((outside.below, outside.above, outside.refused), (1, 1, 1));
    /// # Ok::<(), throughline_hdr::Error>(())
    /// ```
    #[inline]
    pub fn record_f64(&self, value: f64) {
        if (0.0..=self.highest).contains(&value) {
            self.record((value * self.per_unit + 0.5) as i64 as u64);
        } else {
            self.record_odd(value);
        }
    }

    /// Records a value and those that it kept from happening: a measurement is taken every `interval`, and while this one
    /// took longer, others would have waited `value - interval`, `value - 2 * interval`, … down to `interval`. Without
    /// them a stall is one slow measurement among many fast ones ("coordinated omission"). An `interval` of 0 adds none.
    ///
    /// ```
    /// use throughline_hdr::{Range, Recorder};
    ///
    /// let millis = Recorder::new(Range::new(1, 60_000, 3)?);
    /// millis.record_with_expected_interval(1000, 100);
    /// assert_eq!(millis.collect().len(), 10); // 1000, 900, … 100
    /// # Ok::<(), throughline_hdr::Error>(())
    /// ```
    pub fn record_with_expected_interval(&self, value: u64, interval: u64) {
        self.record(value);
        if interval == 0 || value < interval {
            return;
        }
        let mut missing = value - interval;
        while missing >= interval {
            // All that are in one slot at once: a tiny interval takes no longer than there are slots.
            let lowest = match missing > self.high {
                true => self.high + 1,
                false => self.fine.values(self.fine.slot(missing)).0,
            };
            let n = (missing - lowest.max(interval)) / interval + 1;
            self.record_n(missing, n);
            missing -= n * interval;
        }
    }

    /// The same for floats, which are treated as in [`record_f64`](Self::record_f64). An interval that is not above 0
    /// adds none.
    pub fn record_f64_with_expected_interval(&self, value: f64, interval: f64) {
        let units = (value * self.per_unit + 0.5) as u64;
        let interval = (interval * self.per_unit + 0.5) as u64;
        if value.is_finite() && value >= 0.0 {
            self.record_with_expected_interval(units, interval);
        } else {
            self.record_odd(value);
        }
    }

    /// Merges what all threads recorded so far. Waits for other collections, and so must not be called while the thread
    /// holds one: see [`collect_within`](Self::collect_within).
    pub fn collect(&self) -> Counts {
        self.collect_within(&throughline_cells::lock())
    }

    /// The same inside a collection: several recorders, or counts and other cells, under one lock.
    pub fn collect_within(&self, cells: &Collection) -> Counts {
        let mut counts = Counts::new(self.range);
        if let Some(blocks) = &self.blocks {
            cells.each_block(blocks, |row| {
                for kind in [FINE, COARSE] {
                    let chunks = counts.chunks(kind);
                    block::read(row, kind, |chunk, words| {
                        for (count, word) in chunks.chunk(chunk).iter_mut().zip(words) {
                            *count = count.wrapping_add(word.load_acquire());
                        }
                    });
                }
            });
        }
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*shared {
            counts.merge_same(shared);
        }
        counts
    }

    /// Values that were not recorded as they are, since the recorder was made.
    pub fn outside(&self) -> Outside {
        Outside {
            below: self.below.load(Ordering::Relaxed),
            above: self.above.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Bytes that the threads' counts take, together.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts a value whose fine chunk is not alive on this thread: it comes to life, or a coarse one takes its place.
    #[cold]
    #[inline(never)]
    fn record_elsewhere(&self, block: &mut OwnBlock<'_>, value: u64, n: u64) {
        let coarse = self.range.layouts()[COARSE];
        if let (Some(row), Some(coarse)) = (block.words(), coarse)
            && block::add(row, COARSE, coarse.slot(value), n)
        {
            return;
        }
        // Free words of an array that has coarse chunks were taken for more of these.
        let spent = block.words().is_some_and(block::is_coarse);
        let (kind, layout) = match coarse {
            Some(coarse) if spent || !self.touch(block, FINE, self.fine, value, false) => {
                self.touch(block, COARSE, coarse, value, true);
                (COARSE, coarse)
            }
            Some(_) => (FINE, self.fine),
            None => {
                self.touch(block, FINE, self.fine, value, true);
                (FINE, self.fine)
            }
        };
        if let Some(row) = block.words() {
            block::add(row, kind, layout.slot(value), n);
        }
    }

    /// Brings the chunk of a value to life, if there is memory or `anyway`.
    fn touch(
        &self,
        block: &mut OwnBlock<'_>,
        kind: usize,
        layout: Layout,
        value: u64,
        anyway: bool,
    ) -> bool {
        let (slot, slots) = (layout.slot(value), layout.slot(self.high) + 1);
        block::touch(block, kind, slot, slots, |bytes| self.take(bytes, anyway))
    }

    fn take(&self, bytes: usize, anyway: bool) -> bool {
        let taken = match &self.budget {
            Some(budget) => budget.take(bytes, anyway),
            None => true,
        };
        if taken {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        taken
    }

    #[cold]
    #[inline(never)]
    fn record_shared(&self, value: u64, n: u64) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared
            .get_or_insert_with(|| Box::new(Counts::new(self.range)))
            .add(value, n);
    }

    #[cold]
    #[inline(never)]
    fn record_above(&self, n: u64) {
        self.above.fetch_add(n, Ordering::Relaxed);
        self.record_n(self.high, n);
    }

    /// A float that the fast path does not take.
    #[cold]
    #[inline(never)]
    fn record_odd(&self, value: f64) {
        if !value.is_finite() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        } else if value < 0.0 {
            self.below.fetch_add(1, Ordering::Relaxed);
            self.record(0);
        } else {
            self.record((value * self.per_unit + 0.5) as u64);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.give_back(*self.bytes.get_mut());
        }
    }
}
