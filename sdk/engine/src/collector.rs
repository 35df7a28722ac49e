//! Collectors: external state that is read once per collection and reports several instruments coherently.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use throughline_model::Number;

use crate::InstrumentKind;
use crate::meter::MeterCore;
use crate::number::{NumberType, Refusal};
use crate::parts::Parts;
use crate::pipeline::Descriptor;
use crate::producer::{ObserverParts, Produce};

/// Reads a state that lives elsewhere (a pool, a cache, a runtime) once per collection of each reader.
///
/// What one call observes belongs together: the idle and the used connections come from the same look at the
/// pool. Attribute sets that a call does not observe are not reported by that collection.
///
/// ```
/// use std::sync::Arc;
/// use opentelemetry::{InstrumentationScope, KeyValue};
/// use throughline_engine::{Collector, Instruments, MeterProvider, Observable, Observations};
///
/// # struct Pool; impl Pool { fn state(&self) -> (i64, i64) { (2, 8) } }
/// const CONNECTIONS: Observable<i64> =
///     Observable::<i64>::up_down_counter("db.client.connection.count").unit("{connection}");
///
/// struct PoolCollector(Arc<Pool>);
///
/// impl Collector for PoolCollector {
///     fn describe(&self, instruments: &mut Instruments) {
///         instruments.add(&CONNECTIONS);
///     }
///
///     fn collect(&self, observations: &mut Observations<'_>) {
///         let (used, idle) = self.0.state(); // one look, one lock
///         observations.observe(&CONNECTIONS, used, &[KeyValue::new("state", "used")]);
///         observations.observe(&CONNECTIONS, idle, &[KeyValue::new("state", "idle")]);
///     }
/// }
///
/// let provider = MeterProvider::builder().build()?;
/// let pool = PoolCollector(Arc::new(Pool));
/// let registration = provider.register(InstrumentationScope::builder("pool").build(), pool)?;
/// // … when the pool is closed:
/// registration.unregister();
/// # Ok::<(), throughline_engine::Error>(())
/// ```
pub trait Collector: Send + Sync + 'static {
    /// Names the instruments that [`collect`](Self::collect) observes. Called once, at registration.
    fn describe(&self, instruments: &mut Instruments);

    /// Observes. Called with no lock of the engine held; a panic is caught and counted.
    fn collect(&self, observations: &mut Observations<'_>);
}

/// An instrument that a [`Collector`] observes, in `u64`, `i64` or `f64`.
///
/// ```
/// use throughline_engine::Observable;
///
/// const HITS: Observable<u64> = Observable::<u64>::counter("cache.hits")
///     .unit("{hit}")
///     .description("Look-ups that found their entry");
/// const LARGEST: Observable<u64> = Observable::<u64>::gauge("cache.entry.largest").unit("By");
///
/// const ENTRIES: Observable<i64> = Observable::<i64>::up_down_counter("cache.entries").unit("{entry}");
/// const OFFSET: Observable<i64> = Observable::<i64>::gauge("clock.offset").unit("ms");
///
/// const CPU: Observable<f64> = Observable::<f64>::counter("process.cpu.time").unit("s");
/// const CREDIT: Observable<f64> = Observable::<f64>::up_down_counter("disk.credit").unit("s");
/// const LOAD: Observable<f64> = Observable::<f64>::gauge("cpu.utilization").unit("1");
/// # let _ = (HITS, LARGEST, ENTRIES, OFFSET, CPU, CREDIT, LOAD);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observable<T> {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: InstrumentKind,
    _type: PhantomData<T>,
}

impl<T: Copy> Observable<T> {
    const fn new(name: &'static str, kind: InstrumentKind) -> Self {
        Self {
            name,
            unit: "",
            description: "",
            kind,
            _type: PhantomData,
        }
    }

    /// The unit, in UCUM. Empty by default.
    #[must_use]
    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// What it is, for people. Empty by default.
    #[must_use]
    pub const fn description(self, description: &'static str) -> Self {
        Self {
            description,
            ..self
        }
    }
}

macro_rules! observables {
    ($($type:ty: $($(#[$doc:meta])* $make:ident => $kind:ident),+;)+) => {$(
        impl Observable<$type> {
            $($(#[$doc])*
            pub const fn $make(name: &'static str) -> Self {
                Self::new(name, InstrumentKind::$kind)
            })+
        }
    )+};
}

observables! {
    u64:
        /// A total that only grows.
        counter => ObservableCounter,
        /// A value that is not added up.
        gauge => ObservableGauge;
    i64:
        /// A total that grows and shrinks.
        up_down_counter => ObservableUpDownCounter,
        /// A value that is not added up.
        gauge => ObservableGauge;
    f64:
        /// A total that only grows.
        counter => ObservableCounter,
        /// A total that grows and shrinks.
        up_down_counter => ObservableUpDownCounter,
        /// A value that is not added up.
        gauge => ObservableGauge;
}

/// The types that an [`Observable`] can have: `u64`, `i64`, `f64`. Nobody else implements it.
///
/// ```
/// use opentelemetry::KeyValue;
/// use throughline_engine::{Observable, ObservableNumber, Observations};
///
/// /// One value per shard, of any type.
/// fn observe_shards<T: ObservableNumber>(
///     observations: &mut Observations<'_>,
///     instrument: &Observable<T>,
///     shards: &[T],
/// ) {
///     for (shard, value) in (0..).zip(shards) {
///         observations.observe(instrument, *value, &[KeyValue::new("shard", shard)]);
///     }
/// }
/// # let _ = observe_shards::<u64>;
/// ```
pub trait ObservableNumber: sealed::Sealed {}

impl ObservableNumber for u64 {}
impl ObservableNumber for i64 {}
impl ObservableNumber for f64 {}

mod sealed {
    use throughline_model::Number;

    pub trait Sealed: Copy + Default {
        fn number(self) -> Number;
    }

    impl Sealed for u64 {
        fn number(self) -> Number {
            Number::U64(self)
        }
    }

    impl Sealed for i64 {
        fn number(self) -> Number {
            Number::I64(self)
        }
    }

    impl Sealed for f64 {
        fn number(self) -> Number {
            Number::F64(self)
        }
    }
}

/// The instruments that a [`Collector`] names.
///
/// ```
/// use throughline_engine::{Instruments, Observable};
///
/// const HITS: Observable<u64> = Observable::<u64>::counter("cache.hits");
/// const FILLED: Observable<f64> = Observable::<f64>::gauge("cache.filled");
///
/// /// As in `Collector::describe`.
/// fn describe(instruments: &mut Instruments) {
///     instruments.add(&HITS).add(&FILLED);
/// }
/// # describe(&mut Instruments::default());
/// ```
#[derive(Debug, Default)]
pub struct Instruments(pub(crate) Vec<Described>);

/// An [`Observable`] without its type parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: InstrumentKind,
    pub(crate) number: NumberType,
}

impl Described {
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: self.name.into(),
            description: self.description.into(),
            unit: self.unit.into(),
            kind: self.kind,
            number: self.number,
        }
    }
}

impl Instruments {
    /// Adds one.
    pub fn add<T: ObservableNumber>(&mut self, instrument: &Observable<T>) -> &mut Self {
        self.0.push(Described {
            name: instrument.name,
            unit: instrument.unit,
            description: instrument.description,
            kind: instrument.kind,
            number: NumberType::of(T::default().number()),
        });
        self
    }
}

/// Takes what a [`Collector`] sees in one collection.
///
/// ```
/// use std::time::Duration;
/// use opentelemetry::InstrumentationScope;
/// use throughline_engine::{Collector, Instruments, MeterProvider, Observable, Observations, Reader};
/// use throughline_model::Collect;
///
/// const THREADS: Observable<u64> = Observable::<u64>::gauge("threads");
///
/// struct Threads;
///
/// impl Collector for Threads {
///     fn describe(&self, instruments: &mut Instruments) {
///         instruments.add(&THREADS);
///     }
///
///     fn collect(&self, observations: &mut Observations<'_>) {
///         observations.observe(&THREADS, 4, &[]);
///     }
/// }
///
/// let reader = Reader::default();
/// let provider = MeterProvider::builder().reader(reader.clone()).build()?;
/// let _ = provider.register(InstrumentationScope::builder("runtime").build(), Threads)?;
/// assert_eq!(reader.collect(Duration::from_secs(1))?.point_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Observations<'a> {
    instruments: &'a [Observed],
    parts: &'a Parts,
    reader: usize,
}

/// An instrument of a collector, and what observations of it go through.
pub(crate) struct Observed {
    pub(crate) name: &'static str,
    pub(crate) into: Into,
}

/// By the type of the instrument.
pub(crate) enum Into {
    U64(ObserverParts<u64>),
    I64(ObserverParts<i64>),
    F64(ObserverParts<f64>),
}

impl Observations<'_> {
    /// Observes one value. An instrument that [`Collector::describe`] did not name is refused and counted.
    pub fn observe<T: ObservableNumber>(
        &mut self,
        instrument: &Observable<T>,
        value: T,
        attributes: &[KeyValue],
    ) {
        let named = self.instruments.iter().find(|i| i.name == instrument.name);
        match (named.map(|named| &named.into), value.number()) {
            (Some(Into::U64(into)), Number::U64(value)) => {
                into.observe(self.reader, value, attributes);
            }
            (Some(Into::I64(into)), Number::I64(value)) => {
                into.observe(self.reader, value, attributes);
            }
            (Some(Into::F64(into)), Number::F64(value)) => {
                into.observe(self.reader, value, attributes);
            }
            _ => self.parts.tally.refused(Refusal::Undescribed),
        }
    }
}

/// A registered collector with its instruments.
pub(crate) struct CollectorCode<C> {
    pub(crate) collector: C,
    pub(crate) instruments: Box<[Observed]>,
    pub(crate) parts: Arc<Parts>,
}

impl<C: Collector> Produce for CollectorCode<C> {
    fn run(&self, reader: usize) {
        self.collector.collect(&mut Observations {
            instruments: &self.instruments,
            parts: &self.parts,
            reader,
        });
    }
}

impl fmt::Debug for Observations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observations").finish_non_exhaustive()
    }
}

/// A registered [`Collector`].
///
/// Dropping it leaves the collector registered.
///
/// ```
/// # use opentelemetry::InstrumentationScope;
/// use throughline_engine::Registration;
/// # use throughline_engine::{Collector, Instruments, MeterProvider, Observations};
///
/// struct Pool {
///     registration: Registration,
/// }
///
/// impl Pool {
///     fn close(self) {
///         self.registration.unregister();
///     }
/// }
/// # struct Empty;
/// # impl Collector for Empty {
/// #     fn describe(&self, _: &mut Instruments) {}
/// #     fn collect(&self, _: &mut Observations<'_>) {}
/// # }
/// # let provider = MeterProvider::builder().build()?;
/// # let scope = InstrumentationScope::builder("pool").build();
/// # let collector = Empty;
///
/// let pool = Pool { registration: provider.register(scope, collector)? };
/// pool.close();
/// # Ok::<(), throughline_engine::Error>(())
/// ```
#[must_use = "keep it to unregister the collector, or say `let _ =` to leave it registered for ever"]
pub struct Registration {
    pub(crate) meter: Weak<MeterCore>,
    pub(crate) id: u64,
}

impl Registration {
    /// Lets the collector go. A call that is under way may finish after this returns; no new one begins.
    pub fn unregister(self) {
        if let Some(meter) = self.meter.upgrade() {
            meter.unregister(self.id);
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
