//! What is buffered of one trace.

use std::mem;
use std::time::Duration;

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use super::findings::Findings;
use super::room::Room;

/// All parts of one trace that have not been decided.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) id: u128,
    pub(super) hash: u64,
    /// R, in bits.
    pub(super) randomness: u64,
    /// What was asked for.
    pub(super) wishes: Findings,
    /// Whether it takes one of the places for traces: it has a part that was not evicted.
    pub(super) counted: bool,
    /// The place that it takes is one of those for traces that pass.
    pub(super) passes: bool,
    /// Hardly ever more than one; at least one while the trace is in a shard.
    pub(super) parts: Vec<Part>,
}

/// A local root and what descends from it in this process.
#[derive(Debug)]
pub(super) struct Part {
    /// The span that started first.
    pub(super) root: SpanId,
    /// The spans that have started and not ended.
    pub(super) open: Vec<SpanId>,
    /// The spans that have ended, in that order.
    pub(super) spans: Vec<SpanData>,
    /// What `spans` weigh.
    pub(super) bytes: usize,
    /// The highest outlier threshold that it survived.
    pub(super) floor: u64,
    /// When the delivery thread first saw it, or when it last took what it had because its time was up.
    pub(super) since: Option<Duration>,
    pub(super) mode: Mode,
    /// The head chose it.
    pub(super) sampled: bool,
    /// A span of it ended with an error status.
    pub(super) failed: bool,
    /// There may be something in it that a policy looks for: the delivery thread shall look.
    pub(super) notable: bool,
    /// A span of it is lost.
    pub(super) torn: bool,
    /// Its time is up, though some of it is open.
    pub(super) expired: bool,
    /// Nothing ended in it since its time was up last.
    pub(super) idle: bool,
    /// A span of it has passed: what became of it was remembered once.
    pub(super) noted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Its spans wait for the decision.
    Buffering,
    /// There is nothing to decide: its spans leave as they end.
    Passing,
    /// It was evicted; the spans that were open then go as they end.
    Evicted,
}

impl Part {
    pub(super) fn new() -> Self {
        Self {
            root: SpanId::INVALID,
            open: Vec::new(),
            spans: Vec::new(),
            bytes: 0,
            floor: 0,
            since: None,
            mode: Mode::Buffering,
            sampled: false,
            failed: false,
            notable: false,
            torn: false,
            expired: false,
            idle: false,
            noted: false,
        }
    }

    /// An empty one that starts with this span.
    pub(super) fn opened(mut self, root: SpanId, sampled: bool, passes: bool) -> Self {
        self.root = root;
        self.sampled = sampled;
        self.open.push(root);
        if passes {
            self.mode = Mode::Passing;
        }
        self
    }

    /// An empty one with the memory of this one.
    pub(super) fn cleared(mut self) -> Self {
        self.open.clear();
        self.spans.clear();
        Self {
            open: self.open,
            spans: self.spans,
            ..Self::new()
        }
    }

    /// Takes out what has ended; what is open stays in this one.
    pub(super) fn split(&mut self) -> Self {
        // What is looked for in it may lie in several pieces.
        self.notable = true;
        Self {
            open: Vec::new(),
            spans: mem::take(&mut self.spans),
            bytes: mem::take(&mut self.bytes),
            expired: mem::take(&mut self.expired),
            failed: mem::take(&mut self.failed),
            torn: mem::take(&mut self.torn),
            ..*self
        }
    }

    /// Whether it can be decided, or what it holds can go on.
    pub(super) fn is_ripe(&self) -> bool {
        match self.mode {
            Mode::Buffering => self.open.is_empty() || self.expired,
            Mode::Passing => !self.spans.is_empty(),
            Mode::Evicted => false,
        }
    }

    /// Whether no policy finds anything in it, now that all of it has ended. What asks for its trace asks elsewhere.
    pub(super) fn is_plain(&self) -> bool {
        self.open.is_empty() && self.mode == Mode::Buffering && !self.sampled && !self.notable
    }

    /// Whether nothing will come of it any more.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty() && self.spans.is_empty() && self.mode != Mode::Buffering
    }

    /// Whether this span is open in it or waits in it.
    pub(super) fn holds(&self, span: SpanId) -> bool {
        self.open_at(span).is_some() || self.has_ended(span)
    }

    /// Where this span is among those that are open. Most end in the reverse of the order in which they started.
    fn open_at(&self, span: SpanId) -> Option<usize> {
        self.open.iter().rposition(|open| *open == span)
    }

    fn has_ended(&self, span: SpanId) -> bool {
        let mut ids = self.spans.iter().map(|span| span.span_context.span_id());
        ids.any(|ended| ended == span)
    }
}

impl Trace {
    /// Gives back its place, should nothing in it need one any more. Whether there is anything left in it.
    pub(super) fn settle(&mut self, room: &Room) -> bool {
        if self.counted && self.parts.iter().all(|part| part.mode == Mode::Evicted) {
            self.counted = false;
            room.release_trace(self.passes);
        }
        !self.parts.is_empty()
    }

    /// Whether nobody wants anything of it: a single part, which is [plain](Part::is_plain).
    pub(super) fn is_plain(&self) -> bool {
        self.wishes.is_empty() && matches!(&self.parts[..], [part] if part.is_plain())
    }

    /// The part that a child of this span belongs to.
    pub(super) fn part_of(&mut self, parent: SpanId) -> Option<&mut Part> {
        // The open spans first, of all parts: they are few, and nearly always have it.
        let parts = &self.parts;
        let open = |part: &Part| part.open_at(parent).is_some();
        let at = parts.iter().position(open);
        let at = at.or_else(|| parts.iter().position(|part| part.has_ended(parent)))?;
        self.parts.get_mut(at)
    }

    /// Takes this span from those that are open, and says where its part is.
    pub(super) fn close(&mut self, span: SpanId) -> Option<usize> {
        self.parts.iter_mut().position(|part| {
            let at = part.open_at(span);
            at.is_some_and(|at| {
                part.open.swap_remove(at);
                true
            })
        })
    }
}
