use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};
use proptest::prelude::*;
use throughline_testkit::SeededRandom;

use super::super::composable::{ComposableAlwaysOff, ComposableAlwaysOn, ComposableProbability};
use super::super::intent::{SamplingIntent, TraceStateProvider};
use super::super::parent_threshold::ComposableParentThreshold;
use super::super::threshold::Threshold;
use super::super::trace_state::OtelTraceState;
use super::*;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a36e_6d1a_7583_2a2f; // R = 6e6d1a75832a2f

/// Wants what it is told.
#[derive(Clone, Debug)]
struct Wants(SamplingIntent<'static>);

impl ComposableSampler for Wants {
    fn intent<'a>(&'a self, _: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.0.clone()
    }
}

fn reliable(th: &str) -> Wants {
    Wants(SamplingIntent::reliable(th.parse().unwrap()))
}

fn unreliable(th: &str) -> Wants {
    Wants(SamplingIntent::unreliable(th.parse().unwrap()))
}

fn parent(state: &str, sampled: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from(TRACE),
        SpanId::from(1),
        TraceFlags::default().with_sampled(sampled),
        true,
        state.parse().unwrap(),
    )
}

fn decide(sampler: &CompositeSampler, parent: SpanContext, trace: u128) -> SamplingResult {
    let context = Context::new().with_remote_span_context(parent);
    let trace = TraceId::from(trace);
    sampler.should_sample(Some(&context), trace, "job", &SpanKind::Internal, &[], &[])
}

/// Whether a child of a sampled parent with this `tracestate` is sampled, and its own `tracestate`.
fn child(sampler: impl ComposableSampler + 'static, state: &str) -> (bool, String) {
    let sampler = CompositeSampler::new(sampler).with_random(Arc::new(SeededRandom::new(1)));
    said(&decide(&sampler, parent(state, true), TRACE))
}

fn said(result: &SamplingResult) -> (bool, String) {
    let sampled = match result.decision {
        SamplingDecision::RecordAndSample => true,
        SamplingDecision::Drop => false,
        SamplingDecision::RecordOnly => panic!("recorded only"),
    };
    (sampled, result.trace_state.header())
}

fn sampled(state: &str) -> (bool, String) {
    (true, state.to_owned())
}

fn dropped(state: &str) -> (bool, String) {
    (false, state.to_owned())
}

#[test]
fn no_threshold_is_a_drop() {
    let drop = || Wants(SamplingIntent::dropped());
    assert_eq!(child(drop(), ""), dropped(""));
    assert_eq!(child(ComposableAlwaysOff, "a=1"), dropped("a=1"));
}

#[test]
fn a_drop_never_leaks_a_stale_threshold() {
    let drop = || Wants(SamplingIntent::dropped());
    for (state, left) in [
        ("ot=th:8", ""),
        ("ot=th:8,a=1", "a=1"),
        ("a=1,ot=th:8;rv:6e6d1a75832a2f", "ot=rv:6e6d1a75832a2f,a=1"),
        ("ot=th:0,a=1,ot=th:8", "a=1"),
        ("ot=th:X", ""),
    ] {
        assert_eq!(child(drop(), state), dropped(left));
        // By its threshold, which is higher than R, and by one that is not reliable.
        assert_eq!(child(reliable("ffffffffffffff"), state), dropped(left));
        assert_eq!(child(unreliable("ffffffffffffff"), state), dropped(left));
    }
}

#[test]
fn a_reliable_threshold_is_compared_with_the_trace_id() {
    assert_eq!(
        child(reliable("6e6d1a75832a2f"), ""),
        sampled("ot=th:6e6d1a75832a2f")
    );
    assert_eq!(child(reliable("6e6d1a75832a3"), ""), dropped(""));
}

#[test]
fn explicit_randomness_goes_before_the_trace_id_and_is_handed_on() {
    let state = "ot=rv:80000000000000";
    assert_eq!(
        child(reliable("8"), state),
        sampled("ot=th:8;rv:80000000000000")
    );
    assert_eq!(child(reliable("80000000000001"), state), dropped(state));
    // Malformed, it is no randomness.
    assert_eq!(child(reliable("8"), "ot=rv:8000000000000"), dropped(""));
    assert_eq!(child(reliable("6"), "ot=rv:0"), sampled("ot=th:6"));
}

#[test]
fn a_reliable_threshold_is_written_in_place_of_the_parents() {
    assert_eq!(
        child(reliable("4"), "a=1,ot=x:y;th:2,b=2"),
        sampled("ot=th:4;x:y,a=1,b=2")
    );
    // A decision of its own may have a lower threshold than the parent's.
    assert_eq!(
        child(ComposableAlwaysOn::new(), "ot=th:4"),
        sampled("ot=th:0")
    );
    assert_eq!(child(ComposableAlwaysOn::new(), ""), sampled("ot=th:0"));
}

#[test]
fn an_unreliable_threshold_is_erased() {
    assert_eq!(child(unreliable("0"), ""), sampled(""));
    let rv = "ot=rv:6e6d1a75832a2f,a=1";
    assert_eq!(
        child(unreliable("0"), "ot=th:4;rv:6e6d1a75832a2f,a=1"),
        sampled(rv)
    );
}

/// 10,000 decisions for one trace at 1/2: within 5.5 standard deviations, which fails once in 2.6 * 10^7.
#[test]
fn an_unreliable_threshold_draws_randomness_of_its_own() {
    let sampler =
        CompositeSampler::new(unreliable("8")).with_random(Arc::new(SeededRandom::new(1)));
    let parent = || parent("ot=th:0;rv:ffffffffffffff", true);
    let results = (0..10_000).map(|_| decide(&sampler, parent(), TRACE));
    let mut kept = 0;
    for result in results {
        // It is told no one, and the trace's own stays.
        assert_eq!(result.trace_state.header(), "ot=rv:ffffffffffffff");
        kept += i32::from(said(&result).0);
    }
    assert!((kept - 5_000).abs() < 275, "{kept}");
}

/// 100,000 random traces: within 5.5 standard deviations, which fails once in 2.6 * 10^7.
#[test]
fn the_sampled_share_is_the_probability() {
    let random = SeededRandom::new(1);
    for probability in [1.0, 0.9, 0.5, 1.0 / 3.0, 0.1, 0.01, 0.001] {
        let sampler = CompositeSampler::new(ComposableProbability::new(probability).unwrap());
        let traces = 100_000;
        let mut estimate = 0.0;
        let mut kept = 0.0;
        for _ in 0..traces {
            let trace = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            let root = SpanContext::NONE;
            let result = decide(&sampler, root, trace);
            if said(&result).0 {
                let ot = OtelTraceState::of(&result.trace_state);
                estimate += ot.threshold().unwrap().adjusted_count();
                kept += 1.0;
            }
        }
        let traces = f64::from(traces);
        let deviation = (traces * probability * (1.0 - probability)).sqrt();
        // And the error of four digits.
        let rounding = traces * probability * 1.23e-4;
        assert!(
            (kept - traces * probability).abs() <= 5.5 * deviation + rounding,
            "{kept} at {probability}"
        );
        assert!((estimate / traces - 1.0).abs() <= 5.5 * deviation / (traces * probability) + 1e-3);
    }
}

#[test]
fn without_a_context_the_span_is_a_root() {
    let sampler = CompositeSampler::new(ComposableParentThreshold::new(ComposableAlwaysOn::new()));
    let decide = |context| {
        let trace = TraceId::from(TRACE);
        said(&sampler.should_sample(context, trace, "job", &SpanKind::Internal, &[], &[]))
    };
    assert_eq!(decide(None), sampled("ot=th:0"));
    assert_eq!(decide(Some(&Context::new())), sampled("ot=th:0"));
}

#[test]
fn a_root_takes_its_randomness_from_the_context_it_starts_in() {
    let state = "ot=rv:00000000000001,a=1".parse().unwrap();
    let invalid = SpanContext::new(
        TraceId::INVALID,
        SpanId::INVALID,
        TraceFlags::default(),
        false,
        state,
    );
    let half = ComposableProbability::new(0.5).unwrap();
    let sampler = CompositeSampler::new(ComposableParentThreshold::new(half));
    let result = decide(&sampler, invalid, u128::MAX);
    assert_eq!(said(&result), dropped("ot=rv:00000000000001,a=1"));
}

#[test]
fn attributes_come_with_what_is_sampled() {
    let why = [KeyValue::new("why", "rule")];
    let with = |wants: Wants| {
        let why: &'static [KeyValue] = Box::leak(Box::new(why.clone()));
        let sampler = CompositeSampler::new(Wants(wants.0.annotated(why)));
        decide(&sampler, parent("", true), TRACE).attributes
    };
    assert_eq!(with(reliable("0")), why);
    assert_eq!(with(unreliable("0")), why);
    assert_eq!(with(reliable("f")), []);
}

#[test]
fn a_provider_changes_everything_but_our_entry() {
    #[derive(Debug)]
    struct Tampers;
    impl TraceStateProvider for Tampers {
        fn trace_state(&self, parent: &TraceState, sampled: bool) -> TraceState {
            let mark = if sampled { "kept" } else { "gone" };
            let state = parent.insert("acme", mark).unwrap();
            state.insert("ot", "th:0;rv:ffffffffffffff").unwrap()
        }
    }
    let with = |wants: Wants| Wants(wants.0.with_trace_state(&Tampers));
    let state = "ot=rv:6e6d1a75832a2f,a=1";
    assert_eq!(
        child(with(reliable("4")), state),
        sampled("ot=th:4;rv:6e6d1a75832a2f,acme=kept,a=1")
    );
    assert_eq!(
        child(with(reliable("f")), state),
        dropped("ot=rv:6e6d1a75832a2f,acme=gone,a=1")
    );
    assert_eq!(child(with(reliable("4")), ""), sampled("ot=th:4,acme=kept"));
    assert_eq!(child(with(unreliable("0")), ""), sampled("acme=kept"));
}

#[test]
fn a_parent_based_decision_follows_flag_and_threshold() {
    let sampler = CompositeSampler::new(ComposableParentThreshold::new(ComposableAlwaysOff));
    let decide = |state: &str, flag| said(&decide(&sampler, parent(state, flag), TRACE));
    // Consistent: handed on as it came.
    assert_eq!(decide("a=1,ot=th:6", true), sampled("a=1,ot=th:6"));
    assert_eq!(decide("a=1,ot=th:7", false), dropped("a=1"));
    // The flag and R >= T disagree: the flag is followed, the threshold erased.
    assert_eq!(decide("a=1,ot=th:7", true), sampled("a=1"));
    assert_eq!(decide("a=1,ot=th:6", false), dropped("a=1"));
    assert_eq!(
        decide("ot=th:6;rv:00000000000000", true),
        sampled("ot=rv:00000000000000")
    );
    // From before thresholds.
    assert_eq!(decide("a=1", true), sampled("a=1"));
    assert_eq!(decide("a=1", false), dropped("a=1"));
}

fn some_state() -> impl Strategy<Value = String> {
    let th = proptest::option::of("th:[0-9a-f]{1,14}");
    let rv = proptest::option::of("rv:[0-9a-f]{14}");
    (th, rv).prop_map(|(th, rv)| {
        let ot: Vec<_> = th.into_iter().chain(rv).collect();
        if ot.is_empty() {
            "a=1".to_owned()
        } else {
            format!("a=1,ot={}", ot.join(";"))
        }
    })
}

proptest! {
    #[test]
    fn a_span_is_sampled_if_and_only_if_its_randomness_reaches_the_threshold(
        bits in 0..1u64 << 56, zeros in 0..14u32, trace in any::<u128>(), state in some_state(),
    ) {
        let threshold = Threshold::from_bits(bits >> (4 * zeros) << (4 * zeros)).unwrap();
        let sampler = CompositeSampler::new(ComposableProbability::with_threshold(threshold));
        let parent = parent(&state, true);
        let came = OtelTraceState::of(parent.trace_state());
        let randomness = came.randomness();
        let r = randomness.unwrap_or(Randomness::from_trace_id(TraceId::from(trace)));
        let result = decide(&sampler, parent.clone(), trace);
        let ot = OtelTraceState::of(&result.trace_state);
        let keeps = r.bits() >= threshold.bits();
        prop_assert_eq!(said(&result).0, keeps);
        prop_assert_eq!(ot.threshold(), keeps.then_some(threshold));
        prop_assert_eq!(ot.randomness(), randomness);
        prop_assert_eq!(result.trace_state.get("a"), Some("1"));
    }

    /// Down the generations nothing changes, neither the decision nor the threshold.
    #[test]
    fn children_never_have_another_threshold_than_their_parent(
        probability in 0.0..1.0f64, trace in any::<u128>(), rv in proptest::option::of("[0-9a-f]{14}"),
    ) {
        let root = ComposableProbability::new(probability.max(1e-9)).unwrap();
        let sampler = CompositeSampler::new(ComposableParentThreshold::new(root));
        let trace = trace.max(1);
        let state = rv.map_or(String::new(), |rv| format!("ot=rv:{rv}"));
        let invalid = SpanContext::new(
            TraceId::INVALID, SpanId::INVALID, TraceFlags::default(), false, state.parse().unwrap(),
        );
        let first = said(&decide(&sampler, invalid, trace));
        let mut last = first.clone();
        for generation in 0..3 {
            let parent = SpanContext::new(
                TraceId::from(trace),
                SpanId::from(1),
                TraceFlags::default().with_sampled(last.0),
                generation % 2 == 0,
                last.1.parse().unwrap(),
            );
            last = said(&decide(&sampler, parent, trace));
            prop_assert_eq!(&last, &first);
        }
    }

    #[test]
    fn a_higher_probability_keeps_what_a_lower_one_keeps(
        a in 1e-9..1.0f64, b in 1e-9..1.0f64, trace in any::<u128>(),
    ) {
        let sampled = |p| {
            let sampler = CompositeSampler::new(ComposableProbability::new(p).unwrap());
            said(&decide(&sampler, SpanContext::NONE, trace)).0
        };
        prop_assert!(!sampled(a.min(b)) || sampled(a.max(b)));
    }
}
