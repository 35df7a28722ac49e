//! The exemplar filter `Resolvable`: every exemplar that is published points at a span that was delivered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use common::keeper::{Keeper, spans, within};
use common::{Bench, bench_with};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::{SpanContext, SpanId, TraceId};
use throughline_engine::{
    Aggregation, ExemplarFilter, ExemplarReservoir, Measurement, MeterProvider,
    MeterProviderBuilder, Outliers, Selector, View,
};
use throughline_model::{Exemplar, Fate, KeepReason, Number, Snapshot, TraceKeeper};
use throughline_testkit::{InMemoryReader, NONE, Seen};

/// With a keeper, the filter, and outliers above 100.
fn resolvable() -> (Bench, Keeper) {
    resolvable_with(|builder| builder)
}

fn resolvable_with(
    more: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
) -> (Bench, Keeper) {
    let keeper = Keeper::default();
    let bench = bench_with(|builder| {
        more(
            builder
                .self_telemetry(true)
                .exemplar_filter(ExemplarFilter::Resolvable)
                .trace_keeper(Arc::new(keeper.clone()))
                .outliers(Selector::any().scope_name("test"), Outliers::above(100.0)),
        )
    });
    (bench, keeper)
}

fn histogram(bench: &Bench) -> Histogram<f64> {
    let builder = bench.meter.f64_histogram("h");
    builder.with_boundaries(vec![1.0, 10.0]).build()
}

/// Measures in a sampled span.
fn measure(histogram: &Histogram<f64>, span: u64, value: f64) {
    let _guard = within(span, true);
    histogram.record(value, &[]);
}

fn of_histogram(reader: &InMemoryReader) -> Vec<u64> {
    spans(&reader.collect().histogram("h", NONE).exemplars)
}

/// How many exemplars were published, withdrawn, undecided. The collection that tells does not count itself.
fn outcomes(snapshot: &Snapshot) -> [Number; 3] {
    ["published", "withdrawn", "undecided"].map(|outcome| {
        snapshot.number(
            "throughline.engine.exemplars",
            [("throughline.exemplar.outcome", outcome)],
        )
    })
}

#[test]
fn only_what_was_delivered_is_published() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    for (span, value, fate) in [
        (1, 0.5, Some(Fate::Delivered)),
        (2, 5.0, Some(Fate::Lost)),
        (3, 50.0, None),
    ] {
        measure(&histogram, span, value);
        fate.into_iter().for_each(|fate| keeper.set(span, fate));
    }
    for reader in [&bench.delta, &bench.cumulative] {
        assert_eq!(of_histogram(reader), [1]);
    }
    let told = outcomes(&bench.cumulative.collect());
    assert_eq!(told, [Number::U64(2), Number::U64(4), Number::U64(0)]);
}

#[test]
fn a_cumulative_reader_waits_for_two_collections() {
    for delivered_at in 1..=4 {
        let (bench, keeper) = resolvable();
        let histogram = histogram(&bench);
        measure(&histogram, 1, 0.5);
        keeper.set(1, Fate::Pending);
        let mut published = Vec::new();
        for collection in 1..=5 {
            if collection == delivered_at {
                keeper.set(1, Fate::Delivered);
            }
            bench.clock.advance(Duration::from_secs(1));
            if !of_histogram(&bench.cumulative).is_empty() {
                published.push(collection);
            }
        }
        let expected: &[i32] = if delivered_at <= 3 {
            &[delivered_at]
        } else {
            &[]
        };
        assert_eq!(published, expected);
        let [yes, _, undecided] = outcomes(&bench.cumulative.collect());
        assert_eq!(yes, Number::U64(expected.len() as u64));
        assert_eq!(undecided, Number::U64(1 - expected.len() as u64));
        assert_eq!(keeper.told().asked.len() as i32, delivered_at.min(3));
    }
}

#[test]
fn what_waits_may_be_lost_in_the_end() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    measure(&histogram, 1, 0.5);
    keeper.set(1, Fate::Pending);
    assert!(of_histogram(&bench.cumulative).is_empty());
    keeper.set(1, Fate::Lost);
    assert!(of_histogram(&bench.cumulative).is_empty());
    keeper.set(1, Fate::Delivered);
    assert!(
        of_histogram(&bench.cumulative).is_empty(),
        "what is withdrawn is gone"
    );
    let told = outcomes(&bench.cumulative.collect());
    assert_eq!(told, [Number::U64(0), Number::U64(1), Number::U64(0)]);
}

#[test]
fn a_delta_reader_publishes_in_the_interval_or_not_at_all() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    measure(&histogram, 1, 0.5);
    keeper.set(1, Fate::Pending);
    assert!(of_histogram(&bench.delta).is_empty());
    keeper.set(1, Fate::Delivered);
    measure(&histogram, 2, 0.5);
    keeper.set(2, Fate::Delivered);
    assert_eq!(of_histogram(&bench.delta), [2]);
    let told = outcomes(&bench.cumulative.collect());
    assert_eq!(told, [Number::U64(1), Number::U64(0), Number::U64(1)]);
}

#[test]
fn each_reader_waits_by_itself() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    measure(&histogram, 1, 0.5);
    keeper.set(1, Fate::Pending);
    assert!(of_histogram(&bench.cumulative).is_empty());
    keeper.set(1, Fate::Delivered);
    assert_eq!(of_histogram(&bench.delta), [1]);
    assert_eq!(of_histogram(&bench.cumulative), [1]);
    assert!(of_histogram(&bench.cumulative).is_empty(), "once");
}

#[test]
fn what_waited_comes_beside_what_is_new_and_lies_within_its_point() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    for span in 1..=3 {
        // Each in a bucket of its own.
        measure(&histogram, span, [50.0, 0.5, 5.0][span as usize - 1]);
        keeper.set(span, Fate::Pending);
        bench.clock.advance(Duration::from_secs(5));
        bench.cumulative.collect();
    }
    (1..=3).for_each(|span| keeper.set(span, Fate::Delivered));
    measure(&histogram, 4, 70.0);
    keeper.set(4, Fate::Delivered);
    let snapshot = bench.cumulative.collect();
    let point = snapshot.histogram("h", NONE);
    // The first was given up before.
    assert_eq!(spans(&point.exemplars), [2, 3, 4]);
    for exemplar in &point.exemplars {
        assert!((point.start..=point.time).contains(&exemplar.time));
    }
}

/// Specification: `metrics/sdk.md`, "AlignedHistogramBucketExemplarReservoir": at most one per bucket.
#[test]
fn of_those_of_one_bucket_that_waited_the_newest_is_published() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    for (span, value) in [(1, 0.5), (2, 0.7), (3, 5.0)] {
        measure(&histogram, span, value);
        keeper.set(span, Fate::Pending);
        bench.clock.advance(Duration::from_secs(5));
        if span < 3 {
            bench.cumulative.collect();
        }
    }
    (1..=3).for_each(|span| keeper.set(span, Fate::Delivered));
    assert_eq!(of_histogram(&bench.cumulative), [2, 3]);
}

#[test]
fn exemplars_return_to_their_own_series() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    let set = |k: i64| [KeyValue::new("k", k)];
    // These have a place each and are not reported: nothing was measured.
    let unused = (histogram.bind(&set(100)), histogram.bind(&set(200)));
    for k in 1..=5u64 {
        let bound = histogram.bind(&set(k as i64));
        let _guard = within(k, true);
        bound.record(0.5);
        keeper.set(k, Fate::Pending);
    }
    bench.cumulative.collect();
    {
        // One of them is, from now on: all points after it move up.
        let _guard = within(100, true);
        unused.0.record(0.5);
    }
    for span in [1, 3, 5, 100] {
        keeper.set(span, Fate::Delivered);
    }
    let snapshot = bench.cumulative.collect();
    for k in [1, 2, 3, 4, 5, 100] {
        let expected: &[u64] = if k % 2 == 1 || k == 100 { &[k] } else { &[] };
        let point = snapshot.histogram("h", [("k", k as i64)]);
        assert_eq!(spans(&point.exemplars), expected);
    }
}

#[test]
fn every_aggregation_withholds_its_exemplars() {
    let (bench, keeper) = resolvable_with(|b| {
        b.view(View::select(Selector::name("e")).aggregation(Aggregation::exponential()))
    });
    let (counter, gauge) = (
        bench.meter.u64_counter("c").build(),
        bench.meter.f64_gauge("g").build(),
    );
    let exponential = bench.meter.f64_histogram("e").build();
    {
        let _guard = within(1, true);
        counter.add(1, &[]);
        gauge.record(1.0, &[]);
        exponential.record(1.0, &[]);
    }
    let taken = |snapshot: &Snapshot| {
        [
            snapshot.number_point("c", NONE).exemplars.clone(),
            snapshot.number_point("g", NONE).exemplars.clone(),
            snapshot.exponential("e", NONE).exemplars.clone(),
        ]
        .map(|exemplars| spans(&exemplars))
    };
    keeper.set(1, Fate::Pending);
    assert_eq!(taken(&bench.cumulative.collect()), [[0; 0]; 3]);
    keeper.set(1, Fate::Delivered);
    assert_eq!(taken(&bench.cumulative.collect()), [[1]; 3]);
}

#[test]
fn outliers_of_spans_that_are_not_sampled_are_offered_others_are_not() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    keeper.told().refused.push(3);
    (1..=3).for_each(|span| keeper.set(span, Fate::Delivered));
    for (span, value) in [(1, 0.5), (2, 200.0), (3, 300.0)] {
        let _guard = within(span, false);
        histogram.record(value, &[]);
    }
    assert_eq!(keeper.told().kept, [(2, KeepReason::Outlier)]);
    for reader in [&bench.delta, &bench.cumulative] {
        assert_eq!(of_histogram(reader), [2]);
    }
    // One that is sampled and cannot be kept otherwise is an exemplar all the same.
    measure(&histogram, 3, 300.0);
    assert_eq!(of_histogram(&bench.delta), [3]);
}

#[test]
fn other_filters_ask_nobody() {
    for (filter, expected) in [
        (ExemplarFilter::TraceBased, vec![1]),
        (ExemplarFilter::AlwaysOn, vec![1, 2]),
        (ExemplarFilter::AlwaysOff, vec![]),
    ] {
        let (bench, keeper) = resolvable_with(|b| b.exemplar_filter(filter));
        let histogram = histogram(&bench);
        measure(&histogram, 1, 0.5);
        {
            let _guard = within(2, false);
            histogram.record(200.0, &[]);
        }
        assert_eq!(of_histogram(&bench.delta), expected);
        assert!(keeper.told().asked.is_empty());
        assert_eq!(keeper.kept(), [2]);
    }
}

#[test]
fn without_a_keeper_it_is_trace_based() {
    let bench = bench_with(|b| b.exemplar_filter(ExemplarFilter::Resolvable));
    let histogram = histogram(&bench);
    measure(&histogram, 1, 0.5);
    {
        let _guard = within(2, false);
        histogram.record(5.0, &[]);
    }
    assert_eq!(of_histogram(&bench.delta), [1]);
}

#[test]
fn reservoirs_of_the_users_own_are_withheld_too() {
    #[derive(Default)]
    struct Newest(Option<Exemplar>);
    impl ExemplarReservoir for Newest {
        fn offer(&mut self, measurement: &Measurement<'_>) {
            self.0 = Some(measurement.to_exemplar());
        }
        fn collect(&mut self) -> Vec<Exemplar> {
            self.0.take().into_iter().collect()
        }
    }
    let (bench, keeper) = resolvable_with(|b| {
        b.view(View::select(Selector::name("h")).exemplar_reservoir(Newest::default))
    });
    let histogram = histogram(&bench);
    measure(&histogram, 1, 0.5);
    keeper.set(1, Fate::Pending);
    assert!(of_histogram(&bench.cumulative).is_empty());
    measure(&histogram, 2, 0.5);
    keeper.set(1, Fate::Delivered);
    assert_eq!(of_histogram(&bench.cumulative), [1]);
}

#[test]
fn a_keeper_that_panics_costs_an_exemplar_and_no_measurement() {
    let (bench, keeper) = resolvable();
    let histogram = histogram(&bench);
    keeper.told().panics = true;
    measure(&histogram, 1, 0.5);
    {
        let _guard = within(2, false);
        histogram.record(200.0, &[]);
    }
    measure(&histogram, 3, 300.0);
    assert!(of_histogram(&bench.cumulative).is_empty());
    keeper.told().panics = false;
    keeper.set(1, Fate::Delivered);
    keeper.set(3, Fate::Delivered);
    let snapshot = bench.cumulative.collect();
    let point = snapshot.histogram("h", NONE);
    // What was not told was not known: it waited.
    assert_eq!(spans(&point.exemplars), [1, 3]);
    assert_eq!(point.count(), 3);
    let panicked = snapshot.number("throughline.engine.callbacks.panicked", NONE);
    // Two outliers and two exemplars.
    assert_eq!(panicked, Number::U64(4));
}

/// A keeper that measures, makes instruments, ticks and collects on other threads while it is asked, and waits for them: had
/// the engine any lock in its hand, this would never end.
#[test]
fn the_keeper_is_asked_with_no_lock_held() {
    #[derive(Debug)]
    struct Busy(MeterProvider, Histogram<f64>, InMemoryReader);
    #[derive(Debug, Default)]
    struct Late(std::sync::OnceLock<Busy>);
    impl Late {
        fn work(&self) {
            let Busy(provider, histogram, reader) = self.0.get().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    histogram.record(0.5, &[]);
                    histogram.record(0.5, &[KeyValue::new("thread", "new")]);
                    use opentelemetry::metrics::MeterProvider as _;
                    let counter = provider.meter("test").u64_counter("made.late").build();
                    counter.add(1, &[]);
                    provider.tick();
                    reader.collect();
                });
            });
        }
    }
    impl TraceKeeper for Late {
        fn candidate(&self, _: &SpanContext) -> bool {
            self.work();
            true
        }
        fn keep(&self, _: TraceId, _: SpanId, _: KeepReason) {
            self.work();
        }
        fn fate(&self, _: TraceId, _: SpanId) -> Fate {
            self.work();
            Fate::Delivered
        }
    }
    let keeper = Arc::new(Late::default());
    let bench = bench_with(|b| {
        b.exemplar_filter(ExemplarFilter::Resolvable)
            .trace_keeper(Arc::clone(&keeper) as _)
            .outliers(Selector::any(), Outliers::above(100.0))
    });
    let histogram = histogram(&bench);
    keeper
        .0
        .set(Busy(
            bench.provider.clone(),
            histogram.clone(),
            bench.delta.clone(),
        ))
        .unwrap();
    measure(&histogram, 1, 200.0);
    assert_eq!(of_histogram(&bench.cumulative), [1]);
}

/// Measures an outlier when it is dropped.
struct AtTheEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        if let Some(measure) = self.0.take() {
            measure();
        }
    }
}

thread_local! {
    static AT_THE_END: RefCell<AtTheEnd> = const { RefCell::new(AtTheEnd(None)) };
}

#[test]
fn destructors_of_thread_locals_may_measure_outliers() {
    for outliers in [Outliers::above(1.0), Outliers::quantile(0.9)] {
        for (first, panics) in [(true, false), (false, false), (true, true), (false, true)] {
            let (bench, keeper) = resolvable_with(|b| {
                b.view(View::select(Selector::name("h")).outliers(outliers))
                    .view(
                        View::select(Selector::name("e"))
                            .aggregation(Aggregation::exponential())
                            .outliers(outliers),
                    )
            });
            keeper.told().panics = panics;
            let meter = bench.meter.clone();
            std::thread::spawn(move || {
                let explicit = meter.f64_histogram("h").build();
                let exponential = meter.f64_histogram("e").build();
                if first {
                    AT_THE_END.with(|_| ());
                }
                let measure = move || {
                    explicit.record(5.0, &[]);
                    exponential.record(5.0, &[]);
                };
                measure();
                AT_THE_END.with(|late| late.borrow_mut().0 = Some(Box::new(measure)));
            })
            .join()
            .unwrap();
            bench.provider.tick();
            let snapshot = bench.cumulative.collect();
            assert_eq!(snapshot.histogram("h", NONE).count(), 2);
            assert_eq!(snapshot.exponential("e", NONE).count(), 2);
        }
    }
}
