//! What all handles of one sampler share: it decides.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use opentelemetry::KeyValue;
use throughline_model::Clock;

use super::calls::Calls;
use super::guard::Guard;
use super::ladder::{Ladder, RungId};
use super::law::{Law, OTHERS, Published};
use super::load::LoadSignal;
use super::plan::Plans;
use super::settings::AdaptiveSettings;
use super::state::AdaptiveState;
use super::table::Table;
use crate::probability::{ComposableSampler, SamplingIntent, SpanStart};

/// The law, what it has published, and who sees to it that it looks.
///
/// Budget of a decision: a hash of the name, a look-up, one addition to a counter of this thread's shard, four
/// loads.
pub(super) struct Shared {
    published: Published,
    hasher: RandomState,
    /// Calls whose number has these bits all zero look at the clock.
    look: AtomicU32,
    /// When the law looks next, in nanoseconds since the start.
    next: AtomicU64,
    /// There is no room for another operation.
    full: AtomicBool,
    clock: Arc<dyn Clock>,
    start: Duration,
    pub(super) signals: ArcSwap<Vec<Arc<dyn LoadSignal>>>,
    /// Looks until the load is asked for.
    until_load: AtomicU32,
    law: Mutex<Law>,
}

/// How often the law looks.
const LOOK: Duration = Duration::from_millis(100);
/// How many looks apart the load is asked for.
const LOOKS_PER_LOAD: u32 = 10;
/// Calls per second up to which each one looks at the clock.
const CALLS_PER_CLOCK: f64 = 2_000.0;
/// At most so many calls of an operation pass between two looks at the clock: should the load end all at
/// once, the few that come must notice.
const MOST_UNLOOKED: u32 = 16;

static HIGH_VALUE: LazyLock<[KeyValue; 1]> =
    LazyLock::new(|| [KeyValue::new("sampled.high_value", true)]);

impl Shared {
    pub(super) fn new(
        settings: AdaptiveSettings,
        clock: Arc<dyn Clock>,
        signals: Vec<Arc<dyn LoadSignal>>,
    ) -> Self {
        let operations = settings.max_operations + 1;
        let published = Published {
            table: Table::new(settings.max_operations),
            calls: Calls::new(operations),
            plans: Plans::new(operations),
            ladder: Ladder::new(),
            guard: Guard::new(),
        };
        Self {
            law: Mutex::new(Law::new(settings, Duration::ZERO, &published)),
            published,
            hasher: RandomState::default(),
            look: AtomicU32::new(0),
            next: AtomicU64::new(LOOK.as_nanos() as u64),
            full: AtomicBool::new(false),
            start: clock.monotonic(),
            clock,
            signals: ArcSwap::from_pointee(signals),
            until_load: AtomicU32::new(1),
        }
    }

    /// Other settings from now on; those of its size are the same.
    pub(super) fn replace(&self, settings: AdaptiveSettings) {
        self.law().replace(settings, &self.published);
    }

    #[inline]
    fn decide(&self, operation: u16) -> SamplingIntent<'_> {
        let published = &self.published;
        let call = published.calls.add(operation);
        if call & self.look.load(Ordering::Relaxed) == 0 {
            self.tick();
        }
        let plan = published.plans.get(operation);
        if plan.is_certain() && published.plans.claim(operation) {
            return self.certain(plan.is_high_value());
        }
        let rung = plan.rung();
        let rung = published
            .guard
            .lowered(&published.ladder, rung, plan.is_patient());
        let Some(rung) = published.ladder.get(rung) else {
            return SamplingIntent::dropped();
        };
        if call & rung.stride == 0 {
            published.guard.spend(rung.cost);
        }
        if plan.is_high_value() {
            rung.intent().annotated(&*HIGH_VALUE)
        } else {
            rung.intent()
        }
    }

    /// An operation that no one knows.
    #[cold]
    #[inline(never)]
    fn unknown(&self, name: &str, hash: u64) -> SamplingIntent<'_> {
        if self.full.load(Ordering::Relaxed) {
            return self.decide(OTHERS);
        }
        self.tick();
        // Should the law be at work, the next call makes it known; this one is sampled either way.
        if let Some(mut law) = self.try_law() {
            let admitted = law.admit(name, hash, self.now(), &self.published);
            self.full.store(law.is_full(), Ordering::Relaxed);
            if !admitted {
                drop(law);
                return self.decide(OTHERS);
            }
        }
        let operation = self.published.table.find(hash).unwrap_or(OTHERS);
        let plan = self.published.plans.get(operation);
        if plan.is_high_value() {
            return self.decide(operation);
        }
        self.certain(false)
    }

    /// Seen for certain, as far as the guard lets it.
    #[cold]
    #[inline(never)]
    fn certain(&self, high_value: bool) -> SamplingIntent<'_> {
        let published = &self.published;
        let rung = published
            .guard
            .lowered(&published.ladder, RungId::ALWAYS, true);
        let Some(rung) = published.ladder.get(rung) else {
            return SamplingIntent::dropped();
        };
        published.guard.spend(rung.expected());
        let intent = rung.intent();
        if high_value {
            intent.annotated(&*HIGH_VALUE)
        } else {
            intent
        }
    }

    fn now(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.start)
    }

    /// Lets the law look, if it is time and no one else does.
    #[inline(never)]
    pub(super) fn tick(&self) {
        let now = self.now();
        let next = self.next.load(Ordering::Relaxed);
        if (now.as_nanos() as u64) < next {
            return;
        }
        let then = (now + LOOK).as_nanos() as u64;
        let won = self
            .next
            .compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed);
        if won.is_ok() {
            self.look(now);
        }
    }

    #[cold]
    fn look(&self, now: Duration) {
        // Asked with nothing held: it is someone else's code.
        let load = self.load();
        let Some(mut law) = self.try_law() else {
            return;
        };
        if let Some(load) = load {
            law.observe_load(load);
        }
        law.look(now, &self.published);
        self.full.store(law.is_full(), Ordering::Relaxed);
        let unlooked = law.calls_per_second() / CALLS_PER_CLOCK;
        let unlooked = (unlooked as u32).clamp(1, MOST_UNLOOKED);
        self.look
            .store((1 << unlooked.ilog2()) - 1, Ordering::Relaxed);
    }

    /// The highest load, if it is time to ask.
    fn load(&self) -> Option<f64> {
        let left = self.until_load.load(Ordering::Relaxed).saturating_sub(1);
        if left > 0 {
            self.until_load.store(left, Ordering::Relaxed);
            return None;
        }
        self.until_load.store(LOOKS_PER_LOAD, Ordering::Relaxed);
        let signals = self.signals.load();
        let loads = signals.iter().filter_map(|signal| {
            // A span must start all the same.
            catch_unwind(AssertUnwindSafe(|| signal.load())).ok()
        });
        loads.fold(None, |most, load| {
            Some(most.map_or(load, |most: f64| most.max(load)))
        })
    }

    pub(super) fn law(&self) -> MutexGuard<'_, Law> {
        self.law.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_law(&self) -> Option<MutexGuard<'_, Law>> {
        match self.law.try_lock() {
            Ok(law) => Some(law),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn state(&self) -> AdaptiveState {
        AdaptiveState::of(&self.law(), &self.published)
    }
}

impl ComposableSampler for Shared {
    #[inline]
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(span.name.as_bytes());
        let hash = hasher.finish();
        match self.published.table.find(hash) {
            Some(operation) => self.decide(operation),
            None => self.unknown(span.name, hash),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut adaptive = f.debug_tuple("AdaptiveSampler");
        match self.try_law() {
            Some(law) => adaptive.field(law.settings()).finish(),
            None => adaptive.finish(),
        }
    }
}
