//! Sets of rules.

/// A set of up to `64 * W` rules, by their place. The lowest one wins.
///
/// Its size is fixed, so that the operations on it have no loop to speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits<const W: usize>([u64; W]);

impl<const W: usize> Bits<W> {
    pub(super) const NONE: Self = Self([0; W]);

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

    #[inline]
    pub(super) fn lowest(&self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(64 * word + self.0[word].trailing_zeros() as usize)
    }

    #[inline]
    pub(super) fn or(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    #[inline]
    pub(super) fn without(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    #[inline]
    fn zip(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|word| {
            join(self.0[word], other.0[word])
        }))
    }

    pub(super) fn words(&self) -> &[u64; W] {
        &self.0
    }

    pub(super) fn from_words(words: [u64; W]) -> Self {
        Self(words)
    }
}

impl<const W: usize> Default for Bits<W> {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_of_what_is_in_it() {
        let mut bits = Bits::<8>::NONE;
        assert_eq!(bits.lowest(), None);
        for rule in [511, 200, 64, 63] {
            bits.insert(rule);
            assert_eq!(bits.lowest(), Some(rule));
        }
        bits.remove(63);
        assert_eq!((bits.lowest(), bits.contains(63)), (Some(64), false));
    }

    #[test]
    fn sets_are_joined() {
        let (four, two) = (Bits::<2>::first(4), Bits::first(2));
        assert_eq!(two.or(&four), four);
        assert_eq!(four.without(&two).lowest(), Some(2));
        assert_eq!(Bits::<2>::first(128).without(&Bits::first(128)), Bits::NONE);
    }
}
