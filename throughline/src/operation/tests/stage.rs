//! A meter that writes down what it is given and where, a tracer that exports at once, a clock by hand.

use std::sync::{Arc, Mutex};

use opentelemetry::metrics::{
    BoundSyncInstrument, Counter, Histogram, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, Meter, SyncInstrument, UpDownCounter,
};
use opentelemetry::trace::{SpanId, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData};
use throughline_testkit::{CollectingSpanExporter, ManualClock};

use super::super::Scope;
use crate::OperationBuilder;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) value: f64,
    /// Sorted, as `a=1,b=2`.
    pub(super) attributes: String,
    /// The span that was current.
    pub(super) span: SpanId,
}

impl Measured {
    pub(super) fn new(name: &str, value: f64, attributes: &str, span: SpanId) -> Self {
        Self {
            name: name.into(),
            value,
            attributes: attributes.into(),
            span,
        }
    }
}

pub(super) struct Stage {
    pub(super) clock: ManualClock,
    pub(super) exporter: CollectingSpanExporter,
    pub(super) provider: SdkTracerProvider,
    scope: Scope,
    recorder: Recorder,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(Sampler::AlwaysOn)
    }

    pub(super) fn unsampled() -> Self {
        Self::with(Sampler::AlwaysOff)
    }

    pub(super) fn untraced() -> Self {
        let mut stage = Self::new();
        stage.scope.tracer = None;
        stage
    }

    fn with(sampler: Sampler) -> Self {
        let (clock, exporter, recorder) = (
            ManualClock::new(),
            CollectingSpanExporter::new(),
            Recorder::default(),
        );
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_simple_exporter(exporter.clone())
            .build();
        let scope = Scope {
            meter: Meter::new(Arc::new(recorder.clone())),
            tracer: Some(provider.tracer("test")),
            clock: Arc::new(clock.clone()),
        };
        Self {
            clock,
            exporter,
            provider,
            scope,
            recorder,
        }
    }

    pub(super) fn operation(&self, name: &'static str) -> OperationBuilder {
        OperationBuilder::new(self.scope.clone(), name)
    }

    pub(super) fn measured(&self) -> Vec<Measured> {
        self.recorder.0.lock().unwrap().clone()
    }

    pub(super) fn all(&self, name: &str) -> Vec<Measured> {
        let mut all = self.measured();
        all.retain(|it| it.name == name);
        all
    }

    pub(super) fn value(&self, name: &str) -> f64 {
        self.only(name).value
    }

    pub(super) fn attributes(&self, name: &str) -> String {
        self.only(name).attributes
    }

    pub(super) fn sum(&self, name: &str) -> f64 {
        self.all(name).iter().map(|it| it.value).sum()
    }

    pub(super) fn span(&self) -> SpanData {
        let mut spans = self.exporter.spans();
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }

    fn only(&self, name: &str) -> Measured {
        let mut all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {:?}", self.measured());
        all.remove(0)
    }
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Measured>>>);

impl InstrumentProvider for Recorder {
    fn f64_histogram(&self, builder: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
        Histogram::new(self.instrument(&builder.name))
    }

    fn u64_counter(&self, builder: InstrumentBuilder<'_, Counter<u64>>) -> Counter<u64> {
        Counter::new(self.instrument(&builder.name))
    }

    fn f64_counter(&self, builder: InstrumentBuilder<'_, Counter<f64>>) -> Counter<f64> {
        Counter::new(self.instrument(&builder.name))
    }

    fn i64_up_down_counter(
        &self,
        builder: InstrumentBuilder<'_, UpDownCounter<i64>>,
    ) -> UpDownCounter<i64> {
        UpDownCounter::new(self.instrument(&builder.name))
    }
}

impl Recorder {
    fn instrument(&self, name: &str) -> Arc<Recording> {
        Arc::new(Recording {
            recorder: self.clone(),
            name: name.to_owned(),
            attributes: String::new(),
        })
    }
}

struct Recording {
    recorder: Recorder,
    name: String,
    attributes: String,
}

trait AsF64: Copy {
    fn as_f64(self) -> f64;
}

macro_rules! as_f64 {
    ($($number:ty),*) => {$(
        impl AsF64 for $number {
            fn as_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}

as_f64!(u64, i64, f64);

impl<T: AsF64> SyncInstrument<T> for Recording {
    fn measure(&self, value: T, attributes: &[KeyValue]) {
        self.bind(attributes).measure(value);
    }

    fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<T> + Send + Sync> {
        let mut pairs: Vec<_> = attributes
            .iter()
            .map(|it| format!("{}={}", it.key, it.value))
            .collect();
        pairs.sort();
        Box::new(Recording {
            recorder: self.recorder.clone(),
            name: self.name.clone(),
            attributes: pairs.join(","),
        })
    }
}

impl<T: AsF64> BoundSyncInstrument<T> for Recording {
    fn measure(&self, value: T) {
        let span = Context::current().span().span_context().span_id();
        let measured = Measured::new(&self.name, value.as_f64(), &self.attributes, span);
        self.recorder.0.lock().unwrap().push(measured);
    }
}
