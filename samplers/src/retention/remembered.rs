//! A bounded memory of what became of traces.

use std::collections::VecDeque;

use hashbrown::HashTable;
use opentelemetry::trace::SpanId;

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
#[derive(Debug, Default)]
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
    handed_on: HandedOn,
}

/// What was known of a trace when a part of it was decided: it was kept, like this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub(super) threshold: Option<u64>,
    pub(super) reasons: Reasons,
}

/// Which spans of a trace were handed on, 32 bits of each id: others of it may have been dropped by then, or never end.
#[derive(Debug, Default)]
struct HandedOn {
    /// A ring, once it is full.
    spans: Vec<u32>,
    /// Which one is overwritten next.
    next: usize,
}

/// Of a trace with more spans the latest ones are known, its root among them; the others count as lost.
const MAX_HANDED_ON: usize = 256;

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

impl Record {
    /// This span is on its way.
    pub(super) fn hand_on(&mut self, span: SpanId) {
        self.outstanding += 1;
        self.handed_on.add(low_bits(span));
    }

    /// Whether this span was handed on.
    pub(super) fn has(&self, span: SpanId) -> bool {
        self.handed_on.spans.contains(&low_bits(span))
    }

    pub(super) fn before(&self) -> Option<Before> {
        self.kept.then_some(Before {
            threshold: self.threshold,
            reasons: self.reasons,
        })
    }
}

impl HandedOn {
    fn add(&mut self, span: u32) {
        if self.spans.len() < MAX_HANDED_ON {
            self.spans.push(span);
        } else {
            self.spans[self.next] = span;
            self.next = (self.next + 1) % MAX_HANDED_ON;
        }
    }
}

fn low_bits(span: SpanId) -> u32 {
    u64::from_be_bytes(span.to_bytes()) as u32
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

    #[test]
    fn of_a_trace_with_too_many_spans_the_latest_are_known() {
        let mut record = Record::default();
        let spans = MAX_HANDED_ON as u64 + 2;
        (1..=spans).for_each(|span| record.hand_on(SpanId::from(span)));
        let known = |span: u64| record.has(SpanId::from(span));
        assert!(!known(1) && !known(2) && !known(spans + 1));
        assert!((3..=spans).all(known));
        assert_eq!(u64::from(record.outstanding), spans);
    }
}
