//! The address space: which ranges of cells are taken, in every slab alike.
//!
//! It knows numbers only, no memory. A range never straddles a chunk, so that it is one slice wherever it lives.
//! The best-fitting hole is taken, the lowest among equals; what is given back merges with the holes beside it.
//!
//! Ranges are mostly taken one after the other, with no other hole that fits. So the hole that was cut last stands beside
//! the trees of the others, and to cut it again takes one look at a tree.

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
    /// The hole that the last range was cut from, if something is left of it: it is not among those below.
    cut: Option<Hole>,
    /// Holes by place: (chunk, start) to len. No two touch.
    holes: BTreeMap<(u32, u16), u16>,
    /// The same holes by size.
    by_len: BTreeSet<Hole>,
}

/// (len, chunk, start): in this order the first that fits is the one to take.
type Hole = (u16, u32, u16);

/// Sorts ranges, and makes one of those that lie side by side in a chunk: thousands that were dropped together are few.
pub(crate) fn join(extents: &mut Vec<Extent>) {
    extents.sort_unstable_by_key(|extent| (extent.chunk, extent.start));
    extents.dedup_by(|next, extent| {
        let beside = next.chunk == extent.chunk && next.start == extent.start + extent.len;
        if beside {
            extent.len += next.len;
        }
        beside
    });
}

impl Space {
    /// An empty space of at most `limit` chunks, each of `width` cells.
    pub(crate) fn new(width: u16, limit: u32) -> Space {
        Space {
            width,
            begun: 0,
            limit,
            cut: None,
            holes: BTreeMap::new(),
            by_len: BTreeSet::new(),
        }
    }

    /// Takes `len` cells; `None` for none, for more than a chunk holds, and when the space is full.
    pub(crate) fn take(&mut self, len: usize) -> Option<Extent> {
        let len = u16::try_from(len)
            .ok()
            .filter(|len| (1..=self.width).contains(len))?;
        let others = self.by_len.range((len, 0, 0)..).next().copied();
        let cut = self.cut.filter(|(room, ..)| *room >= len);
        let (room, chunk, start) = match cut.into_iter().chain(others).min() {
            Some(hole) => hole,
            None => self.begin_chunk()?,
        };
        if cut != Some((room, chunk, start)) {
            self.close_cut();
            self.fill(chunk, start, room);
        }
        self.cut = (room > len).then_some((room - len, chunk, start + len));
        Some(Extent { chunk, start, len })
    }

    /// Gives back what [`Space::take`] gave out, or several of them as [`join`] makes of them.
    pub(crate) fn give_back(&mut self, extent: Extent) {
        self.close_cut();
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

    /// A new chunk as one hole.
    fn begin_chunk(&mut self) -> Option<Hole> {
        if self.begun == self.limit {
            return None;
        }
        let chunk = self.begun;
        self.begun += 1;
        Some((self.width, chunk, 0))
    }

    /// Makes the hole that was cut last one like the others.
    fn close_cut(&mut self) {
        if let Some((room, chunk, start)) = self.cut.take() {
            self.open(chunk, start, room);
        }
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
