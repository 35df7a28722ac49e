//! Repeatable randomness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use throughline_model::Random;

/// Random numbers that are the same in every run. Clones draw from one sequence.
///
/// The order in which several threads draw is up to the scheduler; a test that needs more than the
/// distribution draws from one thread.
///
/// ```
/// use throughline_model::Random;
/// use throughline_testkit::SeededRandom;
///
/// let (a, b) = (SeededRandom::new(7), SeededRandom::new(7));
/// assert_eq!((a.next_u64(), a.next_u64()), (b.next_u64(), b.next_u64()));
/// ```
#[derive(Clone, Debug)]
pub struct SeededRandom(Arc<AtomicU64>);

impl SeededRandom {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014): one addition is the whole state, so threads can share it.
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .0
            .fetch_add(GAMMA, Ordering::Relaxed)
            .wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
