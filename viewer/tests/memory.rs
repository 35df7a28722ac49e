//! The limit in bytes is an estimate: here it meets what the process really takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(target_os = "linux")]

use std::sync::Arc;

use throughline_viewer::*;

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn a_flood_takes_about_as_much_memory_as_the_limit_says() {
    let limits = Limits {
        bytes: 48 << 20,
        ..Limits::default()
    };
    let store = Store::new(limits);
    let before = resident();
    for number in 1..120_000_u64 {
        let text = "x".repeat((number % 200) as usize);
        let pairs = (0..4).map(|key| (format!("attribute.{key}"), Value::from(text.as_str())));
        store.add_spans([Span {
            origin: Arc::new(Origin::default()),
            trace: TraceId::from_bytes(&(u128::from(number) / 5 + 1).to_be_bytes()).unwrap(),
            id: SpanId::from_bytes(&number.to_be_bytes()).unwrap(),
            parent: None,
            name: "GET /orders/{id}".into(),
            kind: SpanKind::Server,
            start: Time::from_nanos(number),
            end: Time::from_nanos(number + 1),
            attributes: pairs.collect(),
            events: [].into(),
            links: [].into(),
            status: Status::default(),
            dropped: 0,
        }]);
    }
    let (estimate, real) = (store.usage().bytes, resident() - before);
    println!("estimated {estimate}, real {real}");
    assert!(store.losses().spans_evicted > 0);
    assert!(estimate <= limits.bytes);
    // Allocators round up and keep what was freed: half as much again is theirs.
    assert!(real < estimate / 2 * 3, "estimated {estimate}, real {real}");
    assert!(real > estimate / 2, "estimated {estimate}, real {real}");
}
