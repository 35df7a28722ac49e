//! A provider with a buffer, a thread that delivers, and an exporter that keeps what it gets.
#![allow(dead_code, unreachable_pub)]

use std::thread::JoinHandle;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, ShouldSample, Span};
use std::sync::Arc;
use throughline_model::SelfMeter;
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Retention, RetentionBuffer};
use throughline_testkit::{CollectingSpanExporter, ManualClock};

pub const LONG: Duration = Duration::from_secs(60);

pub struct Rig {
    pub buffer: RetentionBuffer,
    pub tracer: SdkTracer,
    pub provider: SdkTracerProvider,
    pub exporter: CollectingSpanExporter,
    pub clock: ManualClock,
    delivery: JoinHandle<()>,
}

impl Rig {
    pub fn new(retention: Retention, head: impl Into<Box<dyn ShouldSample>>) -> Self {
        Self::with_batches(retention, head, BatchSettings::spans())
    }

    pub fn with_batches(
        retention: Retention,
        head: impl Into<Box<dyn ShouldSample>>,
        batches: BatchSettings,
    ) -> Self {
        let clock = ManualClock::new();
        let retention = retention.clock(Arc::new(clock.clone()));
        let (buffer, worker) = retention.build(batches, &SelfMeter::new()).unwrap();
        let exporter = CollectingSpanExporter::new();
        let delivered = exporter.clone();
        let delivery = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            runtime.block_on(worker.run(delivered));
        });
        let provider = SdkTracerProvider::builder()
            .with_sampler(buffer.sampler(head))
            .with_span_processor(buffer.clone())
            .build();
        Self {
            buffer,
            tracer: provider.tracer("test"),
            provider,
            exporter,
            clock,
            delivery,
        }
    }

    /// A local root whose caller is in another process.
    pub fn remote_child(&self, name: &'static str, trace: u128, sampled: bool) -> Span {
        let flags = TraceFlags::default().with_sampled(sampled);
        let (trace, span) = (TraceId::from(trace), SpanId::from(1));
        let parent = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        let remote = Context::new().with_remote_span_context(parent);
        self.tracer.start_with_context(name, &remote)
    }

    /// Drops everything that makes or holds spans, then waits for the delivery to end.
    pub fn drop_all(self) {
        drop((self.buffer, self.provider, self.tracer));
        self.delivery.join().unwrap();
    }

    /// Shuts down; nothing is counted twice or not at all.
    pub fn end(self) {
        let _ = self.buffer.shutdown(LONG);
        let counts = self.buffer.counts();
        assert_eq!(counts.buffered, 0);
        assert_eq!(counts.handed_on(), self.buffer.queue_counts().offered());
        drop((self.provider, self.tracer));
        self.delivery.join().unwrap();
        assert_eq!(self.buffer.bytes(), 0);
    }
}
