//! A meter: makes the instruments of one library.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{
    Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder, InstrumentProvider,
    SyncInstrument, UpDownCounter,
};

use crate::collector::{Collector, Registration};
use crate::fan::Fan;
use crate::number::Measured;
use crate::parts::Parts;
use crate::pipeline::{self, Descriptor, Readable};
use crate::registry::Registry;
use crate::validate::{check_advice, check_name, check_unit, warn_refused};
use crate::{Error, InstrumentKind};

/// What the API's `Meter` stands on.
#[derive(Debug)]
pub(crate) struct MeterCore {
    parts: Arc<Parts>,
    scope: InstrumentationScope,
    registry: Mutex<Registry>,
}

impl MeterCore {
    pub(crate) fn new(parts: Arc<Parts>, scope: InstrumentationScope) -> Self {
        Self {
            parts,
            scope,
            registry: Mutex::default(),
        }
    }

    pub(crate) fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    /// Its streams, in the order they were made.
    pub(crate) fn streams(&self) -> Vec<Arc<dyn Readable>> {
        self.registry().all().cloned().collect()
    }

    pub(crate) fn register(
        self: Arc<Self>,
        _collector: impl Collector,
    ) -> Result<Registration, Error> {
        Ok(Registration {
            meter: Arc::downgrade(&self),
            id: 0,
        })
    }

    pub(crate) fn unregister(&self, _id: u64) {}

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
        let mut streams =
            self.registry()
                .streams(&self.parts, &self.scope, instrument, advice, |planned| {
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
    fn measure(&self, _value: T, _attributes: &[opentelemetry::KeyValue]) {}

    fn bind(
        &self,
        _attributes: &[opentelemetry::KeyValue],
    ) -> Box<dyn opentelemetry::metrics::BoundSyncInstrument<T> + Send + Sync> {
        Box::new(Silent)
    }
}

impl<T> opentelemetry::metrics::BoundSyncInstrument<T> for Silent {
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

    histogram! {
        f64_histogram: f64,
        u64_histogram: u64,
    }
}
