//! The address space: which ranges of cells are taken, in every slab alike.
//!
//! It knows numbers only, no memory. A range never straddles a chunk, so that it is one slice wherever it lives.
//! The best-fitting hole is taken, the lowest among equals; what is given back merges with the holes beside it.

use std::collections::{BTreeMap, BTreeSet};

/// Where a range lies, the same in every slab: `start + len <= ` cells per chunk; `len >= 1` but for
/// [`Extent::NOWHERE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Which chunk.
    pub(crate) chunk: u32,
    /// The first cell inside the chunk.
    pub(crate) start: u16,
    /// How many cells.
    pub(crate) len: u16,
}

impl Extent {
    /// No cells, in a chunk that there never is.
    pub(crate) const NOWHERE: Extent = Extent {
        chunk: u32::MAX,
        start: 0,
        len: 0,
    };
}

/// The holes between the ranges that are taken.
#[derive(Debug)]
pub(crate) struct Space {
    /// Cells per chunk.
    width: u16,
    /// Chunks that were ever begun; the address space ends here.
    begun: u32,
    /// How many chunks there may be.
    limit: u32,
    /// Holes by place: (chunk, start) to len. No two touch.
    holes: BTreeMap<(u32, u16), u16>,
    /// The same holes by size: (len, chunk, start).
    by_len: BTreeSet<(u16, u32, u16)>,
}

impl Space {
    /// An empty space of at most `limit` chunks, each of `width` cells.
    pub(crate) fn new(width: u16, limit: u32) -> Space {
        Space {
            width,
            begun: 0,
            limit,
            holes: BTreeMap::new(),
            by_len: BTreeSet::new(),
        }
    }

    /// Takes `len` cells; `None` for none, for more than a chunk holds, and when the space is full.
    pub(crate) fn take(&mut self, len: usize) -> Option<Extent> {
        let len = u16::try_from(len)
            .ok()
            .filter(|len| (1..=self.width).contains(len))?;
        let (room, chunk, start) = match self.by_len.range((len, 0, 0)..).next() {
            Some(hole) => *hole,
            None => self.begin_chunk()?,
        };
        self.fill(chunk, start, room);
        if room > len {
            self.open(chunk, start + len, room - len);
        }
        Some(Extent { chunk, start, len })
    }

    /// Gives back what [`Space::take`] gave out.
    pub(crate) fn give_back(&mut self, extent: Extent) {
        let Extent {
            chunk,
            mut start,
            mut len,
        } = extent;
        if let Some((&(_, at), &room)) = self.holes.range((chunk, 0)..(chunk, start)).next_back()
            && at + room == start
        {
            self.fill(chunk, at, room);
            start = at;
            len += room;
        }
        if let Some(&room) = self.holes.get(&(chunk, start + len)) {
            self.fill(chunk, start + len, room);
            len += room;
        }
        self.open(chunk, start, len);
    }

    /// Opens a new chunk as one hole, (len, chunk, start).
    fn begin_chunk(&mut self) -> Option<(u16, u32, u16)> {
        if self.begun == self.limit {
            return None;
        }
        let chunk = self.begun;
        self.begun += 1;
        self.open(chunk, 0, self.width);
        Some((self.width, chunk, 0))
    }

    fn open(&mut self, chunk: u32, start: u16, len: u16) {
        self.holes.insert((chunk, start), len);
        self.by_len.insert((len, chunk, start));
    }

    fn fill(&mut self, chunk: u32, start: u16, len: u16) {
        self.holes.remove(&(chunk, start));
        self.by_len.remove(&(len, chunk, start));
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
