//! Exemplars (specification: `metrics/sdk.md`, "Exemplar").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Bench, always_on, bench, bench_with};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use throughline_engine::{
    Aggregation, ExemplarFilter, ExemplarReservoir, Measurement, Selector, View,
};
use throughline_model::{Clock, Data, Exemplar, Number};
use throughline_testkit::{NONE, Seen};

fn context(span: u64, flags: TraceFlags) -> Context {
    let context = SpanContext::new(
        TraceId::from(u128::from(span) << 64 | 1),
        SpanId::from(span),
        flags,
        false,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(context)
}

/// Makes a span of this id current.
fn within(span: u64) -> ContextGuard {
    context(span, TraceFlags::SAMPLED).attach()
}

fn spans(exemplars: &[Exemplar]) -> Vec<u64> {
    let id = |exemplar: &Exemplar| u64::from_be_bytes(exemplar.span.unwrap().1.to_bytes());
    exemplars.iter().map(id).collect()
}

fn of_counter(bench: &Bench) -> Vec<Exemplar> {
    bench
        .cumulative
        .collect()
        .number_point("c", NONE)
        .exemplars
        .clone()
}

/// Specification: "TraceBased". The default.
#[test]
fn a_measurement_in_a_sampled_span_becomes_an_exemplar_of_every_aggregation() {
    let bench = bench_with(|b| {
        b.view(View::select(Selector::name("e")).aggregation(Aggregation::exponential()))
    });
    let meter = &bench.meter;
    let (u64_counter, f64_counter) = (
        meter.u64_counter("u").build(),
        meter.f64_counter("f").build(),
    );
    let (up_down, gauge) = (
        meter.i64_up_down_counter("ud").build(),
        meter.i64_gauge("g").build(),
    );
    let (floats, integers) = (
        meter.f64_histogram("h").build(),
        meter.u64_histogram("hu").build(),
    );
    let exponential = meter.f64_histogram("e").build();
    let _guard = within(7);
    u64_counter.add(u64::MAX, &[]);
    f64_counter.add(1.5, &[]);
    up_down.add(-4, &[]);
    gauge.record(-3, &[]);
    floats.record(3.0, &[]);
    integers.record(4, &[]);
    exponential.record(5.0, &[]);
    let time = bench.clock.now();
    let snapshot = bench.cumulative.collect();
    let expected = |value| Exemplar {
        filtered_attributes: vec![],
        time,
        value,
        span: Some((TraceId::from(7 << 64 | 1), SpanId::from(7))),
    };
    let number = |name| snapshot.number_point(name, NONE).exemplars.clone();
    assert_eq!(number("u"), [expected(Number::U64(u64::MAX))]);
    assert_eq!(number("f"), [expected(Number::F64(1.5))]);
    assert_eq!(number("ud"), [expected(Number::I64(-4))]);
    assert_eq!(number("g"), [expected(Number::I64(-3))]);
    assert_eq!(
        snapshot.histogram("h", NONE).exemplars,
        [expected(Number::F64(3.0))]
    );
    assert_eq!(
        snapshot.histogram("hu", NONE).exemplars,
        [expected(Number::U64(4))]
    );
    assert_eq!(
        snapshot.exponential("e", NONE).exemplars,
        [expected(Number::F64(5.0))]
    );
}

#[test]
fn a_span_that_is_present_and_not_sampled_gives_none_and_the_next_sampled_one_does() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    counter.add(1, &[]);
    let guard = context(1, TraceFlags::default()).attach();
    (0..100).for_each(|_| counter.add(1, &[]));
    drop(guard);
    assert!(of_counter(&bench).is_empty());
    let guard = within(2);
    counter.add(1, &[]);
    drop(guard);
    counter.add(1, &[]);
    assert_eq!(spans(&of_counter(&bench)), [2]);
}

#[test]
fn always_on_takes_measurements_without_a_span_and_gives_no_ids_of_zeros() {
    let bench = always_on();
    let counter = bench.meter.u64_counter("c").build();
    counter.add(1, &[]);
    assert_eq!(of_counter(&bench)[0].span, None);
    let guard = context(0, TraceFlags::SAMPLED).attach();
    counter.add(1, &[]);
    drop(guard);
    assert_eq!(of_counter(&bench)[0].span, None);
    let guard = context(3, TraceFlags::default()).attach();
    counter.add(1, &[]);
    drop(guard);
    assert_eq!(spans(&of_counter(&bench)), [3]);
}

#[test]
fn always_off_takes_none() {
    let bench = bench_with(|b| b.exemplar_filter(ExemplarFilter::AlwaysOff));
    let counter = bench.meter.u64_counter("c").build();
    let histogram = bench.meter.f64_histogram("h").build();
    let gauge = bench.meter.f64_gauge("g").build();
    let _guard = within(1);
    counter.add(1, &[]);
    histogram.record(1.0, &[]);
    gauge.record(1.0, &[]);
    let snapshot = bench.cumulative.collect();
    assert!(snapshot.number_point("c", NONE).exemplars.is_empty());
    assert!(snapshot.histogram("h", NONE).exemplars.is_empty());
    assert!(snapshot.number_point("g", NONE).exemplars.is_empty());
}

/// Specification: "AlignedHistogramBucketExemplarReservoir".
#[test]
fn a_histogram_keeps_one_exemplar_per_bucket_and_its_value_lies_in_it() {
    let bench = always_on();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![1.0, 2.0, 3.0])
        .build();
    for round in 0..50 {
        for value in [0.5, 1.5, 2.5, 3.5] {
            let _guard = within(round + 1);
            histogram.record(value + f64::from(round as u32) / 1000.0, &[]);
        }
    }
    let snapshot = bench.delta.collect();
    let point = snapshot.histogram("h", NONE);
    let values: Vec<f64> = point.exemplars.iter().map(|e| e.value.as_f64()).collect();
    assert_eq!(values.len(), 4);
    for (bucket, value) in values.into_iter().enumerate() {
        assert_eq!(point.bounds.partition_point(|bound| *bound < value), bucket);
    }
}

/// Specification: "Exemplar defaults": `min(20, max_size)` for exponential histograms.
#[test]
fn reservoirs_have_the_sizes_of_the_specification() {
    let size = |max_size| {
        let bench = bench_with(|b| {
            b.exemplar_filter(ExemplarFilter::AlwaysOn).view(
                View::select(Selector::any()).aggregation(Aggregation::Exponential {
                    max_size,
                    max_scale: 20,
                    record_min_max: true,
                }),
            )
        });
        let histogram = bench.meter.f64_histogram("h").build();
        (1..200).for_each(|value| histogram.record(f64::from(value), &[]));
        bench
            .cumulative
            .collect()
            .exponential("h", NONE)
            .exemplars
            .len()
    };
    assert_eq!((size(160), size(5)), (20, 5));

    let bench = always_on();
    let cpus = std::thread::available_parallelism().unwrap().get().min(8);
    let one_bucket = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![])
        .build();
    let counter = bench.meter.u64_counter("c").build();
    for _ in 0..100 {
        one_bucket.record(1.0, &[]);
        counter.add(1, &[]);
    }
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.histogram("h", NONE).exemplars.len(), cpus);
    assert_eq!(snapshot.number_point("c", NONE).exemplars.len(), cpus);
}

#[test]
fn exemplar_attributes_and_point_attributes_make_the_original_set() {
    let bench = bench_with(|b| {
        b.view(
            View::select(Selector::any())
                .keep(["kept"])
                .cardinality_limit(1),
        )
    });
    let counter = bench.meter.u64_counter("c").build();
    let (kept, user) = (KeyValue::new("kept", 1), KeyValue::new("user", 7));
    let _guard = within(1);
    // Of a key given twice the last value counts, among what is dropped too.
    counter.add(1, &[KeyValue::new("user", 6), kept.clone(), user.clone()]);
    let snapshot = bench.delta.collect();
    let exemplars = &snapshot.number_point("c", [("kept", 1)]).exemplars;
    assert_eq!(
        exemplars[0].filtered_attributes,
        std::slice::from_ref(&user)
    );
    // A bound instrument knows them from when it was bound.
    counter.bind(&[user.clone(), kept]).add(1);
    let snapshot = bench.delta.collect();
    let exemplars = &snapshot.number_point("c", [("kept", 1)]).exemplars;
    assert_eq!(
        exemplars[0].filtered_attributes,
        std::slice::from_ref(&user)
    );
    // What overflows keeps all of them.
    let other = KeyValue::new("kept", 2);
    counter.add(1, &[user.clone(), other.clone()]);
    let snapshot = bench.delta.collect();
    let exemplars = &snapshot
        .number_point("c", [("otel.metric.overflow", true)])
        .exemplars;
    assert_eq!(exemplars[0].filtered_attributes, [other, user]);
}

/// Specification: "Instrument bind": the context of each recording, not that of the binding.
#[test]
fn a_bound_instrument_takes_the_span_of_each_recording() {
    let bench = bench();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![1.0])
        .build();
    let bound = {
        let _guard = within(1);
        histogram.bind(&[])
    };
    {
        let _guard = within(2);
        bound.record(0.5);
    }
    {
        let _guard = within(3);
        bound.record(1.5);
    }
    let snapshot = bench.cumulative.collect();
    assert_eq!(spans(&snapshot.histogram("h", NONE).exemplars), [2, 3]);
}

#[test]
fn exemplars_are_those_of_the_interval_and_each_reader_has_its_own() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let measure = |span| {
        let _guard = within(span);
        counter.add(1, &[]);
    };
    measure(1);
    assert_eq!(spans(&of_counter(&bench)), [1]);
    // Nothing new: a total repeats its value, not its exemplars.
    assert!(of_counter(&bench).is_empty());
    measure(2);
    let snapshot = bench.delta.collect();
    let mut seen = spans(&snapshot.number_point("c", NONE).exemplars);
    seen.sort_unstable();
    let cpus = std::thread::available_parallelism().unwrap().get();
    if cpus > 1 {
        assert_eq!(seen, [1, 2], "the delta reader had not collected yet");
    }
    assert_eq!(spans(&of_counter(&bench)), [2]);
    // After a collection the first measurement is always taken, whatever was skipped before.
    (0..10_000).for_each(|_| counter.add(1, &[]));
    for span in 10..20 {
        measure(span);
        assert_eq!(spans(&of_counter(&bench)), [span]);
    }
}

#[test]
fn a_new_exemplar_does_not_keep_the_old_span() {
    let bench = bench_with(|b| b.exemplar_filter(ExemplarFilter::AlwaysOn));
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![10.0])
        .build();
    for round in 1..2000u32 {
        let guard = (round % 2 == 1).then(|| within(u64::from(round)));
        histogram.record(f64::from(round % 10) + f64::from(round) / 10_000.0, &[]);
        drop(guard);
        if round % 10 == 0 {
            let snapshot = bench.delta.collect();
            let exemplar = &snapshot.histogram("h", NONE).exemplars[0];
            let fraction = exemplar.value.as_f64() * 10_000.0;
            let measured_in = (fraction.round() as u64) % 10_000 % 1000;
            match exemplar.span {
                Some((_, span)) => {
                    let span = u64::from_be_bytes(span.to_bytes());
                    assert_eq!(span % 2, 1);
                    assert_eq!(span % 1000, measured_in % 1000, "{exemplar:?}");
                }
                None => assert_eq!(measured_in % 2, 0, "{exemplar:?}"),
            }
        }
    }
}

#[test]
fn exemplar_times_lie_within_their_point_also_when_the_clock_jumps_back() {
    let bench = always_on();
    let counter = bench.meter.u64_counter("c").build();
    for round in 0..6 {
        bench.clock.advance(Duration::from_secs(2));
        counter.add(1, &[]);
        if round % 2 == 1 {
            bench.clock.jump_back(Duration::from_secs(30));
        }
        counter.add(1, &[]);
        for reader in [&bench.cumulative, &bench.delta] {
            let snapshot = reader.collect();
            let point = snapshot.number_point("c", NONE);
            assert!(!point.exemplars.is_empty());
            for exemplar in &point.exemplars {
                assert!((point.start..=point.time).contains(&exemplar.time));
            }
        }
    }
}

/// opentelemetry-go #8337: keeping the whole context in an exemplar keeps all that is in it.
#[test]
fn an_exemplar_keeps_no_context() {
    struct Load(Arc<AtomicBool>);
    impl Drop for Load {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = context(1, TraceFlags::SAMPLED)
        .with_value(Load(Arc::clone(&dropped)))
        .attach();
    counter.add(1, &[]);
    drop(guard);
    assert!(dropped.load(Ordering::Relaxed));
    assert_eq!(spans(&of_counter(&bench)), [1]);
}

#[test]
fn suppressed_telemetry_suppresses_spans_not_measurements() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    let _guard = Context::enter_telemetry_suppressed_scope();
    counter.add(1, &[]);
    assert_eq!(bench.cumulative.collect().number("c", NONE), Number::U64(1));
}

#[test]
fn spans_of_the_sdk_are_found_sampled_ones_alone() {
    let bench = bench();
    let counter = bench.meter.u64_counter("c").build();
    for (sampler, expected) in [(Sampler::AlwaysOff, 0), (Sampler::AlwaysOn, 1)] {
        let spans = SdkTracerProvider::builder().with_sampler(sampler).build();
        let tracer = spans.tracer("test");
        let ids = tracer.in_span("work", |context| {
            counter.add(1, &[]);
            let span = context.span().span_context().clone();
            (span.trace_id(), span.span_id())
        });
        let exemplars = of_counter(&bench);
        assert_eq!(exemplars.len(), expected);
        if let Some(exemplar) = exemplars.first() {
            assert_eq!(exemplar.span, Some(ids));
        }
    }
}

#[test]
fn spans_made_by_tracing_are_found() {
    use tracing_opentelemetry::OpenTelemetrySpanExt;
    use tracing_subscriber::layer::SubscriberExt;

    let bench = bench();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![1.0])
        .build();
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let (outer, inner) = tracing::subscriber::with_default(subscriber, || {
        let outer = tracing::info_span!("outer");
        let ids = |span: &tracing::Span| {
            let context = span.context();
            let span = context.span().span_context().clone();
            (span.trace_id(), span.span_id())
        };
        let _outer = outer.enter();
        histogram.record(0.5, &[]);
        let inner = tracing::info_span!("inner");
        let _inner = inner.enter();
        histogram.record(1.5, &[]);
        (ids(&outer), ids(&inner))
    });
    assert_eq!(outer.0, inner.0);
    let snapshot = bench.cumulative.collect();
    let seen: Vec<_> = snapshot
        .histogram("h", NONE)
        .exemplars
        .iter()
        .map(|e| e.span)
        .collect();
    assert_eq!(seen, [Some(outer), Some(inner)]);
}

/// A delta point without new counts is not sent, and neither are its exemplars lost.
#[test]
fn a_histogram_delta_has_exemplars_of_its_own_buckets_alone() {
    let bench = always_on();
    let histogram = bench
        .meter
        .f64_histogram("h")
        .with_boundaries(vec![1.0])
        .build();
    histogram.record(0.5, &[]);
    bench.delta.collect();
    histogram.record(1.5, &[]);
    let snapshot = bench.delta.collect();
    let Data::Histogram(data) = &snapshot.seen("h").data else {
        panic!()
    };
    let point = &data.points[0];
    assert_eq!(point.counts, [0, 1]);
    assert_eq!(point.exemplars.len(), 1);
    assert_eq!(point.exemplars[0].value, Number::F64(1.5));
}

/// Keeps the newest measurement, and panics at a value of 13.
#[derive(Default)]
struct Newest(Option<Exemplar>);

impl ExemplarReservoir for Newest {
    fn offer(&mut self, measurement: &Measurement<'_>) {
        assert!(measurement.value != Number::U64(13), "on purpose");
        self.0 = Some(measurement.to_exemplar());
    }

    fn collect(&mut self) -> Vec<Exemplar> {
        self.0.take().into_iter().collect()
    }
}

/// Specification: "Custom ExemplarReservoir": through a view, one per series.
#[test]
fn a_view_may_bring_its_own_reservoir() {
    let bench = bench_with(|b| {
        b.self_telemetry(true).view(
            View::select(Selector::name("c"))
                .keep(["k"])
                .exemplar_reservoir(Newest::default),
        )
    });
    let counter = bench.meter.u64_counter("c").build();
    let measure = |k: i64, value| {
        counter.add(
            value,
            &[KeyValue::new("k", k), KeyValue::new("user", value as i64)],
        );
    };
    measure(1, 5);
    for round in 1..100 {
        let _guard = within(round);
        measure(1, round);
        measure(2, 2 * round);
    }
    for reader in [&bench.cumulative, &bench.delta] {
        let snapshot = reader.collect();
        for (k, value) in [(1, 99u64), (2, 198)] {
            let point = snapshot.number_point("c", [("k", k)]);
            assert_eq!(spans(&point.exemplars), [99]);
            assert_eq!(point.exemplars[0].value, Number::U64(value));
            let user = KeyValue::new("user", value as i64);
            assert_eq!(point.exemplars[0].filtered_attributes, [user]);
        }
    }
    let panicked = "throughline.engine.callbacks.panicked";
    let before = bench.cumulative.collect().number(panicked, NONE);
    let _guard = within(200);
    measure(1, 13);
    let snapshot = bench.cumulative.collect();
    let Number::U64(before) = before else {
        panic!()
    };
    // Once for each reader's reservoir; the measurement itself is recorded.
    assert_eq!(snapshot.number(panicked, NONE), Number::U64(before + 2));
    let expected = 5 + (1..100).sum::<u64>() + 13;
    assert_eq!(snapshot.number("c", [("k", 1)]), Number::U64(expected));
}
