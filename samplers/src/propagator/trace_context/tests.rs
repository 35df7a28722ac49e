use std::collections::HashMap;
use std::sync::Mutex;

use opentelemetry::trace::{Span, SpanId, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use proptest::prelude::*;
use throughline_model::{Fate, KeepReason};

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Headers that may occur more than once.
#[derive(Debug, Default)]
struct Headers(Vec<(&'static str, String)>);

impl Headers {
    fn sent(parent: &str, state: &str) -> Self {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-{parent}");
        Self(vec![(TRACEPARENT, parent), (TRACESTATE, state.to_owned())])
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.first().copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| *key).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let all = self.0.iter().filter(|(name, _)| *name == key);
        let all: Vec<_> = all.map(|(_, value)| value.as_str()).collect();
        (!all.is_empty()).then_some(all)
    }
}

/// Keeps what it is asked to keep.
#[derive(Debug, Default)]
struct Keeper(Mutex<Vec<TraceId>>);

impl TraceKeeper for Keeper {
    fn candidate(&self, _: &SpanContext) -> bool {
        true
    }

    fn keep(&self, trace: TraceId, _: SpanId, _: KeepReason) {
        self.0.lock().unwrap().push(trace);
    }

    fn fate(&self, _: TraceId, _: SpanId) -> Fate {
        Fate::Pending
    }

    fn is_kept(&self, trace: TraceId) -> bool {
        self.0.lock().unwrap().contains(&trace)
    }
}

fn extract(headers: &Headers) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), headers)
}

fn inject(propagator: &TraceContextPropagator, context: &Context) -> (String, String) {
    let mut headers = HashMap::new();
    propagator.inject_context(context, &mut headers);
    let mut take = |name| headers.remove(name).unwrap_or_default();
    (take(TRACEPARENT), take(TRACESTATE))
}

/// The flags and the `tracestate` that a span of the trace above leaves with.
fn outgoing_of(propagator: &TraceContextPropagator, flags: u8, state: &str) -> (String, String) {
    let span = SpanContext::new(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::from(1),
        TraceFlags::new(flags),
        false,
        state.parse().unwrap(),
    );
    let context = Context::new().with_remote_span_context(span);
    let (parent, state) = inject(propagator, &context);
    (parent[53..].to_owned(), state)
}

fn passed_on(flags: u8, state: &str) -> (String, String) {
    outgoing_of(&TraceContextPropagator::new(), flags, state)
}

fn is(flags: &str, state: &str) -> (String, String) {
    (flags.to_owned(), state.to_owned())
}

#[test]
fn what_comes_in_goes_out() {
    let context = extract(&Headers::sent("03", "ot=th:c;rv:f0000000000000,vendor=1"));
    let span = context.span();
    assert!(span.span_context().is_remote() && span.span_context().is_sampled());
    let (parent, state) = inject(&TraceContextPropagator::new(), &context);
    assert_eq!(parent, format!("00-{TRACE}-00f067aa0ba902b7-03"));
    assert_eq!(state, "ot=th:c;rv:f0000000000000,vendor=1");
}

#[test]
fn the_random_flag_outlives_a_span_that_the_sdk_drops() {
    for sampler in [Sampler::AlwaysOff, Sampler::AlwaysOn] {
        for (came, goes) in [("02", ["00", "02", "03"]), ("00", ["00", "00", "01"])] {
            let provider = SdkTracerProvider::builder()
                .with_sampler(sampler.clone())
                .build();
            let caller = extract(&Headers::sent(came, ""));
            let span = provider.tracer("test").start_with_context("serve", &caller);
            let sampled = span.span_context().is_sampled();
            let context = caller.with_span(span);
            let (parent, _) = inject(&TraceContextPropagator::new().with_random_ids(), &context);
            assert_eq!(
                &parent[53..],
                goes[if sampled { 2 } else { 1 }],
                "{came}, {sampler:?}"
            );
        }
    }
}

#[test]
fn a_trace_that_begins_within_another_one_has_a_flag_of_its_own() {
    let provider = SdkTracerProvider::builder().build();
    let caller = extract(&Headers::sent("01", ""));
    let root = provider.tracer("test").span_builder("root");
    let root = provider
        .tracer("test")
        .build_with_context(root, &Context::new());
    let context = caller.with_span(root);
    let flags = |propagator| inject(&propagator, &context).0[53..].to_owned();
    assert_eq!(flags(TraceContextPropagator::new()), "01");
    assert_eq!(flags(TraceContextPropagator::new().with_random_ids()), "03");
}

#[test]
fn no_threshold_leaves_but_the_one_that_chose() {
    // R is ce929d0e0e4736.
    assert_eq!(passed_on(1, "ot=th:c,a=1"), is("01", "ot=th:c,a=1"));
    assert_eq!(passed_on(0, "ot=th:c,a=1"), is("00", "a=1"));
    assert_eq!(passed_on(0, "a=1,ot=th:f"), is("00", "a=1"));
    assert_eq!(passed_on(1, "ot=th:f"), is("01", ""));
    assert_eq!(
        passed_on(1, "ot=th:f;rv:ffffffffffffff"),
        is("01", "ot=th:f;rv:ffffffffffffff")
    );
    assert_eq!(
        passed_on(0, "ot=th:f;rv:ffffffffffffff"),
        is("00", "ot=rv:ffffffffffffff")
    );
}

#[test]
fn what_is_local_stays_local_both_ways() {
    assert_eq!(
        passed_on(1, "ot=th:c,tl=h:c;o:0,a=1"),
        is("01", "ot=th:c,a=1")
    );
    assert_eq!(passed_on(0, "tl=o:0"), is("00", ""));
    let context = extract(&Headers::sent("00", "a=1,tl=h:0;o:0"));
    assert_eq!(context.span().span_context().trace_state().header(), "a=1");
}

#[test]
fn a_trace_that_is_kept_leaves_as_sampled_and_is_not_counted() {
    let keeper = Arc::new(Keeper::default());
    let propagator = TraceContextPropagator::new().with_keeper(keeper.clone());
    let recorded = |flags| outgoing_of(&propagator, flags, "ot=rv:f0000000000000,tl=o:0,a=1");
    assert_eq!(recorded(0), is("00", "ot=rv:f0000000000000,a=1"));

    keeper.keep(TraceId::from(1), SpanId::from(1), KeepReason::Outlier);
    assert_eq!(recorded(0), is("00", "ot=rv:f0000000000000,a=1"));

    let trace = TraceId::from_hex(TRACE).unwrap();
    keeper.keep(trace, SpanId::from(1), KeepReason::Outlier);
    assert_eq!(recorded(0), is("01", "ot=rv:f0000000000000,a=1"));
    assert_eq!(recorded(2), is("03", "ot=rv:f0000000000000,a=1"));
    // What a sampler forgot.
    assert_eq!(outgoing_of(&propagator, 0, "ot=th:c"), is("01", ""));
    // The head chose it too: it is counted.
    assert_eq!(outgoing_of(&propagator, 1, "ot=th:c"), is("01", "ot=th:c"));
}

#[test]
fn a_context_without_span_leaves_nothing() {
    assert_eq!(
        inject(&TraceContextPropagator::new(), &Context::new()),
        is("", "")
    );
}

#[test]
fn a_header_that_is_malformed_or_missing_or_there_twice_leaves_the_context_as_it_is() {
    let twice = || {
        let mut headers = Headers::sent("01", "");
        headers.0.extend(Headers::sent("01", "").0);
        headers
    };
    let long = Headers(vec![(TRACEPARENT, "0".repeat(1 << 20))]);
    for headers in [
        Headers::default(),
        Headers::sent("0x", ""),
        Headers::sent("1", ""),
        twice(),
        long,
    ] {
        assert!(!extract(&headers).has_active_span());
    }
}

#[test]
fn a_malformed_tracestate_is_dropped_and_the_trace_goes_on() {
    for state in [
        "a",
        "a=1,a=2",
        &"a=1,".repeat(1 << 18),
        &"é".repeat(1 << 19),
    ] {
        let context = extract(&Headers::sent("01", state));
        assert!(context.span().span_context().is_sampled());
        assert_eq!(
            context.span().span_context().trace_state(),
            &TraceState::NONE
        );
    }
}

#[test]
fn a_tracestate_in_several_headers_is_one() {
    let mut headers = Headers::sent("01", "a=1");
    headers.0.push((TRACESTATE, "b=2".to_owned()));
    let context = extract(&headers);
    assert_eq!(
        context.span().span_context().trace_state().header(),
        "a=1,b=2"
    );
}

proptest! {
    #[test]
    fn whatever_comes_in_goes_out_well_formed_and_comes_in_again_the_same(
        parent in "(00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]|[0-9a-f-]{0,60}|\\PC{0,60})",
        state in "((ot|tl|[a-z][a-z0-9@]{0,3})=(th:[0-9a-f]{1,15}|rv:[0-9a-f]{14}|[ -~]{0,8})[,; \t]{0,2}){0,5}|\\PC{0,80}",
    ) {
        let came = extract(&Headers(vec![(TRACEPARENT, parent), (TRACESTATE, state)]));
        let (parent, state) = inject(&TraceContextPropagator::new(), &came);
        prop_assert_eq!(parent.is_empty(), !came.has_active_span());
        let again = extract(&Headers(vec![(TRACEPARENT, parent), (TRACESTATE, state.clone())]));
        let (first, second) = (came.span(), again.span());
        let ids = |span: &SpanContext| (span.trace_id(), span.span_id(), span.trace_flags());
        prop_assert_eq!(ids(first.span_context()), ids(second.span_context()));
        prop_assert_eq!(second.span_context().trace_state().header(), state);
        prop_assert_eq!(second.span_context().trace_state().get(LOCAL_KEY), None);
    }
}
