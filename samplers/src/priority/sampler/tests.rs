use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime};

use throughline_testkit::ManualClock;

use opentelemetry::KeyValue;

use super::super::pattern::Pattern;
use super::super::rule::Rule;
use super::*;
use crate::probability::Threshold;

fn probability(sampler: &PrioritySampler, name: &str) -> Option<f64> {
    let intent = sampler.intent(&SpanStart::root(name));
    intent.threshold().map(Threshold::probability)
}

/// What stands on a root of this name if it is sampled.
fn attributes(sampler: &PrioritySampler, name: &str) -> Vec<KeyValue> {
    sampler.intent(&SpanStart::root(name)).into_attributes()
}

fn matched(sampler: &PrioritySampler, id: &str) -> Option<u64> {
    let mut counts = sampler.counts().into_iter();
    Some(counts.find(|count| &*count.rule == id)?.matched)
}

fn rules(rules: impl IntoIterator<Item = Rule>) -> PriorityRules {
    rules
        .into_iter()
        .fold(PriorityRules::new(), PriorityRules::rule)
}

#[test]
fn the_preset_knows_its_words_wherever_they_stand() {
    let sampler = PrioritySampler::new(PriorityRules::preset()).unwrap();
    for (name, rate, high_value) in [
        ("checkout", 1.0, true),
        ("shop.CheckoutService/PlaceOrder", 1.0, true),
        ("POST /payments", 1.0, true),
        ("GET /users/42/orders", 1.0, true),
        ("GET /users/42", 0.5, false),
        ("list-products", 0.5, false),
        ("jobs.nightly", 0.1, false),
        ("GET /health", 0.01, false),
        ("GET /ready", 0.01, false),
        ("GET /cart", 0.1, false),
    ] {
        let mut expected = vec![KeyValue::new("sample.rate", rate)];
        if high_value {
            expected.insert(0, KeyValue::new("sampled.high_value", true));
        }
        assert_eq!(attributes(&sampler, name), expected, "{name}");
        let wanted = Threshold::from_probability(rate).unwrap().probability();
        assert_eq!(probability(&sampler, name), Some(wanted));
    }
}

#[test]
fn a_rate_of_zero_drops() {
    let none = rules([Rule::new("jobs").span_name("job").rate(0.0)]).default_rate(0.0);
    let sampler = PrioritySampler::new(none).unwrap();
    assert_eq!(probability(&sampler, "job"), None);
    assert_eq!(probability(&sampler, "other"), None);
}

#[test]
fn a_budget_is_for_its_rule_alone() {
    let clock = ManualClock::new();
    let two = rules([
        Rule::new("a").span_name("a").budget(2.0),
        Rule::new("b").span_name("b").budget(2.0),
    ]);
    let sampler = PrioritySampler::with_clock(two, Arc::new(clock.clone())).unwrap();
    assert_eq!(probability(&sampler, "a"), Some(1.0));
    assert_eq!(probability(&sampler, "a"), Some(0.5));
    assert_eq!(
        attributes(&sampler, "a"),
        [KeyValue::new("sample.rate", 0.25)]
    );
    assert_eq!(probability(&sampler, "b"), Some(1.0));
    clock.advance(Duration::from_secs(1));
    assert_eq!(probability(&sampler, "a"), Some(1.0));
}

#[test]
fn what_stays_goes_on_where_it_was() {
    let a = || Rule::new("a").span_name("a").budget(2.0);
    let b = || Rule::new("b").span_name("b").budget(2.0);
    let clock = Arc::new(ManualClock::new());
    let sampler = PrioritySampler::with_clock(rules([a(), b()]), clock).unwrap();
    for _ in 0..2 {
        probability(&sampler, "a");
        probability(&sampler, "b");
    }
    probability(&sampler, "c");

    sampler
        .replace(rules([Rule::new("c").span_name("c").rate(1.0), b()]))
        .unwrap();
    assert_eq!(
        probability(&sampler, "b"),
        Some(0.25),
        "the bucket is as full as it was"
    );
    assert_eq!(matched(&sampler, "b"), Some(3));
    assert_eq!(matched(&sampler, "default"), Some(1));
    assert_eq!(matched(&sampler, "c"), Some(0));
    assert_eq!(matched(&sampler, "a"), None);

    let mut larger = b();
    larger.budget = Some(4.0);
    sampler.replace(rules([larger])).unwrap();
    assert_eq!(
        probability(&sampler, "b"),
        Some(1.0),
        "another budget starts full"
    );
}

#[test]
fn bad_rules_change_nothing() {
    let sampler = PrioritySampler::new(PriorityRules::preset()).unwrap();
    assert!(sampler.replace(PriorityRules::new()).is_err());
    assert!(sampler.reload_from("no/such/file").is_err());
    assert_eq!(sampler.rules(), PriorityRules::preset());
}

#[test]
fn clones_share_rules_that_come_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.toml");
    let write = |rate: &str| {
        let rule = format!("[[sampler.rules]]\nid = \"a\"\nspan_name = \"a\"\nrate = {rate}");
        std::fs::write(&path, format!("[sampler]\nkind = \"priority\"\n{rule}")).unwrap();
    };
    write("0.5");
    let sampler = PrioritySampler::from_file(&path).unwrap();
    let clone = sampler.clone();
    assert_eq!(probability(&clone, "a"), Some(0.5));
    write("0.25");
    sampler.reload_from(&path).unwrap();
    assert_eq!(probability(&clone, "a"), Some(0.25));
    write("25");
    assert!(sampler.reload_from(&path).is_err());
    assert_eq!(probability(&clone, "a"), Some(0.25));
}

/// Threads decide while the rules change under them: by one set or by the other, and all are counted.
#[test]
fn no_span_is_lost_while_rules_are_replaced() {
    const SPANS: u64 = 20_000;
    let set = |rate: f64| rules([Rule::new("a").span_name("a").rate(rate)]);
    let sampler = PrioritySampler::new(set(0.5)).unwrap();
    thread::scope(|scope| {
        let deciders: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    (0..SPANS).for_each(|_| {
                        let decided = probability(&sampler, "a");
                        assert!(decided == Some(0.5) || decided == Some(0.25), "{decided:?}");
                    });
                })
            })
            .collect();
        let mut rates = [0.25, 0.5].into_iter().cycle();
        while deciders.iter().any(|decider| !decider.is_finished()) {
            sampler.replace(set(rates.next().unwrap())).unwrap();
        }
    });
    assert_eq!(matched(&sampler, "a"), Some(2 * SPANS));
}

/// What a thread remembers of one is not taken for the other.
#[test]
fn two_samplers_on_one_thread_keep_to_their_own_rules() {
    let set = |rate: f64| rules([Rule::new("a").span_name("a").rate(rate)]);
    let [one, other] = [0.5, 0.25].map(|rate| PrioritySampler::new(set(rate)).unwrap());
    for _ in 0..2 {
        assert_eq!(probability(&one, "a"), Some(0.5));
        assert_eq!(probability(&other, "a"), Some(0.25));
    }
    one.replace(set(1.0)).unwrap();
    assert_eq!(probability(&other, "a"), Some(0.25));
    assert_eq!(probability(&one, "a"), Some(1.0));
}

/// A clock that samples a span of its own is answered, by what is in force.
#[test]
fn a_clock_may_ask_the_sampler_that_reads_it() {
    #[derive(Debug, Default)]
    struct Asking(OnceLock<PrioritySampler>, Mutex<Vec<Option<f64>>>);
    impl Clock for Asking {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
        fn monotonic(&self) -> Duration {
            if let Some(sampler) = self.0.get() {
                let answer = probability(sampler, "a");
                self.1.lock().unwrap().push(answer);
            }
            Duration::ZERO
        }
    }
    let clock = Arc::new(Asking::default());
    let set = rules([
        Rule::new("a").span_name("a").rate(0.5),
        Rule::new("b").span_name("b").budget(1.0),
    ]);
    let sampler = PrioritySampler::with_clock(set, Arc::<Asking>::clone(&clock)).unwrap();
    clock.0.set(sampler.clone()).unwrap();
    assert_eq!(probability(&sampler, "b"), Some(1.0));
    assert_eq!(*clock.1.lock().unwrap(), [Some(0.5)]);
}

#[test]
fn debug_shows_the_rules() {
    let sampler = PrioritySampler::new(rules([Rule::new("a")
        .span_name(Pattern::prefix("b"))
        .rate(1.0)]));
    assert!(format!("{:?}", sampler.unwrap()).contains("Prefix"));
}
