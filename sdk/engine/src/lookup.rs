//! From the attributes of a call to its series: per thread, without a lock once warm, in whatever order.
//!
//! ```text
//! add(1, [b=2, a=1]) ── hash of where its texts stand ──► this thread's table ──► full comparison ──► Series
//!                                                             │ miss
//!                                                             ├─ a set that it knows: by the hash of the set
//!                                                             └─ else the stream's table, under its lock
//! ```
//!
//! A call site gives the same literals each time, so a call is found by their places, and compared by them: no text is
//! read. It is remembered as an [`Order`] over the attributes of its series: nothing is sorted, and the same attributes
//! in another order or from another place are another entry that leads to the same series. Of one set a thread
//! remembers [`CALLS`] such entries; what is new each time (texts that are made for the call, the order of a hash map) is
//! found by the set, a little later.
//!
//! What a view drops is neither hashed nor compared, so that dropped attributes may have any number of values.
//!
//! A thread remembers at most [`REMEMBERED`] calls, in two halves: what the young half has not room for makes it the
//! old one, and what was in the old one and was not asked for meanwhile is forgotten. When a stream is dropped, each
//! thread forgets its series at its next look-up; until then they stay allocated, but no stream, provider or callback
//! stays with them.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use opentelemetry::KeyValue;

use crate::pairs::{self, Canonical, Order, is_same_list, is_same_set};
use crate::series::{NO_STREAM, Series};
use crate::view::AttributeFilter;

/// How many calls (stream and attributes) a thread remembers.
pub(crate) const REMEMBERED: usize = 16_384;

/// How many ways to give one set a thread remembers: as many as four attributes have orders.
const CALLS: u8 = 24;

/// Counts streams that were dropped. Threads compare it with what they saw last.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Makes every thread forget the series that nobody but look-ups holds.
pub(crate) fn forget_dropped() {
    // Relaxed: a thread that sees it late forgets late.
    DROPPED.fetch_add(1, Ordering::Relaxed);
    // This one at once: it may never look anything up again, or soon and then in a hurry.
    let _ = REMEMBER.try_with(|memory| memory.try_borrow_mut().map(|mut memory| memory.clean()));
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
    /// Of its places, or of its set.
    hash: u64,
    given: Given,
    series: Arc<Series>,
}

/// What the stream keeps of the attributes, as calls give them.
enum Given {
    /// Those of the series, in this order.
    Order(Order),
    /// Those of the series, in any order; so many ways to give them are remembered.
    Set { calls: u8 },
    /// These, in their order: a key stands among them twice.
    List(Box<[KeyValue]>),
}

/// What is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) stream: u64,
    /// Which attributes the stream keeps.
    pub(crate) filter: &'a AttributeFilter,
    pub(crate) attributes: &'a [KeyValue],
    /// Of what the stream keeps.
    pub(crate) places: u64,
    pub(crate) hasher: &'a RandomState,
}

impl Remembered {
    /// Whether it is this call, looked up by this one of its hashes.
    #[inline(always)]
    fn is(&self, hash: u64, call: &Call<'_>) -> bool {
        if self.hash != hash || !self.series.is_of(call.stream) {
            return false;
        }
        match &self.given {
            Given::Order(order) => {
                let set = &self.series.attributes;
                order.is(set, call.filter, call.attributes)
            }
            _ => self.is_otherwise(call),
        }
    }

    #[cold]
    #[inline(never)]
    fn is_otherwise(&self, call: &Call<'_>) -> bool {
        let set = &self.series.attributes;
        match &self.given {
            Given::Order(order) => order.is(set, call.filter, call.attributes),
            Given::Set { .. } => is_same_set(set, call.filter, call.attributes),
            Given::List(list) => is_same_list(list, call.filter, call.attributes),
        }
    }

    /// The entry of the call by its places.
    fn call(call: &Call<'_>, series: &Arc<Series>) -> Self {
        let set = &series.attributes;
        let given = match Order::of(set, call.filter, call.attributes) {
            Some(order) => Given::Order(order),
            // Too many for an order.
            None if is_same_set(set, call.filter, call.attributes) => Given::Set { calls: CALLS },
            None => Given::List(call.kept().cloned().collect()),
        };
        Self {
            hash: call.places,
            given,
            series: Arc::clone(series),
        }
    }
}

impl Call<'_> {
    /// The hash of the set.
    fn set(&self) -> u64 {
        pairs::hash(self.hasher, self.kept()) ^ self.salt()
    }

    /// What the stream keeps of the attributes.
    fn kept(&self) -> impl Iterator<Item = &KeyValue> {
        let all = self.attributes.iter();
        all.filter(|pair| self.filter.keeps(pair))
    }

    /// Keeps the empty sets of all streams apart: their hashes are all 0.
    fn salt(&self) -> u64 {
        self.hasher.hash_one(self.stream)
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
            let hash = call.places;
            let found = memory.young.find(hash, |found| found.is(hash, call))?;
            Some(f(&found.series))
        })
        .ok()?
}

/// Looks a call up among what is about to be forgotten, and by its set; remembers it anew.
#[inline(never)]
pub(crate) fn recall_otherwise<R>(call: &Call<'_>, f: &impl Fn(&Series) -> R) -> Option<R> {
    REMEMBER
        .try_with(|memory| {
            let mut memory = memory.try_borrow_mut().ok()?;
            // As `recall` looked in the young half already, if it looked at all.
            if (memory.clean() || !memory.old.is_empty())
                && let Some(found) = memory.find(call.places, call)
            {
                return Some(f(&found.series));
            }
            let found = memory.find(call.set(), call)?;
            let result = f(&found.series);
            if let Given::Set { calls } = &mut found.given
                && *calls < CALLS
            {
                *calls += 1;
                let entry = Remembered::call(call, &found.series);
                memory.insert(entry);
            }
            Some(result)
        })
        .ok()?
}

/// Remembers which series a call has: that of these attributes.
#[cold]
#[inline(never)]
pub(crate) fn remember(call: &Call<'_>, attributes: &Canonical<'_>, series: &Arc<Series>) {
    let distinct = attributes.is_distinct();
    let entry = |hash, given| Remembered {
        hash,
        given,
        series: Arc::clone(series),
    };
    let places = match attributes.order() {
        Some(order) => Given::Order(order),
        // Too many for an order.
        None if distinct => Given::Set { calls: CALLS },
        None => Given::List(call.kept().cloned().collect()),
    };
    let places = entry(call.places, places);
    let set = || entry(attributes.hash() ^ call.salt(), Given::Set { calls: 1 });
    let set = distinct.then(set);
    // A thread that is ending, or a call inside another look-up, remembers nothing.
    let _ = REMEMBER.try_with(|memory| {
        if let Ok(mut memory) = memory.try_borrow_mut() {
            memory.insert(places);
            set.into_iter().for_each(|set| memory.insert(set));
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

    /// The entry of a call by one of its hashes; what is old is young again.
    fn find(&mut self, hash: u64, call: &Call<'_>) -> Option<&mut Remembered> {
        let is = |found: &Remembered| found.is(hash, call);
        if !self.old.is_empty()
            && let Ok(found) = self.old.find_entry(hash, is)
        {
            let (found, _) = found.remove();
            self.insert(found);
        }
        self.young.find_mut(hash, is)
    }

    fn insert(&mut self, call: Remembered) {
        if self.young.len() >= REMEMBERED / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert_unique(call.hash, call, |call| call.hash);
    }

    /// Forgets the series of dropped streams; says whether there may have been some.
    fn clean(&mut self) -> bool {
        let dropped = DROPPED.load(Ordering::Relaxed);
        let stale = self.seen != dropped;
        if stale {
            self.seen = dropped;
            self.young.retain(|call| !call.series.is_of(NO_STREAM));
            self.old.retain(|call| !call.series.is_of(NO_STREAM));
        }
        stale
    }
}
