//! From the attributes of a call to its series: per thread, without a lock once warm, in whatever order.
//!
//! ```text
//! add(1, [b=2, a=1]) ── hash of where its texts stand ──► this thread's table ──► full comparison ──► Series
//!                                                             │ miss
//!                                                             ├─ a set that it knows: by the hash of its texts
//!                                                             └─ else the stream's table, under its lock
//! ```
//!
//! A call site gives the same literals each time, so a call is found by their [`places`], and compared by them: no text is
//! read. It is remembered as an [`Order`] over the attributes of its series: nothing is sorted, and the same attributes
//! in another order or from another place are another entry that leads to the same series. Of one set a thread
//! remembers [`CALLS`] such entries; what is new each time (texts that are made for the call, the order of a hash map) is
//! found by its texts, a little later. So is what has no order: more than 16 attributes, or a key that stands there twice.
//! The allocator may give a text the place of one that was dropped: then the comparison reads the text.
//!
//! What a view drops is neither hashed nor compared, so that dropped attributes may have any number of values.
//!
//! A thread has at most [`REMEMBERED`] entries, two of most calls (by places and by texts), in two halves: what the young
//! half has not room for makes it the old one, and what was in the old one and was not asked for meanwhile is forgotten.
//! When a stream is dropped, each thread forgets its series at its next look-up; until then they stay allocated, but no
//! stream, provider or callback stays with them.

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

mod places;

use places::{Placed, Places};

/// How many entries a thread has: a call (stream and attributes) is one by its places and mostly one by its texts.
pub(crate) const REMEMBERED: usize = 16_384;

/// How many ways to give one set a thread remembers: as many as four attributes have orders.
const CALLS: u8 = 24;

/// How many calls a thread looks through at most, for each series that was dropped: who drops a thousand streams shall
/// not look through all calls a thousand times.
const WORTH: usize = 16;

/// Counts streams that were dropped. Threads compare it with what they saw last.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Makes every thread forget the series that nobody but look-ups holds: so many were dropped.
pub(crate) fn forget_dropped(series: usize) {
    // Nothing was measured, or idle series all had to stay: then threads need not look through what they remember.
    if series == 0 {
        return;
    }
    // Release, for `clean`: who sees it sees that the series have left. A thread that sees it late forgets late.
    DROPPED.fetch_add(1, Ordering::Release);
    // This one at once, where it is worth it: it may never look anything up again, or soon and then in a hurry.
    let _ = REMEMBER.try_with(|memory| {
        let mut memory = memory.try_borrow_mut().ok()?;
        let remembered = memory.young.len() + memory.old.len();
        (remembered <= WORTH * series).then(|| memory.clean())
    });
}

thread_local! {
    static REMEMBER: RefCell<Memory> = RefCell::new(Memory::new());
}

/// What one thread remembers.
struct Memory {
    young: Half,
    old: Half,
    /// [`DROPPED`] when it was last cleaned.
    seen: u64,
}

/// Calls seen before.
#[derive(Default)]
struct Half {
    places: Places,
    texts: HashTable<Texts>,
}

/// A call by its texts, wherever they stand.
#[derive(Clone)]
struct Texts {
    hash: u64,
    given: Given,
    series: Arc<Series>,
}

/// What the stream keeps of the attributes, as calls give them.
#[derive(Clone)]
enum Given {
    /// Those of the series, in any order; so many ways to give them are remembered by their places.
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
    /// Of what the stream keeps, by a hasher of the stream's own.
    pub(crate) places: u64,
    /// Hashes texts, of all the provider's streams.
    pub(crate) hasher: &'a RandomState,
}

impl Placed {
    /// Whether it is this call, of the same hash.
    #[inline(always)]
    fn is(&self, call: &Call<'_>) -> bool {
        let series = &self.series;
        series.is_of(call.stream)
            && self
                .order
                .is(&series.attributes, call.filter, call.attributes)
    }
}

impl Texts {
    /// Whether it is this call, whose texts have this hash.
    fn is(&self, hash: u64, call: &Call<'_>) -> bool {
        let (series, filter, given) = (&self.series, call.filter, call.attributes);
        self.hash == hash
            && series.is_of(call.stream)
            && match &self.given {
                Given::Set { .. } => is_same_set(&series.attributes, filter, given),
                Given::List(list) => is_same_list(list, filter, given),
            }
    }

    /// This call by its places, if one more way to give the set is to be remembered. Else the series is not cloned: threads
    /// share its count.
    fn placed(&mut self, call: &Call<'_>) -> Option<Placed> {
        let Given::Set { calls } = &mut self.given else {
            return None;
        };
        if *calls >= CALLS {
            return None;
        }
        let order = Order::of(&self.series.attributes, call.filter, call.attributes)?;
        *calls += 1;
        Some(Placed {
            hash: call.places,
            order,
            series: Arc::clone(&self.series),
        })
    }
}

impl<'a> Call<'a> {
    /// The hash of its texts: of one set it is the same in any order.
    fn texts(&self) -> u64 {
        pairs::hash(self.hasher, self.kept()) ^ self.salt()
    }

    /// What the stream keeps of the attributes.
    fn kept(&self) -> impl Iterator<Item = &'a KeyValue> {
        let Self {
            filter, attributes, ..
        } = *self;
        attributes.iter().filter(|pair| filter.keeps(pair))
    }

    /// Keeps the same texts of the provider's streams apart: they have one hasher.
    fn salt(&self) -> u64 {
        self.hasher.hash_one(self.stream)
    }
}

/// Runs `f` on the series that this thread remembers for a call; `None` where it remembers none.
#[inline(always)]
pub(crate) fn recall<R>(call: &Call<'_>, f: impl FnOnce(&Series) -> R) -> Option<R> {
    REMEMBER
        .try_with(|memory| {
            // Borrowed already: `f` of an outer call measures something. It goes through the stream's table.
            let memory = memory.try_borrow().ok()?;
            if memory.seen != DROPPED.load(Ordering::Relaxed) {
                return None;
            }
            let places = &memory.young.places;
            let found = places.find(call.places, |found| found.is(call))?;
            Some(f(&found.series))
        })
        .ok()?
}

/// Looks a call up among what is about to be forgotten, and by its texts; remembers it anew.
#[inline(never)]
pub(crate) fn recall_otherwise<R>(call: &Call<'_>, f: impl FnOnce(&Series) -> R) -> Option<R> {
    REMEMBER
        .try_with(|memory| {
            let mut memory = memory.try_borrow_mut().ok()?;
            // As `recall` looked in the young half already, if it looked at all.
            if (memory.clean() || !memory.old.is_empty())
                && let Some(series) = memory.by_places(call)
            {
                return Some(f(series));
            }
            let found = memory.by_texts(call)?;
            let placed = found.placed(call);
            let result = f(&found.series);
            placed.into_iter().for_each(|it| memory.insert_places(it));
            Some(result)
        })
        .ok()?
}

/// Remembers which series a call has: that of these attributes.
#[cold]
#[inline(never)]
pub(crate) fn remember(call: &Call<'_>, attributes: &Canonical<'_>, series: &Arc<Series>) {
    let series = || Arc::clone(series);
    let placed = attributes.order().map(|order| Placed {
        hash: call.places,
        order,
        series: series(),
    });
    let (hash, given) = if attributes.is_distinct() {
        (attributes.hash() ^ call.salt(), Given::Set { calls: 1 })
    } else {
        (call.texts(), Given::List(call.kept().cloned().collect()))
    };
    let texts = Texts {
        hash,
        given,
        series: series(),
    };
    // A thread that is ending, or a call inside another look-up, remembers nothing.
    let _ = REMEMBER.try_with(|memory| {
        if let Ok(mut memory) = memory.try_borrow_mut() {
            placed.into_iter().for_each(|it| memory.insert_places(it));
            memory.insert_texts(texts);
        }
    });
}

impl Memory {
    fn new() -> Self {
        Self {
            young: Half::default(),
            old: Half::default(),
            seen: DROPPED.load(Ordering::Relaxed),
        }
    }

    /// The series of a call by its places; what is old is young again.
    fn by_places(&mut self, call: &Call<'_>) -> Option<&Series> {
        let is = |found: &Placed| found.is(call);
        if self.young.places.find(call.places, is).is_none() {
            let found = self.old.places.find(call.places, is)?.clone();
            self.insert_places(found);
        }
        let found = self.young.places.find(call.places, is)?;
        Some(&found.series)
    }

    /// The entry of a call by its texts; what is old is young again.
    fn by_texts(&mut self, call: &Call<'_>) -> Option<&mut Texts> {
        let hash = call.texts();
        let is = |found: &Texts| found.is(hash, call);
        if !self.old.texts.is_empty()
            && let Ok(found) = self.old.texts.find_entry(hash, is)
        {
            let (mut found, _) = found.remove();
            if let Given::Set { calls } = &mut found.given {
                // Those by their places may be forgotten.
                *calls = 0;
            }
            self.insert_texts(found);
        }
        self.young.texts.find_mut(hash, is)
    }

    fn insert_places(&mut self, placed: Placed) {
        self.make_room();
        self.young.places.insert(placed);
    }

    fn insert_texts(&mut self, texts: Texts) {
        self.make_room();
        let young = &mut self.young.texts;
        // A key that stands there twice, in many orders: lists of one hash. A few are remembered.
        let alike = young.iter_hash(texts.hash);
        if alike.filter(|it| it.hash == texts.hash).count() < CALLS.into() {
            young.insert_unique(texts.hash, texts, |texts| texts.hash);
        }
    }

    fn make_room(&mut self) {
        if self.young.len() >= REMEMBERED / 2 {
            self.old = mem::take(&mut self.young);
        }
    }

    /// Forgets the series of dropped streams; says whether there may have been some.
    fn clean(&mut self) -> bool {
        // Acquire, of `forget_dropped`: whatever it counts has left its stream.
        let dropped = DROPPED.load(Ordering::Acquire);
        let stale = self.seen != dropped;
        if stale {
            self.seen = dropped;
            self.young.clean();
            self.old.clean();
        }
        stale
    }
}

impl Half {
    fn len(&self) -> usize {
        self.places.len() + self.texts.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn clean(&mut self) {
        let stays = |series: &Series| !series.is_of(NO_STREAM);
        self.places.retain(|placed| stays(&placed.series));
        self.texts.retain(|texts| stays(&texts.series));
    }
}

#[cfg(test)]
mod tests;
