//! What a thread found out lately about texts.
//!
//! Most spans have one of a few names. To go over a name byte by byte takes several times as long as to
//! find it again in a small table of this thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bits::Bits;

/// Who asks: no two of them are equal, not even one after the other.
pub(super) struct Memo(u64);

/// How many texts a thread remembers, a power of two.
pub(super) const SLOTS: usize = 64;
/// In bytes. Longer texts are not remembered.
const LONGEST: usize = 64;
/// The words of the largest set.
const WORDS: usize = 8;

#[derive(Clone, Copy)]
struct Slot {
    /// 0 while it is empty.
    asked_by: u64,
    length: usize,
    text: [u8; LONGEST],
    found: [u64; WORDS],
}

const EMPTY: Slot = Slot {
    asked_by: 0,
    length: 0,
    text: [0; LONGEST],
    found: [0; WORDS],
};

thread_local! {
    /// Nothing until it is needed: many threads start no span.
    static REMEMBERED: RefCell<Option<Box<[Slot; SLOTS]>>> = const { RefCell::new(None) };
}

impl Default for Memo {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Memo {
    /// What `search` finds for this text, now or some time ago: it must be the same each time.
    #[inline]
    pub(super) fn of<const W: usize>(
        &self,
        text: &str,
        search: impl Fn(&str) -> Bits<W>,
    ) -> Bits<W> {
        const { assert!(W <= WORDS) };
        if text.len() > LONGEST {
            return search(text);
        }
        let remembered = REMEMBERED.try_with(|slots| {
            // Never borrowed twice: `search` looks at patterns alone.
            let mut slots = slots.try_borrow_mut().ok()?;
            let slots = slots.get_or_insert_with(|| Box::new([EMPTY; SLOTS]));
            let slot = &mut slots[place(text)];
            let is_it = slot.asked_by == self.0
                && slot.length == text.len()
                && slot.text[..text.len()] == *text.as_bytes();
            if !is_it {
                slot.fill(self.0, text, &search(text));
            }
            Some(slot.found())
        });
        match remembered {
            Ok(Some(found)) => found,
            // The thread ends.
            _ => search(text),
        }
    }
}

impl Slot {
    #[cold]
    fn fill<const W: usize>(&mut self, asked_by: u64, text: &str, found: &Bits<W>) {
        self.asked_by = asked_by;
        self.length = text.len();
        self.text[..text.len()].copy_from_slice(text.as_bytes());
        self.found[..W].copy_from_slice(found.words());
    }

    #[inline]
    fn found<const W: usize>(&self) -> Bits<W> {
        Bits::from_words(std::array::from_fn(|word| self.found[word]))
    }
}

/// By its length and the first, the middle and the last eight bytes. Texts that have these in common take
/// each other's place, at no worse cost than to search again.
#[inline]
pub(super) fn place(text: &str) -> usize {
    let bytes = text.as_bytes();
    let eight = |start: usize| -> u64 {
        let part = bytes.get(start..).and_then(<[u8]>::first_chunk);
        part.map_or(0, |part| u64::from_le_bytes(*part))
    };
    let length = bytes.len();
    let mixed = if length < 8 {
        let part = bytes
            .iter()
            .fold(0, |part, byte| part << 8 | u64::from(*byte));
        part ^ length as u64
    } else {
        eight(0)
            ^ eight(length / 2 - 4).rotate_left(21)
            ^ eight(length - 8).rotate_left(42)
            ^ length as u64
    };
    // The multiplier of Fibonacci hashing, 2^64 over the golden ratio: the high bits depend on all.
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_text_is_searched_once() {
        let (memo, other) = (Memo::default(), Memo::default());
        let searches = Cell::new(0);
        let search = |text: &str| {
            searches.set(searches.get() + 1);
            Bits::<2>::first(text.len())
        };
        for _ in 0..3 {
            assert_eq!(memo.of("abc", search), Bits::first(3));
        }
        assert_eq!(searches.get(), 1);
        // Another one asks, for the same text.
        assert_eq!(other.of("abc", |_| Bits::<2>::NONE), Bits::NONE);
        assert_eq!(memo.of("abc", search), Bits::first(3));
    }

    #[test]
    fn texts_that_share_a_place_are_told_apart() {
        let memo = Memo::default();
        let length = |text: &str| Bits::<2>::first(text.len());
        for _ in 0..2 {
            for n in 0..1_000 {
                let text = "x".repeat(n % 100) + &n.to_string();
                assert_eq!(memo.of(&text, length), length(&text));
            }
        }
    }
}
