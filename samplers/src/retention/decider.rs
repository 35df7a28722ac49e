//! What the delivery thread does with ripe parts: the synchronous core, its time given.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;

use super::core::Core;
use super::finished::{finish, in_time_order};
use super::shard::Taken;
use super::sync::Ordering;
use super::verdict::{Case, Verdict};
use crate::span_weight::span_weight;

/// Decides, and hands what is kept to the queue as it finds room there.
///
/// Nothing is decided while something that was kept waits: a collector that is slow makes parts wait in the buffer,
/// where those of the lowest randomness go first, not in the queue, where the latest would.
#[derive(Debug)]
pub(super) struct Decider {
    core: Arc<Core>,
    /// Kept, oldest first, with what each weighed when it came.
    outbox: VecDeque<(SpanData, usize)>,
    /// The shard that is looked at next.
    next: usize,
    /// How often all shards have been looked at.
    pub(super) rounds: u64,
    aged: Option<Duration>,
    fell: Option<Duration>,
}

/// How many spans are taken from a shard under one lock.
const CHUNK: usize = 256;
/// How often the age of parts is looked at.
const AGING: Duration = Duration::from_millis(500);
/// How often the level may fall.
const FALLING: Duration = Duration::from_secs(1);
/// Above this the level rises, so that as much is left as the second says; below the third it falls.
const HIGH: f64 = 0.8;
const GOAL: f64 = 0.7;
const LOW: f64 = 0.5;

impl Decider {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            outbox: VecDeque::new(),
            next: 0,
            rounds: 0,
            aged: None,
            fell: None,
        }
    }

    /// Decides what is ripe, once, as far as there is room for what is kept. Whether nothing waits for room.
    pub(super) fn step(&mut self, now: Duration) -> bool {
        self.core.control.settle();
        self.age(now);
        self.press(now);
        if self.next == 0 && !self.pump() {
            return false;
        }
        while self.next < self.core.shards() {
            if !self.pump() {
                return false;
            }
            let mut taken = Vec::new();
            let mut shard = self.core.shard(self.next);
            shard.take(CHUNK, &self.core.room, &mut taken);
            if !shard.has_ripe() {
                self.next += 1;
            }
            drop(shard);
            self.decide(taken, now);
        }
        self.next = 0;
        self.rounds += 1;
        self.pump()
    }

    /// Decides everything, open or not.
    pub(super) fn decide_all(&mut self, now: Duration) {
        for at in 0..self.core.shards() {
            let mut taken = Vec::new();
            self.core.shard(at).take_all(&self.core.room, &mut taken);
            self.decide(taken, now);
        }
    }

    /// Hands what is kept to the queue. Whether all of it found room.
    pub(super) fn pump(&mut self) -> bool {
        if self.outbox.is_empty() {
            return true;
        }
        let mut free = self.core.queue.free();
        while let Some((span, weight)) = self.outbox.pop_front() {
            let now = span_weight(&span);
            // What is too large for an empty queue is refused by it, and counted there.
            if free.items == 0 || (now > free.bytes && now <= free.max_bytes) {
                self.outbox.push_front((span, weight));
                return false;
            }
            free.items -= 1;
            free.bytes = free.bytes.saturating_sub(now);
            let trace = span.span_context.trace_id();
            self.core.outbox.fetch_sub(1, Ordering::Relaxed);
            self.core.kept.fetch_add(1, Ordering::Relaxed);
            if self.core.queue.push(span).is_err() {
                self.core.arrived(trace, 1, false);
            }
            self.core.room.release(weight, 1);
        }
        true
    }

    /// Drops what is kept and found no room.
    pub(super) fn abandon(&mut self) {
        for (span, weight) in self.outbox.drain(..) {
            self.core.abandoned.fetch_add(1, Ordering::Relaxed);
            self.core.outbox.fetch_sub(1, Ordering::Relaxed);
            self.core.arrived(span.span_context.trace_id(), 1, false);
            drop(span);
            self.core.room.release(weight, 1);
        }
    }

    /// How many rounds it takes until everything that is ripe now was looked at.
    pub(super) fn rounds_to_see_all(&self) -> u64 {
        // A round that has begun may have passed some of it.
        self.rounds + if self.next == 0 { 1 } else { 2 }
    }

    /// Whether anything is open or waits.
    pub(super) fn is_busy(&self) -> bool {
        self.core.room.traces() > 0 || !self.outbox.is_empty() || self.core.level.is_raised()
    }

    fn decide(&mut self, taken: Vec<Taken>, now: Duration) {
        for mut taken in taken {
            let found = self.core.policies.look(&taken.part, now);
            let rates = self.core.policies.rates;
            let decide = |wishes| Case::of(&taken, found, wishes).verdict(&rates);
            match self.core.settle(&taken, decide) {
                Verdict::Drop => {
                    taken.part.spans.clear();
                    self.core.room.release(taken.part.bytes, taken.spans);
                }
                Verdict::Keep { threshold, reasons } => {
                    self.core.outbox.fetch_add(taken.spans, Ordering::Relaxed);
                    in_time_order(&mut taken.part);
                    let weights: Vec<_> = taken.part.spans.iter().map(span_weight).collect();
                    finish(&mut taken.part, threshold, reasons);
                    self.outbox.extend(taken.part.spans.drain(..).zip(weights));
                }
            }
            self.core.recycle(taken);
        }
    }

    fn age(&mut self, now: Duration) {
        if self
            .aged
            .is_some_and(|last| now.saturating_sub(last) < AGING)
        {
            return;
        }
        self.aged = Some(now);
        for at in 0..self.core.shards() {
            let (core, max) = (&self.core, self.core.bounds.max_duration);
            core.shard(at).age(now, max, &core.room);
        }
    }

    /// Raises the level before a span finds no room, and lowers it when there is plenty.
    fn press(&mut self, now: Duration) {
        let filled = self.core.room.filled();
        if filled > HIGH {
            let changing = self.core.level.changing();
            changing.raise(1.0 - GOAL / filled);
            self.core.sweep();
        } else if filled < LOW
            && self.core.level.is_raised()
            && self
                .fell
                .is_none_or(|last| now.saturating_sub(last) >= FALLING)
        {
            self.fell = Some(now);
            let changing = self.core.level.changing();
            // Whoever survived the last raise shall know, before it is forgotten.
            self.core.sweep();
            changing.fall((GOAL / filled.max(GOAL / 2.0)).max(1.0));
        }
    }
}
