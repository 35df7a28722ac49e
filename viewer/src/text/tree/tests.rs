use std::sync::Arc;

use super::*;
use crate::data::{Attributes, Origin, SpanKind, Status, StatusCode, TraceId};

fn id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

fn span(number: u64, parent: Option<u64>, start: u64, end: u64) -> Arc<Span> {
    Arc::new(Span {
        origin: Arc::new(Origin::default()),
        trace: TraceId::from_bytes(&[1; 16]).unwrap(),
        id: id(number),
        parent: parent.map(id),
        name: number.to_string().into(),
        kind: SpanKind::Internal,
        start: Time::from_nanos(start),
        end: Time::from_nanos(end),
        attributes: Attributes::default(),
        events: [].into(),
        links: [].into(),
        status: Status::default(),
        dropped: 0,
    })
}

fn trace(mut spans: Vec<Arc<Span>>) -> Trace {
    spans.sort_by_key(|span| span.start);
    Trace {
        id: TraceId::from_bytes(&[1; 16]).unwrap(),
        spans,
        logs: vec![],
    }
}

/// The tree in short: depth and name of each line, `?` where the parent is missing.
fn outline(trace: &Trace, marked: &[SpanId], spans: usize) -> Vec<String> {
    let tree = tree(trace, marked, spans, 10);
    let line = |line: &Line<'_>| match line.entry {
        Entry::Span { span, orphan, .. } => {
            format!(
                "{}{}{}",
                "-".repeat(line.follows.len()),
                span.name,
                if orphan { "?" } else { "" }
            )
        }
        Entry::Log(log) => format!("{}log {}", "-".repeat(line.follows.len()), log.body),
        Entry::Event(event) => format!("{}event {}", "-".repeat(line.follows.len()), event.name),
    };
    tree.lines.iter().map(line).collect()
}

#[test]
fn children_stand_under_their_parent_by_time() {
    let trace = trace(vec![
        span(4, Some(2), 30, 35),
        span(1, None, 0, 100),
        span(3, Some(1), 50, 60),
        span(2, Some(1), 10, 40),
    ]);
    assert_eq!(outline(&trace, &[], 10), ["1", "-2", "--4", "-3"]);
}

#[test]
fn a_span_whose_parent_never_came_stands_at_the_root() {
    let trace = trace(vec![
        span(1, None, 0, 100),
        span(3, Some(99), 50, 60),
        span(4, Some(3), 51, 52),
    ]);
    assert_eq!(outline(&trace, &[], 10), ["1", "3?", "-4"]);
}

#[test]
fn a_circle_is_cut_at_its_earliest_span() {
    let trace = trace(vec![
        span(1, Some(3), 10, 20),
        span(2, Some(1), 11, 20),
        span(3, Some(2), 12, 20),
        span(4, Some(4), 13, 20),
        span(5, Some(3), 14, 15),
    ]);
    assert_eq!(outline(&trace, &[], 10), ["1?", "-2", "--3", "---5", "4?"]);
}

#[test]
fn every_span_shows_once_whatever_its_ids() {
    let trace = trace(
        (1..=200)
            .map(|n| span(n % 50 + 1, Some(n * 7 % 60 + 1), n, n + 1))
            .collect(),
    );
    let mut names = outline(&trace, &[], 1_000);
    assert_eq!(names.len(), 200);
    names.retain(|name| name.ends_with('?'));
    assert!(!names.is_empty());
}

#[test]
fn a_chain_of_ten_thousand_is_walked_without_recursion() {
    let chain = (1..=10_000)
        .map(|n| span(n, (n > 1).then(|| n - 1), n, 20_000 - n))
        .collect();
    let trace = trace(chain);
    let tree = tree(&trace, &[id(10_000)], 40, 10);
    assert_eq!((tree.lines.len(), tree.spans_hidden), (40, 9_960));
    let last = tree.lines.last().map(|line| match line.entry {
        Entry::Span { span, .. } => span.id,
        _ => panic!("a span"),
    });
    assert_eq!(last, Some(id(10_000)), "what is marked always shows");
}

#[test]
fn of_many_spans_the_marked_the_errors_and_the_longest_stay() {
    let mut spans: Vec<Arc<Span>> = (3..=1_000).map(|n| span(n, Some(1), n, n + 1)).collect();
    spans.push(span(1, None, 0, 2_000));
    spans.push(span(2, Some(1), 1, 1_500));
    let failed = span(2_000, Some(700), 700, 701);
    let mut failed = Arc::unwrap_or_clone(failed);
    failed.status.code = StatusCode::Error;
    spans.push(Arc::new(failed));
    let trace = trace(spans);
    assert_eq!(
        outline(&trace, &[id(500)], 5),
        ["1", "-2", "-500", "-700", "--2000"]
    );
}

#[test]
fn notes_stand_among_the_children_of_their_span_and_repeats_are_left_out() {
    let mut first = Arc::unwrap_or_clone(span(1, None, 0, 100));
    let event = |time, name: &str| SpanEvent {
        time: Time::from_nanos(time),
        name: name.into(),
        attributes: Attributes::default(),
    };
    first.events = [event(15, "retry"), event(40, "hello")].into();
    let log = |time, span: u64, body: &str| {
        Arc::new(LogRecord {
            origin: Arc::new(Origin::default()),
            time: Time::from_nanos(time),
            severity: Severity(9),
            body: body.into(),
            attributes: Attributes::default(),
            event: "".into(),
            trace: None,
            span: Some(id(span)),
        })
    };
    let mut trace = trace(vec![Arc::new(first), span(2, Some(1), 20, 30)]);
    trace.logs = vec![
        log(25, 2, "in two"),
        log(40, 1, "hello"),
        log(50, 77, "nowhere"),
    ];
    assert_eq!(
        outline(&trace, &[], 10),
        [
            "1",
            "-event retry",
            "-2",
            "--log in two",
            "-log hello",
            "log nowhere"
        ]
    );
}
