//! How often each operation is called.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

/// Counters by operation and thread: threads that run at the same time do not write the same line, as far
/// as there are shards.
#[derive(Debug)]
pub(super) struct Calls {
    /// A power of two; each has a counter per operation.
    shards: Box<[Box<[AtomicU32]>]>,
}

const MOST_SHARDS: usize = 32;

impl Calls {
    pub(super) fn new(operations: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let shards = threads.next_power_of_two().min(MOST_SHARDS);
        let shard = || (0..operations).map(|_| AtomicU32::new(0)).collect();
        Self {
            shards: (0..shards).map(|_| shard()).collect(),
        }
    }

    /// Counts a call; how many this shard had counted before. Wraps.
    #[inline]
    pub(super) fn add(&self, operation: u16) -> u32 {
        let shard = &self.shards[shard() & (self.shards.len() - 1)];
        shard[usize::from(operation)].fetch_add(1, Ordering::Relaxed)
    }

    /// All calls of it so far. Wraps, so that only differences mean something.
    pub(super) fn total(&self, operation: u16) -> u32 {
        let counters = self
            .shards
            .iter()
            .map(|shard| &shard[usize::from(operation)]);
        let counts = counters.map(|counter| counter.load(Ordering::Relaxed));
        counts.fold(0, u32::wrapping_add)
    }
}

/// A number that this thread shares with few others.
#[inline]
fn shard() -> usize {
    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(NONE) };
    }
    // Without destructor: it is there as long as the thread is.
    SHARD.with(|shard| {
        if shard.get() == NONE {
            shard.set(NEXT.fetch_add(1, Ordering::Relaxed) & (NONE >> 1));
        }
        shard.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_all_threads_are_counted() {
        let calls = Calls::new(2);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        calls.add(1);
                    }
                });
            }
        });
        assert_eq!((calls.total(0), calls.total(1)), (0, 4_000));
    }
}
