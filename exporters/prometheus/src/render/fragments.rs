//! What pairs that points share were written as: each once, copied from then on.
//!
//! A set of attributes is a list of pairs that sets share, so of 100,000 points there may be fifty pairs. They are found by
//! where they stand in memory: which of them are equal is not asked. Nothing is kept beyond the snapshot.

use std::ptr;

use opentelemetry::KeyValue;

/// The texts of some pairs, each in some forms. Two of one place take it from each other.
///
/// `throughline_otlp` finds what it wrote of a pair in the same way (`encode/shared.rs`), as one run of bytes.
pub(super) struct Fragments<'a>(Box<[Slot<'a>; SLOTS]>);

impl Default for Fragments<'_> {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_| Slot::default())))
    }
}

#[derive(Default)]
struct Slot<'a> {
    pair: Option<&'a KeyValue>,
    form: u32,
    text: String,
    /// Of the labels in the text.
    hash: u64,
}

/// A power of two.
const SLOTS: usize = 256;

impl<'a> Fragments<'a> {
    /// What `write` appends for this pair in points of this form, and the hash that it gives; `None` where it cannot.
    #[inline]
    pub(super) fn of(
        &mut self,
        form: u32,
        pair: &'a KeyValue,
        write: impl FnOnce(&mut String) -> Option<u64>,
    ) -> Option<(&str, u64)> {
        let slot = &mut self.0[place(form, pair)];
        if slot.form != form || slot.pair.is_none_or(|it| !ptr::eq(it, pair)) {
            slot.fill(form, pair, write)?;
        }
        Some((&slot.text, slot.hash))
    }
}

impl<'a> Slot<'a> {
    #[cold]
    fn fill(
        &mut self,
        form: u32,
        pair: &'a KeyValue,
        write: impl FnOnce(&mut String) -> Option<u64>,
    ) -> Option<()> {
        self.pair = None;
        self.text.clear();
        self.hash = write(&mut self.text)?;
        self.pair = Some(pair);
        self.form = form;
        Some(())
    }
}

/// The place of a pair among the slots: the upper bits of a product that mixes those of its address and the form, so that
/// points of two forms may take turns.
fn place(form: u32, pair: &KeyValue) -> usize {
    let address = ptr::from_ref(pair).addr() as u64;
    let mixed = (address ^ u64::from(form)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests;
