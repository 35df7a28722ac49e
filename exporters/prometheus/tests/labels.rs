//! Labels: attributes, scope and resource (specification: `compatibility/prometheus_and_openmetrics.md`,
//! "Metric Attributes", "Instrumentation Scope", "Resource Attributes").
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

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use snapshots::*;
use throughline_model::{Attributes, Metric, Number, Resource, ScopeMetrics, Snapshot};
use throughline_prometheus::{Cause, Format, Options, Protocol, render};

fn with(attributes: Vec<KeyValue>) -> Snapshot {
    bare(vec![metric(
        "m",
        "",
        sum(false, vec![number(Number::U64(1), attributes)]),
    )])
}

fn line(attributes: Vec<KeyValue>) -> String {
    let snapshot = with(attributes);
    let exposition = text(&snapshot);
    samples(&exposition).join("\n")
}

#[test]
fn keys_are_translated_and_sorted() {
    assert_eq!(
        line(pairs(&[("url.path", "/"), ("a-b", "x"), ("Z", "y")])),
        "m{Z=\"y\",a_b=\"x\",url_path=\"/\"} 1"
    );
}

#[test]
fn keys_that_collide_join_their_values_in_the_order_of_the_keys() {
    // `.` sorts before `_`, whatever the values are.
    assert_eq!(
        line(pairs(&[
            ("a_b", "1"),
            ("a.b", "9"),
            ("a/b", "5"),
            ("c", "x")
        ])),
        "m{a_b=\"9;5;1\",c=\"x\"} 1"
    );
}

#[test]
fn values_are_escaped() {
    assert_eq!(
        line(pairs(&[("k", "quote \" backslash \\ line\nend ü 日本")])),
        "m{k=\"quote \\\" backslash \\\\ line\\nend ü 日本\"} 1"
    );
}

#[test]
fn values_of_other_types_are_their_json() {
    let strings = ["a\"b", "c\nd"].map(StringValue::from).to_vec();
    for (value, expected) in [
        (Value::from(true), "true"),
        (Value::from(-42), "-42"),
        (Value::from(1.5), "1.5"),
        (Value::from(1e21), "1e+21"),
        (Value::from(f64::NAN), "NaN"),
        (Value::from(f64::INFINITY), "Infinity"),
        (Value::from(f64::NEG_INFINITY), "-Infinity"),
        (Value::Array(Array::I64(vec![1, 2])), "[1,2]"),
        (Value::Array(Array::Bool(vec![])), "[]"),
        (
            Value::Array(Array::F64(vec![0.5, f64::INFINITY])),
            r#"[0.5,\"Infinity\"]"#,
        ),
        (
            Value::Array(Array::String(strings)),
            r#"[\"a\\\"b\",\"c\\nd\"]"#,
        ),
    ] {
        assert_eq!(
            line(vec![KeyValue::new("k", value)]),
            format!("m{{k=\"{expected}\"}} 1")
        );
    }
}

#[test]
fn an_empty_value_is_no_label() {
    assert_eq!(line(pairs(&[("k", "")])), "m 1");
}

#[test]
fn points_of_the_same_keys_have_values_of_any_kind() {
    let values: [(Value, &str); 9] = [
        ("first".into(), ",b=\"first\""),
        (200.into(), ",b=\"200\""),
        ("".into(), ""),
        ("a \" b".into(), ",b=\"a \\\" b\""),
        (true.into(), ",b=\"true\""),
        (Value::Array(Array::I64(vec![1, 2])), ",b=\"[1,2]\""),
        (0.5.into(), ",b=\"0.5\""),
        (f64::NAN.into(), ",b=\"NaN\""),
        ("last".into(), ",b=\"last\""),
    ];
    let point = |value: &Value| {
        let b = KeyValue::new("b", value.clone());
        let pairs = [KeyValue::new("a", "x"), b, KeyValue::new("z", 1)];
        number(Number::U64(1), pairs.to_vec())
    };
    let points = values.iter().map(|(value, _)| point(value)).collect();
    let snapshot = bare(vec![metric("m", "", sum(false, points))]);
    let expected = values.map(|(_, label)| format!("m{{a=\"x\"{label},z=\"1\"}} 1"));
    assert_eq!(samples(&text(&snapshot)), expected);
}

#[test]
fn points_that_become_the_same_series_are_written_once_and_counted() {
    let same = [
        pairs(&[("a.b", "1")]),
        pairs(&[("a_b", "1")]),
        vec![KeyValue::new("a_b", 1)],
        vec![KeyValue::new("a_b", 1), KeyValue::new("empty", "")],
    ];
    let points = same.map(|attributes| number(Number::U64(1), attributes));
    let snapshot = bare(vec![metric("m", "", sum(false, points.to_vec()))]);
    let exposition = text(&snapshot);
    assert_eq!(samples(&exposition), ["m{a_b=\"1\"} 1"]);
    assert_eq!(exposition.report.dropped(Cause::DuplicateSeries), 3);
}

fn full_scope() -> InstrumentationScope {
    InstrumentationScope::builder("http")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/1.0")
        .with_attributes(pairs(&[("tier.level", "gold"), ("a", "b")]))
        .build()
}

#[test]
fn every_point_carries_its_scope() {
    let snapshot = scoped(vec![ScopeMetrics {
        scope: full_scope(),
        metrics: vec![
            counter("c", "", 1),
            histogram("h", "", vec![histogram_point(&[], &[1], 1.0)]),
        ],
    }]);
    let labels = "otel_scope_a=\"b\",otel_scope_name=\"http\",\
                  otel_scope_schema_url=\"https://example.com/1.0\",otel_scope_tier_level=\"gold\",\
                  otel_scope_version=\"1.2.3\"";
    assert_eq!(
        samples(&text(&snapshot)),
        [
            format!("c_total{{{labels}}} 1"),
            format!("h_bucket{{{labels},le=\"+Inf\"}} 1"),
            format!("h_sum{{{labels}}} 1"),
            format!("h_count{{{labels}}} 1"),
        ]
    );
}

#[test]
fn scope_labels_can_be_switched_off() {
    let snapshot = scoped(vec![
        ScopeMetrics {
            scope: full_scope(),
            metrics: vec![counter("c", "", 1)],
        },
        scope("other", vec![counter("c", "", 2)]),
    ]);
    let options = Options {
        scope_labels: false,
        ..Options::default()
    };
    let exposition = render(&snapshot, Format::default(), &options);
    // Without its scope, the second point is the same series.
    assert_eq!(samples(&exposition), ["c_total 1"]);
    assert_eq!(exposition.report.dropped(Cause::DuplicateSeries), 1);
}

#[test]
fn scope_attributes_do_not_take_the_names_of_the_scope() {
    let attributes = pairs(&[
        ("name", "x"),
        ("version", "x"),
        ("schema.url", "x"),
        ("other", "kept"),
    ]);
    let scope = InstrumentationScope::builder("real")
        .with_attributes(attributes)
        .build();
    let metrics = vec![counter("c", "", 1)];
    let exposition = text(&scoped(vec![ScopeMetrics { scope, metrics }]));
    assert_eq!(
        samples(&exposition),
        ["c_total{otel_scope_name=\"real\",otel_scope_other=\"kept\"} 1"]
    );
    assert_eq!(exposition.report.dropped(Cause::ReservedScopeAttribute), 3);
}

#[test]
fn attributes_that_collide_with_scope_labels_are_joined() {
    let mut metric = counter("c", "", 1);
    metric.data = sum(
        true,
        vec![number(
            Number::U64(1),
            pairs(&[("otel.scope.name", "mine")]),
        )],
    );
    let exposition = text(&scoped(vec![scope("theirs", vec![metric])]));
    assert_eq!(
        samples(&exposition),
        ["c_total{otel_scope_name=\"mine;theirs\"} 1"]
    );
}

fn with_resource(metrics: Vec<throughline_model::Metric>) -> Snapshot {
    Snapshot {
        resource: Resource::new(pairs(&[("service.name", "shop"), ("host.name", "a\"b")])).into(),
        ..bare(metrics)
    }
}

#[test]
fn the_resource_is_one_target_info_and_comes_first() {
    let snapshot = with_resource(vec![counter("c", "", 1)]);
    assert_eq!(
        openmetrics(&snapshot).text,
        "# TYPE target info\n\
         # HELP target Target metadata\n\
         target_info{host_name=\"a\\\"b\",service_name=\"shop\"} 1\n\
         # TYPE c counter\nc_total 1\n# EOF\n"
    );
    assert_eq!(
        text(&snapshot).text,
        "# HELP target_info Target metadata\n\
         # TYPE target_info gauge\n\
         target_info{host_name=\"a\\\"b\",service_name=\"shop\"} 1\n\
         # TYPE c_total counter\nc_total 1\n"
    );
}

#[test]
fn target_info_can_be_switched_off_and_is_left_out_for_an_empty_resource() {
    let options = Options {
        target_info: false,
        ..Options::default()
    };
    let snapshot = with_resource(vec![counter("c", "", 1)]);
    let exposition = render(&snapshot, Format::default(), &options);
    assert_eq!(samples(&exposition), ["c_total 1"]);
    assert!(!text(&bare(vec![])).text.contains("target"));
}

#[test]
fn no_metric_takes_the_name_of_target_info() {
    for name in ["target_info", "target.info", "target"] {
        let snapshot = with_resource(vec![gauge(name, "", 5.0)]);
        let exposition = openmetrics(&snapshot);
        assert_eq!(samples(&exposition).len(), 1, "{}", exposition.text);
        assert_eq!(exposition.report.dropped(Cause::TypeConflict), 1);
    }
    assert_eq!(
        text(&with_resource(vec![gauge("target", "", 5.0)]))
            .report
            .points(),
        1
    );
}

#[test]
fn escaping_schemes_leave_translated_names_as_they_are() {
    // Specification: `metrics/sdk_exporters/prometheus.md`, "Interaction with Translation Strategy".
    let snapshot = with(pairs(&[("a.b", "x")]));
    for scheme in ["allow-utf-8", "underscores", "dots", "values"] {
        let accept = format!("text/plain;version=1.0.0;escaping={scheme}");
        let format = Format::negotiate(Some(&accept));
        assert_eq!(format.protocol, Protocol::Text1_0_0);
        let exposition = render(&snapshot, format, &Options::default());
        assert_eq!(samples(&exposition), ["m{a_b=\"x\"} 1"]);
    }
}

/// In families of all kinds, beside some of which `le` is taken.
fn assert_written_as_each_alone(sets: &[Attributes], in_scope: bool) {
    let lines = |metrics| {
        let snapshot = if in_scope {
            scoped(vec![scope("shop", metrics)])
        } else {
            bare(metrics)
        };
        samples(&text(&snapshot)).join("\n")
    };
    let families: [fn(&[Attributes]) -> Metric; 4] = [
        |sets| gauges("first", sets),
        histograms,
        exponentials,
        |sets| gauges("last", sets),
    ];
    let mut expected = Vec::new();
    for family in families {
        for set in sets {
            // Pairs that no other set has.
            let alone = Attributes::new(set.iter().cloned());
            let alone = lines(vec![family(&[alone])]);
            // Other sets that are the same labels are duplicates.
            if !expected.contains(&alone) {
                expected.push(alone);
            }
        }
    }
    let together = lines(families.map(|family| family(sets)).to_vec());
    assert_eq!(together, expected.join("\n"));
}

fn gauges(name: &'static str, sets: &[Attributes]) -> Metric {
    let points = sets.iter().map(|set| {
        let mut point = number(Number::U64(1), vec![]);
        point.attributes = set.clone();
        point
    });
    metric(name, "", sum(false, points.collect()))
}

fn histograms(sets: &[Attributes]) -> Metric {
    let points = sets.iter().map(|set| {
        let mut point = histogram_point(&[0.5], &[1, 2], 3.0);
        point.attributes = set.clone();
        point
    });
    histogram("histogram", "", points.collect())
}

fn exponentials(sets: &[Attributes]) -> Metric {
    let points = sets.iter().map(|set| {
        let mut point = exponential_point(0, 0, &[1, 2]);
        point.attributes = set.clone();
        point
    });
    exponential("exponential", "", points.collect())
}

/// Sets of an engine's series are made of pairs that they share.
#[test]
fn sets_that_share_pairs_are_written_as_if_they_did_not() {
    let pair = |key, value| Arc::new(KeyValue::new(key, value));
    let all = [
        pair("a", "1"),
        pair("a", "2"),
        pair("b", "1"),
        pair("b", ""),
        pair("c.d", "\""),
        pair("c/d", "2"),
        pair("le", "3"),
        pair("z", "1"),
    ];
    let sets = (0..1u32 << all.len()).map(|set| {
        let chosen = all.iter().enumerate();
        let chosen = chosen.filter(|(at, _)| set & (1 << at) != 0);
        Attributes::new(chosen.map(|(_, pair)| Arc::clone(pair)))
    });
    // In an order in which neighbours mostly have other keys, each once and then again.
    let mut sets: Vec<_> = sets.collect();
    sets.sort_by_key(|set| set.len() % 3);
    sets.extend(sets.clone());
    for in_scope in [false, true] {
        assert_written_as_each_alone(&sets, in_scope);
    }
}

/// As where only some series of a histogram have an `error.type`.
#[test]
fn sets_whose_keys_take_turns_are_written_as_each_alone() {
    // More than are remembered.
    let key_sets: [&[&str]; 9] = [
        &["le", "method"],
        &["error.type", "le", "method"],
        &["exported_le", "method"],
        &["exported_le", "le", "method"],
        &["method", "error.type"],
        &[],
        &["error.type", "error_type"],
        &["zone"],
        &["exported_le"],
    ];
    let pairs: HashMap<_, _> = key_sets
        .into_iter()
        .flatten()
        .flat_map(|key| ["1", "2", "", "3"].map(|value| (*key, value)))
        .map(|(key, value)| ((key, value), Arc::new(KeyValue::new(key, value))))
        .collect();
    let pair = |key, value| Arc::clone(&pairs[&(key, value)]);
    // One is empty now and then: it makes no label.
    let rounds = [
        ["1", "2", "3"],
        ["2", "2", "3"],
        ["", "1", "3"],
        ["2", "1", "2"],
        ["3", "", ""],
        ["2", "1", "1"],
        ["3", "3", "3"],
    ];
    for turns in 1..=key_sets.len() {
        let set = |keys: &&[&'static str], values: [&'static str; 3]| {
            Attributes::new(
                keys.iter()
                    .zip(values)
                    .map(|(key, value)| pair(*key, value)),
            )
        };
        let of_round = |values| key_sets[..turns].iter().map(move |keys| set(keys, values));
        let sets: Vec<_> = rounds.into_iter().flat_map(of_round).collect();
        for in_scope in [false, true] {
            assert_written_as_each_alone(&sets, in_scope);
        }
    }
}
