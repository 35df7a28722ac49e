//! Self-telemetry of the queues (semantic conventions: `model/otel/metrics.yaml`).
//!
//! The conventions' counters are observable here: the numbers exist anyway, a callback reads them at
//! collection, and nothing is recorded on the way of an item.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use throughline_model::SelfMeter;

use crate::batch::Shared;
use crate::batch::{Counts, Items};

struct Names {
    component: &'static str,
    instances: &'static AtomicUsize,
    item: &'static str,
    unit: &'static str,
    size: &'static str,
    capacity: &'static str,
    processed: &'static str,
    created: Option<&'static str>,
}

static SPAN_QUEUES: AtomicUsize = AtomicUsize::new(0);
static LOG_QUEUES: AtomicUsize = AtomicUsize::new(0);

static SPANS: Names = Names {
    component: "batching_span_processor",
    instances: &SPAN_QUEUES,
    item: "spans",
    unit: "{span}",
    size: "otel.sdk.processor.span.queue.size",
    capacity: "otel.sdk.processor.span.queue.capacity",
    processed: "otel.sdk.processor.span.processed",
    // `otel.sdk.span.started` counts spans that never come here: `CountedSampler` sees them.
    created: None,
};

static LOG_RECORDS: Names = Names {
    component: "batching_log_processor",
    instances: &LOG_QUEUES,
    item: "log records",
    unit: "{log_record}",
    size: "otel.sdk.processor.log.queue.size",
    capacity: "otel.sdk.processor.log.queue.capacity",
    processed: "otel.sdk.processor.log.processed",
    created: Some("otel.sdk.log.created"),
};

/// Reports on this queue once the meter is bound, for as long as it lives.
pub(crate) fn observe_queue<T: Send + 'static>(
    items: Items,
    queue: &Arc<Shared<T>>,
    meter: &SelfMeter,
) {
    let names = match items {
        Items::Spans => &SPANS,
        Items::LogRecords => &LOG_RECORDS,
    };
    let instance = names.instances.fetch_add(1, Ordering::Relaxed);
    let component = [
        KeyValue::new("otel.component.type", names.component),
        KeyValue::new(
            "otel.component.name",
            format!("{}/{instance}", names.component),
        ),
    ];
    let capacity = queue.core().settings().max_queue_size as i64;
    // Callbacks live as long as their provider, which may be longer than the queue.
    let queue = Arc::downgrade(queue);
    meter.when_bound(move |meter| build(meter, names, &component, capacity, &queue));
}

fn build<T: Send + 'static>(
    meter: &Meter,
    names: &'static Names,
    component: &[KeyValue; 2],
    capacity: i64,
    queue: &Weak<Shared<T>>,
) {
    let counts = || {
        let queue = Weak::clone(queue);
        move || -> Option<Counts> { Some(queue.upgrade()?.core().counts()) }
    };
    let (read, attributes) = (counts(), component.clone());
    meter
        .i64_observable_up_down_counter(names.size)
        .with_description(format!(
            "The number of {} that wait to be sent.",
            names.item
        ))
        .with_unit(names.unit)
        .with_callback(move |size| {
            if let Some(counts) = read() {
                size.observe(counts.queued as i64, &attributes);
            }
        })
        .build();

    let (read, attributes) = (counts(), component.clone());
    meter
        .i64_observable_up_down_counter(names.capacity)
        .with_description(format!("The number of {} that can wait.", names.item))
        .with_unit(names.unit)
        .with_callback(move |size| {
            if read().is_some() {
                size.observe(capacity, &attributes);
            }
        })
        .build();

    let read = counts();
    let submitted = component.clone();
    let with = |error_type: &'static str| {
        let [kind, name] = component.clone();
        [kind, name, KeyValue::new("error.type", error_type)]
    };
    let (full, shutdown) = (with("queue_full"), with("already_shutdown"));
    let abandoned = with("abandoned");
    meter
        .u64_observable_counter(names.processed)
        .with_description(format!(
            "The number of {} that were handed to the exporter, or dropped for a reason.",
            names.item
        ))
        .with_unit(names.unit)
        .with_callback(move |processed| {
            let Some(counts) = read() else { return };
            processed.observe(counts.submitted(), &submitted);
            for (dropped, attributes) in [
                (counts.queue_full, &full),
                (counts.already_shutdown, &shutdown),
                (counts.abandoned, &abandoned),
            ] {
                // A cause that never occurred makes no series.
                if dropped > 0 {
                    processed.observe(dropped, attributes);
                }
            }
        })
        .build();

    if let Some(created) = names.created {
        let read = counts();
        meter
            .u64_observable_counter(created)
            .with_description(format!("The number of {} that were emitted.", names.item))
            .with_unit(names.unit)
            .with_callback(move |created| {
                if let Some(counts) = read() {
                    created.observe(counts.offered(), &[]);
                }
            })
            .build();
    }
}

/// Spans that have started and not ended (`otel.sdk.span.live`). Spans that are not recorded never
/// reach a processor; the conventions leave them out.
#[derive(Debug, Default)]
pub(crate) struct LiveSpans {
    sampled: AtomicI64,
    record_only: AtomicI64,
}

impl LiveSpans {
    pub(crate) fn new(meter: &SelfMeter) -> Arc<Self> {
        let live = Arc::new(Self::default());
        let observed = Arc::downgrade(&live);
        observe_live(meter, move || {
            let spans = observed.upgrade()?;
            let counts = [&spans.record_only, &spans.sampled];
            Some(counts.map(|count| count.load(Ordering::Relaxed)))
        });
        live
    }

    pub(crate) fn started(&self, sampled: bool) {
        self.of(sampled).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, sampled: bool) {
        self.of(sampled).fetch_sub(1, Ordering::Relaxed);
    }

    fn of(&self, sampled: bool) -> &AtomicI64 {
        if sampled {
            &self.sampled
        } else {
            &self.record_only
        }
    }
}

/// Reports spans that have started and not ended, recorded only and sampled, for as long as there is an answer.
pub(crate) fn observe_live(
    meter: &SelfMeter,
    read: impl Fn() -> Option<[i64; 2]> + Send + Sync + 'static,
) {
    meter.when_bound(move |meter| {
        let results = ["RECORD_ONLY", "RECORD_AND_SAMPLE"];
        let attributes = results.map(|result| [KeyValue::new(SAMPLING_RESULT, result)]);
        meter
            .i64_observable_up_down_counter("otel.sdk.span.live")
            .with_description("The number of recording spans that have not ended yet.")
            .with_unit("{span}")
            .with_callback(move |live| {
                for (count, attributes) in read().iter().flatten().zip(&attributes) {
                    live.observe(*count, attributes);
                }
            })
            .build();
    });
}

/// What the sampler said.
pub(crate) const SAMPLING_RESULT: &str = "otel.span.sampling_result";
