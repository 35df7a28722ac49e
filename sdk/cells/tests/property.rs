//! Whatever threads do (add, replace blocks, end, adopt slabs, drop ranges and make new ones) while a collector reads:
//! totals are exact in the end and never step back meanwhile.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::prelude::*;
use throughline_cells::{Blocks, Words, lock};

/// Ranges and blocks that one case uses.
const SHARED: usize = 3;
/// Miri is slow, and checks the same.
const CASES: u32 = if cfg!(miri) { 2 } else { 64 };

#[derive(Clone, Debug)]
enum Op {
    /// Adds to a word of a range that all threads share.
    Add {
        range: usize,
        word: usize,
        n: u64,
    },
    /// Adds to this thread's block, which becomes `len` long if it was shorter.
    Grow {
        block: usize,
        len: usize,
        n: u64,
    },
    /// Makes a range of its own, which must be 0 everywhere, writes to it and drops it.
    Own {
        len: usize,
    },
    /// Lets a thread of its own add, which adopts a slab and gives it back.
    Child {
        range: usize,
        n: u64,
    },
    Yield,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..SHARED, any::<usize>(), 0..1_000u64)
            .prop_map(|(range, word, n)| Op::Add { range, word, n }),
        2 => (0..SHARED, 1..40usize, 0..1_000u64)
            .prop_map(|(block, len, n)| Op::Grow { block, len, n }),
        1 => (1..=Words::MAX_LEN).prop_map(|len| Op::Own { len }),
        1 => (0..SHARED, 0..1_000u64).prop_map(|(range, n)| Op::Child { range, n }),
        1 => Just(Op::Yield),
    ]
}

/// Threads of one round; which range and block its end drops, and the length of the new range.
type Round = (Vec<Vec<Op>>, Option<(usize, usize)>);

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let thread = prop::collection::vec(op(), 0..20);
    let round = (
        prop::collection::vec(thread, 1..5),
        prop::option::of((0..SHARED, 1..=Words::MAX_LEN)),
    );
    prop::collection::vec(round, 1..4)
}

struct Shared {
    words: Vec<Words>,
    blocks: Vec<Blocks>,
}

impl Shared {
    fn run(&self, op: &Op) {
        match *op {
            Op::Add { range, word, n } => {
                let range = &self.words[range];
                range.with(|w| w[word % range.len()].add(n)).unwrap();
            }
            Op::Grow { block, len, n } => self.blocks[block]
                .with(|block| {
                    if block.words().is_none_or(|words| words.len() < len) {
                        block.replace(len, |new, old| {
                            for (new, old) in new.iter().zip(old.unwrap_or_default()) {
                                new.set(old.get());
                            }
                        });
                    }
                    block.words().unwrap()[len - 1].add(n);
                })
                .unwrap(),
            Op::Own { len } => {
                let own = Words::new(len).unwrap();
                lock().each(&own, |w| assert!(w.iter().all(|w| w.load() == 0)));
                own.with(|w| {
                    assert!(w.iter().all(|w| w.get() == 0));
                    w.iter().for_each(|w| w.set(u64::MAX));
                })
                .unwrap();
            }
            Op::Child { range, n } => thread::scope(|s| {
                s.spawn(|| self.words[range].with(|w| w[0].add(n)).unwrap());
            }),
            Op::Yield => thread::yield_now(),
        }
    }

    /// Totals of the ranges, then of the blocks.
    fn totals(&self) -> [[u64; SHARED]; 2] {
        let mut totals = [[0; SHARED]; 2];
        let [words, blocks] = &mut totals;
        let collection = lock();
        for (total, range) in words.iter_mut().zip(&self.words) {
            collection.each(range, |w| *total += w.iter().map(|w| w.load()).sum::<u64>());
        }
        for (total, block) in blocks.iter_mut().zip(&self.blocks) {
            collection.each_block(block, |w| *total += w.iter().map(|w| w.load()).sum::<u64>());
        }
        totals
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn totals_are_exact_and_never_step_back(rounds in rounds()) {
        let mut shared = Shared {
            words: (0..SHARED).map(|at| Words::new(1 + 80 * at).unwrap()).collect(),
            blocks: (0..SHARED).map(|_| Blocks::new().unwrap()).collect(),
        };
        let mut expected = [[0; SHARED]; 2];
        for (threads, anew) in &rounds {
            for op in threads.iter().flatten() {
                match *op {
                    Op::Add { range, n, .. } | Op::Child { range, n } => expected[0][range] += n,
                    Op::Grow { block, n, .. } => expected[1][block] += n,
                    Op::Own { .. } | Op::Yield => {}
                }
            }
            let done = AtomicBool::new(false);
            thread::scope(|s| {
                let collector = s.spawn(|| {
                    let mut before = shared.totals();
                    while !done.load(Ordering::Relaxed) {
                        let now = shared.totals();
                        for (before, now) in before.iter().flatten().zip(now.iter().flatten()) {
                            assert!(before <= now);
                        }
                        before = now;
                        thread::yield_now();
                    }
                });
                let writers: Vec<_> = threads
                    .iter()
                    .map(|ops| s.spawn(|| ops.iter().for_each(|op| shared.run(op))))
                    .collect();
                let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
                done.store(true, Ordering::Relaxed);
                collector.join().unwrap();
                for end in ended {
                    end.unwrap();
                }
            });
            prop_assert_eq!(shared.totals(), expected);
            if let Some((at, len)) = *anew {
                // The new range while the old one lives, then the old one's place is free.
                shared.words[at] = Words::new(len).unwrap();
                shared.blocks[at] = Blocks::new().unwrap();
                expected[0][at] = 0;
                expected[1][at] = 0;
                prop_assert_eq!(shared.totals(), expected);
            }
        }
    }
}
