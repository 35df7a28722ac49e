//! Handles of ranges: whoever holds one keeps the range taken.

use std::fmt;

use crate::registry::Registry;
use crate::space::Extent;

/// A range of words; see [`Words`](crate::Words).
pub struct WordRange<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) extent: Extent,
}

impl<'r> WordRange<'r> {
    pub(crate) fn new(registry: &'r Registry, extent: Extent) -> WordRange<'r> {
        WordRange { registry, extent }
    }
}

impl Drop for WordRange<'_> {
    fn drop(&mut self) {
        self.registry.drop_words(self.extent);
    }
}

impl fmt::Debug for WordRange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WordRange").field(&self.extent).finish()
    }
}

/// A slot for a block; see [`Blocks`](crate::Blocks). Its extent has one cell.
pub struct BlockRange<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) extent: Extent,
}

impl<'r> BlockRange<'r> {
    pub(crate) fn new(registry: &'r Registry, extent: Extent) -> BlockRange<'r> {
        BlockRange { registry, extent }
    }
}

impl Drop for BlockRange<'_> {
    fn drop(&mut self) {
        self.registry.drop_block(self.extent);
    }
}

impl fmt::Debug for BlockRange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockRange").field(&self.extent).finish()
    }
}
