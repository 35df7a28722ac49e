use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::data::{
    Attributes, Exemplar, Histogram, Kind, Number, Origin, SeriesId, Severity, SpanId, SpanKind,
    Status, Temporality, Time, Total, Value,
};

fn trace_id(number: u64) -> TraceId {
    let mut bytes = [0xaa; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TraceId::from_bytes(&bytes).unwrap()
}

fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(&(number + 1).to_be_bytes()).unwrap()
}

fn origin(service: &str) -> Arc<Origin> {
    Arc::new(Origin {
        resource: [("service.name", Value::from(service))]
            .into_iter()
            .collect(),
        ..Origin::default()
    })
}

/// A span that is no root, so that nothing but exemplars pins its trace.
fn span(trace: u64, id: u64, text: usize) -> Span {
    Span {
        origin: origin("shop"),
        trace: trace_id(trace),
        id: span_id(id),
        parent: Some(span_id(9_999)),
        name: "work".into(),
        kind: SpanKind::Internal,
        start: Time::from_nanos(1_000 + id),
        end: Time::from_nanos(2_000 + id),
        attributes: [("text", Value::from("x".repeat(text).as_str()))]
            .into_iter()
            .collect(),
        events: [].into(),
        links: [].into(),
        status: Status::default(),
        dropped: 0,
    }
}

fn log(trace: Option<u64>, text: usize) -> LogRecord {
    LogRecord {
        origin: origin("shop"),
        time: Time::from_nanos(1_500),
        severity: Severity(9),
        body: "y".repeat(text).as_str().into(),
        attributes: Attributes::default(),
        event: "".into(),
        trace: trace.map(trace_id),
        span: None,
    }
}

fn series(name: &str, kind: Kind) -> SeriesId {
    SeriesId {
        origin: origin("shop"),
        name: name.into(),
        unit: "s".into(),
        kind,
        attributes: Attributes::default(),
    }
}

fn exemplar(trace: u64, value: f64, time: u64) -> Exemplar {
    Exemplar {
        time: Time::from_nanos(time),
        value,
        trace: Some(trace_id(trace)),
        span: Some(span_id(0)),
        attributes: Attributes::default(),
    }
}

fn point(
    series: SeriesId,
    temporality: Temporality,
    (start, time): (u64, u64),
    value: Total,
    exemplars: Vec<Exemplar>,
) -> Point {
    Point {
        series,
        description: "".into(),
        start: Time::from_nanos(start),
        time: Time::from_nanos(time),
        temporality,
        value,
        exemplars,
    }
}

fn histogram(counts: &[u64]) -> Total {
    Total::Histogram(Histogram {
        count: counts.iter().sum(),
        sum: Some(1.0),
        min: None,
        max: None,
        bounds: (1..counts.len()).map(|bound| bound as f64).collect(),
        counts: counts.to_vec(),
    })
}

fn total_of(store: &Store, name: &str) -> Total {
    let series = store.series();
    let found = series.iter().find(|series| &*series.id.name == name);
    found.expect("the series").total.clone()
}

const COUNTER: Kind = Kind::Sum { monotonic: true };

fn numbers(
    store: &Store,
    name: &str,
    kind: Kind,
    temporality: Temporality,
    points: &[((u64, u64), i64)],
) {
    store.add_points(points.iter().map(|(covered, value)| {
        let value = Total::Number(Number::Int(*value));
        point(series(name, kind), temporality, *covered, value, vec![])
    }));
}

#[test]
fn both_temporalities_give_the_same_total() {
    let store = Store::new(Limits::default());
    numbers(
        &store,
        "c",
        COUNTER,
        Temporality::Cumulative,
        &[((1, 10), 3), ((1, 20), 7), ((1, 30), 7)],
    );
    numbers(
        &store,
        "d",
        COUNTER,
        Temporality::Delta,
        &[((1, 10), 3), ((10, 20), 4), ((20, 30), 0)],
    );
    assert_eq!(total_of(&store, "c"), Total::Number(Number::Int(7)));
    assert_eq!(total_of(&store, "d"), Total::Number(Number::Int(7)));
}

// Specification: `metrics/data-model.md`, "Resets and Gaps".
#[test]
fn a_new_start_time_adds_to_what_was_counted_before() {
    let store = Store::new(Limits::default());
    numbers(
        &store,
        "c",
        COUNTER,
        Temporality::Cumulative,
        &[
            ((1, 10), 5),
            ((1, 20), 8),
            ((25, 30), 9),
            ((25, 40), 10),
            ((50, 60), 1),
        ],
    );
    assert_eq!(total_of(&store, "c"), Total::Number(Number::Int(19)));
    assert_eq!(store.series()[0].restarts, 2);
}

#[test]
fn a_counter_that_shrinks_began_anew_even_without_a_start_time() {
    let store = Store::new(Limits::default());
    let points = [((0, 10), 5), ((0, 20), 2), ((0, 30), 3)];
    numbers(&store, "c", COUNTER, Temporality::Cumulative, &points);
    assert_eq!(total_of(&store, "c"), Total::Number(Number::Int(8)));
}

#[test]
fn a_level_does_not_outlive_the_process_that_had_it() {
    let store = Store::new(Limits::default());
    let level = Kind::Sum { monotonic: false };
    numbers(
        &store,
        "l",
        level,
        Temporality::Cumulative,
        &[((1, 10), 5), ((20, 30), 2)],
    );
    assert_eq!(total_of(&store, "l"), Total::Number(Number::Int(2)));
}

#[test]
fn a_repeated_delta_and_an_old_cumulative_point_are_not_counted_again() {
    let store = Store::new(Limits::default());
    numbers(
        &store,
        "d",
        COUNTER,
        Temporality::Delta,
        &[((1, 10), 3), ((1, 10), 3)],
    );
    numbers(
        &store,
        "c",
        COUNTER,
        Temporality::Cumulative,
        &[((1, 20), 7), ((1, 10), 3)],
    );
    assert_eq!(total_of(&store, "d"), Total::Number(Number::Int(3)));
    assert_eq!(total_of(&store, "c"), Total::Number(Number::Int(7)));
    assert_eq!(store.losses().points_stale, 2);
}

#[test]
fn a_fractional_total_after_a_restart_is_not_taken_for_another_one() {
    let store = Store::new(Limits::default());
    for (covered, value) in [
        ((1, 10), 0.1),
        ((20, 30), 0.2),
        ((20, 40), 0.2),
        ((20, 50), 0.2),
    ] {
        let value = Total::Number(Number::Double(value));
        let id = series("c", COUNTER);
        store.add_points([point(id, Temporality::Cumulative, covered, value, vec![])]);
    }
    assert_eq!(
        total_of(&store, "c"),
        Total::Number(Number::Double(0.1 + 0.2))
    );
}

#[test]
fn histograms_add_up_over_restarts() {
    let store = Store::new(Limits::default());
    for (covered, counts) in [
        ((1, 10), [1, 2, 0]),
        ((1, 20), [2, 2, 1]),
        ((30, 40), [1, 0, 1]),
    ] {
        let id = series("h", Kind::Histogram);
        let value = histogram(&counts);
        store.add_points([point(id, Temporality::Cumulative, covered, value, vec![])]);
    }
    let Total::Histogram(total) = total_of(&store, "h") else {
        panic!("a histogram")
    };
    assert_eq!((total.count, total.counts), (7, vec![3, 2, 2]));
}

#[test]
fn a_trace_is_handed_out_in_order_and_a_repeated_span_once() {
    let store = Store::new(Limits::default());
    store.add_spans([span(1, 5, 0), span(1, 2, 0), span(2, 1, 0), span(1, 5, 0)]);
    store.add_logs([log(Some(1), 3), log(None, 3)]);
    let trace = store.trace(trace_id(1)).unwrap();
    let ids: Vec<SpanId> = trace.spans.iter().map(|span| span.id).collect();
    assert_eq!(ids, [span_id(2), span_id(5)]);
    assert_eq!(trace.logs.len(), 1);
    assert_eq!(store.recent_logs(10).len(), 2);
    assert_eq!(store.recent_traces(1), [trace_id(1)]);
    assert!(store.trace(trace_id(3)).is_none());
}

#[test]
fn a_full_trace_refuses_more_spans_and_counts_them() {
    let store = Store::new(Limits {
        spans_per_trace: 3,
        ..Limits::default()
    });
    store.add_spans((0..5).map(|id| span(1, id, 0)));
    assert_eq!(store.trace(trace_id(1)).unwrap().spans.len(), 3);
    assert_eq!(store.losses().spans_refused, 2);
}

/// Enough for about 500 of the small spans above.
const TIGHT: Limits = Limits {
    bytes: 512 << 10,
    spans: 100_000,
    spans_per_trace: 1_000,
    log_records: 1_000,
    series: 50,
    exemplars_per_series: 4,
};

#[test]
fn a_trace_with_an_exemplar_outlives_a_flood_of_others() {
    let store = Store::new(TIGHT);
    store.add_spans([span(1, 0, 100), span(2, 0, 100)]);
    store.add_logs([log(Some(1), 10), log(Some(2), 10)]);
    let id = series("h", Kind::Histogram);
    let exemplars = vec![exemplar(1, 5.0, 10)];
    store.add_points([point(
        id,
        Temporality::Delta,
        (1, 10),
        histogram(&[0, 1]),
        exemplars,
    )]);
    for number in 10..5_000 {
        store.add_spans([span(number, 0, 100)]);
        store.add_logs([log(Some(number), 10)]);
    }
    let kept = store.trace(trace_id(1)).unwrap();
    assert_eq!((kept.spans.len(), kept.logs.len()), (1, 1));
    assert!(store.trace(trace_id(2)).is_none());
    let losses = store.losses();
    assert!(losses.spans_evicted > 4_000);
    assert_eq!(losses.pinned_traces_evicted, 0);
}

#[test]
fn the_slowest_of_an_operation_wait_for_their_exemplar() {
    let store = Store::new(TIGHT);
    let root = |trace: u64, nanos: u64| Span {
        parent: None,
        end: Time::from_nanos(1_000 + nanos),
        start: Time::from_nanos(1_000),
        ..span(trace, 0, 100)
    };
    store.add_spans([root(1, 900_000)]);
    store.add_spans((10..5_000).map(|number| root(number, number)));
    assert!(store.trace(trace_id(1)).is_some());
    assert!(store.losses().spans_evicted > 4_000);
}

#[test]
fn of_pinned_traces_the_outliers_stay_longest_and_new_traces_always_fit() {
    // Each series pins four traces, two of them as its largest: more than three quarters of the room.
    let store = Store::new(TIGHT);
    for number in 0..200 {
        store.add_spans([span(number, 0, 1_000)]);
        let id = series(&format!("h{}", number % 50), Kind::Histogram);
        let value = if number < 10 { 1_000.0 } else { number as f64 };
        let exemplars = vec![exemplar(number, value, number)];
        let covered = (number + 1, number + 2);
        store.add_points([point(
            id,
            Temporality::Delta,
            covered,
            histogram(&[0, 1]),
            exemplars,
        )]);
    }
    assert!(store.losses().pinned_traces_evicted > 0);
    for number in 0..10 {
        assert!(store.trace(trace_id(number)).is_some(), "outlier {number}");
    }
    store.add_spans((7_700..7_778).map(|number| span(number, 0, 100)));
    for number in 7_740..7_778 {
        let kept = store.trace(trace_id(number));
        assert!(kept.is_some(), "new trace {number} beside pinned ones");
    }
}

#[test]
fn an_exemplar_that_is_sent_again_is_kept_once_and_the_largest_outlive_the_newest() {
    let store = Store::new(Limits {
        exemplars_per_series: 4,
        ..Limits::default()
    });
    for time in 1..20 {
        let id = series("h", Kind::Histogram);
        let largest = exemplar(1, 100.0, 1);
        let newest = exemplar(time, 1.0 / time as f64, time);
        let exemplars = vec![largest, newest];
        store.add_points([point(
            id,
            Temporality::Delta,
            (time, time + 1),
            histogram(&[1]),
            exemplars,
        )]);
    }
    let series = store.series();
    let kept: Vec<(f64, u64)> = series[0]
        .exemplars()
        .iter()
        .map(|e| (e.value, e.time.as_nanos()))
        .collect();
    assert_eq!(
        kept,
        [(100.0, 1), (1.0, 1), (1.0 / 18.0, 18), (1.0 / 19.0, 19)]
    );
}

#[derive(Clone, Debug)]
enum Step {
    Span(u64, u64, usize, bool),
    Log(Option<u64>, usize),
    Point(u8, u64, usize, Vec<(u64, f64)>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..200_u64, any::<u64>(), 0..3_000_usize, any::<bool>())
            .prop_map(|(trace, id, text, root)| Step::Span(trace, id >> 1, text, root)),
        (proptest::option::of(0..200_u64), 0..3_000_usize)
            .prop_map(|(trace, text)| Step::Log(trace, text)),
        (
            any::<u8>(),
            1..1_000_u64,
            1..200_usize,
            proptest::collection::vec((0..200_u64, 0.0..10.0), 0..6)
        )
            .prop_map(|(name, time, buckets, exemplars)| Step::Point(
                name, time, buckets, exemplars
            )),
    ]
}

fn run(store: &Store, step: &Step) {
    match step {
        Step::Span(trace, id, text, root) => {
            let mut span = span(*trace, *id % 1_000_000, *text);
            if *root {
                span.parent = None;
            }
            // Many services, so that origins come and go too.
            span.origin = origin(&"s".repeat(*text % 97));
            store.add_spans([span]);
        }
        Step::Log(trace, text) => store.add_logs([log(*trace, *text)]),
        Step::Point(name, time, buckets, exemplars) => {
            let counts: Vec<u64> = vec![1; *buckets];
            let exemplars = exemplars
                .iter()
                .map(|(trace, value)| exemplar(*trace, *value, *time))
                .collect();
            let id = series(&format!("h{name}"), Kind::Histogram);
            let covered = (*time, time + 1);
            store.add_points([point(
                id,
                Temporality::Cumulative,
                covered,
                histogram(&counts),
                exemplars,
            )]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_flood_passes_any_limit(steps in proptest::collection::vec(step(), 1..1_500)) {
        let limits = Limits { bytes: 96 << 10, spans: 60, log_records: 60, ..TIGHT };
        let store = Store::new(limits);
        for step in &steps {
            run(&store, step);
            let usage = store.usage();
            prop_assert!(usage.bytes <= limits.bytes, "{usage:?}");
            prop_assert!(usage.spans <= limits.spans);
            prop_assert!(usage.log_records <= limits.log_records);
            prop_assert!(usage.series <= limits.series);
            prop_assert!(usage.exemplars <= usage.series * limits.exemplars_per_series);
        }
        // What is kept in sums is what is there.
        let inner = store.lock();
        inner.spans.assert_consistent();
        inner.logs.assert_consistent();
        inner.metrics.assert_consistent();
    }

    #[test]
    fn what_a_pinned_trace_holds_goes_after_all_that_is_not_pinned(
        order in proptest::collection::vec((0..60_u64, 0..400_usize), 200..600),
    ) {
        let store = Store::new(TIGHT);
        let id = series("h", Kind::Histogram);
        let exemplars = (0..4).map(|trace| exemplar(trace, 1.0, trace + 1)).collect();
        store.add_points([point(id, Temporality::Delta, (1, 2), histogram(&[4]), exemplars)]);
        store.add_spans((0..4).map(|trace| span(trace, 0, 50)));
        for (at, (trace, text)) in order.iter().enumerate() {
            store.add_spans([span(trace + 10 + 100 * at as u64, at as u64, *text)]);
            for pinned in 0..4 {
                prop_assert!(store.trace(trace_id(pinned)).is_some());
            }
        }
    }
}

#[test]
fn what_was_measured_once_just_now_has_the_rate_of_its_senders_whole_time() {
    let store = Store::new(Limits::default());
    let second = 1_000_000_000;
    let cumulative = Temporality::Cumulative;
    numbers(
        &store,
        "often",
        COUNTER,
        cumulative,
        &[((second, 11 * second), 50)],
    );
    numbers(
        &store,
        "once",
        COUNTER,
        cumulative,
        &[((11 * second - 1, 11 * second), 1)],
    );
    let rows = store.report(&crate::ReportOptions::default()).numbers;
    let rates: Vec<_> = rows
        .iter()
        .map(|row| match row.value {
            crate::NumberValue::Counter { per_second, .. } => per_second,
            _ => None,
        })
        .collect();
    assert_eq!(rates, [Some(5.0), Some(0.1)]);
}

#[test]
fn a_log_record_of_a_trace_counts_once() {
    let store = Store::new(Limits::default());
    store.add_logs([log(Some(1), 5), log(Some(1), 5), log(None, 5)]);
    assert_eq!(store.usage().log_records, 3);
}
