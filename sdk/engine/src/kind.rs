//! The kinds of instruments.

use std::fmt;

/// What an instrument measures and who drives it (specification: `metrics/api.md`, "Instrument").
///
/// ```
/// use throughline_engine::InstrumentKind;
///
/// assert!(InstrumentKind::Counter.is_monotonic());
/// assert!(!InstrumentKind::UpDownCounter.is_monotonic());
/// assert_eq!(InstrumentKind::ObservableGauge.to_string(), "observable gauge");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// Adds values of zero or more.
    Counter,
    /// Adds values of either sign.
    UpDownCounter,
    /// Records values whose distribution matters.
    Histogram,
    /// Records values of which the last one counts.
    Gauge,
    /// Observed at collection: a total that only grows.
    ObservableCounter,
    /// Observed at collection: a total that grows and shrinks.
    ObservableUpDownCounter,
    /// Observed at collection: a value that is not added up.
    ObservableGauge,
}

impl InstrumentKind {
    /// Whether its values are observed by a callback at collection.
    ///
    /// ```
    /// use throughline_engine::InstrumentKind;
    ///
    /// assert!(InstrumentKind::ObservableGauge.is_asynchronous());
    /// assert!(!InstrumentKind::Gauge.is_asynchronous());
    /// ```
    pub fn is_asynchronous(self) -> bool {
        matches!(
            self,
            Self::ObservableCounter | Self::ObservableUpDownCounter | Self::ObservableGauge
        )
    }

    /// Whether its sum never goes down.
    pub fn is_monotonic(self) -> bool {
        matches!(
            self,
            Self::Counter | Self::ObservableCounter | Self::Histogram
        )
    }
}

impl fmt::Display for InstrumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Histogram => "histogram",
            Self::Gauge => "gauge",
            Self::ObservableCounter => "observable counter",
            Self::ObservableUpDownCounter => "observable up-down counter",
            Self::ObservableGauge => "observable gauge",
        })
    }
}
