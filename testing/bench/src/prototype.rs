//! A prototype of a span path of one's own: what could be gained by one, and by nothing else.
//!
//! ```text
//! start   64 bits of chance, or the trace of the current span     a thread-local generator
//!         │ below the threshold? ──► dropped: no clock, no id, no attribute; the closure is not called
//!         span id, clock (the processor's counter), attributes into an array on the stack
//! end     clock, then one move into this thread's ring ──► the exporter's thread
//! ```
//!
//! It is no product: names and texts are static, links, events and status are missing, and so are limits. What it has is
//! what every span needs: ids, parent, decision, times, attributes, the current span, a way out that loses nothing
//! without counting it. It shows the floor.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use quanta::Clock;
use rtrb::{Consumer, Producer, RingBuffer};

/// How many attributes a span has at most; more would go to the heap.
const ATTRIBUTES: usize = 8;

/// How many ended spans a thread's ring holds.
const RING: usize = 1 << 16;

/// How often the exporter looks.
const PAUSE: Duration = Duration::from_micros(200);

/// What an attribute may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Text(&'static str),
    Number(i64),
}

/// The attributes of a span, where they are written first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    pairs: [(&'static str, Value); ATTRIBUTES],
    len: usize,
}

impl Attributes {
    /// Adds one; what is over is left out.
    #[inline]
    pub(crate) fn push(&mut self, key: &'static str, value: Value) {
        if let Some(pair) = self.pairs.get_mut(self.len) {
            *pair = (key, value);
            self.len += 1;
        }
    }
}

/// A span that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    name: &'static str,
    trace: u128,
    span: u64,
    parent: u64,
    start: u64,
    end: u64,
    attributes: Attributes,
}

/// The current span of a thread.
#[derive(Clone, Copy, Debug, Default)]
struct Current {
    /// 0 where there is none.
    trace: u128,
    span: u64,
    sampled: bool,
}

/// Makes spans; what has ended goes to a thread that counts it.
#[derive(Debug)]
pub(crate) struct Tracer {
    /// Traces whose randomness is below are dropped.
    threshold: u64,
    clock: Clock,
    out: Arc<Out>,
}

#[derive(Debug, Default)]
struct Out {
    rings: Mutex<Vec<Consumer<Record>>>,
    /// How many spans of the name that counts have arrived.
    arrived: AtomicU64,
    /// How many found their ring full.
    lost: AtomicU64,
    closed: AtomicBool,
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current { trace: 0, span: 0, sampled: false }) };
    static CHANCE: Cell<u64> = const { Cell::new(0) };
    /// This thread's end of its ring, and the tracer that it belongs to.
    static RING_OF: RefCell<Option<(Arc<Out>, Producer<Record>)>> = const { RefCell::new(None) };
}

impl Tracer {
    /// Which drops the traces whose randomness is below `threshold`, and whose exporter counts the spans called `name`.
    pub(crate) fn new(threshold: u64, name: &'static str) -> Self {
        let out = Arc::new(Out::default());
        let theirs = Arc::clone(&out);
        thread::spawn(move || {
            while !theirs.closed.load(Ordering::Acquire) {
                theirs.drain(name);
                thread::sleep(PAUSE);
            }
        });
        Self {
            threshold,
            clock: Clock::new(),
            out,
        }
    }

    /// Starts a span, current until it is dropped. `attributes` is called where the span is recorded.
    #[inline]
    pub(crate) fn span(
        &self,
        name: &'static str,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span<'_> {
        let parent = CURRENT.get();
        // 1. The decision, by what is there already.
        let (trace, sampled) = if parent.trace == 0 {
            let low = chance();
            (u128::from(low), low >= self.threshold)
        } else {
            (parent.trace, parent.sampled)
        };
        if !sampled {
            // Children and calls to others have to know that it was decided.
            CURRENT.set(Current { trace, ..parent });
            return Span {
                parent,
                recorded: None,
            };
        }
        // 2. Only now what a span costs.
        let span = chance();
        let trace = if parent.trace == 0 {
            u128::from(chance()) << 64 | trace
        } else {
            trace
        };
        CURRENT.set(Current {
            trace,
            span,
            sampled,
        });
        let mut record = Record {
            name,
            trace,
            span,
            parent: parent.span,
            start: self.clock.raw(),
            end: 0,
            attributes: Attributes {
                pairs: [("", Value::Number(0)); ATTRIBUTES],
                len: 0,
            },
        };
        attributes(&mut record.attributes);
        Span {
            parent,
            recorded: Some((self, record)),
        }
    }

    /// How many spans of the name that counts have ended: those that have arrived, and those that found no room.
    pub(crate) fn ended(&self, name: &'static str) -> u64 {
        self.out.drain(name);
        self.out.arrived.load(Ordering::Relaxed) + self.out.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.out.closed.store(true, Ordering::Release);
    }
}

/// A span between start and end.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    parent: Current,
    /// `None` where it was dropped.
    recorded: Option<(&'a Tracer, Record)>,
}

impl Drop for Span<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.parent);
        if let Some((tracer, record)) = &mut self.recorded {
            record.end = tracer.clock.raw();
            tracer.out.push(*record);
        }
    }
}

impl Out {
    #[inline]
    fn push(self: &Arc<Self>, record: Record) {
        RING_OF.with_borrow_mut(|own| match own {
            Some((out, ring)) if Arc::ptr_eq(out, self) => {
                if ring.push(record).is_err() {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            own => self.push_first(own, record),
        });
    }

    #[cold]
    #[inline(never)]
    fn push_first(self: &Arc<Self>, own: &mut Option<(Arc<Self>, Producer<Record>)>, it: Record) {
        let (mut producer, consumer) = RingBuffer::new(RING);
        // A new ring has room.
        let _ = producer.push(it);
        self.rings.lock().expect("nobody panics").push(consumer);
        *own = Some((Arc::clone(self), producer));
    }

    fn drain(&self, name: &str) {
        let mut rings = self.rings.lock().expect("nobody panics");
        for ring in rings.iter_mut() {
            while let Ok(record) = ring.pop() {
                let pairs = &record.attributes.pairs[..record.attributes.len];
                let whole = record.end >= record.start
                    && record.trace != 0
                    && record.span != record.parent
                    && pairs.iter().all(|(key, value)| {
                        !key.is_empty()
                            && match value {
                                Value::Text(text) => !text.is_empty(),
                                Value::Number(number) => *number >= 0,
                            }
                    });
                let counts = whole && record.name == name;
                self.arrived.fetch_add(u64::from(counts), Ordering::Relaxed);
            }
        }
        // The thread has ended, and all it left is out.
        rings.retain(|ring| !ring.is_abandoned() || !ring.is_empty());
    }
}

/// 64 bits of chance, never 0: xorshift64*, seeded by what differs between threads and runs.
#[inline]
fn chance() -> u64 {
    let mut state = CHANCE.get();
    if state == 0 {
        state = seed();
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    CHANCE.set(state);
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[cold]
#[inline(never)]
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(thread::current().id()) | 1
}
