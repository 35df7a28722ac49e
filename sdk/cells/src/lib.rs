//! Thread-owned cells: words that one thread alone writes and a collector sums.
//!
//! A counter that several threads share costs each of them a read-modify-write and a cache line that travels. Here
//! every thread has a word of its own for it: an add is a plain load and a plain store, and whoever wants the total
//! sums the words of all threads, under a lock that no writer ever takes. This crate knows nothing of metrics: it
//! hands out ranges of words ([`Words`]) and arrays that their owner may replace ([`Blocks`]), and lets one
//! [`Collection`] at a time read them.
//!
//! ```
//! use throughline_cells::{Words, lock};
//!
//! // One range, a word for the sum and one for the count, in every thread that comes along.
//! let latency = &Words::new(2).unwrap();
//! std::thread::scope(|s| {
//!     for ms in [3, 5] {
//!         s.spawn(move || latency.with(|w| {
//!             w[0].add(ms);
//!             w[1].add_release(1); // whoever sees this count sees that sum
//!         }));
//!     }
//! });
//! let (mut sum, mut count) = (0, 0);
//! lock().each(latency, |w| {
//!     count += w[1].load_acquire();
//!     sum += w[0].load();
//! });
//! assert_eq!((sum, count), (8, 2));
//! ```
//!
//! # Layout
//!
//! A range has one address, valid in every thread's slab: chunk, start, length. It never straddles two chunks.
//!
//! ```text
//!  Words { chunk: 1, start: 3, len: 2 }
//!
//!  thread A ── LOCAL ─┐          slab of A                   slab of B ┌─ LOCAL ── thread B
//!                     └► directory │0│1│2│3│     directory │0│1│ ◄─────┘
//!                                   │ │ └ null              │ └ null: B never touched chunk 1
//!                          ┌────────┘ └──────────┐          └► 512 words
//!                          ▼                     ▼
//!                       512 words      │···██···············│  its words 3 and 4
//!
//!  registry ── newest slab ─► older ─► older ─► …            every slab ever made: what the collector visits
//!           ├─ waiting: slabs of ended threads, values included; the next thread adopts one
//!           ├─ holes: which addresses are free
//!           ├─ dropped: addresses whose handles are gone, until a collector has zeroed them in every slab
//!           └─ retired: blocks that owners replaced, until a collector frees them
//! ```
//!
//! - Chunks never move and are made, zeroed, by their owner at the first touch. A thread pays for what it touches.
//!   Directories grow by a larger copy; the old one is kept, since a collector may be reading it.
//! - A thread that ends leaves its slab as it is. Only a collector ever sums, so a total never steps back, not even by
//!   the rounding of a float.
//! - Memory follows the peak of living threads and live ranges; it is reused, and not given back to the system.
//!
//! # The hot path
//!
//! [`Words::with`], all of it, when the thread has touched the chunk before:
//!
//! ```text
//! if words.chunk >= LOCAL.len        → cold: grow the directory, make the chunk, or None at the thread's end
//! chunk = LOCAL.directory[words.chunk]
//! if chunk is null                   → cold
//! f(chunk[words.start ..][.. words.len])         // add: load, add, store
//! ```
//!
//! `LOCAL` has a constant initial value and no destructor, so reaching it is an address and no branch. No lock, no
//! allocation, no atomic read-modify-write, no fence (release stores are plain on x86-64). The budget is counted in
//! instructions: `examples/instructions.rs` says how.
//!
//! # Who may do what
//!
//! | memory | stored by | read by | ordered by |
//! |---|---|---|---|
//! | a word | its owner; a collector once its handle is gone | owner, collectors | [`OwnWord::set_release`] → [`SharedWord::load_acquire`], else nothing |
//! | directory, its entries | the owner | owner, collectors | release store → acquire load |
//! | a slot's block | as a word | owner, collectors | release store → acquire load |
//! | list of slabs | who holds the books' mutex | collectors | release store → acquire load |
//! | retired blocks | owners (compare and exchange) | collectors (swap) | release → acquire |
//!
//! Three things pass through the registry's `books` mutex, which therefore orders what happened on either side: a slab
//! from its old owner to the next, an address from its old handle to the collector that clears it, and from there to
//! the next handle.
//!
//! # How it is checked
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p throughline-cells --release --test loom --target-dir target/loom
//! MIRIFLAGS="-Zmiri-strict-provenance" cargo +nightly miri test -p throughline-cells --tests
//! CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
//!     --errors-for-leak-kinds=definite,indirect --error-exitcode=9" cargo test -p throughline-cells --test property --test threads --test teardown
//! CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --tool=drd --check-stack-var=yes --error-exitcode=9" \
//!     cargo test -p throughline-cells --test ownership
//! ```
//!
//! Loom tries every interleaving and every value that a load may return, over the core with a registry per run; weaken
//! one ordering and a model fails. Miri checks aliasing, provenance and data races over the process-wide layer too.
//! Memcheck watches what is freed and when. DRD knows neither atomics nor the standard library's mutexes, and reports
//! each use of them; so it judges one test that is ordered by thread start and join alone (`tests/ownership.rs`) and
//! shows, with no suppression, that threads which measure share no memory that any of them writes.

#![cfg_attr(
    loom,
    allow(
        dead_code,
        reason = "the models use a registry of their own, not the process-wide one"
    )
)]

mod block;
mod collection;
mod owner;
#[cfg(not(loom))]
mod process;
mod range;
mod registry;
mod slab;
mod space;
mod sync;
mod table;
mod word;

pub use block::OwnBlock;
#[cfg(not(loom))]
pub use process::{Blocks, Collection, Words, lock};
pub use word::{OnWords, OwnWord, SharedWord};

/// The same machine with a registry of one's own, for the models and tests of this crate; not part of its interface.
#[doc(hidden)]
pub mod parts {
    pub use crate::collection::Lock;
    pub use crate::owner::Owner;
    pub use crate::range::{BlockRange, WordRange};
    pub use crate::registry::Registry;
}
