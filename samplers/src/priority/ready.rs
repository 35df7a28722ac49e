//! What sampled roots carry, ready to be cloned.

use std::sync::OnceLock;

use crate::probability::{Prepared, Threshold};

/// The `tracestate` of each threshold that rules have asked for, up to so many of them: a clone costs a third
/// of what building one does. They outlive the rules, so that a decision can borrow from here while the rules
/// are replaced; the thresholds after them are written anew for each span.
pub(super) struct Ready([OnceLock<Prepared>; PLACES]);

/// More than the rates that anyone tells apart.
const PLACES: usize = 64;

impl Default for Ready {
    fn default() -> Self {
        Self([const { OnceLock::new() }; PLACES])
    }
}

impl Ready {
    /// Its place from now on, if there is one left. Not from two threads at once.
    pub(super) fn place_of(&self, threshold: Threshold) -> Option<usize> {
        self.0.iter().position(|place| {
            let ready = place.get_or_init(|| Prepared::new(threshold));
            ready.threshold() == threshold
        })
    }

    #[inline]
    pub(super) fn at(&self, place: Option<usize>) -> Option<&Prepared> {
        self.0[place?].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_keeps_its_place_and_there_are_so_many() {
        let ready = Ready::default();
        let threshold = |n: usize| Threshold::from_bits(n as u64).unwrap();
        for _ in 0..2 {
            for n in 0..PLACES {
                let place = ready.place_of(threshold(n));
                assert_eq!(place, Some(n));
                assert_eq!(ready.at(place).map(Prepared::threshold), Some(threshold(n)));
            }
            assert_eq!(ready.place_of(threshold(PLACES)), None);
        }
        assert!(ready.at(None).is_none());
    }
}
