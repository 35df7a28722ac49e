//! The report as a person reads it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;

use expect_test::expect;
use proptest::prelude::*;
use throughline_viewer::*;

/// Nanoseconds per millisecond.
const MS: u64 = 1_000_000;

/// When the sample begins.
const START: u64 = 1_700_000_000_000 * MS;

fn at(millis: u64) -> Time {
    Time::from_nanos(START + millis * MS)
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs
        .iter()
        .map(|(key, value)| (*key, Value::from(*value)))
        .collect()
}

fn origin(service: &str) -> Arc<Origin> {
    Arc::new(Origin {
        resource: attributes(&[("service.name", service), ("host.name", "laptop")]),
        ..Origin::default()
    })
}

fn trace_id(byte: u8) -> TraceId {
    TraceId::from_bytes(&[byte; 16]).unwrap()
}

fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

fn span(
    service: &str,
    (trace, id, parent): (u8, u64, u64),
    name: &str,
    (start, end): (u64, u64),
    pairs: &[(&str, &str)],
) -> Span {
    Span {
        origin: origin(service),
        trace: trace_id(trace),
        id: span_id(id),
        parent: (parent > 0).then(|| span_id(parent)),
        name: name.into(),
        kind: SpanKind::Internal,
        start: at(start),
        end: at(end),
        attributes: attributes(pairs),
        events: [].into(),
        links: [].into(),
        status: Status::default(),
        dropped: 0,
    }
}

fn log(
    trace: u8,
    span: u64,
    time: u64,
    severity: u8,
    body: &str,
    pairs: &[(&str, &str)],
) -> LogRecord {
    LogRecord {
        origin: origin("checkout"),
        time: at(time),
        severity: Severity(severity),
        body: body.into(),
        attributes: attributes(pairs),
        event: "".into(),
        trace: Some(trace_id(trace)),
        span: Some(span_id(span)),
    }
}

const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// What an SDK sends about itself, in a scope of its own.
fn of_sdk(metric: &str) -> Point {
    let mut point = timed("checkout", metric, &[], &[(0, 3)], vec![]);
    let mut origin = Origin::clone(&point.series.origin);
    origin.scope.name = "sdk".into();
    point.series.origin = Arc::new(origin);
    point
}

fn timed(
    service: &str,
    metric: &str,
    pairs: &[(&str, &str)],
    buckets: &[(usize, u64)],
    exemplars: Vec<Exemplar>,
) -> Point {
    let mut counts = vec![0; BOUNDS.len() + 1];
    buckets
        .iter()
        .for_each(|(bucket, count)| counts[*bucket] = *count);
    Point {
        series: SeriesId {
            origin: origin(service),
            name: metric.into(),
            unit: "s".into(),
            kind: Kind::Histogram,
            attributes: attributes(pairs),
        },
        description: "".into(),
        start: at(0),
        time: at(15_000),
        temporality: Temporality::Cumulative,
        value: Total::Histogram(Histogram {
            count: counts.iter().sum(),
            sum: None,
            min: None,
            max: None,
            bounds: BOUNDS.into(),
            counts,
        }),
        exemplars,
    }
}

fn number(metric: &str, unit: &str, kind: Kind, pairs: &[(&str, &str)], value: Number) -> Point {
    let mut point = timed("checkout", metric, pairs, &[], vec![]);
    point.series.unit = unit.into();
    point.series.kind = kind;
    point.value = Total::Number(value);
    point
}

fn exemplar(trace: u8, span: u64, time: u64, value: f64, pairs: &[(&str, &str)]) -> Exemplar {
    Exemplar {
        time: at(time),
        value,
        trace: Some(trace_id(trace)),
        span: Some(span_id(span)),
        attributes: attributes(pairs),
    }
}

/// A shop whose payments wait for a lock now and then.
fn shop() -> Store {
    let store = Store::new(Limits::default());
    let mut slow = vec![
        span(
            "checkout",
            (0x4b, 1, 0),
            "POST /checkout",
            (4_000, 6_345),
            &[
                ("http.request.method", "POST"),
                ("http.route", "/checkout"),
                ("http.response.status_code", "502"),
                ("server.address", "127.0.0.1"),
            ],
        ),
        span(
            "checkout",
            (0x4b, 2, 1),
            "reserve stock",
            (4_004, 4_124),
            &[("sku", "teapot")],
        ),
        span(
            "checkout",
            (0x4b, 3, 2),
            "SELECT stock",
            (4_010, 4_030),
            &[
                ("db.query.text", "SELECT count FROM stock WHERE sku = ?"),
                ("db.system.name", "sqlite"),
            ],
        ),
        span(
            "checkout",
            (0x4b, 4, 1),
            "charge card",
            (4_130, 6_340),
            &[("card.provider", "visa"), ("order.id", "81723")],
        ),
        span("payment", (0x4b, 5, 4), "authorize", (4_150, 6_330), &[]),
        span(
            "payment",
            (0x4b, 6, 5),
            "INSERT ledger",
            (4_160, 6_329),
            &[
                ("db.query.text", "INSERT INTO ledger VALUES (?, ?, ?)"),
                ("thread.id", "7"),
            ],
        ),
    ];
    for (at, message) in [
        (0, "payment failed"),
        (3, "card declined: the ledger was locked"),
    ] {
        slow[at].status = Status {
            code: StatusCode::Error,
            message: message.into(),
        };
    }
    store.add_spans(slow);
    store.add_spans([
        // The clock was set back between its two ends, and its parent never came.
        span(
            "checkout",
            (0x51, 9, 8),
            "GET /orders/{id}",
            (9_000, 8_990),
            &[],
        ),
        span(
            "checkout",
            (0x51, 10, 9),
            "read größe\u{1b}[31m\n",
            (9_000, 9_400),
            &[],
        ),
    ]);
    store.add_logs([
        log(0x4b, 2, 4_100, 9, "stock reserved", &[("left", "3")]),
        log(
            0x4b,
            4,
            5_130,
            13,
            "payment is slow, waiting",
            &[("waited", "1 s")],
        ),
        log(
            0x4b,
            4,
            6_335,
            17,
            "charge failed: the ledger was locked for longer than the client cares to wait for it",
            &[],
        ),
    ]);
    let route = |method, route| {
        [
            ("http.request.method", method),
            ("http.route", route),
            ("url.scheme", "http"),
        ]
    };
    let with = |route: [(&'static str, &'static str); 3], more| [&route[..], &[more][..]].concat();
    let checkout = route("POST", "/checkout");
    let orders = route("GET", "/orders/{id}");
    let http = "http.server.request.duration";
    store.add_points([
        timed(
            "checkout",
            http,
            &with(orders, ("http.response.status_code", "200")),
            &[(0, 9_000), (1, 3_000), (2, 50), (8, 2)],
            vec![
                exemplar(0x51, 9, 9_400, 0.4, &[]),
                exemplar(0x60, 1, 9_900, 0.62, &[]),
            ],
        ),
        timed(
            "checkout",
            http,
            &with(checkout, ("http.response.status_code", "200")),
            &[(1, 400), (2, 780), (3, 12)],
            vec![],
        ),
        timed(
            "checkout",
            http,
            &with(checkout, ("error.type", "502")),
            &[(10, 1)],
            vec![exemplar(0x4b, 1, 6_345, 2.345, &[])],
        ),
        timed(
            "checkout",
            "operation.duration",
            &[("operation.name", "charge card"), ("card.provider", "visa")],
            &[(0, 700), (1, 400), (10, 1)],
            vec![exemplar(0x4b, 4, 6_340, 2.21, &[("order.id", "81723")])],
        ),
        timed("payment", "authorize.duration", &[], &[(14, 3)], vec![]),
        // Not in the text: the row of `operation.duration` says as much.
        number(
            "operation.calls",
            "{call}",
            Kind::Sum { monotonic: true },
            &[("outcome", "success")],
            Number::Int(3),
        ),
        of_sdk("otel.sdk.exporter.operation.duration"),
        of_sdk("sdk.own.name.for.something"),
        number(
            "orders",
            "{order}",
            Kind::Sum { monotonic: true },
            &[("tier", "gold")],
            Number::Int(412),
        ),
        number(
            "orders",
            "{order}",
            Kind::Sum { monotonic: true },
            &[("tier", "basic")],
            Number::Int(5_000),
        ),
        number(
            "process.memory.usage",
            "By",
            Kind::Sum { monotonic: false },
            &[],
            Number::Int(58 << 20),
        ),
        number(
            "cache.hit_ratio",
            "1",
            Kind::Gauge,
            &[],
            Number::Double(0.934),
        ),
    ]);
    store
}

#[test]
fn the_report_shows_operations_and_opens_outliers_as_traces() {
    let text = shop().report(&ReportOptions::default()).to_string();
    expect![[r#"
        OPERATIONS                                    count     rate      p50      p99    p99.9       errors
        checkout · http.server.request.duration
          GET /orders/{id}                           12,052    803/s  3.35 ms  9.89 ms  22.0 ms            -
          POST /checkout                              1,193   79.5/s  13.8 ms  27.2 ms  49.6 ms    1 (<0.1%)
        checkout · operation.duration
          card.provider=visa operation.name=charge card
                                                      1,101   73.4/s  3.93 ms  9.87 ms  10.0 ms            -
        payment · authorize.duration                      3   0.20/s  >10.0 s  >10.0 s  >10.0 s            -

        COUNTERS AND GAUGES
        checkout · cache.hit_ratio                                                                      0.93
        checkout · orders
          tier=basic                                                                      5,000 order  333/s
          tier=gold                                                                        412 order  27.5/s
        checkout · process.memory.usage                                                             58.0 MiB

        OUTLIERS
        1. 2.35 s  checkout http.server.request.duration  (p50 13.8 ms, 170 times that)
           2023-11-14 22:13:26.345 UTC  trace 4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b
           error.type=502 http.request.method=POST http.route=/checkout url.scheme=http
         ◆ checkout: POST /checkout  http.request.method=POST… ███████████████████████████████████    2.35 s
             ↑ http.server.request.duration 2.35 s
             http.request.method=POST http.response.status_code=502 http.route=/checkout server.…
             ✗ ERROR payment failed
           ├ reserve stock  sku=teapot                         █▉                                     120 ms
           │ ├ SELECT stock  db.query.text=SELECT count FROM … ▍                                     20.0 ms
           │   · INFO stock reserved left=3                                                          +100 ms
         ◆ └ charge card  card.provider=visa order.id=81723     ▐█████████████████████████████████    2.21 s
               ↑ operation.duration 2.21 s
               card.provider=visa order.id=81723
               ✗ ERROR card declined: the ledger was locked
             ├ payment: authorize                                ████████████████████████████████▉    2.18 s
             │ └ INSERT ledger  db.query.text=INSERT INTO led…   ████████████████████████████████▉    2.17 s
             │ · WARN payment is slow, waiting waited=1 s                                            +1.13 s
               · ERROR charge failed: the ledger was locked for longer than the client cares to …    +2.33 s

        2. 620 ms  checkout http.server.request.duration  (p50 3.35 ms, 185 times that)
           2023-11-14 22:13:29.900 UTC  trace 60606060606060606060606060606060
           http.request.method=GET http.response.status_code=200 http.route=/orders/{id} url.scheme=http
           trace not received (yet)

        3. 400 ms  checkout http.server.request.duration  (p50 3.35 ms, 119 times that)
           2023-11-14 22:13:29.400 UTC  trace 51515151515151515151515151515151
           http.request.method=GET http.response.status_code=200 http.route=/orders/{id} url.scheme=http
         ◆ checkout: GET /orders/{id}                          ▏                                    -10.0 ms
             ↑ http.server.request.duration 400 ms
             ! its parent was not received (yet)
             ! it ends before it starts: the clock was set back
           └ read größe\u{1b}[31m\n                            ███████████████████████████████████    400 ms

        held: 8 spans of 2 traces, 3 log records, 12 series, 4 exemplars in 24.6 KiB of 64.0 MiB
        not shown: 2 series by which an SDK reports on itself
    "#]].assert_eq(&text);
}

#[test]
fn a_narrow_terminal_without_unicode_gets_ascii_within_its_width() {
    let options = TextOptions {
        width: 72,
        ascii: true,
        ..TextOptions::default()
    };
    let text = shop()
        .report(&ReportOptions {
            outliers: 2,
            ..Default::default()
        })
        .text(&options);
    assert!(text.is_ascii());
    assert!(text.lines().all(|line| line.len() <= 72), "{text}");
    expect![[r#"
        OPERATIONS        count     rate      p50      p99    p99.9       errors
        checkout / http.server.request.duration
          GET /orders/{id}
                         12,052    803/s  3.35 ms  9.89 ms  22.0 ms            -
          POST /checkout
                          1,193   79.5/s  13.8 ms  27.2 ms  49.6 ms    1 (<0.1%)
        checkout / operation.duration
          card.provider=visa operation.name=charge card
                          1,101   73.4/s  3.93 ms  9.87 ms  10.0 ms            -
        payment / authorize.duration
          (no attributes)
                              3   0.20/s  >10.0 s  >10.0 s  >10.0 s            -

        COUNTERS AND GAUGES
        checkout / cache.hit_ratio                                          0.93
        checkout / orders
          tier=basic                                          5,000 order  333/s
          tier=gold                                            412 order  27.5/s
        checkout / process.memory.usage                                 58.0 MiB

        OUTLIERS
        1. 2.35 s  checkout http.server.request.dura...  (p50 13.8 ms, 170 ti...
           2023-11-14 22:13:26.345 UTC  trace 4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b
           error.type=502 http.request.method=POST http.route=/checkout url.s...
         * checkout: POST /checkout  http.... ########################    2.35 s
             ^ http.server.request.duration 2.35 s
             http.request.method=POST http.response.status_code=50...
             x ERROR payment failed
           |-reserve stock  sku=teapot        ##                          120 ms
           | |-SELECT stock  db.query.text... |                          20.0 ms
           |   - INFO stock reserved left=3                              +100 ms
         * `-charge card  card.provider=vi...  #######################    2.21 s
               ^ operation.duration 2.21 s
               card.provider=visa order.id=81723
               x ERROR card declined: the ledger was locked
             |-payment: authorize              #######################    2.18 s
             | `-INSERT ledger  db.query.t...  #######################    2.17 s
             | - WARN payment is slow, waiting waited=1 s                +1.13 s
               - ERROR charge failed: the ledger was locked for lo...    +2.33 s

        2. 620 ms  checkout http.server.request.dura...  (p50 3.35 ms, 185 ti...
           2023-11-14 22:13:29.900 UTC  trace 60606060606060606060606060606060
           http.request.method=GET http.response.status_code=200 http.route=/...
           trace not received (yet)

        held: 8 spans of 2 traces, 3 log records, 12 series, 4 exemplars in 2...
        not shown: 2 series by which an SDK reports on itself
    "#]]
    .assert_eq(&text);
}

#[test]
fn an_empty_store_says_what_it_waits_for() {
    let text = Store::new(Limits::default())
        .report(&Default::default())
        .to_string();
    expect![[r#"
        OPERATIONS                                    count     rate      p50      p99    p99.9       errors
          none yet: a histogram whose unit is a time makes a row

        OUTLIERS
          none: no histogram of a time has arrived yet

        held: 0 spans of 0 traces, 0 log records, 0 series, 0 exemplars in 0 B of 64.0 MiB
    "#]].assert_eq(&text);
}

#[test]
fn colours_add_nothing_but_colour() {
    let report = shop().report(&ReportOptions::default());
    let painted = report.text(&TextOptions {
        color: true,
        ..TextOptions::default()
    });
    let mut plain = String::new();
    let mut rest = painted.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let (code, after) = after.split_once('m').unwrap();
        assert!(
            code.chars()
                .all(|char| char.is_ascii_digit() || char == ';'),
            "{code}"
        );
        rest = after;
    }
    plain.push_str(rest);
    assert_eq!(plain, report.to_string());
}

#[test]
fn the_report_is_the_same_each_time() {
    let store = shop();
    let first = store.report(&ReportOptions::default()).to_string();
    assert!((0..5).all(|_| store.report(&ReportOptions::default()).to_string() == first));
    assert_eq!(shop().report(&ReportOptions::default()).to_string(), first);
}

#[test]
fn a_trace_of_ten_thousand_spans_is_cut_and_says_so() {
    let store = Store::new(Limits::default());
    let mut spans: Vec<Span> = (2..=10_000)
        .map(|n| span("batch", (1, n, 1), "item", (n % 900, n % 900 + 1), &[]))
        .collect();
    spans.push(span("batch", (1, 1, 0), "batch", (0, 1_000), &[]));
    store.add_spans(spans);
    let metric = "batch.duration";
    store.add_points([timed(
        "batch",
        metric,
        &[],
        &[(0, 50), (9, 1)],
        vec![exemplar(1, 1, 1_000, 1.0, &[])],
    )]);
    assert_eq!(store.trace(trace_id(1)).unwrap().spans.len(), 10_000);
    assert!(store.report(&ReportOptions::default()).outliers[0].is_resolved());
    let text = store.report(&ReportOptions::default()).to_string();
    assert!(
        text.contains("9,960 of 10,000 spans not shown (no error among them)"),
        "{text}"
    );
    assert!(text.lines().count() < 70, "{text}");
}

/// Text as an attacker would send it: controls, escapes, directions, wide and combining letters.
fn hostile() -> impl Strategy<Value = String> {
    let char = prop_oneof![
        any::<char>(),
        prop_oneof![
            Just('\u{1b}'),
            Just('\n'),
            Just('\r'),
            Just('\u{9b}'),
            Just('\u{202e}')
        ],
        Just('注'),
        Just('\u{301}'),
        proptest::char::range('a', 'z'),
    ];
    proptest::collection::vec(char, 0..60).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_sent_no_line_breaks_out_or_passes_the_width(
        texts in proptest::collection::vec(hostile(), 9),
        width in 0..160_usize,
        ascii in any::<bool>(),
    ) {
        let [service, metric, key, value, name, message, body, event, unit] = &texts[..] else {
            unreachable!()
        };
        let store = Store::new(Limits::default());
        let mut root = span(service, (1, 1, 0), name, (0, 900), &[(key, value)]);
        root.status = Status { code: StatusCode::Error, message: message.as_str().into() };
        root.events = [SpanEvent { time: at(5), name: event.as_str().into(), attributes: attributes(&[(key, value)]) }].into();
        store.add_spans([root, span(name, (1, 2, 1), service, (10, 20), &[])]);
        store.add_logs([log(1, 1, 7, 17, body, &[(key, value)]), log(1, 9, 8, 3, body, &[])]);
        let slow = exemplar(1, 1, 900, 0.9, &[(value, key)]);
        let mut level = number(metric, unit, Kind::Gauge, &[(key, value)], Number::Int(1));
        level.series.origin = origin(service);
        store.add_points([timed(service, metric, &[(key, value)], &[(0, 200), (9, 1)], vec![slow]), level]);
        let text = store
            .report(&ReportOptions { self_telemetry: true, ..Default::default() })
            .text(&TextOptions { width, ascii, ..TextOptions::default() });
        prop_assert!(text.contains("1. 900 ms"));
        for line in text.lines() {
            prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width.max(60), "{line:?}");
            prop_assert!(!line.chars().any(|char| char.is_control() || char == '\u{202e}'), "{line:?}");
        }
        prop_assert!(!ascii || text.is_ascii());
    }
}
