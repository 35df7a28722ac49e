//! Items by trace, bounded, with the least valuable trace evicted first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::origins::Origins;
use crate::data::{BLOCK, Footprint, LogRecord, Origin, Span, TraceId};

/// What an item takes besides itself: its reference counts, its block, its place in a vector that doubles.
pub(super) const ITEM: usize = 16 + BLOCK + 16;

/// What an entry takes besides its items: slots in the table and in the order, at their load factors.
const ENTRY: usize = 288;

/// Something of a trace.
pub(super) trait Item: Footprint {
    fn origin(&self) -> &Arc<Origin>;
    fn set_origin(&mut self, origin: Arc<Origin>);
}

impl Item for Span {
    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn set_origin(&mut self, origin: Arc<Origin>) {
        self.origin = origin;
    }
}

impl Item for LogRecord {
    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn set_origin(&mut self, origin: Arc<Origin>) {
        self.origin = origin;
    }
}

/// Invariants: `bytes` and `items` are the sums over `entries`, `pinned_*` over those of a rank above 0;
/// `order` holds each entry once; `bytes() <= limit` and `items <= most`.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    entries: HashMap<TraceId, Entry<T>>,
    /// By rank, then by when it was touched, which differs for each: the first goes first.
    order: BTreeMap<(u8, u64), TraceId>,
    origins: Origins,
    most: usize,
    limit: usize,
    most_per_trace: usize,
    items: usize,
    bytes: usize,
    pinned_items: usize,
    pinned_bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<T> {
    items: Vec<Arc<T>>,
    bytes: usize,
    rank: u8,
    touched: u64,
}

/// What taking an item in did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) refused: u64,
    pub(super) evicted: u64,
    pub(super) entries_evicted: u64,
    pub(super) pinned_evicted: u64,
}

impl<T: Item> Shelf<T> {
    pub(super) fn new(most: usize, limit: usize, most_per_trace: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            origins: Origins::default(),
            most,
            limit,
            most_per_trace,
            items: 0,
            bytes: 0,
            pinned_items: 0,
            pinned_bytes: 0,
            clock: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.origins.bytes()
    }

    pub(super) fn items(&self) -> usize {
        self.items
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The items of a trace, in the order they came.
    pub(super) fn of(&self, trace: TraceId) -> Vec<Arc<T>> {
        let entry = self.entries.get(&trace);
        entry.map(|entry| entry.items.clone()).unwrap_or_default()
    }

    /// The traces touched last, newest first.
    pub(super) fn newest(&self, most: usize) -> Vec<TraceId> {
        let mut traces: Vec<(u64, TraceId)> = self
            .entries
            .iter()
            .map(|(id, entry)| (entry.touched, *id))
            .collect();
        traces.sort_unstable_by(|a, b| b.cmp(a));
        traces.into_iter().take(most).map(|(_, id)| id).collect()
    }

    /// Takes an item in; makes room first.
    pub(super) fn add(&mut self, trace: TraceId, mut item: T, rank: u8) -> Outcome {
        let mut outcome = Outcome::default();
        let need = item.footprint() + ITEM;
        let entry = self.entries.get(&trace);
        let (have, have_bytes) = entry.map_or((0, 0), |entry| (entry.items.len(), entry.bytes));
        let quarter = self.limit / 4;
        let origin = item.origin().footprint();
        if have >= self.most_per_trace
            || have_bytes + need + ENTRY + origin > quarter
            || self.most == 0
        {
            outcome.refused = 1;
            return outcome;
        }
        // An eviction may take the origin, or this very trace, with it: so the need is worked out anew.
        while self.items >= self.most
            || self.bytes() + need + ENTRY + self.origins.cost(item.origin()) > self.limit
        {
            if !self.evict(&mut outcome) {
                break;
            }
        }
        let origin = self.origins.intern(item.origin());
        item.set_origin(origin);

        self.detach(trace);
        let fresh = || Entry {
            items: Vec::new(),
            bytes: ENTRY,
            rank,
            touched: 0,
        };
        let entry = self.entries.entry(trace).or_insert_with(fresh);
        entry.items.push(Arc::new(item));
        entry.bytes += need;
        entry.rank = rank;
        self.clock += 1;
        entry.touched = self.clock;
        self.attach(trace);
        outcome
    }

    /// Moves a trace to another rank. Nothing happens if the trace is not here.
    pub(super) fn set_rank(&mut self, trace: TraceId, rank: u8) {
        if self
            .entries
            .get(&trace)
            .is_none_or(|entry| entry.rank == rank)
        {
            return;
        }
        self.detach(trace);
        if let Some(entry) = self.entries.get_mut(&trace) {
            entry.rank = rank;
        }
        self.attach(trace);
    }

    /// Evicts the least valuable trace; says whether there was one.
    fn evict(&mut self, outcome: &mut Outcome) -> bool {
        // Pinned traces may have three quarters of the room: past that the weakest of them goes, so that
        // a new trace is not gone before an exemplar could pin it.
        let crowded =
            self.pinned_bytes > self.limit / 4 * 3 || self.pinned_items > self.most / 4 * 3;
        let from = (u8::from(crowded), 0);
        let Some((&(rank, _), &trace)) = self.order.range(from..).next() else {
            return false;
        };
        self.detach(trace);
        let Some(entry) = self.entries.remove(&trace) else {
            return false;
        };
        outcome.evicted += entry.items.len() as u64;
        outcome.entries_evicted += 1;
        outcome.pinned_evicted += u64::from(rank > 0);
        for item in entry.items {
            self.origins.release(item.origin());
        }
        true
    }

    /// Takes an entry out of the order and the sums, before it is changed.
    fn detach(&mut self, trace: TraceId) {
        let Some(entry) = self.entries.get(&trace) else {
            return;
        };
        self.order.remove(&(entry.rank, entry.touched));
        self.items -= entry.items.len();
        self.bytes -= entry.bytes;
        if entry.rank > 0 {
            self.pinned_items -= entry.items.len();
            self.pinned_bytes -= entry.bytes;
        }
    }

    /// Puts a changed entry back.
    fn attach(&mut self, trace: TraceId) {
        let Some(entry) = self.entries.get(&trace) else {
            return;
        };
        self.order.insert((entry.rank, entry.touched), trace);
        self.items += entry.items.len();
        self.bytes += entry.bytes;
        if entry.rank > 0 {
            self.pinned_items += entry.items.len();
            self.pinned_bytes += entry.bytes;
        }
    }
}

#[cfg(test)]
impl<T: Item> Shelf<T> {
    pub(super) fn assert_consistent(&self) {
        let pinned = || self.entries.values().filter(|entry| entry.rank > 0);
        assert_eq!(
            self.items,
            self.entries
                .values()
                .map(|entry| entry.items.len())
                .sum::<usize>()
        );
        assert_eq!(
            self.bytes,
            self.entries
                .values()
                .map(|entry| entry.bytes)
                .sum::<usize>()
        );
        assert_eq!(
            self.pinned_items,
            pinned().map(|entry| entry.items.len()).sum::<usize>()
        );
        assert_eq!(
            self.pinned_bytes,
            pinned().map(|entry| entry.bytes).sum::<usize>()
        );
        assert_eq!(self.order.len(), self.entries.len());
        for entry in self.entries.values() {
            let items = entry.items.iter().map(|item| item.footprint() + ITEM);
            assert_eq!(entry.bytes, ENTRY + items.sum::<usize>());
        }
        let items = self.entries.values().flat_map(|entry| &entry.items);
        self.origins.assert_holds(items.map(|item| item.origin()));
    }
}
