//! From the attributes of a call to its series: per thread, without a lock once warm, in whatever order.
//!
//! ```text
//! add(1, [b=2, a=1]) ── hash (sum over pairs) ──► this thread's table ──► full comparison ──► Series
//!                                                     │ miss: the stream's table, under its lock
//!                                                     ▼
//!                                                 remembered here
//! ```
//!
//! What a view drops is neither hashed nor compared, so that dropped attributes may have any number of values.
//!
//! A thread remembers at most [`REMEMBERED`] calls, in two halves: what the young half has not room for makes it the
//! old one, and what was in the old one and was not asked for meanwhile is forgotten. When a stream is dropped, each
//! thread forgets its series at its next look-up; until then they stay allocated, but no stream, provider or callback
//! stays with them.

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use opentelemetry::KeyValue;

use crate::pairs::{is_same_list, is_same_set};
use crate::series::Series;
use crate::view::AttributeFilter;

/// How many calls (stream and attributes) a thread remembers.
pub(crate) const REMEMBERED: usize = 16_384;

/// Counts streams that were dropped. Threads compare it with what they saw last.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Makes every thread forget the series that nobody but look-ups holds.
pub(crate) fn forget_dropped() {
    // Relaxed: a thread that sees it late forgets late.
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

thread_local! {
    static REMEMBER: RefCell<Memory> = RefCell::new(Memory::new());
}

/// What one thread remembers.
struct Memory {
    young: HashTable<Remembered>,
    old: HashTable<Remembered>,
    /// [`DROPPED`] when it was last cleaned.
    seen: u64,
}

/// A call seen before.
struct Remembered {
    hash: u64,
    /// What the stream keeps of the attributes, as the call gave them, where a key stands among them twice and so their
    /// order matters. Otherwise it is the attributes of the series, in any order.
    list: Option<Box<[KeyValue]>>,
    series: Arc<Series>,
}

/// What is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) stream: u64,
    /// Which attributes the stream keeps.
    pub(crate) filter: &'a AttributeFilter,
    pub(crate) attributes: &'a [KeyValue],
    /// Of what the stream keeps.
    pub(crate) hash: u64,
}

impl Remembered {
    #[inline]
    fn is(&self, call: &Call<'_>) -> bool {
        self.hash == call.hash
            && self.series.stream == call.stream
            && match &self.list {
                None => is_same_set(
                    self.series.attributes.as_slice(),
                    call.filter,
                    call.attributes,
                ),
                Some(list) => is_same_list(list, call.filter, call.attributes),
            }
    }
}

/// Runs `f` on the series that this thread remembers for a call; `None` where it remembers none.
#[inline]
pub(crate) fn recall<R>(call: &Call<'_>, f: &impl Fn(&Series) -> R) -> Option<R> {
    REMEMBER
        .try_with(|memory| {
            // Borrowed already: `f` of an outer call measures something. It goes through the stream's table.
            let memory = memory.try_borrow().ok()?;
            if memory.seen != DROPPED.load(Ordering::Relaxed) {
                return None;
            }
            let found = memory.young.find(call.hash, |found| found.is(call))?;
            Some(f(&found.series))
        })
        .ok()?
}

/// Looks a call up among what is about to be forgotten, and remembers it anew.
#[cold]
#[inline(never)]
pub(crate) fn recall_old(call: &Call<'_>) -> Option<Arc<Series>> {
    REMEMBER
        .try_with(|memory| {
            let mut memory = memory.try_borrow_mut().ok()?;
            memory.clean();
            if let Some(found) = memory.young.find(call.hash, |found| found.is(call)) {
                return Some(Arc::clone(&found.series));
            }
            let found = memory.old.find_entry(call.hash, |found| found.is(call));
            let (found, _) = found.ok()?.remove();
            let series = Arc::clone(&found.series);
            memory.insert(found);
            Some(series)
        })
        .ok()?
}

/// Remembers which series a call has.
#[cold]
#[inline(never)]
pub(crate) fn remember(call: &Call<'_>, series: &Arc<Series>) {
    let own = is_same_set(series.attributes.as_slice(), call.filter, call.attributes);
    let list = || {
        let kept = call
            .attributes
            .iter()
            .filter(|pair| call.filter.keeps(pair));
        kept.cloned().collect()
    };
    let remembered = Remembered {
        hash: call.hash,
        list: (!own).then(list),
        series: Arc::clone(series),
    };
    // A thread that is ending, or a call inside another look-up, remembers nothing.
    let _ = REMEMBER.try_with(|memory| {
        if let Ok(mut memory) = memory.try_borrow_mut() {
            memory.insert(remembered);
        }
    });
}

impl Memory {
    fn new() -> Self {
        Self {
            young: HashTable::new(),
            old: HashTable::new(),
            seen: DROPPED.load(Ordering::Relaxed),
        }
    }

    fn insert(&mut self, call: Remembered) {
        if self.young.len() >= REMEMBERED / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert_unique(call.hash, call, |call| call.hash);
    }

    /// Forgets the series of dropped streams.
    fn clean(&mut self) {
        let dropped = DROPPED.load(Ordering::Relaxed);
        if self.seen != dropped {
            self.seen = dropped;
            self.young.retain(|call| !call.series.is_dropped());
            self.old.retain(|call| !call.series.is_dropped());
        }
    }
}
