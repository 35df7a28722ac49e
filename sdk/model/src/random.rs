//! Chance as an argument.

use std::cell::Cell;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};

/// Where a part takes random numbers from. Parts take one as an argument, so that tests seed it.
///
/// ```
/// use throughline_model::Random;
///
/// /// The same number for ever.
/// #[derive(Debug)]
/// struct Fixed(u64);
///
/// impl Random for Fixed {
///     fn next_u64(&self) -> u64 {
///         self.0
///     }
/// }
///
/// assert_eq!(Fixed(4).next_u64(), 4);
/// assert!(Fixed(0).open01() > 0.0);
/// assert!(Fixed(u64::MAX).open01() < 1.0);
/// ```
pub trait Random: Send + Sync + Debug {
    /// 64 uniformly distributed bits.
    fn next_u64(&self) -> u64;

    /// A uniform number in `(0, 1)`: neither end is ever returned, so its logarithm is finite.
    fn open01(&self) -> f64 {
        // 52 bits and a half step: the smallest result is 2^-53, the largest 1 - 2^-53.
        ((self.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }
}

/// A generator per thread, seeded by the operating system. Fast, not for secrets.
///
/// ```
/// use throughline_model::{Random, SystemRandom};
///
/// assert_ne!(SystemRandom.next_u64(), SystemRandom.next_u64());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

thread_local! {
    static STATE: Cell<u64> = Cell::new(seed());
}

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        // A cell of a number needs no destructor: it is there for as long as the thread is.
        STATE.with(|state| {
            let next = state.get().wrapping_add(GAMMA);
            state.set(next);
            mix(next)
        })
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): the step.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64: the finalizer.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The standard library seeds its hash maps from the operating system, differently each time.
fn seed() -> u64 {
    RandomState::new().hash_one(std::thread::current().id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u64);

    impl Random for Fixed {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn open01_never_returns_its_ends() {
        assert!(Fixed(0).open01() > 0.0);
        assert!(Fixed(u64::MAX).open01() < 1.0);
    }

    #[test]
    fn threads_draw_different_numbers() {
        let here = SystemRandom.next_u64();
        let there = std::thread::spawn(|| SystemRandom.next_u64())
            .join()
            .unwrap();
        assert_ne!(here, there);
    }
}
