//! Counts stay right and bounds hold, whatever goes: on one thread, with time that stands still unless awaited.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData};
use throughline_model::{Fate, KeepReason, Random, SelfMeter, TraceKeeper};
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::probability::*;
use throughline_samplers::{Retention, RetentionBuffer};
use throughline_testkit::{CollectingSpanExporter, ManualClock, SeededRandom};

const LONG: Duration = Duration::from_secs(60);

struct Rig {
    buffer: RetentionBuffer,
    tracer: SdkTracer,
    exporter: CollectingSpanExporter,
    clock: ManualClock,
}

impl Rig {
    fn new(retention: Retention, head: f64, batches: BatchSettings) -> Self {
        let clock = ManualClock::new();
        let retention = retention.clock(Arc::new(clock.clone()));
        let (buffer, worker) = retention.build(batches, &SelfMeter::new()).unwrap();
        let exporter = CollectingSpanExporter::new();
        tokio::spawn(worker.run(exporter.clone()));
        let head = CompositeSampler::new(ComposableProbability::new(head).unwrap());
        let provider = SdkTracerProvider::builder()
            .with_sampler(buffer.sampler(head))
            .with_span_processor(buffer.clone())
            .build();
        Self {
            buffer,
            tracer: provider.tracer("test"),
            exporter,
            clock,
        }
    }

    /// A local root of this trace.
    fn root(&self, trace: TraceId) -> Context {
        let flags = TraceFlags::default();
        let parent = SpanContext::new(trace, SpanId::from(1), flags, true, TraceState::NONE);
        let remote = Context::new().with_remote_span_context(parent);
        Context::new().with_span(self.tracer.start_with_context("root", &remote))
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::sleep(time).await;
    }

    async fn end(&self) {
        self.buffer.shutdown_async(LONG).await.unwrap();
        let counts = self.buffer.counts();
        assert_eq!((counts.buffered, self.buffer.bytes()), (0, 0));
        assert_eq!(counts.handed_on(), self.buffer.queue_counts().offered());
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

fn large_queue() -> BatchSettings {
    BatchSettings {
        max_queue_size: 100_000,
        max_queue_bytes: 1 << 30,
        ..BatchSettings::spans()
    }
}

fn by_trace(spans: Vec<SpanData>) -> HashMap<TraceId, Vec<SpanData>> {
    let mut traces: HashMap<_, Vec<_>> = HashMap::new();
    for span in spans {
        let trace = span.span_context.trace_id();
        traces.entry(trace).or_default().push(span);
    }
    traces
}

fn adjusted_count(span: &SpanData) -> f64 {
    let th = OtelTraceState::of(span.span_context.trace_state()).threshold();
    th.expect("its count is known").adjusted_count()
}

/// What was true, what was estimated, and the variance of the estimate.
#[derive(Default)]
struct Estimate {
    truth: f64,
    estimated: f64,
    variance: f64,
}

impl Estimate {
    fn count(&mut self, weight: f64) {
        self.estimated += weight;
        self.variance += weight * (weight - 1.0);
    }

    fn z(&self) -> f64 {
        (self.estimated - self.truth) / self.variance.sqrt()
    }
}

/// 1,500 traces of four spans, of which 300 are open at a time, in a buffer for about 100.
async fn under_pressure(seed: u64, all: &mut Estimate, errors: &mut Estimate) -> u64 {
    const MAX_BYTES: usize = 200_000;
    let rig = Rig::new(Retention::new().max_bytes(MAX_BYTES), 0.1, large_queue());
    let random = SeededRandom::new(seed);
    let mut open = VecDeque::new();
    let mut spans = 0;
    for _ in 0..1500 {
        let id = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
        let cx = rig.root(TraceId::from(id));
        let fails = random.open01() < 0.2;
        all.truth += 1.0;
        errors.truth += f64::from(u8::from(fails));
        for child in 0..3 {
            let mut child_span = rig.tracer.start_with_context("child", &cx);
            if fails && child == 1 {
                child_span.set_status(Status::error("no"));
            }
            spans += u64::from(child_span.is_recording());
            child_span.end();
            assert!(rig.buffer.bytes() <= MAX_BYTES);
        }
        spans += u64::from(cx.span().is_recording());
        open.push_back(cx);
        if open.len() > 300 {
            open.pop_front().unwrap().span().end();
            assert!(rig.buffer.bytes() <= MAX_BYTES);
        }
        if random.open01() < 0.02 {
            rig.pass(Duration::from_millis(400)).await;
        }
    }
    for cx in open {
        cx.span().end();
    }
    rig.pass(Duration::from_secs(1)).await;
    let counts = rig.buffer.counts();
    assert_eq!(counts.offered(), spans, "{counts:?}");
    assert_eq!(counts.lost(), counts.evicted, "{counts:?}");
    rig.end().await;
    let traces = by_trace(rig.exporter.spans());
    for spans in traces.values() {
        let failed = |span: &SpanData| matches!(span.status, Status::Error { .. });
        // The spans of what the head chose leave early where memory is short, and then in two pieces.
        assert_eq!(spans.len(), 4, "whole, and once");
        let root = spans.iter().find(|span| span.name == "root").unwrap();
        let weight = adjusted_count(root);
        all.count(weight);
        if spans.iter().any(failed) {
            errors.count(weight);
        }
    }
    counts.evicted
}

#[test]
fn counts_are_unbiased_though_memory_is_short() {
    let (mut all, mut errors) = (Estimate::default(), Estimate::default());
    let mut evicted = 0;
    for seed in 0..20 {
        run(async {
            evicted += under_pressure(seed, &mut all, &mut errors).await;
        });
    }
    assert!(evicted > 1000, "{evicted}");
    // A correct buffer fails this less than once in a million seeds.
    assert!(all.z().abs() < 5.5, "{} of {}", all.estimated, all.truth);
    assert!(
        errors.z().abs() < 5.5,
        "{} of {}",
        errors.estimated,
        errors.truth
    );
}

#[test]
fn what_is_evicted_has_the_lowest_randomness_and_is_lost() {
    run(async {
        let rig = Rig::new(Retention::new().max_spans(100), 0.0, large_queue());
        let random = SeededRandom::new(1);
        let mut open = Vec::new();
        for _ in 0..200 {
            let id = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            let cx = rig.root(TraceId::from(id));
            rig.tracer.start_with_context("child", &cx).end();
            rig.buffer
                .keep(TraceId::from(id), SpanId::INVALID, KeepReason::Outlier);
            open.push(cx);
        }
        let recorded: Vec<_> = open.iter().filter(|cx| cx.span().is_recording()).collect();
        for cx in &recorded {
            cx.span().end();
        }
        rig.buffer.force_flush_async(LONG).await.unwrap();
        let r = |cx: &Context| Randomness::from_trace_id(cx.span().span_context().trace_id());
        let fates = recorded.iter().map(|cx| {
            let span = cx.span().span_context().clone();
            (r(cx), rig.buffer.fate(span.trace_id(), span.span_id()))
        });
        let mut fates: Vec<_> = fates.collect();
        fates.sort_by_key(|(r, _)| *r);
        let kept = fates
            .iter()
            .filter(|(_, fate)| *fate == Fate::Delivered)
            .count();
        let split = fates.len() - kept;
        assert!(kept > 20 && split > 20, "{kept} of {}", fates.len());
        for (_, fate) in &fates[..split] {
            assert_eq!(*fate, Fate::Lost);
        }
        assert!(rig.buffer.probability() < 1.0);
        assert_eq!(rig.exporter.spans().len(), 2 * kept);
        // It falls when there is room again.
        for _ in 0..20 {
            rig.pass(Duration::from_secs(1)).await;
        }
        assert_eq!(rig.buffer.probability(), 1.0);
        rig.end().await;
    });
}

#[test]
fn what_is_asked_for_by_hand_outlives_what_is_evicted() {
    run(async {
        let rig = Rig::new(Retention::new().max_spans(50), 0.0, large_queue());
        let asked = rig.root(TraceId::from(1));
        rig.buffer
            .keep(TraceId::from(1), SpanId::INVALID, KeepReason::Explicit);
        rig.tracer.start_with_context("child", &asked).end();
        let random = SeededRandom::new(2);
        let open: Vec<_> = (0..200)
            .map(|_| {
                let cx = rig.root(TraceId::from(u128::from(random.next_u64())));
                rig.tracer.start_with_context("child", &cx).end();
                cx
            })
            .collect();
        asked.span().end();
        rig.buffer.force_flush_async(LONG).await.unwrap();
        assert_eq!(rig.exporter.spans().len(), 2);
        drop(open);
        rig.end().await;
    });
}

#[test]
fn the_head_sample_leaves_early_where_memory_is_short() {
    run(async {
        let rig = Rig::new(Retention::new().max_spans(64), 1.0, large_queue());
        let low = rig.root(TraceId::from(1));
        drop(low);
        rig.end().await;
        // At one half, with a hundred open traces that the head chose.
        let rig = Rig::new(Retention::new().max_spans(64), 0.5, large_queue());
        let open: Vec<_> = (0..100)
            .map(|n| {
                let cx = rig.root(TraceId::from((0x80 << 48) + n));
                rig.tracer.start_with_context("child", &cx).end();
                cx
            })
            .collect();
        rig.pass(Duration::from_secs(1)).await;
        for cx in &open {
            cx.span().end();
        }
        rig.buffer.force_flush_async(LONG).await.unwrap();
        let counts = rig.buffer.counts();
        assert_eq!(counts.evicted, 0, "{counts:?}");
        assert_eq!(
            rig.exporter.spans().len() as u64 + counts.lost(),
            200,
            "{counts:?}"
        );
        for span in rig.exporter.spans() {
            assert_eq!(span.span_context.trace_state().header(), "ot=th:8");
        }
        rig.end().await;
    });
}

#[test]
fn a_trace_with_too_many_spans_keeps_its_root_and_is_torn() {
    run(async {
        let rig = Rig::new(Retention::new().max_spans_per_trace(3), 0.0, large_queue());
        let cx = rig.root(TraceId::from(1));
        let mut child = rig.tracer.start_with_context("child", &cx);
        child.set_status(Status::error("no"));
        child.end();
        for _ in 0..9 {
            rig.tracer.start_with_context("child", &cx).end();
        }
        cx.span().end();
        rig.buffer.force_flush_async(LONG).await.unwrap();
        let names: Vec<_> = rig
            .exporter
            .spans()
            .into_iter()
            .map(|span| span.name)
            .collect();
        assert_eq!(names, ["root", "child", "child", "child"]);
        assert_eq!(rig.buffer.counts().trace_full, 7);
        // Nobody remembers which spans are missing: no exemplar may point at any.
        let root = cx.span().span_context().span_id();
        assert_eq!(rig.buffer.fate(TraceId::from(1), root), Fate::Lost);
        rig.end().await;
    });
}

#[test]
fn a_part_whose_time_is_up_is_decided_and_what_ends_later_goes_the_same_way() {
    run(async {
        let rig = Rig::new(Retention::new(), 0.0, large_queue());
        for (id, fails) in [(1, true), (2, false)] {
            let cx = rig.root(TraceId::from(id));
            let mut child = rig.tracer.start_with_context("child", &cx);
            if fails {
                child.set_status(Status::error("no"));
            }
            child.end();
            for _ in 0..70 {
                rig.pass(Duration::from_secs(1)).await;
            }
            assert_eq!(rig.buffer.counts().buffered, 0);
            cx.span().end();
            rig.buffer.force_flush_async(LONG).await.unwrap();
        }
        let names: Vec<_> = rig
            .exporter
            .spans()
            .into_iter()
            .map(|span| span.name)
            .collect();
        assert_eq!(names, ["child", "root"]);
        rig.end().await;
    });
}

#[test]
fn a_span_that_nobody_ends_is_forgotten_and_decided_should_it_end_all_the_same() {
    run(async {
        let rig = Rig::new(Retention::new(), 0.0, large_queue());
        let cx = rig.root(TraceId::from(1));
        let span = cx.span().span_context().span_id();
        assert_eq!(rig.buffer.fate(TraceId::from(1), span), Fate::Pending);
        for _ in 0..130 {
            rig.pass(Duration::from_secs(1)).await;
        }
        assert_eq!(rig.buffer.fate(TraceId::from(1), span), Fate::Lost);
        cx.span().set_status(Status::error("no"));
        cx.span().end();
        rig.buffer.force_flush_async(LONG).await.unwrap();
        assert_eq!(rig.exporter.spans().len(), 1);
        assert_eq!(rig.buffer.fate(TraceId::from(1), span), Fate::Delivered);
        rig.end().await;
    });
}

/// A queue that is smaller than what is kept at once: it waits in the buffer and nothing is lost.
#[test]
fn what_is_kept_waits_for_room_in_the_queue() {
    run(async {
        let small = BatchSettings {
            max_queue_size: 8,
            max_export_batch_size: 4,
            ..BatchSettings::spans()
        };
        let rig = Rig::new(Retention::new(), 0.0, small);
        for id in 1..=30 {
            let cx = rig.root(TraceId::from(id));
            cx.span().set_status(Status::error("no"));
            rig.tracer.start_with_context("child", &cx).end();
            cx.span().end();
        }
        rig.buffer.force_flush_async(LONG).await.unwrap();
        assert_eq!(rig.exporter.spans().len(), 60);
        assert_eq!(rig.buffer.queue_counts().lost(), 0);
        rig.end().await;
    });
}

#[test]
fn a_wish_that_comes_too_late_is_counted() {
    run(async {
        let rig = Rig::new(Retention::new(), 0.0, large_queue());
        let cx = rig.root(TraceId::from(1));
        cx.span().end();
        rig.buffer.force_flush_async(LONG).await.unwrap();
        let span = cx.span().span_context().span_id();
        rig.buffer.keep(TraceId::from(1), span, KeepReason::Outlier);
        assert_eq!(rig.buffer.counts().keeps_too_late, 1);
        assert_eq!(rig.buffer.fate(TraceId::from(1), span), Fate::Lost);
        rig.end().await;
    });
}

#[test]
fn a_worker_that_is_dropped_leaves_nobody_waiting() {
    run(async {
        let (buffer, worker) = Retention::new()
            .build(BatchSettings::spans(), &SelfMeter::new())
            .unwrap();
        let flush = buffer.force_flush_async(LONG);
        drop(worker);
        assert!(flush.await.is_err());
        assert!(buffer.force_flush_async(LONG).await.is_err());
        assert!(buffer.shutdown_async(LONG).await.is_err());
    });
}

#[test]
fn more_traces_than_may_be_open_evict_the_lowest() {
    run(async {
        let rig = Rig::new(Retention::new().max_traces(4), 0.0, large_queue());
        let ids = (1..40).map(|n| n << 50).chain([(1 << 56) - 1]);
        let open: Vec<_> = ids.map(|id| rig.root(TraceId::from(id))).collect();
        let highest = open.last().unwrap();
        highest.span().set_status(Status::error("no"));
        for cx in &open {
            cx.span().end();
        }
        rig.buffer.force_flush_async(LONG).await.unwrap();
        let counts = rig.buffer.counts();
        assert!(counts.parts.evicted > 0, "{counts:?}");
        assert_eq!(rig.exporter.spans().len(), 1);
        rig.end().await;
    });
}

#[test]
fn traces_that_pass_take_no_place() {
    run(async {
        let rig = Rig::new(Retention::new().max_traces(4), 1.0, large_queue());
        let open: Vec<_> = (1..40).map(|n| rig.root(TraceId::from(n << 50))).collect();
        rig.pass(Duration::from_secs(5)).await;
        assert_eq!(rig.buffer.probability(), 1.0);
        for cx in &open {
            cx.span().end();
        }
        rig.end().await;
        assert_eq!(rig.exporter.spans().len(), 39);
    });
}
