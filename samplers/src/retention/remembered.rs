//! A bounded memory of what became of traces.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::reasons::Reasons;

/// What is remembered of traces that were decided, the latest ones.
///
/// Only what leaves is remembered, and what somebody waits for in vain: a trace that nobody asked for and that was
/// not kept is as unknown as one that never was.
#[derive(Debug)]
pub(super) struct Remembered {
    records: HashTable<(u64, Record)>,
    /// Oldest first; as many as there are records.
    order: VecDeque<(u64, u128)>,
    capacity: usize,
}

/// What became of a trace in this process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    trace: u128,
    /// Something of it was kept.
    pub(super) kept: bool,
    /// The threshold it was kept with, if its count is known.
    pub(super) threshold: Option<u64>,
    /// Why it is kept, or should have been.
    pub(super) reasons: Reasons,
    /// Spans that are on their way and not acknowledged.
    pub(super) outstanding: u32,
    /// Some of it is lost.
    pub(super) torn: bool,
}

impl Remembered {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            records: HashTable::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    pub(super) fn get(&self, hash: u64, trace: u128) -> Option<&Record> {
        let found = self.records.find(hash, |(_, record)| record.trace == trace);
        found.map(|(_, record)| record)
    }

    pub(super) fn get_mut(&mut self, hash: u64, trace: u128) -> Option<&mut Record> {
        let found = self
            .records
            .find_mut(hash, |(_, record)| record.trace == trace);
        found.map(|(_, record)| record)
    }

    /// The record of this trace, a new one if need be; then the oldest one is forgotten if there are too many.
    pub(super) fn record(&mut self, hash: u64, trace: u128) -> &mut Record {
        if self.get(hash, trace).is_none() && self.order.len() >= self.capacity {
            self.forget_oldest();
        }
        let order = &mut self.order;
        let entry =
            self.records
                .entry(hash, |(_, record)| record.trace == trace, |(hash, _)| *hash);
        let entry = entry.or_insert_with(|| {
            order.push_back((hash, trace));
            let record = Record {
                trace,
                ..Record::default()
            };
            (hash, record)
        });
        &mut entry.into_mut().1
    }

    fn forget_oldest(&mut self) {
        let Some((hash, trace)) = self.order.pop_front() else {
            return;
        };
        let found = self
            .records
            .find_entry(hash, |(_, record)| record.trace == trace);
        if let Ok(found) = found {
            found.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut remembered = Remembered::new(2);
        for trace in 1..=3 {
            // Traces that share a hash are told apart.
            remembered.record(7, trace).outstanding = trace as u32;
            remembered.record(7, trace).kept = true;
        }
        assert!(remembered.get(7, 1).is_none());
        assert_eq!(remembered.get(7, 2).map(|it| it.outstanding), Some(2));
        assert_eq!(remembered.get(7, 3).map(|it| it.outstanding), Some(3));
        assert_eq!(remembered.order.len(), remembered.records.len());
    }
}
