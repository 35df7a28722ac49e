//! The sampler.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};
use throughline_model::{Clock, SelfMeter};

use super::builder::AdaptiveBuilder;
use super::calls::Calls;
use super::guard::Guard;
use super::ladder::{Ladder, RungId};
use super::law::{Law, OTHERS, Published};
use super::load::LoadSignal;
use super::plan::Plans;
use super::self_observed;
use super::settings::AdaptiveSettings;
use super::state::AdaptiveState;
use super::table::Table;
use crate::probability::{
    ComposableParentThreshold, ComposableSampler, CompositeSampler, SamplingIntent, SpanStart,
};
use crate::{Error, Policies};

/// Holds a target of sampled traces per second, shared fairly between operations; children follow their parent.
///
/// An operation is what has one span name. A rare one is always seen, a flood in one takes nothing from the
/// others, and a step, a ramp or a burst is followed within seconds: the [module](super) says how.
///
/// A handle: clones share what was learned, and the settings, which can be [replaced](Self::replace) while
/// spans start.
///
/// As it is, it is a sampler for a tracer provider, the same as
/// `CompositeSampler::new(ComposableParentThreshold::new(sampler))`. As a [`ComposableSampler`] it can be put
/// together with others. Either way its decisions are consistent from one service to the next, and `th` says
/// how many traces a sampled one stands for: a probability depends on the calls before, never on the trace.
///
/// On a root that is sampled stand `sample.rate`, the probability that it had, and `sampled.high_value` where
/// it applies.
///
/// # Example
///
/// ```
/// use opentelemetry::trace::{Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_samplers::AdaptiveSampler;
///
/// let sampler = AdaptiveSampler::builder()
///     .target_per_second(50.0)             // whatever the load does
///     .high_value("POST /checkout", 1.0)   // all of these
///     .build()?;
/// let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
///
/// provider.tracer("shop").start("POST /checkout");
/// println!("{}", sampler.state());         // target, load, and the rate of each operation
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone)]
pub struct AdaptiveSampler {
    shared: Arc<Shared>,
    for_providers: CompositeSampler,
}

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
    signals: ArcSwap<Vec<Arc<dyn LoadSignal>>>,
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

impl AdaptiveSampler {
    /// Samples by these settings.
    ///
    /// # Errors
    ///
    /// What [`AdaptiveSettings::check`] finds.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// assert_eq!(
    ///     AdaptiveSampler::new(AdaptiveSettings::new().base_rate(f64::NAN)).unwrap_err().to_string(),
    ///     "base_rate is NaN: expected 0 to 1",
    /// );
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn new(settings: AdaptiveSettings) -> Result<Self, Error> {
        Self::builder().settings(settings).build()
    }

    /// Builds one setting by setting, with a clock and a load signal of one's own if need be.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let sampler = AdaptiveSampler::builder().target_per_second(20.0).build()?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn builder() -> AdaptiveBuilder {
        AdaptiveBuilder::new()
    }

    /// Samples by the settings in this file, which [`AdaptiveSettings`] shows.
    ///
    /// # Errors
    ///
    /// As [`AdaptiveSettings::from_file`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let sampler = AdaptiveSampler::from_file("sampling.toml")?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(AdaptiveSettings::from_file(path)?)
    }

    pub(super) fn build(
        settings: AdaptiveSettings,
        clock: Arc<dyn Clock>,
        signals: Vec<Arc<dyn LoadSignal>>,
    ) -> Result<Self, Error> {
        settings.check()?;
        let start = clock.monotonic();
        let operations = settings.max_operations + 1;
        let published = Published {
            table: Table::new(settings.max_operations),
            calls: Calls::new(operations),
            plans: Plans::new(operations),
            ladder: Ladder::new(),
            guard: Guard::new(),
        };
        let shared = Arc::new(Shared {
            law: Mutex::new(Law::new(settings, Duration::ZERO, &published)),
            published,
            hasher: RandomState::default(),
            look: AtomicU32::new(0),
            next: AtomicU64::new(LOOK.as_nanos() as u64),
            full: AtomicBool::new(false),
            clock,
            start,
            signals: ArcSwap::from_pointee(signals),
            until_load: AtomicU32::new(1),
        });
        let roots = Arc::clone(&shared);
        Ok(Self {
            shared,
            for_providers: CompositeSampler::new(ComposableParentThreshold::new(roots)),
        })
    }

    /// Samples by these settings from now on, in all clones. What was learned stays.
    ///
    /// # Errors
    ///
    /// What [`AdaptiveSettings::check`] finds, or a `max_operations` other than the one it was built with;
    /// the settings stay as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// sampler.replace(sampler.settings().target_per_second(10.0))?;
    /// assert!(sampler.replace(AdaptiveSettings::new().max_operations(7)).is_err());
    /// assert_eq!(sampler.state().target_per_second, 10.0);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn replace(&self, settings: AdaptiveSettings) -> Result<(), Error> {
        settings.check()?;
        let mut law = self.shared.law();
        let operations = law.settings().max_operations;
        if settings.max_operations != operations {
            return Err(Error::Setting {
                field: "max_operations",
                value: settings.max_operations.to_string(),
                expected: format!("{operations}, as it was built with"),
            });
        }
        law.replace(settings, &self.shared.published);
        Ok(())
    }

    /// Samples by the settings in this file from now on, as [`replace`](Self::replace) does.
    ///
    /// # Errors
    ///
    /// As [`AdaptiveSettings::from_file`] and [`replace`](Self::replace); the settings stay as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// assert!(sampler.reload_from("no/such/sampling.toml").is_err());
    /// assert_eq!(sampler.settings(), AdaptiveSettings::new());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn reload_from(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.replace(AdaptiveSettings::from_file(path)?)
    }

    /// The settings in force.
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// assert_eq!(sampler.settings(), AdaptiveSettings::new());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn settings(&self) -> AdaptiveSettings {
        self.shared.law().settings().clone()
    }

    /// What retention should do with traces that end in an error, or late: the sampler is told, and cannot
    /// know when a span starts.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let sampler = AdaptiveSampler::builder().slow_rate(0.8).build()?;
    /// assert_eq!(sampler.policies().slow_rate, 0.8);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn policies(&self) -> Policies {
        let law = self.shared.law();
        let settings = law.settings();
        Policies {
            error_rate: settings.error_rate,
            slow_rate: settings.slow_rate,
            slow_threshold: settings.slow_threshold,
        }
    }

    /// Watches this load besides: how full a queue is, for instance. The highest of all counts.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{AdaptiveSampler, SpanQueue, batch::BatchSettings};
    ///
    /// let settings = BatchSettings::spans();
    /// let (queue, worker) = SpanQueue::new(settings, &SelfMeter::new())?;
    /// let sampler = AdaptiveSampler::builder().build()?;
    /// sampler.watch(move || queue.counts().queued as f64 / settings.max_queue_size as f64);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn watch(&self, signal: impl LoadSignal) {
        let signal: Arc<dyn LoadSignal> = Arc::new(signal);
        self.shared.signals.rcu(|signals| {
            let signal = std::iter::once(Arc::clone(&signal));
            signals
                .iter()
                .map(Arc::clone)
                .chain(signal)
                .collect::<Vec<_>>()
        });
    }

    /// Looks at what was called and adjusts the rates, if a tenth of a second has passed since that was done
    /// last.
    ///
    /// Spans that start see to it. Where there are few, someone who has a timer may as well: after a flood, the
    /// first span then finds rates that know that it is over.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use throughline_samplers::AdaptiveSampler;
    /// use throughline_testkit::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let sampler = AdaptiveSampler::builder().clock(Arc::new(clock.clone())).build()?;
    /// clock.advance(Duration::from_millis(100));
    /// sampler.tick();
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn tick(&self) {
        self.shared.tick();
    }

    /// What it does at present.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSampler;
    /// use throughline_samplers::probability::{ComposableSampler, SpanStart};
    ///
    /// let sampler = AdaptiveSampler::builder().high_value("POST /checkout", 0.5).build()?;
    /// sampler.intent(&SpanStart::root("POST /checkout"));
    /// let state = sampler.state();
    /// assert_eq!(state.target_per_second, 100.0);
    /// assert_eq!(&*state.operations[0].name, "POST /checkout");
    /// assert_eq!(state.operations[0].rate, 0.5);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn state(&self) -> AdaptiveState {
        self.shared.state()
    }

    /// Reports [`state`](Self::state) for as long as a clone of this handle lives, as gauges:
    ///
    /// | metric | unit | attributes |
    /// |---|---|---|
    /// | `throughline.sampler.target`, what the load leaves of it | `{trace}/s` | |
    /// | `throughline.sampler.sampled` | `{trace}/s` | |
    /// | `throughline.sampler.load` | `1` | |
    /// | `throughline.sampler.rate` | `1` | `sampler.operation` |
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let meter = SelfMeter::new(); // bound when the engine stands
    /// AdaptiveSampler::builder().build()?.report_to(&meter);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn report_to(&self, meter: &SelfMeter) {
        self_observed::observe(&self.shared, meter);
    }
}

impl Shared {
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
    fn tick(&self) {
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

    fn law(&self) -> MutexGuard<'_, Law> {
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

impl ComposableSampler for AdaptiveSampler {
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.shared.intent(span)
    }
}

impl ShouldSample for AdaptiveSampler {
    fn should_sample(
        &self,
        context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.for_providers
            .should_sample(context, trace_id, name, kind, attributes, links)
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

impl fmt::Debug for AdaptiveSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
