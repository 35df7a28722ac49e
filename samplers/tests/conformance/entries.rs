//! Whole `tracestate` headers, through a decision and out again.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::ShouldSample;
use throughline_samplers::probability::{
    ComposableAlwaysOff, ComposableProbability, ComposableSampler, CompositeSampler,
};

/// The child's `tracestate`, dropped and sampled with `th:4`. The trace's randomness is the highest there is.
fn leaves(header: &str) -> [String; 2] {
    let state = header.parse::<TraceState>().unwrap();
    let flags = TraceFlags::SAMPLED;
    let trace = TraceId::from(u128::MAX);
    let parent = SpanContext::new(trace, SpanId::from(1), flags, true, state);
    let context = Context::new().with_remote_span_context(parent);
    let through = |sampler: CompositeSampler| {
        let kind = SpanKind::Internal;
        let result = sampler.should_sample(Some(&context), trace, "span", &kind, &[], &[]);
        result.trace_state.header()
    };
    let quarter_off = ComposableProbability::with_threshold("4".parse().unwrap());
    let samplers: [Box<dyn ComposableSampler>; 2] =
        [Box::new(ComposableAlwaysOff), Box::new(quarter_off)];
    samplers.map(|sampler| through(CompositeSampler::new(sampler)))
}

/// Specification, `tracestate-handling.md`; W3C Trace Context, "Mutating the tracestate Field": what changes
/// comes first, everyone else's entries stay as they are, in order.
#[test]
fn headers() {
    for (header, dropped, sampled) in [
        ("", "", "ot=th:4"),
        ("a=1", "a=1", "ot=th:4,a=1"),
        ("ot=th:8", "", "ot=th:4"),
        ("ot=th:4", "", "ot=th:4"),
        // Nothing to change: the entry stays where it is, in the order that it has.
        (
            "a=1,ot=p:1;th:4,b=2",
            "ot=p:1,a=1,b=2",
            "a=1,ot=p:1;th:4,b=2",
        ),
        ("a=1,ot=p:1,b=2", "a=1,ot=p:1,b=2", "ot=th:4;p:1,a=1,b=2"),
        // A threshold in another form is the same one.
        ("ot=th:40", "", "ot=th:40"),
        // Both sub-keys, in either order, and those of others between them.
        (
            "ot=rv:c0000000000000;th:8",
            "ot=rv:c0000000000000",
            "ot=th:4;rv:c0000000000000",
        ),
        (
            "ot=x:1;rv:c0000000000000;y:2;th:8;z:",
            "ot=x:1;rv:c0000000000000;y:2;z:",
            "ot=th:4;x:1;rv:c0000000000000;y:2;z:",
        ),
        // A member without colon: the Collector refuses the whole entry, Java hands it on, the grammar has no
        // such thing. The rest of the entry is believed, the member goes when the entry is changed.
        (
            "ot=flag;rv:c0000000000000",
            "ot=rv:c0000000000000",
            "ot=th:4;rv:c0000000000000",
        ),
        // The Collector refuses a trailing separator, Java drops it.
        ("ot=p:1;", "ot=p:1", "ot=th:4;p:1"),
        // A sub-key in upper case is none, and no threshold either.
        ("ot=TH:8;q:1", "ot=q:1", "ot=th:4;q:1"),
        // Other entries that look like it.
        (
            "ott=th:8,o=th:8,t@ot=th:8",
            "ott=th:8,o=th:8,t@ot=th:8",
            "ot=th:4,ott=th:8,o=th:8,t@ot=th:8",
        ),
    ] {
        assert_eq!(leaves(header), [dropped, sampled], "{header}");
    }
}

/// Collector and Java: 256 characters for the whole value. What does not fit is not written, and what was
/// there does not stay: a span says nothing rather than something wrong.
#[test]
fn a_long_entry() {
    let long = |length: usize| format!("a:{}", "x".repeat(length - 2));
    let fits = long(251);
    let [dropped, sampled] = leaves(&format!("ot={fits}"));
    assert_eq!(dropped, format!("ot={fits}"));
    assert_eq!(sampled, format!("ot=th:4;{fits}"));
    for length in [252, 256] {
        let full = format!("ot={}", long(length));
        assert_eq!(leaves(&full), [full.clone(), full], "{length}");
    }
    let stale = format!("ot={};th:8", long(251));
    let [dropped, sampled] = leaves(&stale);
    assert!(!dropped.contains("th:"));
    assert!(sampled.starts_with("ot=th:4;a:"));
}

/// W3C Trace Context: a list of 32 entries at most; the last one goes for a new one.
#[test]
fn a_full_list() {
    let others: Vec<_> = (0..32).map(|n| format!("k{n}=v")).collect();
    let [dropped, sampled] = leaves(&others.join(","));
    assert_eq!(dropped, others.join(","));
    assert_eq!(sampled, format!("ot=th:4,{}", others[..31].join(",")));
}
