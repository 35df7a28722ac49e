//! How an instrument is declared.

use std::borrow::Cow;
use std::marker::PhantomData;

use opentelemetry::metrics::Meter;

use crate::AttributeSet;
use crate::instruments::{Histogram, HistogramValue};

/// Declares an instrument of type `I`. Made by [`Telemetry::counter`](crate::Telemetry::counter) and its
/// siblings, or by [`Operation::counter`](crate::Operation::counter) and its siblings.
///
/// # Example
/// ```
/// throughline::attributes! { struct Upload { compressed: bool => "upload.compressed" } }
///
/// let telemetry = throughline::Telemetry::disabled();
/// let sizes = telemetry
///     .histogram::<u64>("upload.size")
///     .unit("By")
///     .description("Size of an uploaded file")
///     .boundaries([1024.0, 65536.0, 1048576.0])
///     .attributes::<Upload>()
///     .build();
/// sizes.with(Upload { compressed: true }).record(4096);
/// ```
#[derive(Debug)]
#[must_use = "a builder declares nothing before `build`"]
pub struct InstrumentBuilder<I> {
    spec: Spec,
    instrument: PhantomData<fn() -> I>,
}

/// An instrument that an [`InstrumentBuilder`] builds. Sealed: the four families implement it.
///
/// # Example
/// ```
/// use throughline::{Instrument, InstrumentBuilder};
///
/// /// What all our instruments of bytes have in common.
/// fn bytes<I: Instrument>(instrument: InstrumentBuilder<I>) -> I {
///     instrument.unit("By").build()
/// }
///
/// let telemetry = throughline::Telemetry::disabled();
/// bytes(telemetry.counter::<u64>("upload.total")).add(4096);
/// bytes(telemetry.histogram::<u64>("upload.size")).record(4096);
/// ```
pub trait Instrument: sealed::FromSpec {
    /// The same family with other declared attributes.
    type Of<S: AttributeSet>: Instrument;
}

impl<I: Instrument> InstrumentBuilder<I> {
    pub(crate) fn new(meter: Meter, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            spec: Spec {
                meter,
                name: name.into(),
                unit: None,
                description: None,
                boundaries: None,
            },
            instrument: PhantomData,
        }
    }

    /// The unit, in UCUM and case-sensitive: `s`, `By`, `{order}`. At most 63 ASCII characters.
    /// Default: none.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.spec.unit = Some(unit.into());
        self
    }

    /// What is measured, for people. Default: none.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.spec.description = Some(description.into());
        self
    }

    /// The declared attributes ([`attributes!`](crate::attributes)) that each measurement carries.
    /// Default: `()`, none.
    pub fn attributes<S: AttributeSet>(self) -> InstrumentBuilder<I::Of<S>> {
        InstrumentBuilder {
            spec: self.spec,
            instrument: PhantomData,
        }
    }

    /// Builds the instrument. The same name, unit and description give the same streams again, from
    /// wherever they are built.
    ///
    /// A name or unit that the specification refuses (`metrics/api.md`, "Instrument name syntax") gives a
    /// warning through `tracing` and an instrument that records nothing.
    pub fn build(self) -> I {
        I::from_spec(self.spec)
    }
}

impl<N: HistogramValue, S: AttributeSet> InstrumentBuilder<Histogram<N, S>> {
    /// The upper bounds of the buckets, strictly increasing and finite; an empty list gives one bucket.
    /// Bounds that are not give a warning and a histogram that records nothing.
    /// Default: where the unit is `s` those of the semantic conventions for durations, `0.005, 0.01, 0.025 … 10`; else
    /// those of the specification, `0, 5, 10, 25 … 10000`, which suit milliseconds. A view overrides all of them.
    pub fn boundaries(mut self, boundaries: impl Into<Vec<f64>>) -> Self {
        self.spec.boundaries = Some(boundaries.into());
        self
    }
}

/// What was declared.
#[derive(Debug)]
pub struct Spec {
    pub(super) meter: Meter,
    pub(super) name: Cow<'static, str>,
    pub(super) unit: Option<Cow<'static, str>>,
    pub(super) description: Option<Cow<'static, str>>,
    pub(super) boundaries: Option<Vec<f64>>,
}

pub(super) mod sealed {
    use super::Spec;

    /// Makes an instrument from what was declared.
    pub trait FromSpec: Sized {
        /// Registers the instrument with the meter.
        fn from_spec(spec: Spec) -> Self;
    }
}
