//! The shards and what they share.

use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;
use throughline_model::{Clock, Fate, KeepReason, Random, SystemRandom};

use super::control::Control;
use super::counts::RetentionCounts;
use super::findings::Findings;
use super::level::Level;
use super::part::Part;
use super::pinned::{outlier_threshold, unpin};
use super::policies::{Policies, has_failed};
use super::room::Room;
use super::sampler::randomness;
use super::settings::Bounds;
use super::shard::{End, Ended, Known, Limits, Place, Root, Shard, Start, Taken};
use super::sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, acquire};
use super::verdict::Verdict;
use crate::batch::Queue;
use crate::probability::OtelTraceState;
use crate::span_weight::span_weight;

/// What the threads that make spans, those that ask and the one that delivers have in common.
///
/// A span that starts or ends locks the shard of its trace, once, for a search in a small table and a move.
#[derive(Debug)]
pub(super) struct Core {
    shards: Box<[Padded]>,
    /// Trace ids come from outside too: nobody shall choose who shares a bucket.
    keys: [u64; 2],
    pub(super) room: Room,
    pub(super) level: Arc<Level>,
    pub(super) bounds: Bounds,
    pub(super) policies: Policies,
    pub(super) queue: Queue<SpanData>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) control: Control,
    /// Kept, and waiting for room in the queue.
    pub(super) outbox: AtomicUsize,
    /// Kept, and handed to the queue.
    pub(super) kept: AtomicU64,
    /// Kept, and dropped at the end.
    pub(super) abandoned: AtomicU64,
}

/// Neighbours in memory do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Mutex<Shard>);

#[cfg(not(loom))]
const SHARDS: usize = 32;
/// Fewer interleavings that are all the same.
#[cfg(loom)]
const SHARDS: usize = 1;

/// How often a span that finds no room has some made.
const ATTEMPTS: usize = 8;
/// Which share of the buffer a span that finds no room evicts.
const EMERGENCY: f64 = 1.0 / 16.0;

impl Core {
    pub(super) fn new(
        policies: Policies,
        bounds: Bounds,
        base: u64,
        clock: Arc<dyn Clock>,
        queue: Queue<SpanData>,
    ) -> Self {
        let limits = Limits {
            max_spans_per_trace: bounds.max_spans_per_trace,
            remembered: bounds.remembered.div_ceil(SHARDS),
        };
        Self {
            shards: (0..SHARDS)
                .map(|_| Padded(Mutex::new(Shard::new(limits))))
                .collect(),
            keys: [SystemRandom.next_u64(), SystemRandom.next_u64()],
            room: Room::new(
                bounds.max_bytes,
                bounds.max_spans,
                bounds.max_traces,
                SHARDS,
            ),
            level: Arc::new(Level::new(base)),
            bounds,
            policies,
            queue,
            clock,
            control: Control::default(),
            outbox: AtomicUsize::new(0),
            kept: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    /// A span starts; `parent` is in this process.
    #[inline]
    pub(super) fn started(&self, span: &SpanContext, parent: Option<SpanId>) {
        let (hash, trace) = self.key(span.trace_id());
        let start = Start {
            hash,
            trace,
            span: span.span_id(),
            sampled: span.is_sampled(),
        };
        let mut shard = self.lock(hash);
        shard.tally.live[usize::from(start.sampled)] += 1;
        if !parent.is_some_and(|parent| shard.joined(&start, parent)) {
            self.opened(shard, &start, span, parent.is_some());
        }
    }

    #[inline(never)]
    fn opened(
        &self,
        shard: MutexGuard<'_, Shard>,
        start: &Start,
        span: &SpanContext,
        orphan: bool,
    ) {
        if self.control.is_closing() {
            return;
        }
        // Not to know of a part that passes is no harm; its spans pass.
        self.open(shard, start, self.root(span, orphan));
        // Its age is looked at from now on.
        self.control.stir();
    }

    /// A part starts with this span; where there is no room for it, some is made. Whether there was, in the end.
    fn open(&self, mut shard: MutexGuard<'_, Shard>, start: &Start, root: Root) -> bool {
        if shard.opened(start, root, &self.room) {
            return true;
        }
        if shard.closed || root.passes {
            return false;
        }
        // The lock is free again: making room locks every shard.
        drop(shard);
        self.make_room() && self.lock(start.hash).opened(start, root, &self.room)
    }

    fn root(&self, span: &SpanContext, orphan: bool) -> Root {
        let state = span.trace_state();
        let decided = || {
            let head = OtelTraceState::of(state).threshold();
            head.is_some_and(|head| head.bits() <= outlier_threshold(state))
        };
        Root {
            randomness: randomness(state, span.trace_id()),
            passes: span.is_sampled() && (self.level.never() || decided()),
            orphan,
        }
    }

    /// A span ends.
    #[inline(always)]
    pub(super) fn ended(&self, span: SpanData) {
        let context = &span.span_context;
        let (hash, trace) = self.key(context.trace_id());
        let end = End {
            hash,
            trace,
            span: context.span_id(),
            sampled: context.is_sampled(),
            failed: has_failed(&span),
            notable: self.policies.is_notable(&span),
            weight: span_weight(&span),
        };
        let mut shard = self.lock(hash);
        match shard.ended(&end, &self.room) {
            Ended::Buffered(spans) => {
                push(spans, span);
                let ripe = shard.has_ripe();
                drop(shard);
                if ripe {
                    self.control.stir();
                }
            }
            Ended::Unselected(part) => {
                drop(shard);
                self.unselected(part, hash);
            }
            Ended::Elsewhere(place) => {
                drop(shard);
                self.ended_elsewhere(place, span, &end);
            }
        }
    }

    /// Drops the spans of a part that nobody wants. They are warm in this thread's caches, and their memory goes back
    /// to where its next spans come from.
    #[inline(never)]
    fn unselected(&self, mut part: Part, hash: u64) {
        let spans = part.spans.len();
        part.spans.clear();
        self.lock(hash).emptied(part, spans, &self.room);
    }

    /// A span ends that does not simply go into the buffer.
    #[cold]
    #[inline(never)]
    fn ended_elsewhere(&self, mut place: Place, span: SpanData, end: &End) {
        for _ in 0..ATTEMPTS {
            match place {
                Place::Gone => return,
                Place::Queue => return self.pass(span, end),
                Place::NoRoom => {
                    if !self.make_room() {
                        break;
                    }
                }
                Place::Unknown if end.sampled => {
                    self.lock(end.hash).passes(end);
                    return self.pass(span, end);
                }
                Place::Unknown => {
                    if !self.opened_alone(end, &span.span_context) {
                        return;
                    }
                }
            }
            let mut shard = self.lock(end.hash);
            match shard.ended_again(end, &self.room) {
                Ended::Buffered(spans) => {
                    spans.push(span);
                    drop(shard);
                    return self.control.stir();
                }
                Ended::Unselected(part) => {
                    drop(shard);
                    return self.unselected(part, end.hash);
                }
                Ended::Elsewhere(elsewhere) => place = elsewhere,
            }
        }
        let mut shard = self.lock(end.hash);
        shard.tally.buffer_full += 1;
        shard.lost(end, &self.room);
    }

    /// A span whose part was given up, or found no place, makes one of its own. `false` if it is lost.
    fn opened_alone(&self, end: &End, span: &SpanContext) -> bool {
        let start = Start {
            hash: end.hash,
            trace: end.trace,
            span: end.span,
            sampled: false,
        };
        let root = self.root(span, true);
        if self.open(self.lock(end.hash), &start, root) {
            return true;
        }
        let mut shard = self.lock(end.hash);
        if shard.closed {
            shard.tally.already_shutdown += 1;
        } else {
            shard.tally.buffer_full += 1;
        }
        false
    }

    fn pass(&self, mut span: SpanData, end: &End) {
        unpin(&mut span.span_context);
        if self.queue.push(span).is_err() {
            self.lock(end.hash).arrived(end.hash, end.trace, 1, false);
        }
    }

    pub(super) fn keep(&self, trace: TraceId, reason: KeepReason) {
        let (hash, trace) = self.key(trace);
        self.lock(hash).keep(hash, trace, reason);
    }

    /// A span of this trace is about to start, and this speaks for the trace.
    #[cold]
    pub(super) fn foresee(&self, trace: TraceId, found: Findings) {
        let (hash, trace) = self.key(trace);
        self.lock(hash).foresee(hash, trace, found);
    }

    pub(super) fn fate(&self, trace: TraceId, span: SpanId) -> Fate {
        let (hash, trace) = self.key(trace);
        match self.lock(hash).fate(hash, trace, span) {
            Fate::Pending if self.control.has_ended() => Fate::Lost,
            fate => fate,
        }
    }

    pub(super) fn known(&self, trace: TraceId) -> Known {
        let (hash, trace) = self.key(trace);
        self.lock(hash).known(hash, trace)
    }

    /// Spans of this trace were acknowledged, or lost.
    pub(super) fn arrived(&self, trace: TraceId, spans: u32, delivered: bool) {
        let (hash, trace) = self.key(trace);
        self.lock(hash).arrived(hash, trace, spans, delivered);
    }

    /// Evicts a share of what is buffered, unless someone else did meanwhile. Whether there may be room now.
    fn make_room(&self) -> bool {
        let changing = self.level.changing();
        if self.room.filled() < 1.0 - EMERGENCY / 2.0 {
            return true;
        }
        let raised = changing.raise(EMERGENCY);
        // Where it cannot rise, all that is below it was evicted when it last did.
        if raised {
            self.sweep();
        }
        drop(changing);
        self.control.hurry();
        raised
    }

    /// Evicts what is below the level, in every shard. The caller holds the right to change the level.
    pub(super) fn sweep(&self) {
        let (level, raises) = (self.level.threshold(), self.level.raises());
        for at in 0..self.shards() {
            let evicted = self.shard(at).sweep(level, raises, &self.room);
            self.drop_parts(evicted);
        }
    }

    /// As [`Shard::settle`].
    pub(super) fn settle(
        &self,
        taken: &Taken,
        decide: impl FnOnce(Findings) -> Verdict,
    ) -> Verdict {
        self.lock(taken.hash).settle(taken, decide)
    }

    /// As [`Shard::recycle`].
    pub(super) fn recycle(&self, taken: Taken) {
        self.lock(taken.hash).recycle(taken.part);
    }

    /// Drops the spans of parts, then says that there is room.
    fn drop_parts(&self, parts: Vec<Part>) {
        for part in parts {
            let (bytes, spans) = (part.bytes, part.spans.len());
            drop(part);
            self.room.release(bytes, spans);
        }
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        acquire(&self.shards[at].0)
    }

    pub(super) fn counts(&self) -> RetentionCounts {
        let mut counts = RetentionCounts::default();
        for at in 0..self.shards() {
            self.shard(at).tally.add_to(&mut counts);
        }
        counts.buffered += self.outbox.load(Ordering::Relaxed) as u64;
        counts.kept = self.kept.load(Ordering::Relaxed);
        counts.abandoned = self.abandoned.load(Ordering::Relaxed);
        counts
    }

    /// The spans that are open: recorded only, and sampled.
    pub(super) fn live(&self) -> [i64; 2] {
        (0..self.shards()).fold([0, 0], |[recorded, sampled], at| {
            let live = self.shard(at).tally.live;
            [recorded + live[0], sampled + live[1]]
        })
    }

    /// The bytes of the spans that wait.
    pub(super) fn bytes(&self) -> usize {
        let spare = (0..self.shards()).map(|at| self.shard(at).spare_bytes());
        let spare: usize = spare.sum();
        self.room.bytes().saturating_sub(spare)
    }

    fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // Neither the bits by which a table finds a bucket nor those by which it tells entries apart.
        acquire(&self.shards[(hash >> 40) as usize % SHARDS].0)
    }

    /// A trace id and its hash: ids are random, so one multiplication is enough.
    #[inline]
    fn key(&self, trace: TraceId) -> (u64, u128) {
        let id = u128::from_be_bytes(trace.to_bytes());
        let mixed = (id as u64 ^ self.keys[0]) as u128 * ((id >> 64) as u64 ^ self.keys[1]) as u128;
        (mixed as u64 ^ (mixed >> 64) as u64, id)
    }
}

/// [`Vec::push`], which moves its argument twice where it may have to make room: once out of the way.
#[inline(always)]
fn push(spans: &mut Vec<SpanData>, span: SpanData) {
    if spans.len() < spans.capacity() {
        spans.push(span);
    } else {
        grow(spans, span);
    }
}

#[cold]
#[inline(never)]
fn grow(spans: &mut Vec<SpanData>, span: SpanData) {
    spans.push(span);
}
