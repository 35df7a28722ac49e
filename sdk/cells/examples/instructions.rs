//! A million measurements of one kind, to be counted by callgrind: instructions do not wander on a shared machine.
//!
//! ```text
//! cargo build --release -p throughline-cells --example instructions
//! for kind in bare word histogram block; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*measured*' \
//!         target/release/examples/instructions $kind 2>&1 | grep Collected
//! done
//! ```
//!
//! Divided by a million, that is instructions per measurement, the loop included. `bare` is the floor: a thread-local
//! cell of the program's own.

use std::cell::Cell;
use std::hint::black_box;

use throughline_cells::{Blocks, Words};

const TIMES: u64 = 1_000_000;

thread_local! {
    static BARE: Cell<u64> = const { Cell::new(0) };
}

#[inline(never)]
fn measured_bare() {
    for n in 0..TIMES {
        BARE.with(|cell| cell.set(cell.get().wrapping_add(black_box(n))));
    }
}

#[inline(never)]
fn measured_word(words: &Words) {
    for n in 0..TIMES {
        black_box(words).with(|w| w[0].add(n));
    }
}

#[inline(never)]
fn measured_histogram(words: &Words) {
    for n in 0..TIMES {
        black_box(words).with(|w| {
            w[0].add(n);
            w[1].add_release(1);
        });
    }
}

#[inline(never)]
fn measured_block(blocks: &Blocks) {
    for n in 0..TIMES {
        black_box(blocks).with(|block| {
            if let Some(words) = block.words() {
                words[0].add(n);
            }
        });
    }
}

fn main() {
    let (Some(words), Some(blocks)) = (Words::new(2), Blocks::new()) else {
        return eprintln!("the address space is full");
    };
    // The first touch is not what is counted.
    words.with(|w| w[0].add(1));
    blocks.with(|block| block.replace(1, |_, _| {}));
    match std::env::args().nth(1).as_deref() {
        Some("bare") => measured_bare(),
        Some("word") => measured_word(&words),
        Some("histogram") => measured_histogram(&words),
        Some("block") => measured_block(&blocks),
        other => eprintln!("expected bare, word, histogram or block, got {other:?}"),
    }
}
