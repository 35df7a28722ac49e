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
use crate::timestamp::Timestamp;

/// One attribute set of one stream: where its cells are, and what writers and collections share beside them.
///
/// There may be a hundred thousand of it, so what few of them need stands in a box, and times take 8 bytes.
///
/// What each look-up reads stands together at the beginning: of a thousand series most are found in one cache line each.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Series {
    /// What tells it from the others.
    pub(crate) attributes: Attributes,
    /// The words of each thread; none where the aggregation resizes its rows, where there are too many words for one range,
    /// or where the process has run out of them. Then all goes to blocks or to what threads share.
    pub(crate) words: Words,
    /// The stream it belongs to, for the threads' look-up; [`NO_STREAM`] once that is gone or has taken it out.
    stream: AtomicU64,
    /// What exemplar words are stamped with: 1 to 2^26 − 2. A collection that takes exemplars moves it on.
    pub(crate) generation: AtomicU32,
    /// What the words of minimum and maximum are stamped with. Moved on by one delta reader.
    pub(crate) interval: AtomicU32,
    /// The bits of a gauge's last value; nothing to other aggregations.
    pub(crate) last: AtomicU64,
    /// The arrays of each thread, for aggregations whose size changes and for rows that are too long for a range; else
    /// none.
    pub(crate) blocks: Blocks,
    /// When it was made: by its first measurement or by `bind`.
    pub(crate) created: Timestamp,
    rare: OnceLock<Box<Rare>>,
}

/// What few series need.
#[derive(Debug, Default)]
struct Rare {
    /// Where threads count, for aggregations whose rows have no place for it.
    recorder: Option<Recorder>,
    /// What threads share when they have no words of their own.
    shared: OnceLock<Shared>,
    /// How many bound instruments there are, where idle series are taken out.
    bound: AtomicU32,
    /// Exemplars by feed; made when the first one is kept.
    exemplars: Mutex<Option<Box<Reservoirs>>>,
}

/// What threads share when they have no words of their own.
#[derive(Debug)]
enum Shared {
    Row(SharedRow),
    Dense(Box<Mutex<Dense>>),
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
        recorder: Option<Recorder>,
    ) -> Self {
        let rare = OnceLock::new();
        if recorder.is_some() {
            rare.get_or_init(|| {
                Box::new(Rare {
                    recorder,
                    ..Rare::default()
                })
            });
        }
        Self {
            words: words.unwrap_or_else(Words::none),
            blocks: blocks.unwrap_or_else(Blocks::none),
            generation: AtomicU32::new(1),
            interval: AtomicU32::new(1),
            last: AtomicU64::new(0),
            stream: AtomicU64::new(stream),
            attributes,
            created: created.into(),
            rare,
        }
    }

    /// Where threads count, for aggregations whose rows have no place for it.
    #[inline(always)]
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.rare.get()?.recorder.as_ref()
    }

    /// Exemplars by feed, where there may be some.
    pub(crate) fn exemplars(&self) -> Option<&Mutex<Option<Box<Reservoirs>>>> {
        self.rare.get().map(|rare| &rare.exemplars)
    }

    /// Exemplars by feed: room for them.
    pub(crate) fn room_for_exemplars(&self) -> &Mutex<Option<Box<Reservoirs>>> {
        &self.rare().exemplars
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Whether it is one of this stream's.
    #[inline(always)]
    pub(crate) fn is_of(&self, stream: u64) -> bool {
        self.stream.load(Ordering::Relaxed) == stream
    }

    /// Keeps it in the table.
    pub(crate) fn pin(&self) {
        self.rare().bound.fetch_add(1, Ordering::Relaxed);
    }

    /// Undoes one [`pin`](Self::pin).
    pub(crate) fn unpin(&self) {
        self.rare().bound.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether something keeps it in the table. Relaxed: pins are made under the table's lock, and an end that is seen late
    /// keeps it an interval longer.
    pub(crate) fn is_pinned(&self) -> bool {
        let rare = self.rare.get();
        rare.is_some_and(|rare| rare.bound.load(Ordering::Relaxed) > 0)
    }

    /// Says that it is no stream's any more: that is gone, or has taken it out. Then threads forget it.
    pub(crate) fn leave_stream(&self) {
        self.stream.store(NO_STREAM, Ordering::Relaxed);
    }

    /// Makes sure of what this thread needs to write here, if it can have it.
    #[cold]
    pub(crate) fn touch(&self) {
        self.words.with(|_| ());
        self.blocks.with(|_| ());
    }

    /// Runs `f` on this thread's row, `len` words, wherever it has one: rows too long for a range of words are arrays.
    #[cold]
    pub(crate) fn with_row<R>(&self, len: usize, f: impl FnOnce(&[OwnWord]) -> R) -> Option<R> {
        if self.words.len() > 0 {
            return self.words.with(f);
        }
        self.blocks.with(|block| {
            if block.words().is_none() {
                block.replace(len, |_, _| {});
            }
            block.words().map(f)
        })?
    }

    /// The row for whoever has none of their own. `len` is the same in every call.
    #[inline]
    pub(crate) fn shared_row(&self, len: usize) -> &SharedRow {
        let make = || Shared::Row(SharedRow::new(len));
        match self.rare().shared.get_or_init(make) {
            Shared::Row(row) => row,
            // Not to be: a series has one aggregation, which shares one or the other.
            Shared::Dense(_) => &NO_ROW,
        }
    }

    /// The same for aggregations whose rows change their length. A mutex will do: threads come here when they end.
    #[cold]
    pub(crate) fn with_shared_dense(&self, scale: i32, f: impl FnOnce(&mut Dense)) {
        let make = || Shared::Dense(Box::new(Mutex::new(Dense::new(scale))));
        if let Shared::Dense(dense) = self.rare().shared.get_or_init(make) {
            f(&mut dense.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// What was recorded there.
    pub(crate) fn shared_dense(&self) -> Option<Dense> {
        match self.rare.get()?.shared.get()? {
            Shared::Dense(dense) => {
                Some(dense.lock().unwrap_or_else(PoisonError::into_inner).clone())
            }
            Shared::Row(_) => None,
        }
    }

    /// Calls `f` with the row of each thread, always in the same order, and last with the shared one.
    pub(crate) fn each_row(&self, cells: &Collection, mut f: impl FnMut(&dyn ReadRow)) {
        cells.each(&self.words, |row| f(&row));
        cells.each_block(&self.blocks, |row| f(&row));
        let Some(rare) = self.rare.get() else { return };
        if let Some(Shared::Row(shared)) = rare.shared.get() {
            f(shared);
        }
    }
}
