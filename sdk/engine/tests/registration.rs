//! Names, units, boundaries and duplicate registrations (specification: `metrics/api.md`, "Instrument name syntax";
//! `metrics/sdk.md`, "Duplicate instrument registration", "Instrument advisory parameters").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bench, bench_with, warnings};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use throughline_engine::{InstrumentKind, Selector, View};
use throughline_model::Number;
use throughline_testkit::{NONE, Seen};

#[test]
fn an_invalid_instrument_does_nothing_and_says_why() {
    let bench = bench();
    let meter = &bench.meter;
    let cases: [(&dyn Fn(), &str, &str); 6] = [
        (
            &|| meter.u64_counter("1st").build().add(1, &[]),
            "instrument.name",
            "\"1st\"",
        ),
        (
            &|| meter.u64_counter("").build().bind(&[]).add(1),
            "instrument.name",
            "\"\"",
        ),
        (
            &|| meter.i64_gauge("g").with_unit("µs").build().record(1, &[]),
            "instrument.unit",
            "µs",
        ),
        (
            &|| {
                let bounds = vec![2.0, 1.0];
                meter
                    .f64_histogram("h")
                    .with_boundaries(bounds)
                    .build()
                    .record(1.0, &[]);
            },
            "instrument.boundaries",
            "[2.0, 1.0]",
        ),
        (
            &|| {
                let bounds = vec![f64::NAN];
                meter
                    .u64_histogram("h")
                    .with_boundaries(bounds)
                    .build()
                    .record(1, &[]);
            },
            "instrument.boundaries",
            "NaN",
        ),
        (
            &|| {
                let _ = meter
                    .u64_observable_gauge("bad name")
                    .with_callback(|o| o.observe(1, &[]))
                    .build();
            },
            "instrument.name",
            "bad name",
        ),
    ];
    for (make, field, value) in cases {
        let warnings = warnings(make);
        assert_eq!(warnings.len(), 1, "{field}: {warnings:?}");
        let warning = &warnings[0];
        assert!(
            warning.contains(field) && warning.contains(value) && warning.contains("expected"),
            "{warning}"
        );
    }
    assert!(bench.cumulative.collect().is_empty());
}

#[test]
fn identical_instruments_share_a_stream_in_silence() {
    let bench = bench();
    let warnings = warnings(|| {
        for _ in 0..2 {
            let meter = bench.provider.meter("test");
            let counter = meter
                .u64_counter("c")
                .with_unit("1")
                .with_description("d")
                .build();
            counter.add(1, &[]);
        }
    });
    assert_eq!(warnings, Vec::<String>::new());
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("c", NONE), Number::U64(2));
    assert_eq!(snapshot.metrics().count(), 1);
}

#[test]
fn names_that_differ_in_case_share_the_first_one() {
    let bench = bench();
    let warnings = warnings(|| {
        bench.meter.u64_counter("requestCount").build().add(1, &[]);
        bench.meter.u64_counter("RequestCount").build().add(1, &[]);
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("\"RequestCount\"") && warnings[0].contains("\"requestCount\""));
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.number("requestCount", NONE), Number::U64(2));
    assert_eq!(snapshot.metrics().count(), 1);
}

#[test]
fn conflicting_instruments_are_both_exported_with_a_warning_that_tells_the_remedy() {
    let bench = bench();
    let warnings = warnings(|| {
        bench.meter.u64_counter("kind").build().add(1, &[]);
        bench.meter.u64_histogram("kind").build().record(1, &[]);
        bench
            .meter
            .u64_counter("unit")
            .with_unit("s")
            .build()
            .add(1, &[]);
        bench
            .meter
            .u64_counter("unit")
            .with_unit("ms")
            .build()
            .add(1, &[]);
        bench
            .meter
            .u64_counter("words")
            .with_description("one")
            .build()
            .add(1, &[]);
        bench
            .meter
            .u64_counter("words")
            .with_description("two")
            .build()
            .add(1, &[]);
        bench.meter.u64_counter("type").build().add(1, &[]);
        bench.meter.f64_counter("type").build().add(1.0, &[]);
    });
    let remedies = [
        "Selector::name(\"kind\").kind(InstrumentKind::Histogram)).rename(",
        "Selector::name(\"unit\").unit(\"ms\")).rename(",
        "Selector::name(\"words\")).describe(\"one\")",
        "one number type",
    ];
    assert_eq!(warnings.len(), remedies.len(), "{warnings:#?}");
    for (warning, remedy) in warnings.iter().zip(remedies) {
        assert!(warning.contains(remedy), "{warning}");
    }
    assert_eq!(bench.cumulative.collect().metrics().count(), 8);
}

#[test]
fn the_remedies_work() {
    let bench = bench_with(|builder| {
        builder
            .view(
                View::select(Selector::name("kind").kind(InstrumentKind::Histogram))
                    .rename("kind.h"),
            )
            .view(View::select(Selector::name("words")).describe("one"))
    });
    let warnings = warnings(|| {
        bench.meter.u64_counter("kind").build().add(1, &[]);
        bench.meter.u64_histogram("kind").build().record(1, &[]);
        bench
            .meter
            .u64_counter("words")
            .with_description("one")
            .build()
            .add(1, &[]);
        bench
            .meter
            .u64_counter("words")
            .with_description("two")
            .build()
            .add(1, &[]);
    });
    assert_eq!(warnings, Vec::<String>::new());
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.metrics().count(), 3);
    assert_eq!(snapshot.number("words", NONE), Number::U64(2));
}

#[test]
fn the_first_seen_advice_holds() {
    let bench = bench();
    let warnings = warnings(|| {
        for bounds in [vec![1.0], vec![2.0]] {
            let histogram = bench
                .meter
                .f64_histogram("h")
                .with_boundaries(bounds)
                .build();
            histogram.record(1.0, &[]);
        }
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("instrument.boundaries"),
        "{warnings:?}"
    );
    let snapshot = bench.cumulative.collect();
    let point = snapshot.histogram("h", NONE);
    assert_eq!((&*point.bounds, point.count()), (&[1.0][..], 2));
}

#[test]
fn meters_are_namespaces_of_their_own() {
    let bench = bench();
    let warnings = warnings(|| {
        let scope = |version: &'static str| {
            let scope = opentelemetry::InstrumentationScope::builder("lib");
            scope
                .with_version(version)
                .with_attributes([KeyValue::new("a", 1)])
                .build()
        };
        for version in ["1", "2", "2"] {
            let meter = bench.provider.meter_with_scope(scope(version));
            meter
                .u64_counter("c")
                .with_unit(version)
                .build()
                .add(1, &[]);
        }
    });
    assert_eq!(warnings, Vec::<String>::new());
    let snapshot = bench.cumulative.collect();
    assert_eq!(snapshot.scopes.len(), 2);
    assert_eq!(snapshot.metrics().count(), 2);
}

#[test]
fn a_meter_without_a_name_works_and_warns() {
    let bench = bench();
    let warnings = warnings(|| {
        bench
            .provider
            .meter("")
            .u64_counter("c")
            .build()
            .add(1, &[]);
    });
    assert_eq!(warnings.len(), 1);
    assert_eq!(bench.cumulative.collect().number("c", NONE), Number::U64(1));
}

#[test]
fn a_warning_that_is_turned_into_measurements_does_not_loop() {
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    struct Meddler(opentelemetry::metrics::Meter);
    impl<S: tracing::Subscriber> Layer<S> for Meddler {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            // On the same meter, and itself worth a warning.
            self.0.u64_counter("warnings").build().add(1, &[]);
            self.0.u64_counter("not valid").build().add(1, &[]);
        }
    }
    let bench = bench();
    let subscriber = tracing_subscriber::registry().with(Meddler(bench.meter.clone()));
    tracing::subscriber::with_default(subscriber, || {
        bench.meter.u64_counter("name").build().add(1, &[]);
        bench.meter.u64_counter("NAME").build().add(1, &[]);
    });
    assert_eq!(
        bench.cumulative.collect().number("warnings", NONE),
        Number::U64(1)
    );
}

#[test]
fn an_instrument_that_is_made_for_each_call_is_warned_of_once_by_cause() {
    let sum = throughline_engine::Aggregation::Sum;
    let bench =
        bench_with(|builder| builder.view(View::select(Selector::name("g")).aggregation(sum)));
    let make = |round: u32| {
        let meter = &bench.meter;
        let name = if round == 0 { "latency" } else { "Latency" };
        let bounds = vec![f64::from(round)];
        let latency = meter.f64_histogram(name).with_boundaries(bounds).build();
        latency.record(1.0, &[]);
        meter.i64_gauge("g").build().record(1, &[]);
        meter.u64_counter("latency").build().add(1, &[]);
    };
    let told = warnings(|| (0..3).for_each(make));
    let causes = [
        "view.aggregation",
        "two streams",
        "instrument.name",
        "instrument.boundaries",
    ];
    let of = |cause: &&str| told.iter().filter(|told| told.contains(cause)).count();
    assert_eq!(causes.each_ref().map(of), [1; 4], "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
}
