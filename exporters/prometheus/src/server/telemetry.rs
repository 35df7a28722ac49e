//! How the endpoint reports on itself: counters by cause, and a warning once per metric.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use throughline_model::{Exported, Late, SelfMeter};

use super::scrape::Failure;
use crate::{Cause, Drops, Report};

/// Metrics beyond this are counted, not warned of: names may come from outside.
const MAX_WARNINGS: usize = 1000;

pub(super) struct Telemetry {
    instruments: Late<Instruments>,
    /// `otel.component.type` and `otel.component.name` (semantic conventions, "otel").
    component: [KeyValue; 2],
    warned: Mutex<HashSet<(String, String, Cause)>>,
}

struct Instruments {
    exported: Counter<u64>,
    dropped: Counter<u64>,
    duration: Histogram<f64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        Self {
            exported: Exported::DataPoints.exported(meter),
            dropped: meter
                .u64_counter("throughline.prometheus.dropped")
                .with_description("Comments and attributes that an exposition could not carry")
                .with_unit("{item}")
                .build(),
            duration: Exported::operation_duration(meter),
        }
    }
}

impl Telemetry {
    pub(super) fn new(meter: &SelfMeter) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        const TYPE: &str = "prometheus_http_text_metric_exporter";
        let name = format!("{TYPE}/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self {
            instruments: meter.late(Instruments::new),
            component: [
                KeyValue::new("otel.component.type", TYPE),
                KeyValue::new("otel.component.name", name),
            ],
            warned: Mutex::default(),
        }
    }

    pub(super) fn scraped(&self, took: Duration, failure: Option<&Failure>) {
        if let Some(instruments) = self.instruments.get() {
            let mut attributes = self.component.to_vec();
            if let Some(failure) = failure {
                attributes.push(KeyValue::new("error.type", failure.as_str()));
            }
            let seconds = took.as_secs_f64();
            instruments.duration.record(seconds, &attributes);
        }
    }

    pub(super) fn rendered(&self, report: &Report) {
        if let Some(instruments) = self.instruments.get() {
            instruments.exported.add(report.points(), &self.component);
            for drops in report.drops() {
                let [of_type, name] = self.component.clone();
                let counter = match drops.cause.what() {
                    "points" => &instruments.exported,
                    _ => &instruments.dropped,
                };
                let cause = KeyValue::new("error.type", drops.cause.as_str());
                counter.add(drops.count, &[of_type, name, cause]);
            }
        }
        for drops in report.drops() {
            self.warn(drops);
        }
    }

    /// Warns where this metric has not lost anything for this cause yet.
    fn warn(&self, drops: &Drops) {
        let key = (drops.metric.clone(), drops.scope.clone(), drops.cause);
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() >= MAX_WARNINGS || !warned.insert(key) {
            return;
        }
        drop(warned);
        tracing::warn!(
            target: "throughline",
            metric = drops.metric,
            scope = drops.scope,
            dropped = drops.count,
            "Prometheus does not get all of this metric ({} {}): {}; said once, counted at each scrape",
            drops.count,
            drops.cause.what(),
            drops.cause,
        );
    }
}
