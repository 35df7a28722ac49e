//! What goes where memory runs out.

use super::super::part::{Mode, Part};
use super::super::room::Room;
use super::Shard;

impl Shard {
    /// Evicts whatever is below the level, should it have been raised since the last time; returns what went, to be
    /// dropped when no lock is held, after which its room is the caller's to release.
    ///
    /// What the head chose is not lost by this: it leaves early. What was asked for whatever its randomness stays.
    pub(in super::super) fn sweep(&mut self, level: u64, raises: u64, room: &Room) -> Vec<Part> {
        if self.swept == raises {
            return Vec::new();
        }
        self.swept = raises;
        let Self {
            traces,
            ripe,
            remembered,
            tally,
            ..
        } = self;
        let mut gone = Vec::new();
        traces.retain(|trace| {
            let (hash, id) = (trace.hash, trace.id);
            if trace.randomness >= level || !trace.wishes.reasons.uncounted().is_empty() {
                for part in &mut trace.parts {
                    part.floor = part.floor.max(level);
                }
                return true;
            }
            for part in &mut trace.parts {
                part.floor = part.floor.max(level);
                match part.mode {
                    Mode::Buffering if part.sampled => {
                        part.mode = Mode::Passing;
                        ripe.push((hash, id));
                    }
                    Mode::Buffering => {
                        let evicted = part.split();
                        part.mode = Mode::Evicted;
                        let spans = evicted.spans.len() as u64;
                        tally.buffered -= spans;
                        tally.evicted += spans;
                        tally.parts_evicted += 1;
                        if !trace.wishes.is_empty() {
                            remembered.record(hash, id).torn = true;
                        }
                        gone.push(evicted);
                    }
                    Mode::Passing | Mode::Evicted => {}
                }
            }
            trace.parts.retain(|part| !part.is_over());
            trace.settle(room)
        });
        gone
    }
}
