//! The series of one stream, and the limit on their number.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use hashbrown::HashTable;
use opentelemetry::{KeyValue, Value};
use throughline_model::Attributes;

use crate::pairs::{Canonical, is_set};
use crate::series::Series;

/// Specification: `metrics/sdk.md`, "Overflow attribute".
const OVERFLOW: &str = "otel.metric.overflow";

/// The series of one stream. Exactly `limit` attribute sets have one of their own; what comes later shares that of
/// the overflow.
#[derive(Debug)]
pub(crate) struct Table {
    limit: usize,
    /// The series of no attributes, once it is there: many streams have no other one, and need no index for it.
    plain: OnceLock<Arc<Series>>,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Places in `all`, by the hash of the attributes. The overflow has none, nor has the series of no attributes.
    index: HashTable<Place>,
    /// In the order they were made, until some are taken out.
    all: Vec<Arc<Series>>,
    overflow: Option<Arc<Series>>,
}

/// A place in `all`, beside half of the hash: a table that grows reads no texts, and few are compared that differ.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: u32,
    half: u32,
}

impl Table {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            // Places have 32 bits; so many series fit no memory.
            limit: limit.min(u32::MAX as usize),
            plain: OnceLock::new(),
            inner: RwLock::default(),
        }
    }

    /// Whether these attributes are what the overflow is reported under.
    pub(crate) fn is_overflow_set(attributes: &Attributes) -> bool {
        attributes.len() == 1 && attributes.get(OVERFLOW) == Some(&Value::Bool(true))
    }

    /// What the overflow is reported under.
    pub(crate) fn overflow_set() -> Attributes {
        Attributes::new([KeyValue::new(OVERFLOW, true)])
    }

    /// The series of no attributes, if it is there. Without a lock.
    #[inline(always)]
    pub(crate) fn plain(&self) -> Option<&Arc<Series>> {
        self.plain.get()
    }

    /// The series of canonical attributes, if it is there or if it is known to be that of the overflow.
    pub(crate) fn find(&self, hash: u64, attributes: &Canonical<'_>) -> Option<Arc<Series>> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let is = |set: &Attributes| is_set(set, attributes.iter());
        let found = self.find_in(&inner, hash, attributes.given().is_empty(), is);
        // Full: what is not there never will be.
        found.or_else(|| {
            let overflow = inner.overflow.as_ref();
            overflow.filter(|_| self.is_full(&inner)).map(Arc::clone)
        })
    }

    fn find_in(
        &self,
        inner: &Inner,
        hash: u64,
        is_plain: bool,
        is: impl Fn(&Attributes) -> bool,
    ) -> Option<Arc<Series>> {
        if is_plain {
            return self.plain.get().cloned();
        }
        inner.find(hash, is)
    }

    fn is_full(&self, inner: &Inner) -> bool {
        let plain = usize::from(self.plain.get().is_some());
        inner.index.len() + plain >= self.limit
    }

    /// The series of canonical attributes, made if there is room, else that of the overflow.
    pub(crate) fn find_or_make(
        &self,
        hash: u64,
        attributes: Attributes,
        make: impl FnOnce(Attributes) -> Series,
    ) -> Arc<Series> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let is_plain = attributes.is_empty();
        let is = |set: &Attributes| is_set(set, &attributes);
        let found = self.find_in(inner, hash, is_plain, is);
        if let Some(series) = found {
            return series;
        }
        // Whoever measures under the overflow's own name means the overflow: no set is reported twice.
        if self.is_full(inner) || Self::is_overflow_set(&attributes) {
            return Arc::clone(inner.overflow.get_or_insert_with(|| {
                let series = Arc::new(make(Self::overflow_set()));
                inner.all.push(Arc::clone(&series));
                series
            }));
        }
        let series = Arc::new(make(attributes));
        let at = inner.all.len() as u32;
        if at == 0 {
            // Many streams have one series for ever.
            inner.all.reserve_exact(1);
        }
        inner.all.push(Arc::clone(&series));
        if is_plain {
            // The first one: nobody else has the lock.
            return Arc::clone(self.plain.get_or_init(|| series));
        }
        let place = Place::new(at, hash);
        inner.index.insert_unique(place.hash(), place, Place::hash);
        series
    }

    /// Makes sure that a series stays while it is bound; `false` where it has left already. [`Series::unpin`] ends it.
    pub(crate) fn pin(&self, series: &Series, stream: u64) -> bool {
        // Nothing is taken out meanwhile.
        let _inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let stays = series.is_of(stream);
        if stays {
            series.pin();
        }
        stays
    }

    /// Takes the series at `places`, which ascend, out, but for those that are bound, that of the overflow and that of no
    /// attributes, which are held beside the index. `taken` gets each with its place and the number of series that there were with
    /// it; the last one is at that place then.
    pub(crate) fn take_out(
        &self,
        places: &[usize],
        hash_of: impl Fn(&Attributes) -> u64,
        mut taken: impl FnMut(usize, usize, Arc<Series>),
    ) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let Inner { index, all, .. } = &mut *inner;
        for &place in places.iter().rev() {
            let series = &all[place];
            if series.attributes.is_empty() || series.is_pinned() {
                continue;
            }
            let gone = Place::new(place as u32, hash_of(&series.attributes));
            // The overflow has no place in the index.
            let Ok(entry) = index.find_entry(gone.hash(), |it| it.at == gone.at) else {
                continue;
            };
            entry.remove();
            let len = all.len();
            let series = all.swap_remove(place);
            if let Some(moved) = all.get(place) {
                let last = Place::new(len as u32 - 1, hash_of(&moved.attributes));
                if let Some(moved) = index.find_mut(last.hash(), |it| it.at == last.at) {
                    moved.at = gone.at;
                }
            }
            taken(place, len, series);
        }
        if all.len() < all.capacity() / 4 {
            let room = 2 * all.len();
            all.shrink_to(room);
            index.shrink_to(room, Place::hash);
        }
    }

    /// Runs `f` on some series, from a place on: none where there are no more. Whoever goes through all of them takes a while,
    /// and who wants to make one meanwhile need not wait for the end.
    pub(crate) fn with_some<R>(&self, from: usize, f: impl FnOnce(&[Arc<Series>]) -> R) -> R {
        const SOME: usize = 64;
        self.with_all(|all| {
            let rest = all.get(from..).unwrap_or_default();
            f(&rest[..rest.len().min(SOME)])
        })
    }

    /// Runs `f` on all series.
    pub(crate) fn with_all<R>(&self, f: impl FnOnce(&[Arc<Series>]) -> R) -> R {
        f(&self
            .inner
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .all)
    }
}

impl Inner {
    fn find(&self, hash: u64, is: impl Fn(&Attributes) -> bool) -> Option<Arc<Series>> {
        let wanted = Place::new(0, hash);
        let series = |place: &Place| &self.all[place.at as usize];
        let is = |place: &Place| place.half == wanted.half && is(&series(place).attributes);
        let found = self.index.find(wanted.hash(), is)?;
        Some(Arc::clone(series(found)))
    }
}

impl Place {
    fn new(at: u32, hash: u64) -> Self {
        let half = (hash ^ hash >> 32) as u32;
        Self { at, half }
    }

    /// What the index goes by: of a hash it takes the lowest bits, as many as it is large, and the highest seven.
    fn hash(&self) -> u64 {
        u64::from(self.half) << 32 | u64::from(self.half)
    }
}
