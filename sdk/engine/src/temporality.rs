//! Which instruments report deltas.

use throughline_model::Temporality;

use crate::InstrumentKind;

/// Which instruments a reader reports as deltas (specification: `metrics/sdk_exporters/otlp.md`,
/// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`).
///
/// | preference | deltas |
/// |---|---|
/// | `Cumulative` (default) | none |
/// | `Delta` | counters, observable counters, histograms |
/// | `LowMemory` | counters and histograms, not the observable kinds |
///
/// Up-down counters are cumulative always. Gauges have no temporality, yet under `Delta` and `LowMemory` a
/// synchronous gauge is reported only if it was set since the last collection.
///
/// ```
/// use throughline_engine::{InstrumentKind, TemporalityPreference};
/// use throughline_model::Temporality;
///
/// let preference = TemporalityPreference::LowMemory;
/// assert_eq!(preference.temporality(InstrumentKind::Counter), Temporality::Delta);
/// assert_eq!(preference.temporality(InstrumentKind::ObservableCounter), Temporality::Cumulative);
/// assert_eq!(preference.temporality(InstrumentKind::UpDownCounter), Temporality::Cumulative);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TemporalityPreference {
    /// Everything since the series began.
    #[default]
    Cumulative,
    /// Counters, observable counters and histograms since the last collection.
    Delta,
    /// Counters and histograms since the last collection.
    LowMemory,
}

impl TemporalityPreference {
    /// The temporality of this kind of instrument.
    pub fn temporality(self, kind: InstrumentKind) -> Temporality {
        use InstrumentKind::{Counter, Gauge, Histogram, ObservableCounter, ObservableGauge};
        match (self, kind) {
            (Self::Delta, Counter | ObservableCounter | Histogram | Gauge | ObservableGauge)
            | (Self::LowMemory, Counter | Histogram | Gauge) => Temporality::Delta,
            _ => Temporality::Cumulative,
        }
    }
}
