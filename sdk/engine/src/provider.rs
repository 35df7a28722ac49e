//! The provider: what users build, and what hands out meters.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, NoopMeterProvider};
use throughline_model::{
    Clock, CollectError, Random, Resource, Snapshot, SystemClock, SystemRandom, TraceKeeper,
};

use crate::collect::NOBODY;
use crate::collector::{Collector, Registration};
use crate::meter::MeterCore;
use crate::parts::Parts;
use crate::self_telemetry::{self, CollectionDuration, EngineCollector, Tally};
use crate::shared_pairs::SharedPairs;
use crate::warning::warn;
use crate::{Error, ExemplarFilter, Outliers, Reader, Selector, View};

/// Makes meters and owns what they measure (specification: `metrics/sdk.md`, "MeterProvider").
///
/// Clones are the same provider. Set it with `opentelemetry::global::set_meter_provider`, and every library
/// that calls `opentelemetry::global::meter` from then on runs on it.
///
/// Measurements that are made while telemetry is suppressed (`Context::enter_telemetry_suppressed_scope`) are recorded
/// like others: a measurement causes no further telemetry, so there is no loop to break.
///
/// Readers keep their provider: what was measured can still be collected when all handles to the provider are gone.
/// Callbacks and collectors that hold a reader or a provider hold themselves, until [`shutdown`](Self::shutdown).
///
/// ```
/// use opentelemetry::KeyValue;
/// use opentelemetry::metrics::MeterProvider as _;
/// use throughline_engine::{MeterProvider, Reader, Selector, View};
/// use throughline_model::Resource;
///
/// let provider = MeterProvider::builder()
///     .resource(Resource::new([KeyValue::new("service.name", "checkout")]))
///     .reader(Reader::default())
///     .view(View::select(Selector::name("orders")).drop(["user.id"]))
///     .build()?;
/// let orders = provider.meter("shop").u64_counter("orders").with_unit("{order}").build();
/// orders.add(1, &[KeyValue::new("tier", "gold"), KeyValue::new("user.id", 7)]);
/// // … at the end, after the last collection:
/// provider.shutdown();
/// # Ok::<(), throughline_engine::Error>(())
/// ```
#[derive(Clone)]
pub struct MeterProvider(Arc<Shared>);

/// What a provider's clones and its readers share. Meters and instruments do not hold it.
pub(crate) struct Shared {
    pub(crate) parts: Arc<Parts>,
    pub(crate) meters: Mutex<Vec<Arc<MeterCore>>>,
    /// Where it is told how long collections take, if it is.
    pub(crate) duration: OnceLock<CollectionDuration>,
}

impl MeterProvider {
    /// A provider to be set up.
    pub fn builder() -> MeterProviderBuilder {
        MeterProviderBuilder::default()
    }

    /// Has `collector` read once per collection of each reader, until [`Registration::unregister`].
    ///
    /// Dropping the registration leaves the collector registered, for as long as the provider lives.
    ///
    /// # Errors
    /// [`Error::Invalid`] if one of its instruments has an invalid name or unit, or if two have the same name;
    /// [`Error::Shutdown`] after [`shutdown`](Self::shutdown).
    ///
    /// # Example
    /// See [`Collector`].
    pub fn register(
        &self,
        scope: InstrumentationScope,
        collector: impl Collector,
    ) -> Result<Registration, Error> {
        if self.is_shut_down() {
            return Err(Error::Shutdown);
        }
        self.0.meter(scope).register(collector)
    }

    /// Brings up to date what follows from the latest measurements: the [quantiles](Outliers::quantile) that outliers are
    /// measured against. Each collection does it too; call it at least once a second.
    ///
    /// ```
    /// use opentelemetry::metrics::MeterProvider as _;
    /// use throughline_engine::{MeterProvider, Outliers, Reader, Selector};
    ///
    /// let provider = MeterProvider::builder()
    ///     .reader(Reader::default())
    ///     .outliers(Selector::name("latency"), Outliers::quantile(0.99))
    ///     .build()?;
    /// let latency = provider.meter("shop").f64_histogram("latency").build();
    /// (1..=100).for_each(|value| latency.record(f64::from(value), &[]));
    /// provider.tick(); // From here on, about 100 is the bound.
    /// # Ok::<(), throughline_engine::Error>(())
    /// ```
    pub fn tick(&self) {
        crate::collect::tick(&self.0);
    }

    /// Ends it: later collections give [`CollectError::Shutdown`], later meters do nothing, callbacks and
    /// collectors are let go. Collect before. A second call changes nothing.
    pub fn shutdown(&self) {
        self.0.parts.shut_down.store(true, Ordering::Release);
        let meters = std::mem::take(&mut *self.0.lock_meters());
        // Outside the lock: dropping callbacks runs users' code.
        for meter in meters {
            meter.shut_down();
        }
    }

    fn is_shut_down(&self) -> bool {
        self.0.is_shut_down()
    }
}

impl opentelemetry::metrics::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        if self.is_shut_down() {
            return NoopMeterProvider::new().meter_with_scope(scope);
        }
        if scope.name().is_empty() {
            warn(format_args!(
                "meter.name is \"\", expected the name of a library; it works, but nobody can tell whose metrics these are"
            ));
        }
        Meter::new(self.0.meter(scope))
    }
}

impl fmt::Debug for MeterProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterProvider")
            .field("resource", &self.0.parts.resource)
            .field("readers", &self.0.parts.readers)
            .field("views", &self.0.parts.views)
            .field("exemplar_filter", &self.0.parts.exemplar_filter)
            .field("trace_keeper", &self.0.parts.keeper)
            .field("outliers", &self.0.parts.outliers)
            .field("shut_down", &self.is_shut_down())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The meter of this scope: the same one for the same scope.
    fn meter(&self, scope: InstrumentationScope) -> Arc<MeterCore> {
        let mut meters = self.lock_meters();
        if let Some(meter) = meters.iter().find(|meter| *meter.scope() == scope) {
            return Arc::clone(meter);
        }
        let meter = Arc::new(MeterCore::new(Arc::clone(&self.parts), scope));
        meters.push(Arc::clone(&meter));
        meter
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.parts.shut_down.load(Ordering::Acquire)
    }

    pub(crate) fn lock_meters(&self) -> std::sync::MutexGuard<'_, Vec<Arc<MeterCore>>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One collection of one reader.
    pub(crate) fn collect(
        &self,
        reader: usize,
        deadline: Duration,
    ) -> Result<Snapshot, CollectError> {
        crate::collect::collect(self, reader, deadline)
    }
}

/// Sets a [`MeterProvider`] up.
///
/// A test brings its own time and chance:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use opentelemetry::{KeyValue, metrics::MeterProvider as _};
/// use throughline_engine::{ExemplarFilter, MeterProvider, Reader, Selector, View};
/// use throughline_model::{Collect, Resource};
/// use throughline_testkit::{ManualClock, SeededRandom};
///
/// let reader = Reader::default();
/// let provider = MeterProvider::builder()
///     .resource(Resource::new([KeyValue::new("service.name", "checkout")]))
///     .reader(reader.clone())
///     .view(View::select(Selector::name("orders")).rename("shop.orders"))
///     .exemplar_filter(ExemplarFilter::AlwaysOn)
///     .clock(Arc::new(ManualClock::new()))
///     .random(Arc::new(SeededRandom::new(42)))
///     .self_telemetry(true)
///     .build()?;
/// provider.meter("shop").u64_counter("orders").build().add(1, &[]);
///
/// let snapshot = reader.collect(Duration::from_secs(1))?;
/// assert!(snapshot.metric("shop.orders").is_some());
/// assert!(snapshot.metric("throughline.engine.series").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct MeterProviderBuilder {
    resource: Arc<Resource>,
    readers: Vec<Reader>,
    views: Vec<View>,
    exemplar_filter: ExemplarFilter,
    keeper: Option<Arc<dyn TraceKeeper>>,
    outliers: Vec<(Selector, Outliers)>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    self_telemetry: bool,
}

impl Default for MeterProviderBuilder {
    fn default() -> Self {
        Self {
            resource: Arc::default(),
            readers: Vec::new(),
            views: Vec::new(),
            exemplar_filter: ExemplarFilter::default(),
            keeper: None,
            outliers: Vec::new(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            self_telemetry: false,
        }
    }
}

impl MeterProviderBuilder {
    /// What the telemetry is about. Empty by default.
    pub fn resource(mut self, resource: impl Into<Arc<Resource>>) -> Self {
        self.resource = resource.into();
        self
    }

    /// Adds a reader. Without one, nothing is recorded.
    pub fn reader(mut self, reader: Reader) -> Self {
        self.readers.push(reader);
        self
    }

    /// Adds a view. Views apply to instruments in the order they were added.
    pub fn view(mut self, view: View) -> Self {
        self.views.push(view);
        self
    }

    /// Which measurements may become exemplars. The default is [`ExemplarFilter::TraceBased`].
    pub fn exemplar_filter(mut self, filter: ExemplarFilter) -> Self {
        self.exemplar_filter = filter;
        self
    }

    /// Who keeps the traces of [outliers](Outliers), and is asked about each exemplar that must be
    /// [`Resolvable`](ExemplarFilter::Resolvable). None by default.
    ///
    /// Its `candidate` and `keep` are called by the thread that measured an outlier, after the measurement; `fate` by
    /// collections, with no lock held that a measuring thread could want. A panic is caught and counted: the trace was not
    /// asked for, or the exemplar's fate is not known yet.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use opentelemetry::trace::{SpanContext, SpanId, TraceId};
    /// # use throughline_engine::{ExemplarFilter, MeterProvider, Outliers, Reader, Selector};
    /// # use throughline_model::{Fate, KeepReason, TraceKeeper};
    /// # #[derive(Debug)]
    /// # struct Buffer;
    /// # impl TraceKeeper for Buffer {
    /// #     fn candidate(&self, _: &SpanContext) -> bool { true }
    /// #     fn keep(&self, _: TraceId, _: SpanId, _: KeepReason) {}
    /// #     fn fate(&self, _: TraceId, _: SpanId) -> Fate { Fate::Pending }
    /// # }
    /// let buffer = Arc::new(Buffer);
    /// let provider = MeterProvider::builder()
    ///     .reader(Reader::default())
    ///     .trace_keeper(buffer)
    ///     .exemplar_filter(ExemplarFilter::Resolvable)
    ///     .outliers(Selector::name("*.duration"), Outliers::quantile(0.999))
    ///     .build()?;
    /// # let _ = provider;
    /// # Ok::<(), throughline_engine::Error>(())
    /// ```
    pub fn trace_keeper(mut self, keeper: Arc<dyn TraceKeeper>) -> Self {
        self.keeper = Some(keeper);
        self
    }

    /// What is an outlier in histograms of these instruments, where no view says anything of it. May be called several
    /// times: the first selector that matches an instrument holds. It makes no stream, as a view does, and knows
    /// instruments by their own names.
    ///
    /// # Example
    /// See [`trace_keeper`](Self::trace_keeper).
    pub fn outliers(mut self, instruments: Selector, outliers: Outliers) -> Self {
        self.outliers.push((instruments, outliers));
        self
    }

    /// Where the time comes from. The default is the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where randomness comes from. The default is seeded by the system.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Whether the engine reports on itself, under the scope `throughline`: how long collections take, how many
    /// instruments and series there are, what was refused or overflowed, which callbacks panicked. The default is
    /// false.
    ///
    /// | metric | unit | attributes |
    /// |---|---|---|
    /// | `otel.sdk.metric_reader.collection.duration` | `s` | `otel.component.name`, `otel.component.type`, `error.type` |
    /// | `throughline.engine.instruments` | `{instrument}` | |
    /// | `throughline.engine.series` | `{series}` | |
    /// | `throughline.engine.measurements.refused` | `{measurement}` | `error.type`: `non_finite`, `negative`, `undescribed` |
    /// | `throughline.engine.measurements.overflowed` | `{measurement}` | |
    /// | `throughline.engine.measurements.clamped` | `{measurement}` | |
    /// | `throughline.engine.streams.coarse` | `{stream}` | |
    /// | `throughline.engine.callbacks.panicked` | `{panic}` | |
    /// | `throughline.engine.callbacks.skipped` | `{callback}` | |
    /// | `throughline.engine.outliers` | `{measurement}` | `throughline.outlier.trace`: `asked`, `sampled`, `lost`, `none` |
    /// | `throughline.engine.exemplars` | `{exemplar}` | `throughline.exemplar.outcome`: `published`, `withdrawn`, `undecided`, `superseded` |
    pub fn self_telemetry(mut self, on: bool) -> Self {
        self.self_telemetry = on;
        self
    }

    /// The provider.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the setting that is out of range; [`Error::ReaderTaken`] if a reader belongs
    /// to a provider already or was added twice. Readers are untouched then.
    pub fn build(self) -> Result<MeterProvider, Error> {
        for view in &self.views {
            view.check()?;
        }
        for (_, outliers) in &self.outliers {
            outliers.check()?;
        }
        for (index, reader) in self.readers.iter().enumerate() {
            reader.settings().check()?;
            if reader.is_taken() || self.readers[..index].iter().any(|r| r.is_same(reader)) {
                return Err(Error::ReaderTaken);
            }
        }
        let shared = Arc::new(Shared {
            parts: Arc::new(Parts {
                resource: self.resource,
                clock: self.clock,
                random: self.random,
                exemplar_filter: self.exemplar_filter,
                keeper: self.keeper,
                outliers: self.outliers,
                views: self.views,
                readers: self.readers.iter().map(|r| r.settings().clone()).collect(),
                left_out: self
                    .readers
                    .iter()
                    .map(|_| AtomicU64::new(NOBODY))
                    .collect(),
                tally: Tally::default(),
                pairs: SharedPairs::default(),
                shut_down: AtomicBool::new(false),
            }),
            meters: Mutex::default(),
            duration: OnceLock::new(),
        });
        for (index, reader) in self.readers.iter().enumerate() {
            if !reader.sit(Arc::clone(&shared), index) {
                return Err(Error::ReaderTaken);
            }
        }
        if self.self_telemetry {
            let meter = shared.meter(self_telemetry::scope());
            let duration = CollectionDuration::new(&Meter::new(Arc::clone(&meter) as _));
            shared.duration.get_or_init(|| duration);
            // Registered for as long as the provider lives.
            let _ = meter.register(EngineCollector(Arc::downgrade(&shared)))?;
        }
        Ok(MeterProvider(shared))
    }
}
