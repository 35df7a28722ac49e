//! The traces whose ids hash alike, behind one short lock.

mod asked;
mod decided;
mod pressed;

use hashbrown::HashTable;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use super::counts::Tally;
use super::findings::Findings;
use super::part::{Mode, Part, Trace};
use super::remembered::Remembered;
use super::room::{Room, Spare};

pub(super) use asked::Known;
pub(super) use decided::Taken;

/// What a shard holds. Whoever calls holds its lock; nothing here waits, or runs anyone else's code.
///
/// ```text
///  started ─┐                                       the delivery thread
///  ended ───┴► Buffering ─ none is open ─► ripe ─ take ─► deciding ─ settle ─► remembered
///      │            └─ nothing in it ─► dropped by the thread that ends its last span
///      └─────► Passing ─────────────── leaves as it ends ─────────────────────────▲
///      └─────► Evicted ── nothing leaves
/// ```
#[derive(Debug)]
pub(super) struct Shard {
    traces: HashTable<Box<Trace>>,
    /// Traces that may have a ripe part.
    ripe: Vec<(u64, u128)>,
    /// Traces that the delivery thread looks at, with what was asked for meanwhile.
    deciding: Vec<(u128, Findings)>,
    /// What speaks for traces of which a first span is about to start.
    foreseen: Vec<(u128, Findings)>,
    pub(super) remembered: Remembered,
    spare: Spare,
    pub(super) tally: Tally,
    /// The raise of the level that it was swept for last.
    swept: u64,
    /// Emptied parts and traces, for their memory.
    pool: Vec<Part>,
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    boxes: Vec<Box<Trace>>,
    limits: Limits,
    /// Everything was decided for the last time.
    pub(super) closed: bool,
}

/// Bounds of a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_spans_per_trace: usize,
    pub(super) remembered: usize,
}

/// How many emptied parts a shard keeps, and for how many spans such a part has room at most.
const POOLED: usize = 64;
const POOLED_SPANS: usize = 64;

/// A span that starts.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) hash: u64,
    pub(super) trace: u128,
    pub(super) span: SpanId,
    pub(super) sampled: bool,
}

/// The local root of a part, as far as it decides anything.
#[derive(Clone, Copy)]
pub(super) struct Root {
    /// R, in bits.
    pub(super) randomness: u64,
    /// There is nothing to decide: its spans leave as they end.
    pub(super) passes: bool,
    /// Its parent is in this process, but was given up or decided: its own data do not say that it is a root.
    pub(super) orphan: bool,
}

/// A span that ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) hash: u64,
    pub(super) trace: u128,
    pub(super) span: SpanId,
    pub(super) sampled: bool,
    /// With an error status.
    pub(super) failed: bool,
    /// A policy may find something in it.
    pub(super) notable: bool,
    pub(super) weight: usize,
}

/// Where a span that ends goes.
#[derive(Debug)]
pub(super) enum Ended<'a> {
    /// To the end of this.
    Buffered(&'a mut Vec<SpanData>),
    /// Nowhere, and this with it: it was the last one that was open, and nobody wants any of them. To be dropped when
    /// no lock is held, then to be handed back.
    Unselected(Part),
    Elsewhere(Place),
}

/// Where a span that ends goes, if not into the buffer. It is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Straight to the queue.
    Queue,
    /// Nowhere; it is counted.
    Gone,
    /// Nowhere yet: a bound is reached. The span is open as before.
    NoRoom,
    /// Its part is not known.
    Unknown,
}

impl Shard {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            traces: HashTable::new(),
            ripe: Vec::new(),
            deciding: Vec::new(),
            foreseen: Vec::new(),
            remembered: Remembered::new(limits.remembered),
            spare: Spare::default(),
            tally: Tally::default(),
            swept: 0,
            pool: Vec::new(),
            boxes: Vec::new(),
            limits,
            closed: false,
        }
    }

    /// A child of this span starts. `false` if no part has its parent.
    #[inline]
    pub(super) fn joined(&mut self, start: &Start, parent: SpanId) -> bool {
        let trace = find(&mut self.traces, start.hash, start.trace);
        let Some(part) = trace.and_then(|trace| trace.part_of(parent)) else {
            return false;
        };
        part.open.push(start.span);
        true
    }

    /// A part starts with this span. `false` if there are too many traces.
    pub(super) fn opened(&mut self, start: &Start, root: Root, room: &Room) -> bool {
        if self.closed {
            return false;
        }
        let found = find(&mut self.traces, start.hash, start.trace);
        let counted = found.as_ref().is_some_and(|trace| trace.counted);
        if !counted && !room.take_trace(root.passes) {
            return false;
        }
        self.tally.parts_started += 1;
        let mut foreseen = self.foreseen.iter();
        let foreseen = match foreseen.position(|(trace, _)| *trace == start.trace) {
            Some(at) => self.foreseen.swap_remove(at).1,
            None => Findings::NONE,
        };
        let part = self.pool.pop().unwrap_or_else(Part::new);
        let mut part = part.opened(start.span, start.sampled, root.passes);
        part.notable = root.orphan;
        if let Some(trace) = found {
            if !counted {
                trace.counted = true;
                trace.passes = root.passes;
            }
            trace.wishes = trace.wishes.and(foreseen);
            trace.parts.push(part);
            return true;
        }
        let mut trace = self.boxes.pop().unwrap_or_default();
        trace.id = start.trace;
        trace.hash = start.hash;
        trace.randomness = root.randomness;
        trace.wishes = foreseen;
        trace.counted = true;
        trace.passes = root.passes;
        trace.parts.push(part);
        self.traces
            .insert_unique(start.hash, trace, |trace| trace.hash);
        true
    }

    /// A span ends.
    #[inline]
    pub(super) fn ended(&mut self, end: &End, room: &Room) -> Ended<'_> {
        self.tally.live[usize::from(end.sampled)] -= 1;
        self.ended_again(end, room)
    }

    /// The same for a span that found no place the first time.
    #[inline]
    pub(super) fn ended_again(&mut self, end: &End, room: &Room) -> Ended<'_> {
        self.admit(end, room).unwrap_or_else(Ended::Elsewhere)
    }

    #[inline]
    fn admit(&mut self, end: &End, room: &Room) -> Result<Ended<'_>, Place> {
        let bucket = self
            .traces
            .find_bucket_index(end.hash, |trace| trace.id == end.trace);
        let bucket = bucket.ok_or(Place::Unknown)?;
        let trace = self.traces.get_bucket_mut(bucket).ok_or(Place::Unknown)?;
        let at = trace.close(end.span).ok_or(Place::Unknown)?;
        let part = &mut trace.parts[at];
        if part.mode != Mode::Buffering
            || part.spans.len() >= self.limits.max_spans_per_trace && end.span != part.root
        {
            return Err(self.ended_elsewhere(end, at, room));
        }
        part.notable |= end.notable;
        // What became of an earlier part of it, or is about to, decides about this one too.
        if trace.is_plain()
            && self.deciding.iter().all(|(trace, _)| *trace != end.trace)
            && self.remembered.get(end.hash, end.trace).is_none()
        {
            return Ok(self.unselected(end, room));
        }
        let part = &mut trace.parts[at];
        if !room.take(&mut self.spare, end.weight) {
            part.open.push(end.span);
            return Err(Place::NoRoom);
        }
        part.bytes += end.weight;
        part.failed |= end.failed;
        self.tally.buffered += 1;
        if part.is_ripe() {
            self.ripe.push((end.hash, end.trace));
        }
        // Found anew, since what may be returned early cannot be borrowed for as long as what is returned here.
        let trace = self.traces.get_bucket_mut(bucket).ok_or(Place::Unknown)?;
        Ok(Ended::Buffered(&mut trace.parts[at].spans))
    }

    /// The only part of this trace goes, with the span that ends.
    fn unselected(&mut self, end: &End, room: &Room) -> Ended<'_> {
        let trace = find(&mut self.traces, end.hash, end.trace);
        let Some(part) = trace.and_then(|trace| trace.parts.pop()) else {
            return Ended::Elsewhere(Place::Unknown);
        };
        self.forget_if_empty(end.hash, end.trace, room);
        let spans = part.spans.len() as u64;
        self.tally.buffered -= spans;
        self.tally.unselected += spans + 1;
        self.tally.parts_unselected += 1;
        Ended::Unselected(part)
    }

    #[cold]
    #[inline(never)]
    fn ended_elsewhere(&mut self, end: &End, at: usize, room: &Room) -> Place {
        let Some(trace) = find(&mut self.traces, end.hash, end.trace) else {
            return Place::Unknown;
        };
        let part = &mut trace.parts[at];
        let noted = part.noted;
        part.noted = part.mode == Mode::Passing;
        let place = match part.mode {
            Mode::Passing => Place::Queue,
            Mode::Evicted => {
                self.tally.evicted += 1;
                Place::Gone
            }
            Mode::Buffering => {
                part.torn = true;
                self.tally.trace_full += 1;
                Place::Gone
            }
        };
        self.one_less_open(end.hash, end.trace, at, room);
        if place == Place::Queue {
            if noted && self.remembered.get(end.hash, end.trace).is_none() {
                // Something of it may be lost, and that was forgotten.
                self.remembered.record(end.hash, end.trace).torn = true;
            }
            self.passes(end);
        }
        place
    }

    /// A span goes straight to the queue.
    pub(super) fn passes(&mut self, end: &End) {
        self.tally.passed += 1;
        let record = self.remembered.record(end.hash, end.trace);
        record.kept = true;
        record.hand_on(end.span);
    }

    /// A span that ends is lost for a reason that the caller counts.
    pub(super) fn lost(&mut self, end: &End, room: &Room) {
        if let Some(trace) = find(&mut self.traces, end.hash, end.trace)
            && let Some(at) = trace.close(end.span)
        {
            trace.parts[at].torn = true;
            self.one_less_open(end.hash, end.trace, at, room);
        } else if end.sampled {
            self.remembered.record(end.hash, end.trace).torn = true;
        }
    }

    /// A span of this part is not open any more, and did not come into the buffer.
    fn one_less_open(&mut self, hash: u64, id: u128, at: usize, room: &Room) {
        let Some(trace) = find(&mut self.traces, hash, id) else {
            return;
        };
        if trace.parts[at].is_over() {
            let part = trace.parts.swap_remove(at);
            self.recycle(part);
            self.forget_if_empty(hash, id, room);
        } else if trace.parts[at].is_ripe() {
            self.ripe.push((hash, id));
        }
    }

    fn forget_if_empty(&mut self, hash: u64, id: u128, room: &Room) {
        let found = self.traces.find_entry(hash, |trace| trace.id == id);
        let Ok(mut found) = found else { return };
        if !found.get_mut().settle(room) {
            let (trace, _) = found.remove();
            if self.boxes.len() < POOLED {
                self.boxes.push(trace);
            }
        }
    }

    pub(super) fn spare_bytes(&self) -> usize {
        self.spare.bytes
    }

    /// The spans of this part were dropped, and there is room for as many.
    pub(super) fn emptied(&mut self, part: Part, spans: usize, room: &Room) {
        room.give_back(&mut self.spare, part.bytes, spans);
        self.recycle(part);
    }

    /// Keeps the memory of an emptied part for the next one.
    pub(super) fn recycle(&mut self, part: Part) {
        if self.pool.len() < POOLED && part.spans.capacity() <= POOLED_SPANS {
            self.pool.push(part.cleared());
        }
    }
}

#[inline]
fn find(traces: &mut HashTable<Box<Trace>>, hash: u64, id: u128) -> Option<&mut Trace> {
    traces
        .find_mut(hash, |trace| trace.id == id)
        .map(|trace| &mut **trace)
}
