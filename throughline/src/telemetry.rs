//! The handle.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::metrics::noop::NoopMeterProvider;
use throughline_model::SystemClock;

use crate::operation::Scope;
use crate::{
    Counter, CounterValue, Gauge, GaugeValue, Histogram, HistogramValue, InstrumentBuilder,
    OperationBuilder, UpDownCounter, UpDownCounterValue,
};

/// The telemetry of this process.
#[derive(Clone, Debug)]
pub struct Telemetry {
    scope: Scope,
}

impl Telemetry {
    /// Telemetry that goes nowhere.
    pub fn disabled() -> Self {
        Self {
            scope: Scope {
                meter: NoopMeterProvider::new().meter("throughline"),
                tracer: None,
                clock: Arc::new(SystemClock),
            },
        }
    }

    /// Declares an operation.
    pub fn operation(&self, name: impl Into<Cow<'static, str>>) -> OperationBuilder {
        OperationBuilder::new(self.scope.clone(), name)
    }

    /// Declares a counter.
    pub fn counter<N: CounterValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<Counter<N>> {
        InstrumentBuilder::new(self.scope.meter.clone(), name)
    }

    /// Declares an up-down counter.
    pub fn up_down_counter<N: UpDownCounterValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<UpDownCounter<N>> {
        InstrumentBuilder::new(self.scope.meter.clone(), name)
    }

    /// Declares a gauge.
    pub fn gauge<N: GaugeValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<Gauge<N>> {
        InstrumentBuilder::new(self.scope.meter.clone(), name)
    }

    /// Declares a histogram.
    pub fn histogram<N: HistogramValue>(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> InstrumentBuilder<Histogram<N>> {
        InstrumentBuilder::new(self.scope.meter.clone(), name)
    }
}
