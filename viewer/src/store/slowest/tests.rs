use std::sync::Arc;

use super::*;
use crate::data::{Origin, SpanId, Status, Time};

fn ends(trace: u8, minute: u64) -> Span {
    Span {
        origin: Arc::new(Origin::default()),
        trace: TraceId::from_bytes(&[trace; 16]).unwrap(),
        id: SpanId::from_bytes(&[1; 8]).unwrap(),
        parent: None,
        name: "work".into(),
        kind: SpanKind::Internal,
        start: Time::from_nanos(0),
        end: Time::from_nanos(minute * WINDOW_NANOS + u64::from(trace)),
        attributes: Default::default(),
        events: [].into(),
        links: [].into(),
        status: Status::default(),
        dropped: 0,
    }
}

fn unpinned(pins: &[Pin]) -> Vec<TraceId> {
    let unpinned = pins.iter().filter(|pin| !pin.holds);
    unpinned.map(|pin| pin.trace).collect()
}

#[test]
fn a_span_from_the_future_does_not_stop_the_windows() {
    let mut slowest = Slowest::default();
    slowest.observe(&ends(1, 100));
    slowest.observe(&ends(2, 1_000_000));
    // Back, and one window on: what was pinned before goes as ever.
    let back = slowest.observe(&ends(3, 101));
    assert_eq!(unpinned(&back), [ends(1, 100).trace]);
    let on = slowest.observe(&ends(4, 102));
    assert_eq!(unpinned(&on), [ends(2, 0).trace]);
}

#[test]
fn a_span_that_comes_late_belongs_to_the_window_that_is() {
    let mut slowest = Slowest::default();
    slowest.observe(&ends(1, 100));
    assert!(unpinned(&slowest.observe(&ends(2, 50))).is_empty());
    slowest.observe(&ends(3, 101));
    let pins = slowest.observe(&ends(4, 102));
    assert_eq!(unpinned(&pins).len(), 2);
}
