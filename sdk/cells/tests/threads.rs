//! Words and blocks under real threads: totals are exact whatever threads do.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Barrier;
use std::thread;

use throughline_cells::parts::Registry;
use throughline_cells::{Blocks, Words, lock};

/// Miri is slow, and checks the same.
const ADDS: usize = if cfg!(miri) { 30 } else { 1_000 };

fn total(words: &Words) -> u64 {
    let mut total = 0;
    lock().each(words, |w| total += w.iter().map(|w| w.load()).sum::<u64>());
    total
}

#[test]
fn adds_of_many_threads_add_up() {
    let words = Words::new(3).unwrap();
    let all_here = Barrier::new(4);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                all_here.wait();
                for i in 0..ADDS {
                    words.with(|w| w[i % 3].add(1)).unwrap();
                }
            });
        }
    });
    assert_eq!(total(&words), 4 * ADDS as u64);
}

#[test]
fn threads_that_live_at_once_adopt_different_slabs() {
    let registry = Registry::new();
    let words = registry.words(1).unwrap();
    // Two that wait.
    drop((registry.enter(), registry.enter()));
    let all_here = Barrier::new(4);
    thread::scope(|s| {
        for n in 1..=4 {
            let (registry, words, all_here) = (&registry, &words, &all_here);
            s.spawn(move || {
                let owner = registry.enter();
                all_here.wait();
                owner.with(words, |w| w[0].set(n)).unwrap();
                all_here.wait();
                owner.with(words, |w| assert_eq!(w[0].get(), n)).unwrap();
            });
        }
    });
    let mut values = vec![];
    registry.lock().each(&words, |w| values.push(w[0].load()));
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3, 4]);
}

#[test]
fn the_values_of_ended_threads_stay() {
    let words = Words::new(1).unwrap();
    for _ in 0..ADDS {
        thread::scope(|s| {
            s.spawn(|| words.with(|w| w[0].add(1)));
        });
    }
    assert_eq!(total(&words), ADDS as u64);
}

#[test]
fn a_range_is_zero_again_when_it_is_reused() {
    for len in [1, 162, 512] {
        for _ in 0..3 {
            let words = Words::new(len).unwrap();
            assert_eq!(total(&words), 0);
            words.with(|w| w.iter().for_each(|w| w.set(7))).unwrap();
            assert_eq!(total(&words), 7 * len as u64);
        }
    }
}

#[test]
fn lengths_that_no_chunk_holds_are_refused() {
    assert!(Words::new(0).is_none());
    assert!(Words::new(Words::MAX_LEN + 1).is_none());
}

#[test]
fn handles_may_be_dropped_and_made_inside_a_collection() {
    let words = Words::new(2).unwrap();
    let blocks = Blocks::new().unwrap();
    blocks.with(|b| b.replace(3, |_, _| {})).unwrap();
    let collection = lock();
    drop(words);
    drop(blocks);
    let other = Words::new(2).unwrap();
    other.with(|w| w[0].add(1)).unwrap();
    drop(collection);
    assert_eq!(total(&other), 1);
}

#[test]
fn a_replaced_block_carries_what_its_owner_moved() {
    let blocks = Blocks::new().unwrap();
    // Miri is slow, and checks the same.
    let replacements = if cfg!(miri) { 9 } else { 49 };
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for len in 1..=replacements {
                    blocks
                        .with(|b| {
                            b.replace(len, |new, old| {
                                let sum = old.map_or(0, |old| old.iter().map(|w| w.get()).sum());
                                new[len - 1].set(sum + 1);
                            });
                        })
                        .unwrap();
                }
            });
        }
        s.spawn(|| {
            for _ in 0..50 {
                lock().each_block(&blocks, |w| assert!(w.iter().any(|w| w.load() > 0)));
            }
        });
    });
    let mut sum = 0;
    lock().each_block(&blocks, |w| sum += w.iter().map(|w| w.load()).sum::<u64>());
    assert_eq!(sum, 3 * replacements as u64);
}

#[test]
fn a_block_is_not_entered_twice() {
    let blocks = Blocks::new().unwrap();
    let inner = blocks.with(|outer| {
        outer.replace(1, |_, _| {});
        blocks.with(|inner| inner.replace(2, |_, _| {}))
    });
    assert_eq!(inner, Some(None));
    assert!(
        blocks
            .with(|b| b.words().map(<[_]>::len))
            .unwrap()
            .is_some()
    );
}

/// Nothing to assert: Miri and memcheck see what is not freed, or freed twice.
#[test]
fn a_registry_frees_what_it_made() {
    let registry = Registry::new();
    let words: Vec<_> = (0..5).map(|_| registry.words(512).unwrap()).collect();
    let block = registry.block().unwrap();
    thread::scope(|s| {
        for len in 1..4 {
            let (registry, words, block) = (&registry, &words, &block);
            s.spawn(move || {
                let owner = registry.enter();
                for words in words.iter().take(len) {
                    owner.with(words, |w| w[511].add(1)).unwrap();
                }
                for _ in 0..len {
                    owner
                        .with_block(block, |b| b.replace(len, |_, _| {}))
                        .unwrap();
                }
            });
        }
    });
    // Ranges that nobody reclaimed, current blocks, retired blocks.
    drop(block);
    drop(words);
}

#[test]
fn handles_of_another_registry_are_refused() {
    let (here, there) = (Registry::new(), Registry::new());
    let (words, block) = (there.words(1).unwrap(), there.block().unwrap());
    let owner = here.enter();
    assert!(owner.with(&words, |_| ()).is_none());
    assert!(owner.with_block(&block, |_| ()).is_none());
}
