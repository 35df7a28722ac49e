//! From the attributes of a call to its series: per thread, without a lock once warm, in whatever order.
//!
//! ```text
//! add(1, [b=2, a=1]) ── hash (sum over pairs) ──► this thread's table ──► full comparison ──► Series
//!                                                     │ miss: the stream's table, under its lock
//!                                                     ▼
//!                                                 remembered here
//! ```
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
use opentelemetry::{Context, KeyValue};

use crate::pairs::{is_same_list, is_same_set};
use crate::series::Series;

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
    young: HashTable<Call>,
    old: HashTable<Call>,
    /// [`DROPPED`] when it was last cleaned.
    seen: u64,
}

/// A call seen before.
struct Call {
    hash: u64,
    given: Given,
    series: Arc<Series>,
}

/// The attributes as the call gave them.
pub(crate) enum Given {
    /// Those of the series, in any order.
    Own,
    /// Others (a view drops some), in any order. Their keys are distinct.
    Set(Box<[KeyValue]>),
    /// Others with a key twice, so that the order matters.
    List(Box<[KeyValue]>),
}

impl Call {
    #[inline]
    fn is(&self, stream: u64, attributes: &[KeyValue]) -> bool {
        self.series.stream == stream
            && match &self.given {
                Given::Own => is_same_set(self.series.attributes.as_slice(), attributes),
                Given::Set(given) => is_same_set(given, attributes),
                Given::List(given) => is_same_list(given, attributes),
            }
    }
}

/// Runs `f` on the series that this thread remembers for a call; `None` where it remembers none.
#[inline]
pub(crate) fn recall<R>(
    stream: u64,
    hash: u64,
    attributes: &[KeyValue],
    f: &impl Fn(&Series) -> R,
) -> Option<R> {
    REMEMBER
        .try_with(|memory| {
            // Borrowed already: `f` of an outer call measures something. It goes through the stream's table.
            let memory = memory.try_borrow().ok()?;
            if memory.seen != DROPPED.load(Ordering::Relaxed) {
                return None;
            }
            let call = memory.young.find(hash, |call| {
                call.hash == hash && call.is(stream, attributes)
            })?;
            Some(f(&call.series))
        })
        .ok()?
}

/// Looks a call up among what is about to be forgotten, and remembers it anew.
#[cold]
#[inline(never)]
pub(crate) fn recall_old(stream: u64, hash: u64, attributes: &[KeyValue]) -> Option<Arc<Series>> {
    REMEMBER
        .try_with(|memory| {
            let mut memory = memory.try_borrow_mut().ok()?;
            memory.clean();
            let is = |call: &Call| call.hash == hash && call.is(stream, attributes);
            if let Some(call) = memory.young.find(hash, is) {
                return Some(Arc::clone(&call.series));
            }
            let (call, _) = memory.old.find_entry(hash, is).ok()?.remove();
            let series = Arc::clone(&call.series);
            memory.insert(call);
            Some(series)
        })
        .ok()?
}

/// Remembers which series a call has.
#[cold]
#[inline(never)]
pub(crate) fn remember(hash: u64, given: Given, series: &Arc<Series>) {
    let call = Call {
        hash,
        given,
        series: Arc::clone(series),
    };
    // A thread that is ending, or a call inside another look-up, remembers nothing.
    let _ = REMEMBER.try_with(|memory| {
        if let Ok(mut memory) = memory.try_borrow_mut() {
            memory.insert(call);
        }
    });
}

impl Memory {
    fn new() -> Self {
        // Thread-locals go in the reverse order of their first use: the context outlives this one.
        Context::map_current(|_| ());
        Self {
            young: HashTable::new(),
            old: HashTable::new(),
            seen: DROPPED.load(Ordering::Relaxed),
        }
    }

    fn insert(&mut self, call: Call) {
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
