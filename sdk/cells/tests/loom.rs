//! Models of the machine under loom, which tries every interleaving (up to a number of preemptions) and every value
//! that a load may return under the memory model.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p throughline-cells --release --test loom --target-dir target/loom`
//!
//! A chunk has two words here, so that ranges of two lie in chunks of their own and directories grow.
#![cfg(loom)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use loom::sync::{Arc, Mutex};
use loom::thread;
use throughline_cells::parts::{BlockRange, Registry, WordRange};

/// Runs `body` in every interleaving, each with a registry that is freed at the end.
fn model(body: impl Fn(&'static Registry) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let registry = Box::into_raw(Box::new(Registry::new()));
        // SAFETY: freed below. Bodies join their threads and drop what borrows the registry.
        body(unsafe { &*registry });
        // SAFETY: from a box, see above.
        drop(unsafe { Box::from_raw(registry) });
    });
}

fn total(registry: &Registry, words: &WordRange<'_>) -> u64 {
    let mut total = 0;
    registry
        .lock()
        .each(words, |w| total += w.iter().map(|w| w.load()).sum::<u64>());
    total
}

fn block_total(registry: &Registry, block: &BlockRange<'_>) -> u64 {
    let mut total = 0;
    registry
        .lock()
        .each_block(block, |w| total += w.iter().map(|w| w.load()).sum::<u64>());
    total
}

fn add(registry: &'static Registry, words: &WordRange<'_>, times: usize) {
    let owner = registry.enter();
    for _ in 0..times {
        owner.with(words, |w| w[0].add(1)).unwrap();
    }
}

#[test]
fn a_collection_beside_writers_never_steps_back() {
    model(|registry| {
        let words = Arc::new(registry.words(1).unwrap());
        let writers = [2, 1].map(|times| {
            let words = words.clone();
            thread::spawn(move || add(registry, &words, times))
        });
        let first = total(registry, &words);
        let second = total(registry, &words);
        assert!(first <= second && second <= 3);
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(total(registry, &words), 3);
    });
}

#[test]
fn a_collection_beside_first_touches_sees_whole_chunks() {
    model(|registry| {
        let ranges = Arc::new([(); 3].map(|()| registry.words(2).unwrap()));
        let writer = thread::spawn({
            let ranges = ranges.clone();
            move || {
                let owner = registry.enter();
                // A directory of two; a chunk without a new directory; one of four while the first may be read.
                for at in [1, 0, 2] {
                    owner.with(&ranges[at], |w| w[1].add(1)).unwrap();
                }
                owner.with(&ranges[0], |w| w[1].add(1)).unwrap();
            }
        });
        assert!(total(registry, &ranges[2]) <= 1);
        assert!(total(registry, &ranges[0]) <= 2);
        writer.join().unwrap();
        assert_eq!([0, 1, 2].map(|at| total(registry, &ranges[at])), [2, 1, 1]);
    });
}

#[test]
fn a_bucket_that_is_seen_has_its_sum_seen() {
    model(|registry| {
        let words = Arc::new(registry.words(2).unwrap());
        let writer = thread::spawn({
            let words = words.clone();
            move || {
                let owner = registry.enter();
                for _ in 0..2 {
                    owner
                        .with(&words, |w| {
                            w[0].add(10);
                            w[1].add_release(1);
                        })
                        .unwrap();
                }
            }
        });
        registry.lock().each(&words, |w| {
            let count = w[1].load_acquire();
            let sum = w[0].load();
            assert!(sum >= 10 * count && sum <= 20);
        });
        writer.join().unwrap();
    });
}

#[test]
fn a_thread_that_ends_beside_a_collection_leaves_its_values() {
    model(|registry| {
        let words = Arc::new(registry.words(1).unwrap());
        let early = thread::spawn({
            let words = words.clone();
            move || add(registry, &words, 1)
        });
        // May adopt the slab of the first, or make its own.
        let late = thread::spawn({
            let words = words.clone();
            move || add(registry, &words, 1)
        });
        let first = total(registry, &words);
        early.join().unwrap();
        let second = total(registry, &words);
        late.join().unwrap();
        assert!(first <= second && second >= 1);
        assert_eq!(total(registry, &words), 2);
    });
}

#[test]
fn a_later_thread_adds_to_what_the_ended_one_left() {
    model(|registry| {
        let words = Arc::new(registry.words(1).unwrap());
        let chain = thread::spawn({
            let words = words.clone();
            move || {
                add(registry, &words, 1);
                thread::spawn(move || add(registry, &words, 1))
            }
        });
        let first = total(registry, &words);
        chain.join().unwrap().join().unwrap();
        assert!(first <= 2);
        let mut slabs = vec![];
        registry.lock().each(&words, |w| slabs.push(w[0].load()));
        assert_eq!(slabs, [2], "one slab, adopted");
    });
}

#[test]
fn a_slab_that_waits_has_one_adopter() {
    model(|registry| {
        let words = Arc::new(registry.words(1).unwrap());
        add(registry, &words, 1);
        let adopters = [(); 2].map(|()| {
            let words = words.clone();
            thread::spawn(move || add(registry, &words, 1))
        });
        assert!((1..=3).contains(&total(registry, &words)));
        for adopter in adopters {
            adopter.join().unwrap();
        }
        assert_eq!(total(registry, &words), 3);
    });
}

#[test]
fn a_range_that_is_reused_begins_at_zero() {
    model(|registry| {
        // All of the first chunk, so that the next range of two takes the same place.
        let words = Arc::new(registry.words(2).unwrap());
        let writer = thread::spawn({
            let words = words.clone();
            move || {
                let owner = registry.enter();
                owner.with(&words, |w| w[0].add(1)).unwrap();
                drop(words); // maybe the last
                let fresh = registry.words(2).unwrap();
                owner.with(&fresh, |w| w[0].add(5)).unwrap();
                assert_eq!(total(registry, &fresh), 5);
            }
        });
        drop(words);
        let mine = registry.words(2).unwrap();
        assert_eq!(total(registry, &mine), 0);
        add(registry, &mine, 1);
        assert_eq!(total(registry, &mine), 1);
        writer.join().unwrap();
        assert_eq!(total(registry, &mine), 1);
    });
}

#[test]
fn a_block_is_freed_after_its_readers() {
    model(|registry| {
        let block = Arc::new(registry.block().unwrap());
        let writer = thread::spawn({
            let block = block.clone();
            move || {
                let owner = registry.enter();
                for len in 1..=3 {
                    owner
                        .with_block(&block, |b| {
                            b.replace(len, |new, old| {
                                let sum: u64 =
                                    old.unwrap_or_default().iter().map(|w| w.get()).sum();
                                new[len - 1].set(sum + 1);
                            });
                        })
                        .unwrap();
                }
            }
        });
        let first = block_total(registry, &block);
        let second = block_total(registry, &block);
        assert!(first <= second && second <= 3);
        writer.join().unwrap();
        assert_eq!(block_total(registry, &block), 3);
    });
}

#[test]
fn the_blocks_of_two_owners_are_freed_once() {
    model(|registry| {
        let block = Arc::new(registry.block().unwrap());
        let writers = [1, 2].map(|amount| {
            let block = block.clone();
            thread::spawn(move || {
                registry
                    .enter()
                    .with_block(&block, |b| {
                        b.replace(1, |new, old| {
                            let old = old.map_or(0, |old| old[0].get());
                            new[0].set(old + amount);
                        });
                        b.replace(1, |new, old| new[0].set(old.unwrap()[0].get()));
                    })
                    .unwrap();
            })
        });
        drop(registry.lock());
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(block_total(registry, &block), 3);
    });
}

#[test]
fn the_blocks_of_a_dropped_handle_are_freed_and_its_place_is_empty_again() {
    model(|registry| {
        let block = Arc::new(registry.block().unwrap());
        let writer = thread::spawn({
            let block = block.clone();
            move || {
                registry
                    .enter()
                    .with_block(&block, |b| b.replace(1, |new, _| new[0].set(1)))
                    .unwrap();
            }
        });
        assert!(block_total(registry, &block) <= 1);
        drop(block); // maybe before the writer's
        let fresh = registry.block().unwrap();
        assert_eq!(block_total(registry, &fresh), 0);
        registry
            .enter()
            .with_block(&fresh, |b| assert!(b.words().is_none()))
            .unwrap();
        writer.join().unwrap();
    });
}

/// What a metrics engine does with a range that is idle, in its own steps: a table holds it by an `Arc`, as does whoever
/// found it there and may write at any time. A collection takes it out of the table, and reads it on until it has the only
/// `Arc` of it: that look is the last one. The engine itself stands on the process-wide registry, which is not there under
/// loom.
#[test]
fn what_leaves_a_table_is_read_in_whole_before_it_is_freed() {
    model(|registry| {
        let table = Arc::new(Mutex::new(Some(Arc::new(registry.words(1).unwrap()))));
        let writer = thread::spawn({
            let table = table.clone();
            move || {
                let found = table.lock().unwrap().clone();
                found.map_or(0, |words| {
                    add(registry, &words, 2);
                    2
                })
            }
        });
        let mut told = 0;
        let left = table.lock().unwrap().take();
        let mut left = read_leaving(registry, left.unwrap(), &mut told);
        if let Some(words) = left.take() {
            left = read_leaving(registry, words, &mut told);
        }
        let written = writer.join().unwrap();
        if let Some(words) = left.take() {
            assert!(read_leaving(registry, words, &mut told).is_none());
        }
        assert_eq!(told, written);
        // Another range may have its place, and nothing of what was told.
        let next = registry.words(1).unwrap();
        assert_eq!(total(registry, &next), 0);
    });
}

/// One collection: `told` is what it and those before have read. Gives back what somebody else holds.
fn read_leaving<'r>(
    registry: &Registry,
    words: Arc<WordRange<'r>>,
    told: &mut u64,
) -> Option<Arc<WordRange<'r>>> {
    // Before the look: to have it alone is to see all that others wrote before they let go.
    let words = Arc::try_unwrap(words);
    let now = match &words {
        Ok(alone) => total(registry, alone),
        Err(shared) => total(registry, shared),
    };
    assert!(*told <= now, "{told} were told, {now} are left");
    *told = now;
    words.err()
}
