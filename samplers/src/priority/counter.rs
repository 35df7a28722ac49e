//! How often each rule matched.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A count that many threads add to: each to one of a few words on cache lines of their own.
#[derive(Debug, Default)]
pub(super) struct Counter([Word; SHARDS]);

const SHARDS: usize = 8;

#[derive(Debug, Default)]
#[repr(align(64))]
struct Word(AtomicU64);

impl Counter {
    #[inline]
    pub(super) fn add_one(&self) {
        self.0[shard()].0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        let words = self.0.iter().map(|word| word.0.load(Ordering::Relaxed));
        words.sum()
    }
}

/// This thread's word, handed out in turn.
#[inline]
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        shard.get()
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn all_threads_count() {
        let counter = Counter::default();
        thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..100).for_each(|_| counter.add_one()));
            }
        });
        assert_eq!(counter.total(), 200 * SHARDS as u64);
    }
}
