//! How much may be buffered, over all shards.

use super::sync::{AtomicUsize, Ordering};

/// The bounds that all shards share.
///
/// A shard takes room in pieces, so that a span that ends touches no memory but its own shard's. Room that a
/// shard has taken and not used counts as used: the bounds are never passed.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Bound,
    spans: Bound,
    /// Traces with a part that is not decided.
    traces: Bound,
    /// Traces of which nothing is to be decided. They are as many as a service has open, and no bound of the buffer's.
    passing: AtomicUsize,
}

#[derive(Debug)]
struct Bound {
    /// `used <= max`
    used: AtomicUsize,
    max: usize,
    /// How much a shard takes at once.
    piece: usize,
}

/// What one shard has taken and not used.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pub(super) bytes: usize,
    spans: usize,
}

impl Room {
    pub(super) fn new(
        max_bytes: usize,
        max_spans: usize,
        max_traces: usize,
        shards: usize,
    ) -> Self {
        // At most an eighth of a bound lies idle in shards.
        let bound = |max: usize, piece: usize| Bound {
            used: AtomicUsize::new(0),
            max,
            piece: (max / (8 * shards)).min(piece),
        };
        Self {
            bytes: bound(max_bytes, 64 << 10),
            spans: bound(max_spans, 64),
            traces: bound(max_traces, 1),
            passing: AtomicUsize::new(0),
        }
    }

    /// Room for one more span of this weight.
    #[inline]
    pub(super) fn take(&self, spare: &mut Spare, bytes: usize) -> bool {
        if (bytes > spare.bytes || spare.spans == 0) && !self.refill(spare, bytes) {
            return false;
        }
        spare.bytes -= bytes;
        spare.spans -= 1;
        true
    }

    #[cold]
    #[inline(never)]
    fn refill(&self, spare: &mut Spare, bytes: usize) -> bool {
        if bytes > spare.bytes {
            spare.bytes += self.bytes.take(bytes - spare.bytes);
        }
        if spare.spans == 0 {
            spare.spans += self.spans.take(1);
        }
        bytes <= spare.bytes && spare.spans > 0
    }

    /// These spans left the buffer.
    pub(super) fn release(&self, bytes: usize, spans: usize) {
        self.bytes.used.fetch_sub(bytes, Ordering::Relaxed);
        self.spans.used.fetch_sub(spans, Ordering::Relaxed);
    }

    /// These spans left the buffer, and their shard keeps the room for the next ones, but no more than it takes at
    /// once.
    #[inline]
    pub(super) fn give_back(&self, spare: &mut Spare, bytes: usize, spans: usize) {
        spare.bytes += bytes;
        spare.spans += spans;
        let (bytes, spans) = (
            spare.bytes.saturating_sub(self.bytes.piece),
            spare.spans.saturating_sub(self.spans.piece),
        );
        if bytes > 0 || spans > 0 {
            spare.bytes -= bytes;
            spare.spans -= spans;
            self.release(bytes, spans);
        }
    }

    /// A place for a trace; there is always one for a trace that passes.
    pub(super) fn take_trace(&self, passes: bool) -> bool {
        if passes {
            self.passing.fetch_add(1, Ordering::Relaxed);
        }
        passes || self.traces.take(1) == 1
    }

    /// Gives back the place of a trace that was taken as one that passes, or not.
    pub(super) fn release_trace(&self, passes: bool) {
        let used = if passes {
            &self.passing
        } else {
            &self.traces.used
        };
        used.fetch_sub(1, Ordering::Relaxed);
    }

    /// All traces that are open or wait.
    pub(super) fn traces(&self) -> usize {
        self.traces.used.load(Ordering::Relaxed) + self.passing.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.used.load(Ordering::Relaxed)
    }

    /// The share that is used of the bound that is nearest, 0 to 1.
    pub(super) fn filled(&self) -> f64 {
        let shares = [&self.bytes, &self.spans, &self.traces].map(Bound::filled);
        shares.into_iter().fold(0.0, f64::max)
    }
}

impl Bound {
    /// At least `needed`, a piece more if there is as much; 0 if there is not.
    fn take(&self, needed: usize) -> usize {
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let free = self.max - used;
            if needed > free {
                return 0;
            }
            let taken = needed
                .saturating_add(self.piece.saturating_sub(1))
                .min(free);
            let swapped = self.used.compare_exchange_weak(
                used,
                used + taken,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match swapped {
                Ok(_) => return taken,
                Err(now) => used = now,
            }
        }
    }

    fn filled(&self) -> f64 {
        self.used.load(Ordering::Relaxed) as f64 / self.max as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bound_is_ever_passed() {
        let room = Room::new(1000, 4, 1, 1);
        let mut spare = Spare::default();
        let taken = [300, 300, 300, 300].map(|bytes| room.take(&mut spare, bytes));
        assert_eq!(taken, [true, true, true, false]);
        assert!(room.bytes() <= 1000);
        room.release(900, 3);
        assert!(
            [100; 4]
                .into_iter()
                .all(|bytes| room.take(&mut spare, bytes))
        );
        assert!(!room.take(&mut spare, 1), "a fifth span");
        assert!(room.take_trace(false) && !room.take_trace(false));
        assert!(room.take_trace(true) && room.traces() == 2);
    }

    #[test]
    fn what_is_given_back_is_there_for_the_same_shard_and_beyond_a_piece_for_all() {
        // A piece is 100 bytes and 10 spans.
        let room = Room::new(1600, 160, 1, 2);
        let (mut spare, mut other) = (Spare::default(), Spare::default());
        assert!((0..8).all(|_| room.take(&mut spare, 200)));
        assert!(!room.take(&mut other, 200) && !room.take(&mut spare, 200));
        room.give_back(&mut spare, 200, 1);
        assert_eq!((room.bytes(), spare.bytes), (1500, 100));
        assert!(room.take(&mut spare, 100) && room.take(&mut other, 100));
        assert!(!room.take(&mut spare, 1));
    }
}
