//! Owners share nothing: while threads measure, no thread writes memory that another one reads or writes.
//!
//! Made for a race detector that knows thread start and join alone (valgrind's DRD takes our atomics for plain
//! accesses and does not know the standard library's mutexes). All that needs a lock is therefore ordered by start and
//! join: each thread takes its slab before it starts the next one, and the next one ends before it does. What they do
//! at the same time, DRD must find free of conflicts without a single suppression:
//!
//! ```text
//! CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --tool=drd --check-stack-var=yes --error-exitcode=9" \
//!     cargo test -p throughline-cells --test ownership
//! ```
//!
//! No test harness: its channel between threads would be reported.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::thread;

use throughline_cells::{Blocks, Words, lock};

const THREADS: u64 = 4;
const ADDS: u64 = 500;

struct Handles {
    early: Words,
    /// Far enough from `early` for a chunk of its own.
    late: Words,
    blocks: Blocks,
}

fn chain(handles: Arc<Handles>, left: u64) {
    handles.early.with(|w| w[0].add(1)).unwrap();
    let next = (left > 1).then(|| {
        let handles = handles.clone();
        thread::spawn(move || chain(handles, left - 1))
    });
    for i in 0..ADDS {
        handles.early.with(|w| w[0].add(1)).unwrap();
        // The first one makes a chunk, beside the others' measurements.
        handles.late.with(|w| w[i as usize].add_release(1)).unwrap();
        handles
            .blocks
            .with(|block| match block.words() {
                Some(words) => words[0].add(1),
                None => block.replace(1, |new, _| new[0].set(1)),
            })
            .unwrap();
    }
    if let Some(next) = next {
        next.join().unwrap();
    }
    // Only now may the counts in the `Arc` and the registry's books be touched again.
    drop(handles);
}

fn main() {
    threads_that_measure_share_nothing();
}

fn threads_that_measure_share_nothing() {
    let handles = Arc::new(Handles {
        early: Words::new(Words::MAX_LEN).unwrap(),
        late: Words::new(Words::MAX_LEN).unwrap(),
        blocks: Blocks::new().unwrap(),
    });
    let first = thread::spawn({
        let handles = handles.clone();
        move || chain(handles, THREADS)
    });
    first.join().unwrap();
    let mut totals = [0; 3];
    let collection = lock();
    collection.each(&handles.early, |w| totals[0] += w[0].load());
    collection.each(&handles.late, |w| {
        totals[1] += w.iter().map(|w| w.load()).sum::<u64>();
    });
    collection.each_block(&handles.blocks, |w| totals[2] += w[0].load());
    assert_eq!(
        totals,
        [THREADS * (ADDS + 1), THREADS * ADDS, THREADS * ADDS]
    );
}
