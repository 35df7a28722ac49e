//! Views (specification: `metrics/sdk.md`, "View", "Instrument selection criteria", "Stream configuration",
//! "Measurement processing").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{Bench, bench_with, warnings};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use throughline_engine::{
    Aggregation, Error, InstrumentKind, MeterProvider, Reader, Selector, View,
};
use throughline_model::{Data, Number};
use throughline_testkit::{NONE, Seen};

fn with_views(views: impl IntoIterator<Item = View>) -> Bench {
    bench_with(|builder| views.into_iter().fold(builder, |b, view| b.view(view)))
}

#[test]
fn criteria_are_anded_name_kind_unit_and_scope() {
    let scope = || {
        Selector::name("re*")
            .kind(InstrumentKind::Counter)
            .unit("1")
            .scope_name("lib")
            .scope_version("2")
            .scope_schema_url("https://schema")
    };
    let bench = with_views([View::select(scope()).describe("viewed")]);
    let meter = |name: &'static str, version: &'static str, schema: &'static str| {
        let scope = opentelemetry::InstrumentationScope::builder(name)
            .with_version(version)
            .with_schema_url(schema)
            .build();
        bench.provider.meter_with_scope(scope)
    };
    let described =
        |meter: &opentelemetry::metrics::Meter, name: &'static str, unit: &'static str| {
            meter.u64_counter(name).with_unit(unit).build().add(1, &[]);
        };
    described(&meter("lib", "2", "https://schema"), "requests", "1");
    described(&meter("lib", "2", "https://schema"), "other", "1");
    described(&meter("lib", "2", "https://schema"), "rest", "s");
    described(&meter("bil", "2", "https://schema"), "requests.b", "1");
    described(&meter("lib", "3", "https://schema"), "requests.c", "1");
    described(&meter("lib", "2", "https://other"), "requests.d", "1");
    meter("lib", "2", "https://schema")
        .i64_up_down_counter("requests.e")
        .with_unit("1")
        .build()
        .add(1, &[]);
    let snapshot = bench.cumulative.collect();
    let viewed: Vec<_> = snapshot
        .metrics()
        .filter(|(_, metric)| metric.description == "viewed")
        .map(|(_, metric)| metric.name.to_string())
        .collect();
    assert_eq!(viewed, ["requests"]);
    assert_eq!(snapshot.metrics().count(), 7);
}

#[test]
fn a_view_renames_describes_and_filters_and_names_are_not_validated() {
    let bench = with_views([View::select(Selector::name("orders"))
        .rename("Bestellungen & mehr 🛒")
        .describe("all of them")
        .keep(["tier"])]);
    let orders = bench
        .meter
        .u64_counter("orders")
        .with_unit("{order}")
        .build();
    orders.add(
        1,
        &[KeyValue::new("tier", "gold"), KeyValue::new("user", 1)],
    );
    orders.add(
        2,
        &[KeyValue::new("user", 2), KeyValue::new("tier", "gold")],
    );
    orders
        .bind(&[KeyValue::new("tier", "gold"), KeyValue::new("user", 3)])
        .add(4);
    let snapshot = bench.cumulative.collect();
    let metric = snapshot.seen("Bestellungen & mehr 🛒");
    assert_eq!(
        (&*metric.description, &*metric.unit),
        ("all of them", "{order}")
    );
    assert_eq!(
        snapshot.number("Bestellungen & mehr 🛒", [("tier", "gold")]),
        Number::U64(7)
    );
    assert_eq!(snapshot.point_count(), 1);
}

#[test]
fn dropped_attributes_fold_whatever_their_values_and_order() {
    let bench = with_views([View::select(Selector::name("orders")).drop(["user"])]);
    let orders = bench.meter.u64_counter("orders").build();
    for user in 0..5000 {
        let (user, tier) = (KeyValue::new("user", user), KeyValue::new("tier", "gold"));
        if user.value == opentelemetry::Value::from(7) {
            // Duplicates among what is dropped change nothing.
            orders.add(1, &[user.clone(), tier.clone(), user.clone()]);
        } else {
            orders.add(1, &[user, tier]);
        }
    }
    let snapshot = bench.cumulative.collect();
    assert_eq!(
        snapshot.number("orders", [("tier", "gold")]),
        Number::U64(5000)
    );
    assert_eq!(snapshot.point_count(), 1);
}

#[test]
fn each_matching_view_is_a_stream_of_its_own() {
    let bench = with_views([
        View::select(Selector::name("latency"))
            .rename("latency.by_route")
            .keep(["route"]),
        View::select(Selector::name("latency"))
            .rename("latency.total")
            .keep(Vec::<&'static str>::new())
            .aggregation(Aggregation::Sum),
        View::select(Selector::any().kind(InstrumentKind::Counter)).aggregation(Aggregation::Drop),
    ]);
    let latency = bench.meter.f64_histogram("latency").build();
    let attributes = [KeyValue::new("route", "/"), KeyValue::new("user", 1)];
    latency.record(2.0, &attributes);
    latency.bind(&attributes).record(3.0);
    bench.meter.u64_counter("dropped").build().add(1, &[]);
    for reader in [&bench.cumulative, &bench.delta] {
        let snapshot = reader.collect();
        assert_eq!(
            snapshot
                .histogram("latency.by_route", [("route", "/")])
                .count(),
            2
        );
        assert_eq!(snapshot.number("latency.total", NONE), Number::F64(5.0));
        assert_eq!(snapshot.point_count(), 2);
    }
}

#[test]
fn two_views_that_give_one_name_make_two_streams_and_a_warning() {
    let mut bench = None;
    let warnings = warnings(|| {
        let views = [
            View::select(Selector::name("x")).keep(["a"]),
            View::select(Selector::name("x")).keep(["b"]),
        ];
        let made = with_views(views);
        made.meter
            .u64_counter("x")
            .build()
            .add(1, &[KeyValue::new("a", 1), KeyValue::new("b", 2)]);
        bench = Some(made);
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the name \"x\""), "{warnings:?}");
    assert_eq!(bench.unwrap().cumulative.collect().metrics().count(), 2);
}

#[test]
fn two_views_that_say_the_same_count_once() {
    let bench = with_views([
        View::select(Selector::name("x")),
        View::select(Selector::any()),
    ]);
    bench.meter.u64_counter("x").build().add(3, &[]);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("x", NONE), Number::U64(3));
    assert_eq!(snapshot.metrics().count(), 1);
}

#[test]
fn a_view_that_makes_no_sense_is_ignored_with_a_warning() {
    let mut bench = None;
    let warnings = warnings(|| {
        let made =
            with_views([View::select(Selector::any()).aggregation(Aggregation::exponential())]);
        let _ = made
            .meter
            .u64_observable_counter("seen")
            .with_callback(|o| o.observe(5, &[]))
            .build();
        bench = Some(made);
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("view.aggregation") && warnings[0].contains("observable counter"),
        "{warnings:?}"
    );
    assert_eq!(
        bench.unwrap().cumulative.collect().number("seen", NONE),
        Number::U64(5)
    );

    let bench = with_views([View::select(Selector::any()).aggregation(Aggregation::LastValue)]);
    bench.meter.u64_counter("c").build().add(1, &[]);
    assert!(matches!(
        bench.cumulative.collect().seen("c").data,
        Data::Sum(_)
    ));
}

#[test]
fn a_view_beats_advice_and_advice_beats_the_reader() {
    let reader = Reader::builder()
        .default_histogram_aggregation(Aggregation::ExplicitBuckets {
            bounds: vec![100.0],
            record_min_max: false,
        })
        .build();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .view(View::select(Selector::name("viewed")).aggregation(Aggregation::explicit([7.0])))
        .build()
        .unwrap();
    let meter = provider.meter("test");
    for name in ["viewed", "advised"] {
        let histogram = meter
            .f64_histogram(name)
            .with_boundaries(vec![1.0, 2.0])
            .build();
        histogram.record(1.0, &[]);
    }
    meter.f64_histogram("plain").build().record(1.0, &[]);
    let reader = throughline_testkit::InMemoryReader::new(reader);
    let snapshot = reader.collect();
    assert_eq!(*snapshot.histogram("viewed", NONE).bounds, [7.0]);
    assert_eq!(*snapshot.histogram("advised", NONE).bounds, [1.0, 2.0]);
    assert_eq!(*snapshot.histogram("plain", NONE).bounds, [100.0]);
    assert_eq!(snapshot.histogram("plain", NONE).min, None);
}

#[test]
fn sums_and_histograms_of_other_instruments_may_be_asked_for() {
    let bench = with_views([
        View::select(Selector::any().kind(InstrumentKind::Histogram)).aggregation(Aggregation::Sum),
        View::select(Selector::any().kind(InstrumentKind::Counter))
            .aggregation(Aggregation::explicit([1.0, 10.0])),
        View::select(Selector::any().kind(InstrumentKind::Gauge))
            .aggregation(Aggregation::exponential()),
    ]);
    bench.meter.u64_histogram("h").build().record(5, &[]);
    bench.meter.u64_counter("c").build().add(5, &[]);
    bench.meter.i64_gauge("g").build().record(-5, &[]);
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("h", NONE), Number::U64(5));
    assert_eq!(snapshot.histogram("c", NONE).counts, [0, 1, 0]);
    assert_eq!(snapshot.exponential("g", NONE).negative.counts, [1]);
}

#[test]
fn settings_out_of_range_are_errors_that_name_the_field() {
    let build = |view: View| MeterProvider::builder().view(view).build().unwrap_err();
    let any = || View::select(Selector::any());
    for (view, field) in [
        (any().rename("x"), "view.name"),
        (View::select(Selector::name("a*")).rename("x"), "view.name"),
        (any().cardinality_limit(0), "view.cardinality_limit"),
        (
            any().aggregation(Aggregation::explicit([2.0, 1.0])),
            "aggregation.bounds",
        ),
        (
            any().aggregation(Aggregation::explicit([f64::NAN])),
            "aggregation.bounds",
        ),
        (
            any().aggregation(Aggregation::Exponential {
                max_size: 1,
                max_scale: 20,
                record_min_max: true,
            }),
            "aggregation.max_size",
        ),
        (
            any().aggregation(Aggregation::Exponential {
                max_size: 160,
                max_scale: 21,
                record_min_max: true,
            }),
            "aggregation.max_scale",
        ),
    ] {
        let Error::Invalid { field: named, .. } = build(view) else {
            panic!("{field}")
        };
        assert_eq!(named, field);
    }
    let reader = Reader::builder().cardinality_limit(0).build();
    let error = MeterProvider::builder().reader(reader).build().unwrap_err();
    assert!(
        error.to_string().contains("reader.cardinality_limit is 0"),
        "{error}"
    );
    let reader = Reader::builder()
        .default_histogram_aggregation(Aggregation::LastValue)
        .build();
    assert!(MeterProvider::builder().reader(reader).build().is_err());
}

#[test]
fn a_reader_belongs_to_one_provider() {
    let reader = Reader::default();
    let twice = MeterProvider::builder()
        .reader(reader.clone())
        .reader(reader.clone());
    assert_eq!(twice.build().unwrap_err(), Error::ReaderTaken);
    let first = MeterProvider::builder().reader(reader.clone()).build();
    assert!(first.is_ok());
    let second = MeterProvider::builder().reader(reader).build();
    assert_eq!(second.unwrap_err(), Error::ReaderTaken);
}

#[test]
fn without_a_reader_nothing_is_recorded_and_nothing_breaks() {
    let provider = MeterProvider::builder().build().unwrap();
    let counter = provider.meter("test").u64_counter("c").build();
    counter.add(1, &[]);
    counter.bind(&[]).add(1);
}
