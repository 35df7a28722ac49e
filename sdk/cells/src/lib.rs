//! Thread-owned cells: words that one thread alone writes and a collector sums.

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
pub use word::{OwnWord, SharedWord};

/// The same machine with a registry of one's own, for the models and tests of this crate; not part of its interface.
#[doc(hidden)]
pub mod parts {
    pub use crate::collection::Lock;
    pub use crate::owner::Owner;
    pub use crate::range::{BlockRange, WordRange};
    pub use crate::registry::Registry;
}
