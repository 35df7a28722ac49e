//! Parents and children: who is sampled, and what is written.

use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use throughline_samplers::probability::{
    ComposableAlwaysOff, ComposableAlwaysOn, ComposableParentThreshold, ComposableProbability,
    ComposableRuleBased, CompositeSampler, OtelTraceState, Predicate, Threshold,
};
use throughline_samplers::{PriorityRules, PrioritySampler, Rule};
use throughline_testkit::SeededRandom;

use crate::bits;

/// What is there before a span starts.
#[derive(Clone, Copy, Debug)]
struct Parent {
    /// `None` for a root, which may have a `tracestate` all the same.
    sampled: Option<bool>,
    th: &'static str,
    rv: &'static str,
    /// The last 14 digits of the trace id.
    trace: &'static str,
}

impl Parent {
    fn state(&self) -> String {
        let member = |key: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{key}:{value};"),
        };
        let entry = member("th", self.th) + &member("rv", self.rv);
        match entry.strip_suffix(';') {
            None => String::new(),
            Some(entry) => format!("ot={entry}"),
        }
    }

    fn decide(&self, sampler: &dyn ShouldSample) -> Child {
        let trace = TraceId::from(u128::from(bits(self.trace)) | 7 << 56);
        let (span, sampled) = match self.sampled {
            Some(sampled) => (SpanId::from(1), sampled),
            None => (SpanId::INVALID, false),
        };
        let flags = TraceFlags::default().with_sampled(sampled);
        let state = self.state().parse().unwrap();
        let parent = SpanContext::new(trace, span, flags, true, state);
        let context = Context::new().with_remote_span_context(parent);
        let kind = SpanKind::Internal;
        Child::of(&sampler.should_sample(Some(&context), trace, "span", &kind, &[], &[]))
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Child {
    sampled: bool,
    th: Option<u64>,
    rv: Option<u64>,
}

impl Child {
    fn of(result: &SamplingResult) -> Self {
        let ot = OtelTraceState::of(&result.trace_state);
        Self {
            sampled: result.decision == SamplingDecision::RecordAndSample,
            th: ot.threshold().map(Threshold::bits),
            rv: ot.randomness().map(|rv| rv.bits()),
        }
    }
}

/// Samplers, as the oracle knows them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sampler {
    AlwaysOn,
    AlwaysOff,
    /// A threshold.
    Probability(&'static str),
    /// The first rule that matches says this threshold, the one after it would say another.
    Rules(&'static str),
    /// Asks this one about roots, here and below.
    ParentThreshold(Root),
    /// Priority rules follow the parent too.
    Priority(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Root {
    On,
    Off,
    Quarter,
}

impl Sampler {
    fn build(self) -> Box<dyn ShouldSample> {
        let random = Arc::new(SeededRandom::new(1));
        let probability = |th: &str| ComposableProbability::with_threshold(th.parse().unwrap());
        let composite = match self {
            Self::AlwaysOn => CompositeSampler::new(ComposableAlwaysOn::new()),
            Self::AlwaysOff => CompositeSampler::new(ComposableAlwaysOff),
            Self::Probability(th) => CompositeSampler::new(probability(th)),
            Self::Rules(th) => CompositeSampler::new(
                ComposableRuleBased::new()
                    .rule(Predicate::name("other"), ComposableAlwaysOff)
                    .rule(Predicate::name("span"), probability(th))
                    .rule(Predicate::anything(), ComposableAlwaysOn::new()),
            ),
            Self::ParentThreshold(Root::On) => {
                CompositeSampler::new(ComposableParentThreshold::new(ComposableAlwaysOn::new()))
            }
            Self::ParentThreshold(Root::Off) => {
                CompositeSampler::new(ComposableParentThreshold::new(ComposableAlwaysOff))
            }
            Self::ParentThreshold(Root::Quarter) => {
                CompositeSampler::new(ComposableParentThreshold::new(probability("c")))
            }
            Self::Priority(th) => {
                let rate = th.parse::<Threshold>().unwrap().probability();
                let rules = PriorityRules::new().rule(Rule::new("it").span_name("span").rate(rate));
                return Box::new(PrioritySampler::new(rules.default_rate(0.0)).unwrap());
            }
        };
        Box::new(composite.with_random(random))
    }
}

const SAMPLERS: [Sampler; 10] = [
    Sampler::AlwaysOn,
    Sampler::AlwaysOff,
    Sampler::Probability("0"),
    Sampler::Probability("8"),
    Sampler::Probability("c"),
    Sampler::Rules("8"),
    Sampler::ParentThreshold(Root::On),
    Sampler::ParentThreshold(Root::Off),
    Sampler::ParentThreshold(Root::Quarter),
    Sampler::Priority("c"),
];

/// The rules of the specification, "ComposableParentThreshold" and "CompositeSampler", once more:
///
/// - A sampler wants a threshold or none, and its count is reliable or not. One that follows the parent wants
///   the parent's `th`, reliably, if that agrees with the sampled flag ("General requirements": else it is
///   erased); then 0, unreliably, if the parent is sampled; then none.
/// - R is `rv`, else the end of the trace id. No threshold: drop. Reliable: sampled if R >= T. What is wanted
///   unreliably here is 0: always sampled.
/// - `th` is written for what is sampled reliably and erased otherwise; `rv` is handed on.
fn oracle(sampler: Sampler, parent: &Parent) -> Child {
    let rv = (parent.rv.len() == 14).then(|| bits(parent.rv));
    let r = rv.unwrap_or(bits(parent.trace));
    let th = (!parent.th.is_empty() && parent.th != "C").then(|| bits(parent.th));
    let following = |root: Option<u64>| match (parent.sampled, th) {
        (None, _) => (root, true),
        (Some(sampled), Some(th)) if (r >= th) == sampled => (Some(th), true),
        (Some(true), _) => (Some(0), false),
        (Some(false), _) => (None, false),
    };
    let (threshold, reliable) = match sampler {
        Sampler::AlwaysOn => (Some(0), true),
        Sampler::AlwaysOff => (None, false),
        Sampler::Probability(th) | Sampler::Rules(th) => (Some(bits(th)), true),
        Sampler::ParentThreshold(Root::On) => following(Some(0)),
        Sampler::ParentThreshold(Root::Off) => following(None),
        Sampler::ParentThreshold(Root::Quarter) => following(Some(bits("c"))),
        Sampler::Priority(th) => following(Some(bits(th))),
    };
    let sampled = threshold.is_some_and(|threshold| r >= threshold || !reliable);
    let th = threshold.filter(|_| sampled && reliable);
    Child { sampled, th, rv }
}

const MOST: &str = "ffffffffffffff";
const LEAST: &str = "00000000000000";

fn every_parent() -> impl Iterator<Item = Parent> {
    let of = [None, Some(false), Some(true)];
    let ths = ["", "0", "4", "8", "c", MOST, "C"];
    let rvs = [
        "",
        LEAST,
        "7fffffffffffff",
        "80000000000000",
        "c0000000000000",
        MOST,
        "8",
    ];
    let traces = [LEAST, "80000000000000", MOST];
    of.into_iter().flat_map(move |sampled| {
        ths.into_iter().flat_map(move |th| {
            rvs.into_iter().flat_map(move |rv| {
                traces.map(|trace| Parent {
                    sampled,
                    th,
                    rv,
                    trace,
                })
            })
        })
    })
}

#[test]
fn every_sampler_under_every_parent() {
    for sampler in SAMPLERS {
        let built = sampler.build();
        for parent in every_parent() {
            let child = parent.decide(&*built);
            assert_eq!(
                child,
                oracle(sampler, &parent),
                "{sampler:?} under {parent:?}"
            );
        }
    }
}

/// A `th` on a span that is not sampled would be counted by whoever samples it later. Java, JavaScript and
/// Python have left the parent's there.
#[test]
fn a_drop_never_leaks_a_stale_th() {
    let mut drops = 0;
    for sampler in SAMPLERS {
        let built = sampler.build();
        for parent in every_parent() {
            let child = parent.decide(&*built);
            if !child.sampled {
                drops += 1;
                assert_eq!(child.th, None, "{sampler:?} under {parent:?}");
            }
        }
    }
    assert!(drops > 1_000, "{drops}");
}

/// Whatever is written is true: the span would be sampled by it, and `rv` is the parent's.
#[test]
fn what_is_written_is_true() {
    for sampler in SAMPLERS {
        let built = sampler.build();
        for parent in every_parent() {
            let child = parent.decide(&*built);
            if let Some(th) = child.th {
                let r = child.rv.unwrap_or(bits(parent.trace));
                assert!(child.sampled && r >= th, "{sampler:?} under {parent:?}");
            }
        }
    }
}

/// One by one, where implementations differ or have erred.
#[test]
fn cases_of_others() {
    let parent = |sampled: bool, th: &'static str, rv: &'static str| Parent {
        sampled: Some(sampled),
        th,
        rv,
        trace: LEAST,
    };
    let follow = Sampler::ParentThreshold(Root::On);
    let cases: [(&str, Sampler, Parent, (bool, &str)); 8] = [
        // Java believes `th` and ignores the flag; the specification erases what disagrees with it.
        (
            "Java, CompositeSampler under an unsampled parent whose R >= th",
            follow,
            parent(false, "4", "50000000000000"),
            (false, ""),
        ),
        (
            "the same, the other way round: a sampled parent whose R < th",
            follow,
            parent(true, "4", "30000000000000"),
            (true, ""),
        ),
        (
            "Java, a parent of before thresholds is followed and not counted",
            follow,
            parent(true, "", ""),
            (true, ""),
        ),
        (
            "Java, an invariant that the parent breaks is no concern of a sampler that does not ask it",
            Sampler::AlwaysOn,
            parent(false, "8", "90000000000000"),
            (true, "0"),
        ),
        (
            "Java, half at the border: sampled",
            Sampler::Probability("8"),
            parent(true, "", "80000000000000"),
            (true, "8"),
        ),
        (
            "Java, half below the border: dropped, rv stays",
            Sampler::Probability("8"),
            parent(true, "", "7fffffffffffff"),
            (false, ""),
        ),
        (
            "a child may sample more than its parent did, and says so",
            Sampler::Probability("4"),
            parent(false, "", "50000000000000"),
            (true, "4"),
        ),
        (
            "a threshold of the parent that nobody asked is replaced, not kept",
            Sampler::Probability("4"),
            parent(true, "8", "90000000000000"),
            (true, "4"),
        ),
    ];
    for (case, sampler, parent, (sampled, th)) in cases {
        let child = parent.decide(&*sampler.build());
        let expected = Child {
            sampled,
            th: (!th.is_empty()).then(|| bits(th)),
            rv: (!parent.rv.is_empty()).then(|| bits(parent.rv)),
        };
        assert_eq!(child, expected, "{case}");
    }
}

/// Specification, "Consistent probability sampling": of two samplers, the one with the lower threshold keeps
/// all that the other one keeps, for every randomness.
#[test]
fn a_larger_share_holds_a_smaller_one() {
    let thresholds = [
        "0",
        "00000000000001",
        "4",
        "8",
        "80000000000001",
        "c",
        "fd70a",
        MOST,
    ];
    for pair in thresholds.windows(2) {
        let [larger, smaller] = [0, 1].map(|i| Sampler::Probability(pair[i]).build());
        for trace in [
            LEAST,
            "4",
            "7fffffffffffff",
            "8",
            "80000000000001",
            "c",
            "fd70a",
            MOST,
        ] {
            let parent = Parent {
                sampled: None,
                th: "",
                rv: "",
                trace,
            };
            let (more, fewer) = (parent.decide(&*larger), parent.decide(&*smaller));
            assert!(more.sampled || !fewer.sampled, "{pair:?} at {trace}");
        }
    }
}

/// What a root's context says is the user's word on its randomness (`rv`), and nothing else.
#[test]
fn a_root_with_a_tracestate() {
    let root = Parent {
        sampled: None,
        th: "c",
        rv: "90000000000000",
        trace: LEAST,
    };
    let child = root.decide(&*Sampler::Probability("8").build());
    assert_eq!(
        child,
        Child {
            sampled: true,
            th: Some(bits("8")),
            rv: Some(bits("9"))
        }
    );
    let child = root.decide(&*Sampler::ParentThreshold(Root::Off).build());
    assert_eq!(
        child,
        Child {
            sampled: false,
            th: None,
            rv: Some(bits("9"))
        }
    );
}
