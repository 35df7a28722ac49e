//! What many points have in common, written once and copied from then on.
//!
//! A set of attributes is a list of pairs that sets share, so of 100,000 points there may be fifty pairs; and a
//! collection has one time. Nothing is kept beyond the snapshot.

use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::KeyValue;
use throughline_model::Attributes;

use super::metrics::key_value;

/// What was written for points before.
#[derive(Debug, Default)]
pub(super) struct Shared<'a> {
    pairs: Pairs<'a>,
    pub(super) start: Nanos,
    pub(super) time: Nanos,
    /// How many bytes the length of the last point took.
    pub(super) room: usize,
}

impl<'a> Shared<'a> {
    /// Appends a point's attributes as fields of this number.
    pub(super) fn attributes(&mut self, out: &mut Vec<u8>, field: u8, attributes: &'a Attributes) {
        for pair in attributes {
            out.extend_from_slice(self.pairs.written(field, pair));
        }
    }
}

/// A point in time as OTLP has it, and the last one that was asked for: mostly it is the same again.
#[derive(Debug)]
pub(super) struct Nanos {
    last: SystemTime,
    nanos: u64,
}

impl Default for Nanos {
    fn default() -> Self {
        Self {
            last: UNIX_EPOCH,
            nanos: 0,
        }
    }
}

impl Nanos {
    /// Nanoseconds since 1970.
    pub(super) fn of(&mut self, time: SystemTime) -> u64 {
        if self.last != time {
            *self = Self {
                last: time,
                nanos: nanos(time),
            };
        }
        self.nanos
    }
}

/// Nanoseconds since 1970. Earlier is 0, which OTLP reads as unknown; later than the year 2554 is the end.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Pairs as bytes, found by where they stand in memory: which of them are equal is not asked.
///
/// `throughline_prometheus` finds what it wrote of a pair in the same way (`render/fragments.rs`), with a text for each form.
#[derive(Debug, Default)]
struct Pairs<'a> {
    /// [`SLOTS`], or none before the first pair. Two pairs of one place take it from each other.
    slots: Vec<Slot<'a>>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<'a> {
    pair: Option<&'a KeyValue>,
    field: u8,
    start: u32,
    end: u32,
}

/// A power of two.
const SLOTS: usize = 512;

/// Where there are more bytes than these, it begins anew.
const MAX_BYTES: usize = 1 << 16;

impl<'a> Pairs<'a> {
    /// The pair as a field of this number.
    #[inline]
    fn written(&mut self, field: u8, pair: &'a KeyValue) -> &[u8] {
        let at = place(pair);
        let slot = match self.slots.get(at) {
            Some(slot) if slot.field == field && slot.is(pair) => *slot,
            _ => self.write(at, field, pair),
        };
        &self.bytes[slot.start as usize..slot.end as usize]
    }

    #[cold]
    fn write(&mut self, at: usize, field: u8, pair: &'a KeyValue) -> Slot<'a> {
        if self.slots.is_empty() || self.bytes.len() > MAX_BYTES {
            self.slots.clear();
            self.slots.resize(SLOTS, Slot::default());
            self.bytes.clear();
        }
        let start = self.bytes.len() as u32;
        key_value(&mut self.bytes, field, pair);
        let slot = Slot {
            pair: Some(pair),
            field,
            start,
            // A pair of 4 GiB is in no request.
            end: self.bytes.len() as u32,
        };
        self.slots[at] = slot;
        slot
    }
}

impl Slot<'_> {
    fn is(&self, pair: &KeyValue) -> bool {
        self.pair.is_some_and(|it| ptr::eq(it, pair))
    }
}

/// The place of a pair among the slots: the upper bits of a product that mixes those of its address.
fn place(pair: &KeyValue) -> usize {
    let address = ptr::from_ref(pair).addr() as u64;
    let mixed = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests;
