//! Counts spans where they begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use throughline_model::SelfMeter;

use crate::self_observed::SAMPLING_RESULT;

/// A sampler that decides as another one does, and counts its decisions as `otel.sdk.span.started`.
///
/// Every span passes a sampler, those that are dropped too, which no span processor sees. The cost is one
/// relaxed addition a span.
///
/// ```
/// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
/// use throughline_model::SelfMeter;
/// use throughline_samplers::CountedSampler;
///
/// let meter = SelfMeter::new(); // bound when the engine stands
/// let sampler = CountedSampler::new(Sampler::TraceIdRatioBased(0.01), &meter);
/// let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
/// ```
#[derive(Clone, Debug)]
pub struct CountedSampler {
    sampler: Box<dyn ShouldSample>,
    starts: Arc<Starts>,
}

/// Where a span's parent is, in the words of `otel.span.parent.origin`.
const ORIGINS: [&str; 3] = ["none", "local", "remote"];
/// What a sampler says, in the words of `otel.span.sampling_result`.
const RESULTS: [&str; 3] = ["DROP", "RECORD_ONLY", "RECORD_AND_SAMPLE"];

/// By result, then by origin.
#[derive(Debug, Default)]
struct Starts([[AtomicU64; 3]; 3]);

impl CountedSampler {
    /// Counts what `sampler` decides.
    pub fn new(sampler: impl Into<Box<dyn ShouldSample>>, meter: &SelfMeter) -> Self {
        let starts = Arc::new(Starts::default());
        let observed = Arc::downgrade(&starts);
        meter.when_bound(move |meter| {
            meter
                .u64_observable_counter("otel.sdk.span.started")
                .with_description("The number of spans that were started.")
                .with_unit("{span}")
                .with_callback(move |started| {
                    let Some(starts) = observed.upgrade() else {
                        return;
                    };
                    for (counts, result) in starts.0.iter().zip(RESULTS) {
                        for (count, origin) in counts.iter().zip(ORIGINS) {
                            let count = count.load(Ordering::Relaxed);
                            // What never occurred makes no series.
                            if count > 0 {
                                let origin = KeyValue::new("otel.span.parent.origin", origin);
                                started.observe(
                                    count,
                                    &[origin, KeyValue::new(SAMPLING_RESULT, result)],
                                );
                            }
                        }
                    }
                })
                .build();
        });
        Self {
            sampler: sampler.into(),
            starts,
        }
    }
}

impl ShouldSample for CountedSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let result = self
            .sampler
            .should_sample(parent, trace_id, name, kind, attributes, links);
        let decision = match result.decision {
            SamplingDecision::Drop => 0,
            SamplingDecision::RecordOnly => 1,
            SamplingDecision::RecordAndSample => 2,
        };
        self.starts.0[decision][origin(parent)].fetch_add(1, Ordering::Relaxed);
        result
    }
}

fn origin(parent: Option<&Context>) -> usize {
    let Some(parent) = parent.filter(|parent| parent.has_active_span()) else {
        return 0;
    };
    let span = parent.span();
    match span.span_context() {
        parent if !parent.is_valid() => 0,
        parent if !parent.is_remote() => 1,
        _ => 2,
    }
}
