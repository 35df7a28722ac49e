//! A meter: makes the instruments of one library.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::metrics::{
    AsyncInstrumentBuilder, BoundSyncInstrument, Callback, Counter, Gauge, Histogram,
    HistogramBuilder, InstrumentBuilder, InstrumentProvider, ObservableCounter, ObservableGauge,
    ObservableUpDownCounter, SyncInstrument, UpDownCounter,
};
use opentelemetry::{InstrumentationScope, KeyValue};

use crate::collector::{Collector, CollectorCode, Instruments, Into, Observed, Registration};
use crate::fan::Fan;
use crate::number::{Measured, NumberType};
use crate::parts::Parts;
use crate::pipeline::{self, Descriptor, Planned, Readable};
use crate::producer::{InstrumentCallback, ObserverParts, Produce, Producer};
use crate::registry::Registry;
use crate::validate::{check_advice, check_name, check_unit, warn_refused};
use crate::warning::warn;
use crate::{Error, InstrumentKind};

/// What the API's `Meter` stands on.
#[derive(Debug)]
pub(crate) struct MeterCore {
    parts: Arc<Parts>,
    scope: InstrumentationScope,
    registry: Mutex<Registry>,
    producers: Mutex<Vec<Arc<Producer>>>,
}

impl MeterCore {
    pub(crate) fn new(parts: Arc<Parts>, scope: InstrumentationScope) -> Self {
        Self {
            parts,
            scope,
            registry: Mutex::default(),
            producers: Mutex::default(),
        }
    }

    pub(crate) fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    /// How many instruments it has.
    pub(crate) fn instruments(&self) -> usize {
        self.registry().instruments()
    }

    /// Its streams, in the order they were made.
    pub(crate) fn streams(&self) -> Vec<Arc<dyn Readable>> {
        self.registry().all().cloned().collect()
    }

    /// What a collection runs for this meter, in the order it was registered.
    pub(crate) fn producers(&self) -> Vec<Arc<Producer>> {
        self.lock_producers().clone()
    }

    /// Registers a collector (see [`MeterProvider::register`](crate::MeterProvider::register)).
    pub(crate) fn register<C: Collector>(
        self: &Arc<Self>,
        collector: C,
    ) -> Result<Registration, Error> {
        let mut described = Instruments::default();
        collector.describe(&mut described);
        let described = described.0;
        for (at, instrument) in described.iter().enumerate() {
            check_name(instrument.name)?;
            check_unit(instrument.unit)?;
            let before = &described[..at];
            if before
                .iter()
                .any(|other| other.name.eq_ignore_ascii_case(instrument.name))
            {
                return Err(Error::invalid(
                    "collector.instruments",
                    instrument.name,
                    "each name once, in whatever case",
                ));
            }
        }
        let instruments = described.iter().map(|described| Observed {
            name: described.name,
            into: match described.number {
                NumberType::U64 => Into::U64(self.observer(described.descriptor())),
                NumberType::I64 => Into::I64(self.observer(described.descriptor())),
                NumberType::F64 => Into::F64(self.observer(described.descriptor())),
            },
        });
        let code = CollectorCode {
            instruments: instruments.collect(),
            collector,
            parts: Arc::clone(&self.parts),
        };
        let name = format!("a collector of {:?}", self.scope.name());
        let id = self.produce(name, Box::new(code));
        Ok(Registration {
            meter: Arc::downgrade(self),
            id,
        })
    }

    pub(crate) fn unregister(&self, id: u64) {
        let mut producers = self.lock_producers();
        let gone: Vec<_> = producers
            .extract_if(.., |producer| producer.id == id)
            .collect();
        drop(producers);
        // Outside the lock: dropping a collector runs users' code.
        drop(gone);
    }

    /// Lets users' code go. The streams stay for whoever still measures.
    pub(crate) fn shut_down(&self) {
        let producers = std::mem::take(&mut *self.lock_producers());
        drop(producers);
    }

    fn produce(&self, name: String, code: Box<dyn Produce>) -> u64 {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let producer = Producer::new(id, name, code);
        let mut producers = self.lock_producers();
        // Under the lock: shutdown says so before it empties the list.
        if self.parts.shut_down.load(Ordering::Acquire) {
            drop(producers);
            // Outside the lock: dropping it runs users' code.
            drop(producer);
        } else {
            producers.push(Arc::new(producer));
        }
        id
    }

    fn lock_producers(&self) -> MutexGuard<'_, Vec<Arc<Producer>>> {
        self.producers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What observations of an asynchronous instrument go through. The instrument is valid.
    fn observer<T: Measured>(&self, instrument: Descriptor) -> ObserverParts<T> {
        let monotonic = instrument.kind.is_monotonic();
        let streams = self.streams_of(instrument, None, |planned| {
            Some(pipeline::build_observed::<T>(&self.parts, planned))
        });
        ObserverParts {
            parts: Arc::clone(&self.parts),
            monotonic,
            streams: streams.into(),
        }
    }

    /// An asynchronous instrument and its callbacks; nothing where something about it is invalid.
    fn asynchronous<T: Measured>(&self, instrument: Descriptor, callbacks: Vec<Callback<T>>) {
        if self.check(&instrument, None).is_none() {
            return;
        }
        let name = format!("a callback of {:?}", instrument.name);
        // Also without a callback: the instrument is registered, and conflicts are told.
        let observer = Arc::new(self.observer::<T>(instrument));
        for callback in callbacks {
            let observer = Arc::clone(&observer);
            self.produce(
                name.clone(),
                Box::new(InstrumentCallback { callback, observer }),
            );
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A synchronous instrument; `None` where it does nothing, since something about it is invalid.
    fn synchronous<T: Measured>(
        &self,
        instrument: Descriptor,
        advice: Option<Vec<f64>>,
    ) -> Option<Arc<dyn SyncInstrument<T> + Send + Sync>> {
        self.check(&instrument, advice.as_deref())?;
        let kind = instrument.kind;
        let mut streams = self.streams_of(instrument, advice, |planned| {
            pipeline::build::<T>(&self.parts, planned)
        });
        if streams.len() == 1 {
            return streams.pop();
        }
        Some(Arc::new(Fan {
            parts: Arc::clone(&self.parts),
            monotonic: kind == InstrumentKind::Counter,
            streams: streams.into(),
        }))
    }

    /// What instruments of this descriptor write to.
    fn streams_of<W: Clone + Send + Sync + 'static>(
        &self,
        instrument: Descriptor,
        advice: Option<Vec<f64>>,
        build: impl Fn(&Planned) -> Option<(W, Arc<dyn Readable>)>,
    ) -> Vec<W> {
        let mut warnings = Vec::new();
        let streams = self.registry().streams(
            &self.parts,
            &self.scope,
            instrument,
            advice,
            &mut warnings,
            build,
        );
        for warning in warnings {
            warn(format_args!("{warning}"));
        }
        streams
    }

    fn check(&self, instrument: &Descriptor, advice: Option<&[f64]>) -> Option<()> {
        check_name(&instrument.name)
            .and_then(|()| check_unit(&instrument.unit))
            .and_then(|()| check_advice(advice))
            .inspect_err(|error| warn_refused(&self.scope, &instrument.name, error))
            .ok()
    }
}

fn describe<T: Measured>(
    kind: InstrumentKind,
    name: Cow<'static, str>,
    description: Option<Cow<'static, str>>,
    unit: Option<Cow<'static, str>>,
) -> Descriptor {
    Descriptor {
        name,
        description: description.unwrap_or_default(),
        unit: unit.unwrap_or_default(),
        kind,
        number: T::TYPE,
    }
}

/// An instrument that does nothing.
struct Silent;

impl<T> SyncInstrument<T> for Silent {
    fn measure(&self, _value: T, _attributes: &[KeyValue]) {}

    fn bind(&self, _attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<T> + Send + Sync> {
        Box::new(Silent)
    }
}

impl<T> BoundSyncInstrument<T> for Silent {
    fn measure(&self, _value: T) {}
}

macro_rules! synchronous {
    ($($method:ident: $instrument:ident<$type:ty>),+ $(,)?) => {$(
        fn $method(&self, builder: InstrumentBuilder<'_, $instrument<$type>>) -> $instrument<$type> {
            let InstrumentBuilder { name, description, unit, .. } = builder;
            let descriptor = describe::<$type>(InstrumentKind::$instrument, name, description, unit);
            $instrument::new(self.synchronous(descriptor, None).unwrap_or_else(|| Arc::new(Silent)))
        }
    )+};
}

macro_rules! asynchronous {
    ($($method:ident: $instrument:ident<$type:ty>),+ $(,)?) => {$(
        fn $method(
            &self,
            builder: AsyncInstrumentBuilder<'_, $instrument<$type>, $type>,
        ) -> $instrument<$type> {
            let AsyncInstrumentBuilder { name, description, unit, callbacks, .. } = builder;
            let descriptor = describe::<$type>(InstrumentKind::$instrument, name, description, unit);
            self.asynchronous(descriptor, callbacks);
            $instrument::new()
        }
    )+};
}

macro_rules! histogram {
    ($($method:ident: $type:ty),+ $(,)?) => {$(
        fn $method(&self, builder: HistogramBuilder<'_, Histogram<$type>>) -> Histogram<$type> {
            let HistogramBuilder { name, description, unit, boundaries, .. } = builder;
            let descriptor = describe::<$type>(InstrumentKind::Histogram, name, description, unit);
            Histogram::new(self.synchronous(descriptor, boundaries).unwrap_or_else(|| Arc::new(Silent)))
        }
    )+};
}

impl InstrumentProvider for MeterCore {
    synchronous! {
        u64_counter: Counter<u64>,
        f64_counter: Counter<f64>,
        i64_up_down_counter: UpDownCounter<i64>,
        f64_up_down_counter: UpDownCounter<f64>,
        u64_gauge: Gauge<u64>,
        i64_gauge: Gauge<i64>,
        f64_gauge: Gauge<f64>,
    }

    asynchronous! {
        u64_observable_counter: ObservableCounter<u64>,
        f64_observable_counter: ObservableCounter<f64>,
        i64_observable_up_down_counter: ObservableUpDownCounter<i64>,
        f64_observable_up_down_counter: ObservableUpDownCounter<f64>,
        u64_observable_gauge: ObservableGauge<u64>,
        i64_observable_gauge: ObservableGauge<i64>,
        f64_observable_gauge: ObservableGauge<f64>,
    }

    histogram! {
        f64_histogram: f64,
        u64_histogram: u64,
    }
}
