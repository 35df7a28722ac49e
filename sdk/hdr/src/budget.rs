//! Memory that recorders share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How much memory the threads' counts of some recorders may take together.
///
/// Within it, values are counted to the digits asked for. Beyond it, what would need more memory is counted to two
/// digits, which takes an eighth of three: never refused, so the budget may be overdrawn, by 34 KB per thread and recorder
/// at most for nanoseconds up to an hour. What is counted already stays as it is. A recorder gives its memory back when
/// it is dropped.
///
/// ```
/// use std::sync::Arc;
/// use throughline_hdr::{Budget, Range, Recorder};
///
/// let budget = Arc::new(Budget::new(4 << 10));
/// let nanoseconds = Range::new(1, 3_600_000_000_000, 3)?;
/// let latency = Recorder::with_budget(nanoseconds, Arc::clone(&budget));
/// (0..40).for_each(|octave| latency.record(1 << octave));
/// assert_eq!(latency.collect().digits(), 2);
/// assert!(budget.is_spent());
/// drop(latency);
/// assert_eq!(budget.used(), 0);
/// # Ok::<(), throughline_hdr::Error>(())
/// ```
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Whether something was refused.
    spent: std::sync::atomic::AtomicBool,
}

impl Budget {
    /// Of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            limit: bytes,
            used: AtomicUsize::new(0),
            spent: std::sync::atomic::AtomicBool::new(false),
        }
    }

    /// Bytes that are taken now, those that two digits took beyond the limit included.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether precision ever had to fall.
    pub fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// Takes `bytes` if there are so many left, or in any case if `anyway`.
    pub(crate) fn take(&self, bytes: usize, anyway: bool) -> bool {
        // Relaxed, here and below: a number alone; nothing is published through it.
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let taken = anyway || used <= self.limit;
        if !taken {
            self.give_back(bytes);
            self.spent.store(true, Ordering::Relaxed);
        }
        taken
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}
