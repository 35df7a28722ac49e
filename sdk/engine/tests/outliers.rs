//! Outliers of histograms: what is one, and that it asks for its trace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::keeper::{Keeper, spans, within};
use common::{Bench, bench_with, warnings};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use throughline_engine::{
    Aggregation, ExemplarFilter, ExemplarReservoir, InstrumentKind, Measurement,
    MeterProviderBuilder, Outliers, Selector, View,
};
use throughline_model::{Exemplar, KeepReason, Number};
use throughline_testkit::{NONE, Seen};

/// With a keeper, and `outliers` for all instruments.
fn watching(
    outliers: Outliers,
    more: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
) -> (Bench, Keeper) {
    let keeper = Keeper::default();
    let bench = bench_with(|builder| {
        more(
            builder
                .self_telemetry(true)
                .trace_keeper(Arc::new(keeper.clone()))
                .outliers(Selector::name("h*"), outliers),
        )
    });
    (bench, keeper)
}

fn histogram(bench: &Bench, name: &'static str) -> Histogram<f64> {
    let builder = bench.meter.f64_histogram(name);
    builder.with_boundaries(vec![1.0, 10.0]).build()
}

fn measure(histogram: &Histogram<f64>, span: u64, value: f64) {
    let _guard = within(span, false);
    histogram.record(value, &[]);
}

fn outliers(bench: &Bench, trace: &'static str) -> Number {
    let snapshot = bench.cumulative.collect();
    snapshot.number(
        "throughline.engine.outliers",
        [("throughline.outlier.trace", trace)],
    )
}

#[test]
fn what_is_above_the_bound_asks_for_its_trace() {
    let (bench, keeper) = watching(Outliers::above(0.5), |b| b);
    let histogram = histogram(&bench, "h");
    measure(&histogram, 1, 0.5);
    measure(&histogram, 2, 0.500_000_1);
    measure(&histogram, 3, -7.0);
    measure(&histogram, 4, 1e300);
    measure(&histogram, 5, f64::NAN);
    measure(&histogram, 6, f64::INFINITY);
    histogram.record(7.0, &[]);
    assert_eq!(
        keeper.told().kept,
        [(2, KeepReason::Outlier), (4, KeepReason::Outlier)]
    );
    assert_eq!(outliers(&bench, "asked"), Number::U64(2));
    assert_eq!(outliers(&bench, "none"), Number::U64(1));
    // And it is measured like all others.
    let point = bench.cumulative.collect();
    assert_eq!(point.histogram("h", NONE).counts, [3, 1, 1]);
}

#[test]
fn bound_and_integer_histograms_of_every_aggregation_have_outliers() {
    let (bench, keeper) = watching(Outliers::above(5.0), |b| {
        b.view(View::select(Selector::name("h_e*")).aggregation(Aggregation::exponential()))
            .view(View::select(Selector::name("h_hdr")).aggregation(Aggregation::hdr(0.01, 100.0)))
            .view(
                View::select(Selector::name("h_long")).aggregation(Aggregation::explicit(
                    (0..5_000).map(f64::from).collect::<Vec<_>>(),
                )),
            )
    });
    let set = [KeyValue::new("k", 1)];
    let integers = bench.meter.u64_histogram("h_integers").build();
    let exponential = bench.meter.f64_histogram("h_exponential").build();
    let long = bench.meter.f64_histogram("h_long").build();
    let hdr = bench.meter.f64_histogram("h_hdr").build();
    {
        let _guard = within(1, false);
        integers.record(5, &set);
        for histogram in [&exponential, &long, &hdr] {
            histogram.record(5.0, &set);
        }
    }
    let floats = [exponential, long, hdr];
    let bound_floats = floats.each_ref().map(|histogram| histogram.bind(&set));
    let bound_integers = integers.bind(&set);
    for at in 0..3 {
        let _guard = within(10 + at, false);
        integers.record(6, &set);
        floats
            .iter()
            .for_each(|histogram| histogram.record(6.0, &set));
        let _guard = within(20 + at, false);
        bound_integers.record(6);
        bound_floats
            .iter()
            .for_each(|histogram| histogram.record(6.0));
    }
    let each = |span| [span; 4];
    let expected = [10, 20, 11, 21, 12, 22].map(each);
    assert_eq!(keeper.kept(), expected.as_flattened());
}

#[test]
fn streams_that_are_no_histograms_have_no_outliers() {
    let (bench, keeper) = watching(Outliers::above(0.5), |b| {
        b.view(View::select(Selector::name("h_sum")).aggregation(Aggregation::Sum))
            .outliers(Selector::any(), Outliers::above(0.1))
    });
    let _guard = within(1, true);
    bench.meter.f64_counter("c").build().add(9.0, &[]);
    bench.meter.f64_gauge("g").build().record(9.0, &[]);
    bench.meter.f64_histogram("h_sum").build().record(9.0, &[]);
    assert!(keeper.kept().is_empty());
}

#[test]
fn a_view_goes_before_the_default_and_makes_no_second_stream() {
    let told = warnings(|| {
        let (bench, keeper) = watching(Outliers::above(0.5), |b| {
            b.outliers(Selector::any(), Outliers::above(5.0))
                .view(View::select(Selector::name("h_view")).outliers(Outliers::above(2.0)))
                .view(View::select(Selector::name("h_none")).outliers(Outliers::none()))
                .view(View::select(Selector::name("h_other")).rename("renamed"))
        });
        for (span, name) in [
            (10, "h_view"),
            (20, "h_none"),
            (30, "h_other"),
            (40, "other"),
        ] {
            let histogram = histogram(&bench, name);
            for (at, value) in [(0, 0.4), (1, 0.6), (2, 2.1), (3, 5.1)] {
                measure(&histogram, span + at, value);
            }
        }
        assert_eq!(keeper.kept(), [12, 13, 31, 32, 33, 43]);
        let snapshot = bench.cumulative.collect();
        for name in ["h_view", "h_none", "renamed", "other"] {
            assert_eq!(snapshot.histogram(name, NONE).count(), 4, "{name}");
        }
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn the_default_selects_instruments_like_a_view() {
    let keeper = Keeper::default();
    let bench = bench_with(|builder| {
        builder.trace_keeper(Arc::new(keeper.clone())).outliers(
            Selector::name("*.duration")
                .kind(InstrumentKind::Histogram)
                .unit("s")
                .scope_name("test"),
            Outliers::above(0.5),
        )
    });
    let make = |name: &'static str, unit: &'static str| {
        bench.meter.f64_histogram(name).with_unit(unit).build()
    };
    measure(&make("work.duration", "s"), 1, 1.0);
    measure(&make("play.duration", "ms"), 2, 1.0);
    measure(&make("work.size", "s"), 3, 1.0);
    assert_eq!(keeper.kept(), [1]);
}

#[test]
fn a_bound_out_of_range_is_refused_with_its_name() {
    use throughline_engine::MeterProvider;
    for (outliers, message) in [
        (
            Outliers::above(f64::INFINITY),
            "outliers.above is inf, expected a finite number",
        ),
        (
            Outliers::quantile(0.0),
            "outliers.quantile is 0.0, expected between 0 and 1, both excluded",
        ),
        (
            Outliers::quantile(f64::NAN),
            "outliers.quantile is NaN, expected between 0 and 1, both excluded",
        ),
    ] {
        let of_view =
            MeterProvider::builder().view(View::select(Selector::any()).outliers(outliers));
        assert_eq!(of_view.build().unwrap_err().to_string(), message);
        let default = MeterProvider::builder().outliers(Selector::any(), outliers);
        assert_eq!(default.build().unwrap_err().to_string(), message);
    }
}

#[test]
fn the_quantile_is_that_of_all_series_and_threads_and_moves_with_each_tick() {
    let (bench, keeper) = watching(Outliers::quantile(0.99), |b| b);
    let histogram = histogram(&bench, "h");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let histogram = &histogram;
            scope.spawn(move || {
                for value in 0..500 {
                    let series = [KeyValue::new("series", i64::from(value % 7))];
                    histogram.record(f64::from(4 * value + thread), &series);
                }
            });
        }
    });
    measure(&histogram, 1, 1e6);
    assert!(keeper.kept().is_empty(), "no bound before the first tick");
    bench.provider.tick();
    measure(&histogram, 2, 1_900.0);
    measure(&histogram, 3, 2_100.0);
    assert_eq!(keeper.kept(), [3]);
    // What was slow becomes what is usual.
    (0..1_000).for_each(|_| histogram.record(1e4, &[]));
    let before = keeper.kept().len();
    bench.clock.advance(Duration::from_secs(1));
    bench.delta.collect();
    measure(&histogram, 4, 1e4);
    assert_eq!(keeper.kept().len(), before, "a collection is a tick");
    measure(&histogram, 5, 2e4);
    assert_eq!(keeper.kept().last(), Some(&5));
}

#[test]
fn few_measurements_have_no_quantile() {
    let (bench, keeper) = watching(Outliers::quantile(0.999), |b| b);
    let histogram = histogram(&bench, "h");
    (0..999).for_each(|_| histogram.record(1.0, &[]));
    bench.provider.tick();
    measure(&histogram, 1, 100.0);
    assert!(keeper.kept().is_empty());
    bench.provider.tick();
    measure(&histogram, 2, 200.0);
    assert_eq!(keeper.kept(), [2], "the thousandth was measured");
}

#[test]
fn what_is_not_positive_counts_for_the_quantile() {
    let (bench, keeper) = watching(Outliers::quantile(0.9), |b| b);
    let histogram = histogram(&bench, "h");
    (0..200).for_each(|at| histogram.record(-f64::from(at % 2), &[]));
    bench.provider.tick();
    measure(&histogram, 1, 0.0);
    measure(&histogram, 2, 0.001);
    assert_eq!(keeper.kept(), [2]);
}

/// Its bucket has one place: of 500 measurements before and 499 after, the outlier has it.
#[test]
fn an_outlier_goes_before_what_is_none() {
    for filter in [ExemplarFilter::AlwaysOn, ExemplarFilter::TraceBased] {
        let (bench, _) = watching(Outliers::above(90.0), |b| b.exemplar_filter(filter));
        let histogram = histogram(&bench, "h");
        for round in 0..20 {
            for at in 0..1_000u32 {
                let _guard = within(u64::from(at) + 1, true);
                histogram.record(if at == 500 { 91.0 } else { 80.0 }, &[]);
            }
            for reader in [&bench.cumulative, &bench.delta] {
                let snapshot = reader.collect();
                let exemplars = &snapshot.histogram("h", NONE).exemplars;
                assert_eq!(spans(exemplars), [501], "round {round}");
            }
        }
    }
}

/// The seed is fixed. Each of 10 outliers is expected 40 times with a standard deviation of 6.
#[test]
fn outliers_among_themselves_are_sampled_uniformly() {
    let (bench, _) = watching(Outliers::above(90.0), |b| {
        b.exemplar_filter(ExemplarFilter::AlwaysOn)
    });
    let histogram = histogram(&bench, "h");
    let mut taken = [0; 10];
    for _ in 0..400 {
        for at in 0..50 {
            let outlier = at % 5 == 2;
            histogram.record(
                if outlier {
                    100.0 + f64::from(at / 5)
                } else {
                    80.0
                },
                &[],
            );
        }
        let snapshot = bench.delta.collect();
        let exemplars = &snapshot.histogram("h", NONE).exemplars;
        assert_eq!(exemplars.len(), 1);
        taken[exemplars[0].value.as_f64() as usize - 100] += 1;
    }
    assert!(
        taken.iter().all(|count| (8..=72).contains(count)),
        "{taken:?}"
    );
}

/// A reservoir of 20: the outliers have a place each, and the rest is a uniform sample of the rest, whatever the
/// outliers in between did to the skips.
#[test]
fn outliers_leave_the_sample_of_the_others_uniform() {
    let (bench, _) = watching(Outliers::above(90.0), |b| {
        b.exemplar_filter(ExemplarFilter::AlwaysOn)
            .view(View::select(Selector::name("h")).aggregation(Aggregation::exponential()))
    });
    let histogram = bench.meter.f64_histogram("h").build();
    let mut taken = [0; 10];
    for _ in 0..150 {
        for at in 0..200 {
            histogram.record(20.0 + f64::from(at / 20), &[]);
            if at % 40 == 7 {
                histogram.record(100.0, &[]);
            }
        }
        let snapshot = bench.delta.collect();
        let exemplars = &snapshot.exponential("h", NONE).exemplars;
        let (slow, usual): (Vec<_>, Vec<_>) = exemplars
            .iter()
            .partition(|e| e.value == Number::F64(100.0));
        assert_eq!((slow.len(), usual.len()), (5, 15));
        for exemplar in usual {
            taken[exemplar.value.as_f64() as usize - 20] += 1;
        }
    }
    // 225 expected each, with a standard deviation of 14.
    assert!(
        taken.iter().all(|count| (150..=300).contains(count)),
        "{taken:?}"
    );
}

#[test]
fn an_outlier_asks_for_its_trace_also_where_exemplars_are_off() {
    let (bench, keeper) = watching(Outliers::above(0.5), |b| {
        b.exemplar_filter(ExemplarFilter::AlwaysOff)
    });
    let histogram = histogram(&bench, "h");
    measure(&histogram, 1, 0.7);
    assert_eq!(keeper.kept(), [1]);
    let snapshot = bench.cumulative.collect();
    assert!(snapshot.histogram("h", NONE).exemplars.is_empty());
    assert_eq!(snapshot.histogram("h", NONE).count(), 1);
}

#[test]
fn without_a_keeper_outliers_are_counted_and_go_first_among_exemplars() {
    let bench = bench_with(|b| {
        b.self_telemetry(true)
            .outliers(Selector::any(), Outliers::above(0.5))
    });
    let histogram = histogram(&bench, "h");
    for (span, sampled, value) in [(1, true, 0.1), (2, true, 0.7), (3, false, 0.8)] {
        let _guard = within(span, sampled);
        histogram.record(value, &[]);
    }
    let snapshot = bench.delta.collect();
    assert_eq!(spans(&snapshot.histogram("h", NONE).exemplars), [2]);
    assert_eq!(outliers(&bench, "sampled"), Number::U64(1));
    assert_eq!(outliers(&bench, "lost"), Number::U64(1));
}

#[test]
fn a_reservoir_of_the_users_own_is_offered_each_outlier_once() {
    #[derive(Default)]
    struct All(Vec<Exemplar>);
    impl ExemplarReservoir for All {
        fn offer(&mut self, measurement: &Measurement<'_>) {
            self.0.push(measurement.to_exemplar());
        }
        fn collect(&mut self) -> Vec<Exemplar> {
            std::mem::take(&mut self.0)
        }
    }
    let (bench, _) = watching(Outliers::above(0.5), |b| {
        b.view(View::select(Selector::name("h")).exemplar_reservoir(All::default))
    });
    let histogram = histogram(&bench, "h");
    for (span, value) in [(1, 0.1), (2, 0.7), (3, 0.2), (4, 0.9)] {
        let _guard = within(span, true);
        histogram.record(value, &[]);
    }
    let snapshot = bench.cumulative.collect();
    assert_eq!(
        spans(&snapshot.histogram("h", NONE).exemplars),
        [1, 2, 3, 4]
    );
}

#[test]
fn a_measurement_that_several_streams_take_is_an_outlier_of_each() {
    let (bench, keeper) = watching(Outliers::above(0.5), |b| {
        b.view(View::select(Selector::name("h")).rename("one"))
            .view(
                View::select(Selector::name("h"))
                    .rename("two")
                    .outliers(Outliers::above(5.0)),
            )
    });
    let histogram = histogram(&bench, "h");
    measure(&histogram, 1, 1.0);
    measure(&histogram, 2, 9.0);
    assert_eq!(keeper.kept(), [1, 2, 2]);
}
