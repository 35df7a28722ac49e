//! A thread's counts: how one array of words holds those chunks of slots that were touched.
//!
//! ```text
//!  0      1        2    3                                                            len
//!  [ fine | coarse | end ][ fine directory … | coarse directory … ][ chunk | chunk | … ]
//! ```
//!
//! The first two words are windows: which chunks the directories are about, `first | len << 32`. An entry is the word
//! where its chunk begins, or [`NONE`]. `end` is where the next chunk goes. Windows of an array never change; entries
//! change once, from `NONE` to a chunk of zeros.

use std::ops::Range as Span;

use throughline_cells::{OwnBlock, OwnWord, SharedWord};

/// Slots per chunk: four cache lines.
pub(crate) const CHUNK: usize = 32;

/// Fine slots have the digits asked for, coarse ones two: the places of their windows in the header.
pub(crate) const FINE: usize = 0;
pub(crate) const COARSE: usize = 1;

const END: usize = 2;
const HEADER: usize = 3;

/// No chunk. So large that no array has the word, and not so large that a slot's place in it overflows where words have 32
/// bits: the bounds check finds out.
const NONE: u64 = u32::MAX as u64 - CHUNK as u64;

/// Adds to a slot; false if its chunk is not alive.
#[inline(always)]
pub(crate) fn add(row: &[OwnWord], kind: usize, slot: usize, n: u64) -> bool {
    let Some(window) = row.get(kind) else {
        return false;
    };
    let Some(at) = Window::of(window.get()).place(slot / CHUNK) else {
        return false;
    };
    let directory = match kind {
        FINE => HEADER,
        _ => HEADER + Window::of((&row).word(FINE)).len,
    };
    let Some(chunk) = row.get(directory + at) else {
        return false;
    };
    match row.get(chunk.get() as usize + slot % CHUNK) {
        Some(count) => {
            // Release, for whoever wrote a sum before.
            count.add_release(n);
            true
        }
        None => false,
    }
}

/// Whether the array has coarse slots: then its fine ones stay as many as they are.
pub(crate) fn is_coarse(row: &[OwnWord]) -> bool {
    Window::of((&row).word(COARSE)).len > 0
}

/// Brings the chunk of a slot to life, of `slots` that there are. False if that needs memory and `take` does not give
/// it: so many bytes more than the old array had.
pub(crate) fn touch(
    block: &mut OwnBlock<'_>,
    kind: usize,
    slot: usize,
    slots: usize,
    take: impl FnOnce(usize) -> bool,
) -> bool {
    let chunk = slot / CHUNK;
    let old = block.words().map_or(Shape::default(), Shape::of);
    if let Some(row) = block.words()
        && old.windows[kind].place(chunk).is_some()
        && old.end + CHUNK <= old.len
    {
        old.bring_to_life(row, kind, chunk);
        return true;
    }

    let mut windows = old.windows;
    windows[kind] = windows[kind].with(chunk, slots.div_ceil(CHUNK));
    let live = (old.end - old.chunks()) / CHUNK + 1;
    let mut new = Shape {
        windows,
        end: 0,
        len: 0,
    };
    new.end = new.chunks();
    // Half as many again: the next few do not each make a new array.
    new.len = new.end + (live + live / 2) * CHUNK;
    if !take((new.len.saturating_sub(old.len)) * size_of::<u64>()) {
        return false;
    }
    block.replace(new.len, |row, before| {
        for (kind, window) in windows.into_iter().enumerate() {
            set(row, kind, window.word());
        }
        (HEADER..new.end).for_each(|at| set(row, at, NONE));
        set(row, END, new.end as u64);
        for kind in [FINE, COARSE] {
            for (chunk, counts) in live_chunks(&before.unwrap_or_default(), kind) {
                let begin = new.bring_to_life(row, kind, chunk);
                for (at, word) in counts.enumerate() {
                    set(
                        row,
                        begin + at,
                        before.map_or(0, |before| before[word].get()),
                    );
                }
            }
        }
        new.bring_to_life(row, kind, chunk);
    });
    true
}

/// Calls `f` with each live chunk of an array: which one, and its counts.
pub(crate) fn read(row: &[SharedWord], kind: usize, mut f: impl FnMut(usize, &[SharedWord])) {
    for (chunk, counts) in live_chunks(&row, kind) {
        // A chunk lies within its array.
        if let Some(counts) = row.get(counts) {
            f(chunk, counts);
        }
    }
}

/// The chunks of an array that are alive, each with its words.
fn live_chunks<R: Read>(row: &R, kind: usize) -> impl Iterator<Item = (usize, Span<usize>)> {
    let windows = [FINE, COARSE].map(|kind| Window::of(row.word(kind)));
    let directory = HEADER + if kind == FINE { 0 } else { windows[FINE].len };
    let window = windows[kind];
    (0..window.len).filter_map(move |at| {
        let begin = row.word(directory + at);
        (begin != NONE).then(|| {
            let begin = begin as usize;
            (window.first + at, begin..begin + CHUNK)
        })
    })
}

/// A run of chunks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    first: usize,
    len: usize,
}

impl Window {
    const EMPTY: Window = Window { first: 0, len: 0 };

    #[inline(always)]
    fn of(word: u64) -> Self {
        Self {
            first: word as u32 as usize,
            len: (word >> 32) as usize,
        }
    }

    fn word(self) -> u64 {
        self.first as u64 | (self.len as u64) << 32
    }

    #[inline(always)]
    fn place(self, chunk: usize) -> Option<usize> {
        let at = chunk.wrapping_sub(self.first);
        (at < self.len).then_some(at)
    }

    /// Wide enough for `chunk`, of `all` that there are, with some room on that side.
    fn with(self, chunk: usize, all: usize) -> Self {
        let (low, high) = match self.len {
            0 => (chunk, chunk),
            len => (self.first.min(chunk), (self.first + len - 1).max(chunk)),
        };
        let room = ((high - low) / 2).max(4);
        let low = match chunk == low {
            true => low.saturating_sub(room),
            false => low,
        };
        let high = match chunk == high {
            true => (high + room).min(all - 1).max(chunk),
            false => high,
        };
        Self {
            first: low,
            len: high - low + 1,
        }
    }
}

/// What the header of an array says.
#[derive(Clone, Copy, Debug)]
struct Shape {
    windows: [Window; 2],
    end: usize,
    len: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            windows: [Window::EMPTY; 2],
            end: HEADER,
            len: 0,
        }
    }
}

impl Shape {
    fn of(row: &[OwnWord]) -> Self {
        Self {
            windows: [FINE, COARSE].map(|kind| Window::of((&row).word(kind))),
            end: (&row).word(END) as usize,
            len: row.len(),
        }
    }

    /// Where the chunks begin.
    fn chunks(&self) -> usize {
        HEADER + self.windows[FINE].len + self.windows[COARSE].len
    }

    /// Gives the next free words to a chunk of the window that has none, and says where they begin.
    fn bring_to_life(&self, row: &[OwnWord], kind: usize, chunk: usize) -> usize {
        let directory = HEADER
            + if kind == FINE {
                0
            } else {
                self.windows[FINE].len
            };
        let begin = (&row).word(END);
        if let Some(at) = self.windows[kind].place(chunk) {
            set(row, directory + at, begin);
            set(row, END, begin + CHUNK as u64);
        }
        begin as usize
    }
}

fn set(row: &[OwnWord], at: usize, value: u64) {
    if let Some(word) = row.get(at) {
        word.set(value);
    }
}

/// An array from either side.
trait Read {
    fn word(&self, at: usize) -> u64;
}

impl Read for &[OwnWord] {
    fn word(&self, at: usize) -> u64 {
        self.get(at).map_or(0, OwnWord::get)
    }
}

impl Read for &[SharedWord] {
    fn word(&self, at: usize) -> u64 {
        self.get(at).map_or(0, SharedWord::load)
    }
}
