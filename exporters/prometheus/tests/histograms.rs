//! Histograms of both kinds, and exemplars (specification: `compatibility/prometheus_and_openmetrics.md`,
//! "Histograms", "Exponential Histograms", "Exemplar Conversion"; OpenMetrics 1.0, "Histogram", "Exemplars").
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
use opentelemetry::trace::{SpanId, TraceId};
use snapshots::*;
use throughline_model::{
    Attributes, Data, Exemplar, ExponentialBuckets, Gauge, HistogramPoint, Number, Snapshot,
};
use throughline_prometheus::Cause;

const IDS: &str = "trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\",span_id=\"00f067aa0ba902b7\"";

fn of(point: HistogramPoint) -> Snapshot {
    bare(vec![histogram("d", "", vec![point])])
}

#[test]
fn buckets_are_cumulative_and_end_at_infinity() {
    let snapshot = of(histogram_point(&[0.5, 1.0, 1e6], &[1, 2, 3, 4], 7.25));
    assert_eq!(
        samples(&text(&snapshot)),
        [
            "d_bucket{le=\"0.5\"} 1",
            "d_bucket{le=\"1\"} 3",
            "d_bucket{le=\"1e+06\"} 6",
            "d_bucket{le=\"+Inf\"} 10",
            "d_sum 7.25",
            "d_count 10",
        ]
    );
    // OpenMetrics writes bounds as floats: `1.0`.
    assert_eq!(
        samples(&openmetrics(&snapshot))[1],
        "d_bucket{le=\"1.0\"} 3"
    );
}

#[test]
fn a_histogram_without_bounds_has_the_bucket_of_infinity() {
    let snapshot = of(histogram_point(&[], &[3], 1.0));
    assert_eq!(samples(&text(&snapshot))[0], "d_bucket{le=\"+Inf\"} 3");
}

#[test]
fn openmetrics_has_no_sum_and_no_count_beside_negative_bounds() {
    let snapshot = of(histogram_point(&[-1.0, 1.0], &[1, 2, 3], 7.0));
    assert_eq!(
        samples(&openmetrics(&snapshot)),
        [
            "d_bucket{le=\"-1.0\"} 1",
            "d_bucket{le=\"1.0\"} 3",
            "d_bucket{le=\"+Inf\"} 6"
        ]
    );
    assert!(text(&snapshot).text.contains("d_sum 7\nd_count 6\n"));
}

#[test]
fn openmetrics_has_no_sum_that_is_negative_or_nan() {
    for sum in [-0.5, f64::NAN] {
        let snapshot = of(histogram_point(&[1.0], &[1, 0], sum));
        assert!(!openmetrics(&snapshot).text.contains("d_sum"));
        assert!(!openmetrics(&snapshot).text.contains("d_count"));
    }
}

#[test]
fn a_label_of_the_name_le_does_not_disturb_the_buckets() {
    let mut point = histogram_point(&[], &[1], 1.0);
    point.attributes = Attributes::new(pairs(&[("le", "mine")]));
    assert_eq!(
        samples(&text(&of(point))),
        [
            "d_bucket{exported_le=\"mine\",le=\"+Inf\"} 1",
            "d_sum{exported_le=\"mine\"} 1",
            "d_count{exported_le=\"mine\"} 1",
        ]
    );
}

#[test]
fn points_that_break_the_data_model_are_dropped_and_counted() {
    let exposition = text(&bare(vec![
        histogram(
            "d",
            "",
            vec![
                histogram_point(&[1.0], &[1], 1.0),
                histogram_point(&[2.0, 1.0], &[1, 1, 1], 1.0),
                histogram_point(&[1.0, 1.0], &[1, 1, 1], 1.0),
                histogram_point(&[f64::NAN], &[1, 1], 1.0),
                histogram_point(&[f64::INFINITY], &[1, 1], 1.0),
            ],
        ),
        exponential("e", "", vec![exponential_point(21, 0, &[1])]),
    ]));
    assert_eq!(exposition.text, "");
    assert_eq!(exposition.report.dropped(Cause::InvalidPoint), 6);
}

#[test]
fn counts_that_overflow_stay_at_the_highest() {
    let snapshot = of(histogram_point(&[1.0], &[u64::MAX, 5], 1.0));
    assert!(
        text(&snapshot)
            .text
            .contains("d_count 18446744073709551615\n")
    );
}

#[test]
fn exponential_histograms_are_classic_histograms() {
    let mut point = exponential_point(1, 0, &[1, 2, 3, 4]);
    point.negative = ExponentialBuckets {
        offset: 0,
        counts: vec![5],
    };
    point.zero_count = 6;
    point.sum = 9.5;
    let snapshot = bare(vec![exponential("d", "s", vec![point])]);
    assert_eq!(
        text(&snapshot).text,
        "# TYPE d_seconds histogram\n\
         d_seconds_bucket{le=\"-16\"} 0\n\
         d_seconds_bucket{le=\"-8\"} 0\n\
         d_seconds_bucket{le=\"-4\"} 0\n\
         d_seconds_bucket{le=\"-2\"} 0\n\
         d_seconds_bucket{le=\"-1\"} 5\n\
         d_seconds_bucket{le=\"0\"} 11\n\
         d_seconds_bucket{le=\"1\"} 11\n\
         d_seconds_bucket{le=\"2\"} 14\n\
         d_seconds_bucket{le=\"4\"} 21\n\
         d_seconds_bucket{le=\"8\"} 21\n\
         d_seconds_bucket{le=\"16\"} 21\n\
         d_seconds_bucket{le=\"+Inf\"} 21\n\
         d_seconds_sum 9.5\n\
         d_seconds_count 21\n"
    );
}

#[test]
fn the_points_of_a_family_have_the_same_exponential_bounds() {
    let mut other = exponential_point(0, 5, &[1]);
    other.attributes = Attributes::new(pairs(&[("a", "b")]));
    let snapshot = scoped(vec![
        scope(
            "",
            vec![exponential(
                "d",
                "s",
                vec![exponential_point(4, 0, &[1]), other],
            )],
        ),
        scope(
            "x",
            vec![exponential("d", "s", vec![exponential_point(0, -7, &[1])])],
        ),
    ]);
    let exposition = text(&snapshot);
    let lines = samples(&exposition);
    let bounds = |labels: &str| -> Vec<&str> {
        let prefix = format!("d_seconds_bucket{{{labels}le=\"");
        let lines = lines.iter().filter_map(|line| line.strip_prefix(&*prefix));
        lines
            .filter_map(|line| line.split_once('"'))
            .map(|(bound, _)| bound)
            .collect()
    };
    assert_eq!(bounds("").len(), 18);
    assert_eq!(bounds(""), bounds("a=\"b\","));
    assert_eq!(bounds(""), bounds("otel_scope_name=\"x\","));
}

#[test]
fn exponential_points_that_are_invalid_do_not_shape_the_bounds() {
    let bad = exponential_point(-99, i32::MAX, &[1, 2]);
    let snapshot = bare(vec![exponential(
        "d",
        "",
        vec![exponential_point(0, 0, &[1]), bad],
    )]);
    let exposition = text(&snapshot);
    assert_eq!(exposition.report.points(), 1);
    assert_eq!(samples(&exposition).len(), 5 + 3);
}

// Exemplars.

fn with_exemplars(exemplars: Vec<Exemplar>) -> Snapshot {
    let mut point = histogram_point(&[1.0, 2.0], &[1, 1, 1], 6.0);
    point.exemplars = exemplars;
    of(point)
}

fn counter_with(exemplars: Vec<Exemplar>) -> Snapshot {
    let mut point = number(Number::U64(3), vec![]);
    point.exemplars = exemplars;
    bare(vec![metric("c", "", sum(true, vec![point]))])
}

#[test]
fn each_bucket_gets_the_latest_exemplar_that_lies_in_it() {
    let snapshot = with_exemplars(vec![
        exemplar(1.5, 10, vec![]),
        exemplar(1.0, 20, vec![]),
        exemplar(1.25, 30, vec![]),
        exemplar(2.0, 5, vec![]),
        exemplar(9.0, 1, vec![]),
        exemplar(f64::NAN, 59, vec![]),
    ]);
    assert_eq!(
        samples(&openmetrics(&snapshot))[..3],
        [
            // A bucket holds its own bound: 1.0 is in the first, not in the second.
            format!("d_bucket{{le=\"1.0\"}} 1 # {{{IDS}}} 1.0 1700000020"),
            format!("d_bucket{{le=\"2.0\"}} 2 # {{{IDS}}} 1.25 1700000030"),
            format!("d_bucket{{le=\"+Inf\"}} 3 # {{{IDS}}} 9.0 1700000001"),
        ]
    );
}

#[test]
fn a_counter_gets_its_latest_exemplar() {
    let snapshot = counter_with(vec![exemplar(1.0, 20, vec![]), exemplar(2.0, 10, vec![])]);
    assert_eq!(
        samples(&openmetrics(&snapshot)),
        [format!("c_total 3 # {{{IDS}}} 1.0 1700000020")]
    );
}

#[test]
fn an_exponential_histogram_has_exemplars_in_the_buckets_it_is_given() {
    let mut point = exponential_point(3, 0, &[1; 16]);
    point.exemplars = vec![exemplar(1.1, 1, vec![]), exemplar(3.0, 2, vec![])];
    let snapshot = bare(vec![exponential("d", "", vec![point])]);
    let exposition = openmetrics(&snapshot);
    let lines = samples(&exposition);
    assert!(
        lines[1].starts_with("d_bucket{le=\"2.0\"} 8 # {") && lines[1].ends_with("1.1 1700000001")
    );
    assert!(
        lines[2].starts_with("d_bucket{le=\"4.0\"} 16 # {") && lines[2].ends_with("3.0 1700000002")
    );
}

#[test]
fn text_0_0_4_and_gauges_have_no_exemplars() {
    let exemplars = vec![exemplar(1.0, 20, vec![])];
    assert!(
        !text(&with_exemplars(exemplars.clone()))
            .text
            .contains(" # ")
    );
    assert!(!text(&counter_with(exemplars.clone())).text.contains(" # "));
    let mut point = number(Number::U64(3), vec![]);
    point.exemplars = exemplars;
    let snapshot = bare(vec![
        metric("down", "", sum(false, vec![point.clone()])),
        metric(
            "gauge",
            "",
            Data::Gauge(Gauge {
                points: vec![point],
            }),
        ),
    ]);
    assert!(!openmetrics(&snapshot).text.contains(" # "));
}

#[test]
fn filtered_attributes_follow_the_ids() {
    let filtered = pairs(&[("user.id", "7"), ("path", "a\"b")]);
    let snapshot = counter_with(vec![exemplar(1.0, 20, filtered)]);
    assert_eq!(
        samples(&openmetrics(&snapshot)),
        [format!(
            "c_total 3 # {{{IDS},path=\"a\\\"b\",user_id=\"7\"}} 1.0 1700000020"
        )]
    );
}

#[test]
fn the_ids_win_over_filtered_attributes_of_their_names() {
    let filtered = pairs(&[("trace.id", "mine"), ("span_id", "mine"), ("a", "b")]);
    let snapshot = counter_with(vec![exemplar(1.0, 20, filtered.clone())]);
    assert!(
        openmetrics(&snapshot)
            .text
            .contains(&format!("{{{IDS},a=\"b\"}}"))
    );
    let only_ids = filtered[..2].to_vec();
    let snapshot = counter_with(vec![exemplar(1.0, 20, only_ids)]);
    assert!(openmetrics(&snapshot).text.contains(&format!("{{{IDS}}}")));
    // Without a span there is nothing to win.
    let mut spanless = exemplar(1.0, 20, filtered);
    spanless.span = None;
    let exposition = openmetrics(&counter_with(vec![spanless]));
    assert!(
        exposition
            .text
            .contains("{a=\"b\",span_id=\"mine\",trace_id=\"mine\"}")
    );
}

#[test]
fn an_exemplar_past_128_characters_keeps_its_ids_alone() {
    // The ids take 8 + 32 + 7 + 16 = 63; `k` and 64 characters make it 128.
    let fits = "ü".repeat(64);
    let snapshot = counter_with(vec![exemplar(
        1.0,
        20,
        vec![KeyValue::new("k", fits.clone())],
    )]);
    let exposition = openmetrics(&snapshot);
    assert!(exposition.text.contains(&format!("{{{IDS},k=\"{fits}\"}}")));
    assert_eq!(exposition.report.dropped(Cause::ExemplarTooLong), 0);

    let over = vec![KeyValue::new("k", "x".repeat(65))];
    let exposition = openmetrics(&counter_with(vec![exemplar(1.0, 20, over)]));
    assert!(exposition.text.contains(&format!("{{{IDS}}} 1.0")));
    assert_eq!(exposition.report.dropped(Cause::ExemplarTooLong), 1);
    assert_eq!(exposition.report.points(), 1);
}

#[test]
fn there_are_no_ids_where_there_is_no_span() {
    let mut spanless = exemplar(1.0, 20, vec![]);
    spanless.span = None;
    let mut zeros = spanless.clone();
    zeros.span = Some((TraceId::INVALID, SpanId::INVALID));
    for exemplar in [spanless, zeros] {
        let exposition = openmetrics(&counter_with(vec![exemplar]));
        assert_eq!(samples(&exposition), ["c_total 3 # {} 1.0 1700000020"]);
    }
}
