//! Which attributes any rule asks for.

use std::collections::BTreeMap;

/// The keys that are asked for, in buckets by their length and their ends: most keys of a span fall into an
/// empty one, and one comparison settles the others.
pub(super) struct Keys {
    entries: Vec<Entry>,
    /// The entry that each bucket starts with, from 1; 0 if it is empty.
    buckets: [u16; BUCKETS],
}

struct Entry {
    key: Box<str>,
    asked: Asked,
    /// The next one of the same bucket, from 1; 0 if there is none.
    next: u16,
}

/// What one attribute is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its place among [`ROUTE`](super::rule::ROUTE).
    pub(super) route: Option<usize>,
    /// The place of its values.
    pub(super) value: Option<usize>,
}

const BUCKETS: usize = 128;

impl Keys {
    /// From fewer keys than a `u16` can count: 512 rules of 64 attributes have no more.
    pub(super) fn new(asked: BTreeMap<&str, Asked>) -> Self {
        let mut keys = Self {
            entries: Vec::new(),
            buckets: [0; BUCKETS],
        };
        for (key, asked) in asked {
            let first = &mut keys.buckets[bucket(key)];
            keys.entries.push(Entry {
                key: key.into(),
                asked,
                next: *first,
            });
            *first = keys.entries.len() as u16;
        }
        keys
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Its place among the keys, and what it is asked for.
    #[inline]
    pub(super) fn get(&self, key: &str) -> Option<(usize, Asked)> {
        let mut number = self.buckets[bucket(key)];
        while number != 0 {
            let place = usize::from(number) - 1;
            let entry = &self.entries[place];
            if *entry.key == *key {
                return Some((place, entry.asked));
            }
            number = entry.next;
        }
        None
    }
}

#[inline]
fn bucket(key: &str) -> usize {
    let bytes = key.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return 0;
    };
    (5 * bytes.len() + 3 * usize::from(*first) + usize::from(*last)) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_no_other_one() {
        let names: Vec<_> = (0..500).map(|n| format!("key.{n}")).collect();
        let asked = names.iter().enumerate().map(|(place, name)| {
            let value = Some(place);
            (name.as_str(), Asked { route: None, value })
        });
        let keys = Keys::new(asked.collect());
        for (place, name) in names.iter().enumerate() {
            assert_eq!(
                keys.get(name).and_then(|(_, asked)| asked.value),
                Some(place)
            );
        }
        assert_eq!(keys.get("key.500"), None);
        assert_eq!(keys.get(""), None);
    }
}
