//! A series: one attribute set of one stream.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use throughline_cells::{Blocks, Collection, OwnWord, Words};
use throughline_hdr::Recorder;
use throughline_model::Attributes;

use crate::aggregate::Dense;
use crate::exemplar::Reservoirs;
use crate::row::{ReadRow, SharedRow};

/// One attribute set of one stream: where its cells are, and what writers and collections share beside them.
///
/// Writers read the fields above the line, which change at most once per collection. There may be a hundred thousand of
/// it: what few of them need is boxed.
#[derive(Debug)]
pub(crate) struct Series {
    /// The words of each thread; none where the process has run out of them, or where there are too many for one
    /// range. Then all goes to `blocks` or `shared`.
    pub(crate) words: Words,
    /// The arrays of each thread, for aggregations whose size changes.
    pub(crate) blocks: Option<Box<Blocks>>,
    /// Where threads count, for aggregations whose rows have no place for it.
    pub(crate) recorder: Option<Box<Recorder>>,
    /// What exemplar words are stamped with: 1 to 2^26 − 1. A collection that takes exemplars moves it on.
    pub(crate) generation: AtomicU32,
    /// What the words of minimum and maximum are stamped with. Moved on by one delta reader.
    pub(crate) interval: AtomicU32,
    /// The bits of a gauge's last value; nothing to other aggregations.
    pub(crate) last: AtomicU64,
    /// The stream it belongs to, for the threads' look-up; [`NO_STREAM`] once that is gone.
    stream: AtomicU64,
    // -----------------------------------------------------------------------------------------------------
    /// What tells it from the others.
    pub(crate) attributes: Attributes,
    /// When it was made: by its first measurement or by `bind`.
    pub(crate) created: SystemTime,
    /// What threads share when they have no words of their own.
    shared: OnceLock<Box<Shared>>,
    /// Exemplars by feed; made when the first one is kept.
    pub(crate) exemplars: Mutex<Option<Box<Reservoirs>>>,
}

/// What threads share when they have no words of their own.
#[derive(Debug)]
enum Shared {
    Row(SharedRow),
    Dense(Mutex<Dense>),
}

/// The stream of a series that is looked up by nobody.
pub(crate) const NO_STREAM: u64 = u64::MAX;

static NO_ROW: SharedRow = SharedRow::empty();

impl Series {
    pub(crate) fn new(
        stream: u64,
        attributes: Attributes,
        created: SystemTime,
        words: Option<Words>,
        blocks: Option<Blocks>,
    ) -> Self {
        Self {
            words: words.unwrap_or_else(Words::none),
            blocks: blocks.map(Box::new),
            recorder: None,
            generation: AtomicU32::new(1),
            interval: AtomicU32::new(1),
            last: AtomicU64::new(0),
            stream: AtomicU64::new(stream),
            attributes,
            created,
            shared: OnceLock::new(),
            exemplars: Mutex::new(None),
        }
    }

    /// Whether it is one of this stream's.
    #[inline(always)]
    pub(crate) fn is_of(&self, stream: u64) -> bool {
        self.stream.load(Ordering::Relaxed) == stream
    }

    /// Says that its stream is gone: then nobody collects it any more, and threads forget it.
    pub(crate) fn leave_stream(&self) {
        self.stream.store(NO_STREAM, Ordering::Relaxed);
    }

    /// Makes sure of what this thread needs to write here, if it can have it.
    #[cold]
    pub(crate) fn touch(&self) {
        self.words.with(|_| ());
        if let Some(blocks) = &self.blocks {
            blocks.with(|_| ());
        }
    }

    /// Runs `f` on this thread's row, `len` words, wherever it has one: rows too long for a range of words are arrays.
    #[cold]
    pub(crate) fn with_row<R>(&self, len: usize, f: impl FnOnce(&[OwnWord]) -> R) -> Option<R> {
        if self.words.len() > 0 {
            return self.words.with(f);
        }
        self.blocks.as_ref()?.with(|block| {
            if block.words().is_none() {
                block.replace(len, |_, _| {});
            }
            block.words().map(f)
        })?
    }

    /// The row for whoever has none of their own. `len` is the same in every call.
    #[inline]
    pub(crate) fn shared_row(&self, len: usize) -> &SharedRow {
        let make = || Box::new(Shared::Row(SharedRow::new(len)));
        match &**self.shared.get_or_init(make) {
            Shared::Row(row) => row,
            // Not to be: a series has one aggregation, which shares one or the other.
            Shared::Dense(_) => &NO_ROW,
        }
    }

    /// The same for aggregations whose rows change their length. A mutex will do: threads come here when they end.
    #[cold]
    pub(crate) fn with_shared_dense(&self, scale: i32, f: impl FnOnce(&mut Dense)) {
        let make = || Box::new(Shared::Dense(Mutex::new(Dense::new(scale))));
        if let Shared::Dense(dense) = &**self.shared.get_or_init(make) {
            f(&mut dense.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// What was recorded there.
    pub(crate) fn shared_dense(&self) -> Option<Dense> {
        match &**self.shared.get()? {
            Shared::Dense(dense) => {
                Some(dense.lock().unwrap_or_else(PoisonError::into_inner).clone())
            }
            Shared::Row(_) => None,
        }
    }

    /// Calls `f` with the row of each thread, always in the same order, and last with the shared one.
    pub(crate) fn each_row(&self, cells: &Collection, mut f: impl FnMut(&dyn ReadRow)) {
        cells.each(&self.words, |row| f(&row));
        if let Some(blocks) = &self.blocks {
            cells.each_block(blocks, |row| f(&row));
        }
        if let Some(Shared::Row(shared)) = self.shared.get().map(Box::as_ref) {
            f(shared);
        }
    }
}
