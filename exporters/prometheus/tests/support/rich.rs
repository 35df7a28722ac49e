//! One snapshot with everything: all kinds, odd attributes, exemplars, several scopes, conflicts.

use std::time::Duration;

use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use throughline_model::*;

use crate::snapshots::*;

pub fn rich() -> Snapshot {
    let resource = Resource::new([
        KeyValue::new("service.name", "checkout"),
        KeyValue::new("service.instance.id", "627cc493"),
        KeyValue::new("process.pid", 4711),
        KeyValue::new("host.name", "büro \"eins\""),
    ]);
    Snapshot {
        resource: resource.into(),
        scopes: vec![shop(), runtime(), conflicts()],
        incomplete: None,
    }
}

fn shop() -> ScopeMetrics {
    let scope = InstrumentationScope::builder("shop")
        .with_version("1.4.0")
        .with_schema_url("https://opentelemetry.io/schemas/1.37.0")
        .with_attributes([KeyValue::new("deployment.ring", 2)])
        .build();
    let mut gold = number(
        Number::U64(u64::MAX),
        pairs(&[("tier", "gold"), ("card.provider", "visa")]),
    );
    gold.exemplars = vec![exemplar(1.0, 12, pairs(&[("order.id", "A-1")]))];
    let odd = number(
        Number::U64(3),
        pairs(&[
            ("tier", "quote \" backslash \\ line\nfeed"),
            ("name", "日本 ü"),
        ]),
    );
    let mut spent = number(Number::F64(1234567.5), vec![]);
    spent.exemplars = vec![exemplar(
        0.25,
        30,
        vec![KeyValue::new("note", "x".repeat(90))],
    )];
    let mut fast = histogram_point(&[0.005, 0.01, 0.025, 1.0, 10.0], &[4, 3, 0, 2, 1, 1], 31.25);
    fast.attributes = Attributes::new(pairs(&[
        ("http.route", "/pay"),
        ("http.request.method", "POST"),
    ]));
    fast.exemplars = vec![
        exemplar(0.004, 5, vec![]),
        exemplar(0.0009765625, 9, vec![]),
        exemplar(12.5, 59, pairs(&[("user.id", "7")])),
    ];
    let mut other = histogram_point(&[0.005, 0.01, 0.025, 1.0, 10.0], &[0, 0, 0, 0, 0, 0], 0.0);
    other.attributes = Attributes::new(pairs(&[("http.route", "/cart")]));
    ScopeMetrics {
        scope,
        metrics: vec![
            described(
                metric("orders", "{order}", sum(true, vec![gold, odd])),
                "Orders \"placed\"\nso far \\o/",
            ),
            described(
                metric("money.spent", "EUR", sum(true, vec![spent])),
                "Money spent",
            ),
            described(
                histogram("http.server.request.duration", "s", vec![fast, other]),
                "Duration of HTTP server requests",
            ),
            metric(
                "requests.in_flight",
                "{request}",
                sum(
                    false,
                    vec![number(Number::I64(-2), vec![KeyValue::new("ready", true)])],
                ),
            ),
        ],
    }
}

fn runtime() -> ScopeMetrics {
    let mut sizes = exponential_point(3, 40, &[1, 2, 0, 4, 8, 16, 32, 64, 128]);
    sizes.sum = 9_999.5;
    sizes.zero_count = 3;
    sizes.exemplars = vec![exemplar(40.0, 1, vec![]), exemplar(0.0, 2, vec![])];
    let mut balance = exponential_point(0, 1, &[5]);
    balance.negative = ExponentialBuckets {
        offset: 0,
        counts: vec![2, 1],
    };
    balance.sum = -3.5;
    let mut later = exemplar(1.0, 3, vec![]);
    later.time += Duration::from_nanos(123_456_789);
    let mut ticks = number(Number::F64(17.0), vec![]);
    ticks.exemplars = vec![later];
    let gauge_points = [
        (Number::F64(0.5), Value::from("a")),
        (Number::F64(f64::NAN), Value::Array(Array::I64(vec![1, 2]))),
        (Number::F64(f64::INFINITY), Value::from(1.5)),
        (Number::F64(f64::NEG_INFINITY), Value::from(-7)),
        (Number::I64(i64::MIN), Value::from(false)),
    ];
    let points =
        gauge_points.map(|(value, label)| number(value, vec![KeyValue::new("kind", label)]));
    scope(
        "runtime",
        vec![
            described(
                exponential("message.size", "By", vec![sizes]),
                "Size of messages",
            ),
            exponential("balance", "", vec![balance]),
            histogram(
                "drift",
                "ms",
                vec![histogram_point(&[-10.0, 0.0, 10.0], &[1, 2, 3, 4], -5.0)],
            ),
            metric("ticks.total", "", sum(true, vec![ticks])),
            metric(
                "cpu.utilization",
                "1",
                Data::Gauge(Gauge {
                    points: points.to_vec(),
                }),
            ),
            metric(
                "speed",
                "m/s",
                sum(false, vec![number(Number::F64(2.5), vec![])]),
            ),
        ],
    )
}

fn conflicts() -> ScopeMetrics {
    let mut delta = counter("delta", "", 1);
    if let Data::Sum(sum) = &mut delta.data {
        sum.temporality = Temporality::Delta;
    }
    let twice = ["a.b", "a_b"].map(|key| number(Number::U64(1), pairs(&[(key, "same")])));
    scope(
        "conflicts",
        vec![
            described(counter("orders", "", 5), "Another description"),
            described(gauge("orders.total", "", 1.0), "Another type"),
            gauge("target.info", "", 1.0),
            metric("twice", "", sum(false, twice.to_vec())),
            metric(
                "joined",
                "",
                sum(
                    false,
                    vec![number(
                        Number::U64(1),
                        pairs(&[("a_b", "second"), ("a.b", "first")]),
                    )],
                ),
            ),
            histogram(
                "broken",
                "",
                vec![histogram_point(&[2.0, 1.0], &[1, 1, 1], 0.0)],
            ),
            delta,
            counter("%", "", 1),
        ],
    )
}
