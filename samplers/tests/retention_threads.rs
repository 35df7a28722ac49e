//! Many threads make spans, ask for them and flush, while one delivers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "retained/rig.rs"]
mod rig;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanId, Status, TraceContextExt, TraceId, Tracer};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline_model::{Fate, KeepReason, Random, TraceKeeper};
use throughline_samplers::batch::BatchSettings;
use throughline_samplers::{Retention, Slow};
use throughline_testkit::SeededRandom;

use rig::{LONG, Rig};

const THREADS: u64 = 4;
const TRACES: u64 = 400;

fn id(random: &SeededRandom) -> TraceId {
    TraceId::from(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()))
}

/// Traces whose children end on another thread, in any order; returns how many spans were recorded.
fn make_spans(rig: &Rig, thread: u64, wanted: impl Fn(u64) -> Option<KeepReason>) -> u64 {
    let random = SeededRandom::new(thread);
    let mut recorded = 0;
    for n in 0..TRACES {
        let trace = id(&random);
        let cx = Context::new().with_span(rig.remote_child(
            "root",
            u128::from_be_bytes(trace.to_bytes()),
            false,
        ));
        let mut children: Vec<_> = (0..4)
            .map(|_| rig.tracer.start_with_context("child", &cx))
            .collect();
        for child in &children {
            recorded += u64::from(child.is_recording());
        }
        recorded += u64::from(cx.span().is_recording());
        if n % 10 == 0 {
            children[0].set_status(Status::error("no"));
        }
        if let Some(why) = wanted(n) {
            rig.buffer.keep(trace, SpanId::INVALID, why);
        }
        if n % 3 == 0 {
            cx.span().end();
        }
        thread::scope(|scope| {
            scope.spawn(move || children.drain(2..).for_each(drop));
        });
        cx.span().end();
    }
    recorded
}

fn by_trace(spans: Vec<SpanData>) -> HashMap<TraceId, Vec<SpanData>> {
    let mut traces: HashMap<_, Vec<_>> = HashMap::new();
    for span in spans {
        traces
            .entry(span.span_context.trace_id())
            .or_default()
            .push(span);
    }
    traces
}

#[test]
fn every_span_is_accounted_for_and_what_is_kept_leaves_whole_and_once() {
    // A thread may have to wait for long in the middle of a trace.
    let never_slow = Retention::new().slow(Slow::Above(Duration::MAX), 1.0);
    let rig = Rig::new(never_slow, Sampler::AlwaysOff);
    let (recorded, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let makers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (rig, recorded) = (&rig, &recorded);
                scope.spawn(move || {
                    let wanted = |n| (n % 7 == 0).then_some(KeepReason::Outlier);
                    recorded.fetch_add(make_spans(rig, thread, wanted), Ordering::Relaxed);
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                rig.buffer.force_flush(LONG).unwrap();
                assert!(rig.buffer.counts().lost() == 0);
            }
        });
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    rig.buffer.force_flush(LONG).unwrap();
    let counts = rig.buffer.counts();
    assert_eq!(counts.offered(), recorded.load(Ordering::Relaxed));
    assert_eq!(counts.offered(), THREADS * TRACES * 5);
    let traces = by_trace(rig.exporter.spans());
    let failed = TRACES.div_ceil(10) + TRACES.div_ceil(7) - TRACES.div_ceil(70);
    assert_eq!(traces.len() as u64, THREADS * failed);
    for (trace, spans) in traces {
        assert_eq!(spans.len(), 5);
        assert!(spans.is_sorted_by_key(|span| span.start_time));
        let ids: HashSet<_> = spans
            .iter()
            .map(|span| span.span_context.span_id())
            .collect();
        assert_eq!(ids.len(), 5);
        for span in ids {
            assert_eq!(rig.buffer.fate(trace, span), Fate::Delivered);
        }
    }
    rig.end();
}

#[test]
fn bounds_hold_and_nothing_is_lost_uncounted_where_all_is_short() {
    const MAX_BYTES: usize = 30_000;
    let retention = Retention::new()
        .max_bytes(MAX_BYTES)
        .max_traces(8)
        .max_spans_per_trace(3)
        .remembered(32);
    let small = BatchSettings {
        max_queue_size: 16,
        max_export_batch_size: 4,
        ..BatchSettings::spans()
    };
    let rig = Rig::with_batches(retention, Sampler::AlwaysOff, small);
    let (recorded, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let makers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (rig, recorded) = (&rig, &recorded);
                scope.spawn(move || {
                    let wanted = |n| (n % 2 == 0).then_some(KeepReason::Explicit);
                    recorded.fetch_add(make_spans(rig, thread, wanted), Ordering::Relaxed);
                })
            })
            .collect();
        scope.spawn(|| {
            let random = SeededRandom::new(0);
            while !done.load(Ordering::Relaxed) {
                assert!(rig.buffer.bytes() <= MAX_BYTES);
                let _ = rig.buffer.is_kept(id(&random));
                let _ = rig.buffer.fate(id(&random), SpanId::INVALID);
                thread::yield_now();
            }
        });
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    rig.buffer.shutdown(LONG).unwrap();
    let counts = rig.buffer.counts();
    assert_eq!(
        counts.offered(),
        recorded.load(Ordering::Relaxed),
        "{counts:?}"
    );
    assert_eq!(
        counts.handed_on(),
        rig.exporter.spans().len() as u64 + rig.buffer.queue_counts().lost()
    );
    for (trace, spans) in by_trace(rig.exporter.spans()) {
        for span in &spans {
            // What is said to have arrived has arrived: whoever forgot says nothing of the kind.
            let fate = rig.buffer.fate(trace, span.span_context.span_id());
            assert!(matches!(fate, Fate::Delivered | Fate::Lost));
        }
    }
    rig.end();
}
