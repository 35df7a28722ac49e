//! Sets of rules.

/// How many rules there can be.
pub(super) const MAX_RULES: usize = 64 * WORDS;
const WORDS: usize = 8;

/// A set of rules, by their place. The lowest one wins.
///
/// Its size is fixed, so that the operations on it have no loop to speak of and cost the same for 5 rules
/// as for 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits([u64; WORDS]);

impl Bits {
    pub(super) const NONE: Self = Self([0; WORDS]);

    /// The first `rules` of them.
    pub(super) fn first(rules: usize) -> Self {
        let mut bits = Self::NONE;
        (0..rules).for_each(|rule| bits.insert(rule));
        bits
    }

    pub(super) fn insert(&mut self, rule: usize) {
        self.0[rule / 64] |= 1 << (rule % 64);
    }

    pub(super) fn remove(&mut self, rule: usize) {
        self.0[rule / 64] &= !(1 << (rule % 64));
    }

    pub(super) fn contains(&self, rule: usize) -> bool {
        self.0[rule / 64] >> (rule % 64) & 1 == 1
    }

    pub(super) fn lowest(&self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(64 * word + self.0[word].trailing_zeros() as usize)
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    #[inline]
    fn zip(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|word| {
            join(self.0[word], other.0[word])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_of_what_is_in_it() {
        let mut bits = Bits::NONE;
        assert_eq!(bits.lowest(), None);
        for rule in [MAX_RULES - 1, 200, 64, 63] {
            bits.insert(rule);
            assert_eq!(bits.lowest(), Some(rule));
        }
        bits.remove(63);
        assert_eq!((bits.lowest(), bits.contains(63)), (Some(64), false));
    }

    #[test]
    fn sets_are_joined() {
        let (four, two) = (Bits::first(4), Bits::first(2));
        assert_eq!(two.or(&four), four);
        assert_eq!(four.without(&two).lowest(), Some(2));
        assert_eq!(
            Bits::first(MAX_RULES).without(&Bits::first(MAX_RULES)),
            Bits::NONE
        );
    }
}
