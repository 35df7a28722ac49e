//! What every exporter says about itself, described in one place: two descriptions of one name are a conflict.
//!
//! Names, units and descriptions are those of the semantic conventions (`otel/sdk-metrics.md`).

use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};

/// What an exporter sends, as the semantic conventions count it.
///
/// ```
/// use opentelemetry::metrics::{MeterProvider, noop::NoopMeterProvider};
/// use throughline_model::Exported;
///
/// let meter = NoopMeterProvider::new().meter("throughline");
/// let inflight = Exported::DataPoints.inflight(&meter);
/// let exported = Exported::DataPoints.exported(&meter);
/// let duration = Exported::operation_duration(&meter);
///
/// inflight.add(7, &[]);
/// // … the export took 42 ms:
/// duration.record(0.042, &[]);
/// inflight.add(-7, &[]);
/// exported.add(7, &[]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exported {
    /// Spans, in `{span}`.
    Spans,
    /// Log records, in `{log_record}`.
    LogRecords,
    /// Points of metrics, in `{data_point}`.
    DataPoints,
}

impl Exported {
    /// `otel.sdk.exporter.*.exported`: items whose export is finished; with `error.type` those that failed.
    pub fn exported(self, meter: &Meter) -> Counter<u64> {
        let (name, unit, items) = self.words();
        meter
            .u64_counter(format!("otel.sdk.exporter.{name}.exported"))
            .with_unit(unit)
            .with_description(format!(
                "The number of {items} for which the export has finished, either successful or failed."
            ))
            .build()
    }

    /// `otel.sdk.exporter.*.inflight`: items that the exporter was given and has not finished with.
    pub fn inflight(self, meter: &Meter) -> UpDownCounter<i64> {
        let (name, unit, items) = self.words();
        meter
            .i64_up_down_counter(format!("otel.sdk.exporter.{name}.inflight"))
            .with_unit(unit)
            .with_description(format!(
                "The number of {items} which were passed to the exporter, but that have not been exported yet (neither successful, nor failed)."
            ))
            .build()
    }

    /// `otel.sdk.exporter.operation.duration`, in seconds: from the first attempt to send a batch, or a scrape,
    /// to the end of the last. It is the same for all items.
    ///
    /// The bounds go from 1 ms, a scrape, to 10 s, the default limit of an export.
    pub fn operation_duration(meter: &Meter) -> Histogram<f64> {
        meter
            .f64_histogram("otel.sdk.exporter.operation.duration")
            .with_unit("s")
            .with_description("The duration of exporting a batch of telemetry records.")
            .with_boundaries(vec![
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ])
            .build()
    }

    /// In the name, as the unit, in the description.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Exported::Spans => ("span", "{span}", "spans"),
            Exported::LogRecords => ("log", "{log_record}", "log records"),
            Exported::DataPoints => ("metric_data_point", "{data_point}", "metric data points"),
        }
    }
}
