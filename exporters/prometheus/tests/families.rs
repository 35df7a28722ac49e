//! Names, types and comments of families (specification: `compatibility/prometheus_and_openmetrics.md`,
//! "Metric Metadata", "Sums", "Gauges"; OpenMetrics 1.0, "MetricFamily").
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "support/snapshots.rs"]
mod snapshots;

use opentelemetry::KeyValue;
use snapshots::*;
use throughline_model::{Data, Gauge, Number, Snapshot, Temporality};
use throughline_prometheus::{Cause, Format, Options, render};

#[test]
fn an_empty_snapshot_is_an_empty_exposition() {
    assert_eq!(text(&Snapshot::default()).text, "");
    assert_eq!(openmetrics(&Snapshot::default()).text, "# EOF\n");
    let no_points = bare(vec![metric("idle", "", sum(true, vec![]))]);
    assert_eq!(openmetrics(&no_points).text, "# EOF\n");
}

#[test]
fn a_monotonic_sum_is_a_counter() {
    let snapshot = bare(vec![described(counter("bytes.sent", "By", 7), "Sent")]);
    assert_eq!(
        text(&snapshot).text,
        "# HELP bytes_sent_bytes_total Sent\n\
         # TYPE bytes_sent_bytes_total counter\n\
         bytes_sent_bytes_total 7\n"
    );
    // The type stands at the name without the suffix, and TYPE, UNIT, HELP in this order.
    assert_eq!(
        openmetrics(&snapshot).text,
        "# TYPE bytes_sent_bytes counter\n\
         # UNIT bytes_sent_bytes bytes\n\
         # HELP bytes_sent_bytes Sent\n\
         bytes_sent_bytes_total 7\n\
         # EOF\n"
    );
}

#[test]
fn other_sums_and_gauges_are_gauges() {
    let down = sum(false, vec![number(Number::I64(-3), vec![])]);
    let snapshot = bare(vec![
        metric("in.flight", "{request}", down),
        gauge("load", "1", 0.5),
    ]);
    assert_eq!(
        openmetrics(&snapshot).text,
        "# TYPE in_flight gauge\nin_flight -3\n\
         # TYPE load_ratio gauge\n# UNIT load_ratio ratio\nload_ratio 0.5\n# EOF\n"
    );
}

#[test]
fn a_u64_is_printed_exactly() {
    let snapshot = bare(vec![counter("large", "", u64::MAX)]);
    assert_eq!(
        samples(&text(&snapshot)),
        ["large_total 18446744073709551615"]
    );
    assert_eq!(
        samples(&openmetrics(&snapshot)),
        ["large_total 18446744073709551615"]
    );
}

#[test]
fn floats_have_a_point_in_openmetrics_alone() {
    let snapshot = bare(vec![gauge("g", "", 17.0)]);
    assert_eq!(samples(&text(&snapshot)), ["g 17"]);
    assert_eq!(samples(&openmetrics(&snapshot)), ["g 17.0"]);
}

#[test]
fn values_that_are_not_finite_have_their_names() {
    let snapshot = bare(vec![
        gauge("a", "", f64::NAN),
        gauge("b", "", f64::INFINITY),
        gauge("c", "", f64::NEG_INFINITY),
    ]);
    for exposition in [text(&snapshot), openmetrics(&snapshot)] {
        assert_eq!(samples(&exposition), ["a NaN", "b +Inf", "c -Inf"]);
    }
}

#[test]
fn openmetrics_has_no_counter_that_is_negative_or_nan() {
    let bad = [f64::NAN, -1.0, f64::NEG_INFINITY].map(|value| number(Number::F64(value), vec![]));
    let snapshot = bare(vec![metric("bad", "", sum(true, bad.to_vec()))]);
    let exposition = openmetrics(&snapshot);
    assert_eq!(exposition.text, "# EOF\n");
    assert_eq!(exposition.report.dropped(Cause::InvalidValue), 3);
    assert_eq!(samples(&text(&snapshot))[0], "bad_total NaN");
}

#[test]
fn delta_temporality_is_dropped_and_counted() {
    let mut delta = counter("requests", "", 7);
    if let Data::Sum(sum) = &mut delta.data {
        sum.temporality = Temporality::Delta;
    }
    let mut delta_histogram =
        histogram("duration", "s", vec![histogram_point(&[1.0], &[1, 2], 3.0)]);
    if let Data::Histogram(histogram) = &mut delta_histogram.data {
        histogram.temporality = Temporality::Delta;
    }
    let mut delta_exponential = exponential("size", "By", vec![exponential_point(0, 0, &[1])]);
    if let Data::ExponentialHistogram(histogram) = &mut delta_exponential.data {
        histogram.temporality = Temporality::Delta;
    }
    let exposition = text(&bare(vec![
        delta,
        delta_histogram,
        delta_exponential,
        counter("kept", "", 1),
    ]));
    assert_eq!(samples(&exposition), ["kept_total 1"]);
    assert_eq!(exposition.report.dropped(Cause::DeltaTemporality), 3);
    let dropped: Vec<_> = exposition
        .report
        .drops()
        .iter()
        .map(|drops| &drops.metric)
        .collect();
    assert_eq!(dropped, ["requests", "duration", "size"]);
}

#[test]
fn a_name_of_which_nothing_is_left_is_dropped_and_counted() {
    let exposition = text(&bare(vec![counter("@#$%", "s", 1)]));
    assert_eq!(exposition.text, "");
    assert_eq!(exposition.report.dropped(Cause::InvalidName), 1);
}

#[test]
fn one_family_gathers_its_members_from_all_scopes() {
    let snapshot = scoped(vec![
        scope(
            "a",
            vec![counter("orders", "", 1), gauge("between", "", 1.0)],
        ),
        scope("b", vec![counter("orders.total", "", 2)]),
    ]);
    assert_eq!(
        openmetrics(&snapshot).text,
        "# TYPE orders counter\n\
         orders_total{otel_scope_name=\"a\"} 1\n\
         orders_total{otel_scope_name=\"b\"} 2\n\
         # TYPE between gauge\n\
         between{otel_scope_name=\"a\"} 1.0\n\
         # EOF\n"
    );
}

#[test]
fn both_kinds_of_histograms_share_a_family() {
    let snapshot = scoped(vec![
        scope(
            "a",
            vec![histogram(
                "d",
                "s",
                vec![histogram_point(&[1.0], &[1, 0], 0.5)],
            )],
        ),
        scope(
            "b",
            vec![exponential("d", "s", vec![exponential_point(0, 0, &[1])])],
        ),
    ]);
    let exposition = text(&snapshot);
    assert_eq!(exposition.text.matches("# TYPE").count(), 1);
    assert_eq!(exposition.report.points(), 2);
}

#[test]
fn a_type_conflict_drops_the_second_metric_and_counts_it() {
    let other = Data::Gauge(Gauge {
        points: vec![
            number(Number::U64(1), vec![]),
            number(Number::U64(2), vec![KeyValue::new("a", 1)]),
        ],
    });
    let snapshot = scoped(vec![
        scope("first", vec![counter("orders", "", 7)]),
        scope("second", vec![metric("orders_total", "", other)]),
    ]);
    let exposition = text(&snapshot);
    assert_eq!(
        samples(&exposition),
        ["orders_total{otel_scope_name=\"first\"} 7"]
    );
    let [drops] = exposition.report.drops() else {
        panic!("{:?}", exposition.report)
    };
    assert_eq!(
        (&*drops.metric, &*drops.scope, drops.count),
        ("orders_total", "second", 2)
    );
    assert_eq!(drops.cause, Cause::TypeConflict);
}

#[test]
fn names_conflict_where_the_format_makes_them_the_same() {
    // Text 0.0.4 tells `orders_total` from `orders`; OpenMetrics calls both families `orders`.
    let snapshot = bare(vec![counter("orders", "", 7), gauge("orders", "", 1.0)]);
    assert_eq!(samples(&text(&snapshot)), ["orders_total 7", "orders 1"]);
    assert_eq!(samples(&openmetrics(&snapshot)), ["orders_total 7"]);
    assert_eq!(
        openmetrics(&snapshot).report.dropped(Cause::TypeConflict),
        1
    );
}

#[test]
fn a_family_does_not_take_the_name_of_anothers_samples() {
    let durations = || histogram("d", "", vec![histogram_point(&[], &[1], 1.0)]);
    for taken in ["d_bucket", "d_count", "d_sum", "d"] {
        for snapshot in [
            bare(vec![durations(), gauge(taken, "", 1.0)]),
            bare(vec![gauge(taken, "", 1.0), durations()]),
        ] {
            for exposition in [text(&snapshot), openmetrics(&snapshot)] {
                assert_eq!(exposition.report.points(), 1, "{}", exposition.text);
                assert_eq!(exposition.report.dropped(Cause::TypeConflict), 1);
            }
        }
    }
    // `_created` belongs to OpenMetrics, written or not.
    let snapshot = bare(vec![
        counter("orders", "", 7),
        gauge("orders_created", "", 1.0),
    ]);
    assert_eq!(text(&snapshot).report.points(), 2);
    assert_eq!(openmetrics(&snapshot).report.points(), 1);
}

#[test]
fn a_help_conflict_drops_the_comment_alone() {
    let snapshot = scoped(vec![
        scope("a", vec![counter("orders", "", 1)]),
        scope(
            "b",
            vec![described(counter("orders", "", 2), "Orders placed")],
        ),
        scope(
            "c",
            vec![described(counter("orders", "", 3), "Something else")],
        ),
    ]);
    let exposition = text(&snapshot);
    assert_eq!(samples(&exposition).len(), 3);
    assert!(
        exposition
            .text
            .starts_with("# HELP orders_total Orders placed\n")
    );
    assert_eq!(exposition.text.matches("# HELP").count(), 1);
    assert_eq!(exposition.report.dropped(Cause::HelpConflict), 1);
}

#[test]
fn a_unit_conflict_drops_the_comment_alone() {
    let snapshot = scoped(vec![
        scope("a", vec![gauge("sent_bytes_per_second", "By/s", 1.0)]),
        scope("b", vec![gauge("sent_bytes_per_second", "1/s", 2.0)]),
    ]);
    let exposition = openmetrics(&snapshot);
    assert_eq!(exposition.report.points(), 2);
    assert_eq!(exposition.text.matches("# UNIT").count(), 1);
    assert!(
        exposition
            .text
            .contains("# UNIT sent_bytes_per_second bytes_per_second\n")
    );
    assert_eq!(exposition.report.dropped(Cause::UnitConflict), 1);
}

#[test]
fn help_is_escaped_as_its_format_says() {
    let snapshot = bare(vec![described(gauge("g", "", 1.0), "a \"b\"\\c\nd ü")]);
    assert!(
        text(&snapshot)
            .text
            .contains("# HELP g a \"b\"\\\\c\\nd ü\n")
    );
    assert!(
        openmetrics(&snapshot)
            .text
            .contains("# HELP g a \\\"b\\\"\\\\c\\nd ü\n")
    );
}

#[test]
fn start_times_are_written_where_they_are_asked_for() {
    let options = Options {
        created: true,
        ..Options::default()
    };
    let format = Format::negotiate(Some("application/openmetrics-text"));
    let snapshot = bare(vec![
        counter("orders", "", 7),
        gauge("g", "", 1.0),
        histogram("d", "", vec![histogram_point(&[], &[1], 1.0)]),
    ]);
    assert_eq!(
        samples(&render(&snapshot, format, &options)),
        [
            "orders_total 7",
            "orders_created 1700000000",
            "g 1.0",
            "d_bucket{le=\"+Inf\"} 1",
            "d_sum 1.0",
            "d_count 1",
            "d_created 1700000000",
        ]
    );
    let unasked = openmetrics(&snapshot);
    assert!(!unasked.text.contains("_created"));
    assert!(
        !render(&snapshot, Format::default(), &options)
            .text
            .contains("_created")
    );
}
