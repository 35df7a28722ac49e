//! Which operation has which number.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of operations by the hash of their name: read without lock, written by one thread at a time.
///
/// A name is known by 48 bits of its hash; should two share them, they are one operation. An entry that is
/// being removed or moved may be missed, or found for another name, for a moment. Either way the span is
/// sampled with a probability that is told, so no count depends on it.
///
/// ```text
/// entry    48 bits of the hash, one of them set | 16 bits, the number
/// empty    0
/// removed  1
/// ```
#[derive(Debug)]
pub(super) struct Table {
    /// A power of two, more than twice as many as there are names.
    entries: Box<[AtomicU64]>,
}

const EMPTY: u64 = 0;
const REMOVED: u64 = 1;
const NUMBER: u64 = 0xffff;

impl Table {
    /// Room for so many names.
    pub(super) fn new(names: usize) -> Self {
        let places = (2 * names + 2).next_power_of_two();
        Self {
            entries: (0..places).map(|_| AtomicU64::new(EMPTY)).collect(),
        }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64) -> Option<u16> {
        let wanted = mark(hash);
        for place in self.probe(hash) {
            match place.load(Ordering::Relaxed) {
                EMPTY => return None,
                entry if entry & !NUMBER == wanted => return Some((entry & NUMBER) as u16),
                _ => {}
            }
        }
        None
    }

    /// Only where it cannot be found.
    pub(super) fn insert(&self, hash: u64, number: u16) {
        let entry = mark(hash) | u64::from(number);
        let mut places = self.probe(hash);
        // The entry stands for itself; what is kept under its number is right whenever it is read.
        let free = places.find(|place| place.load(Ordering::Relaxed) <= REMOVED);
        if let Some(place) = free {
            place.store(entry, Ordering::Relaxed);
        }
    }

    pub(super) fn remove(&self, hash: u64) {
        let wanted = mark(hash);
        let found = self
            .probe(hash)
            .take_while(|place| place.load(Ordering::Relaxed) != EMPTY)
            .find(|place| place.load(Ordering::Relaxed) & !NUMBER == wanted);
        if let Some(place) = found {
            place.store(REMOVED, Ordering::Relaxed);
        }
    }

    /// Whether so much was removed that misses take long.
    pub(super) fn is_worn(&self) -> bool {
        let removed = |place: &&AtomicU64| place.load(Ordering::Relaxed) == REMOVED;
        self.entries.iter().filter(removed).count() > self.entries.len() / 4
    }

    /// Empties it, to be filled again.
    pub(super) fn clear(&self) {
        for place in &self.entries {
            place.store(EMPTY, Ordering::Relaxed);
        }
    }

    /// All places, from the one where this hash should be.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        let last = self.entries.len() - 1;
        (0..=last).map(move |step| &self.entries[(hash as usize).wrapping_add(step) & last])
    }
}

/// What an entry shows of its name: the upper bits, since the lower ones say where it stands.
fn mark(hash: u64) -> u64 {
    (hash | (1 << 63)) & !NUMBER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_on_one_place_are_told_apart() {
        let table = Table::new(8);
        let hashes = [1u64, 2, 3, 4].map(|upper| upper << 32);
        for (number, hash) in (0..).zip(hashes) {
            assert_eq!(table.find(hash), None);
            table.insert(hash, number);
        }
        table.remove(hashes[1]);
        let found = hashes.map(|hash| table.find(hash));
        assert_eq!(found, [Some(0), None, Some(2), Some(3)]);
        table.insert(hashes[1], 7);
        assert_eq!(table.find(hashes[1]), Some(7));
    }

    proptest! {
        /// Against a map, with few places, so that they are fought for.
        #[test]
        fn it_finds_what_is_there(
            doings in prop::collection::vec((0u64..24, prop::bool::ANY), 1..200),
        ) {
            let table = Table::new(16);
            let mut known = std::collections::HashMap::new();
            for (name, keep) in doings {
                let hash = (name << 40) | (name % 5);
                if keep && known.len() < 16 && !known.contains_key(&hash) {
                    table.insert(hash, name as u16);
                    known.insert(hash, name as u16);
                } else if known.remove(&hash).is_some() {
                    table.remove(hash);
                }
                if table.is_worn() {
                    table.clear();
                    for (hash, number) in &known {
                        table.insert(*hash, *number);
                    }
                }
                for name in 0..24u64 {
                    let hash = (name << 40) | (name % 5);
                    prop_assert_eq!(table.find(hash), known.get(&hash).copied());
                }
            }
        }
    }
}
