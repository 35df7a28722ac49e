//! What the buffer reports about itself, in the style of the semantic conventions' `otel.sdk.*`, which have no names
//! for it. Everything is read at collection; nothing is recorded on the way of a span.

use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use throughline_model::{KeepReason, SelfMeter};

use super::core::Core;
use super::counts::RetentionCounts;
use crate::probability::Threshold;
use crate::self_observed::observe_live;

/// Reports on this buffer once the meter is bound, for as long as it lives.
pub(super) fn observe(core: &Arc<Core>, meter: &SelfMeter) {
    let core = Arc::downgrade(core);
    let live = Weak::clone(&core);
    observe_live(meter, move || Some(live.upgrade()?.live()));
    meter.when_bound(move |meter| {
        let of = || Weak::clone(&core);
        let buffer = of();
        meter
            .i64_observable_up_down_counter("otel.sdk.processor.span.retention.size")
            .with_description("The number of spans that wait for the decision about their trace.")
            .with_unit("{span}")
            .with_callback(move |size| {
                if let Some(core) = buffer.upgrade() {
                    size.observe(core.counts().buffered as i64, &[]);
                }
            })
            .build();
        let buffer = of();
        meter
            .i64_observable_up_down_counter("otel.sdk.processor.span.retention.memory")
            .with_description("The bytes of the spans that wait, estimated.")
            .with_unit("By")
            .with_callback(move |memory| {
                if let Some(core) = buffer.upgrade() {
                    memory.observe(core.bytes() as i64, &[]);
                }
            })
            .build();
        let buffer = of();
        meter
            .i64_observable_up_down_counter("otel.sdk.processor.span.retention.traces")
            .with_description("The number of traces that are not decided.")
            .with_unit("{trace}")
            .with_callback(move |traces| {
                if let Some(core) = buffer.upgrade() {
                    traces.observe(core.room.traces() as i64, &[]);
                }
            })
            .build();
        let buffer = of();
        meter
            .f64_observable_gauge("otel.sdk.processor.span.retention.probability")
            .with_description(
                "The share of traces that is recorded; less than configured while memory is short.",
            )
            .with_unit("1")
            .with_callback(move |probability| {
                if let Some(core) = buffer.upgrade() {
                    let threshold = Threshold::from_bits(core.level.threshold());
                    probability.observe(threshold.map_or(0.0, Threshold::probability), &[]);
                }
            })
            .build();
        let buffer = of();
        meter
            .u64_observable_counter("otel.sdk.processor.span.retention.processed")
            .with_description(
                "The number of spans that were kept, not selected, or lost for a reason.",
            )
            .with_unit("{span}")
            .with_callback(move |processed| {
                if let Some(core) = buffer.upgrade() {
                    for (count, attribute) in processed_spans(&core.counts()) {
                        // What never occurred makes no series.
                        if count > 0 {
                            processed.observe(count, &[attribute]);
                        }
                    }
                }
            })
            .build();
        let buffer = of();
        meter
            .u64_observable_counter("otel.sdk.processor.span.retention.kept")
            .with_description("The number of parts of traces that were kept for a reason.")
            .with_unit("{part}")
            .with_callback(move |kept| {
                if let Some(core) = buffer.upgrade() {
                    for (reason, count) in KeepReason::ALL.iter().zip(core.counts().parts.kept_by) {
                        if count > 0 {
                            kept.observe(
                                count,
                                &[KeyValue::new("sampling.retained", reason.as_str())],
                            );
                        }
                    }
                }
            })
            .build();
        let buffer = of();
        meter
            .u64_observable_counter("otel.sdk.processor.span.retention.keeps_too_late")
            .with_description("The number of wishes to keep a trace that came when it was gone.")
            .with_unit("{wish}")
            .with_callback(move |late| {
                if let Some(core) = buffer.upgrade() {
                    late.observe(core.counts().keeps_too_late, &[]);
                }
            })
            .build();
    });
}

fn processed_spans(counts: &RetentionCounts) -> [(u64, KeyValue); 8] {
    let outcome = |name: &'static str| KeyValue::new("outcome", name);
    let error = |name: &'static str| KeyValue::new("error.type", name);
    [
        (counts.passed, outcome("passed")),
        (counts.kept, outcome("kept")),
        (counts.unselected, outcome("unselected")),
        (counts.evicted, error("evicted")),
        (counts.trace_full, error("trace_full")),
        (counts.buffer_full, error("buffer_full")),
        (counts.already_shutdown, error("already_shutdown")),
        (counts.abandoned, error("abandoned")),
    ]
}
