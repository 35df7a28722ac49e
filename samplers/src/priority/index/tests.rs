use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const KEYS: [&str; 4] = ["http.route", "url.path", "tier", "port"];
const TEXTS: [&str; 6] = ["", "/", "/a", "/a/b", "gold", "GET /a"];

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        select(&TEXTS).prop_map(Pattern::from),
        select(&TEXTS[1..]).prop_map(Pattern::prefix),
        select(&TEXTS[1..]).prop_map(|text| Pattern::contains(text).ignore_case()),
        select(&["*", "/*", "*a", "G*a", "?"]).prop_map(Pattern::glob),
    ]
}

fn value_pattern() -> impl Strategy<Value = Pattern> {
    let others = [Pattern::from(1), 0.5.into(), true.into(), false.into()];
    prop_oneof![
        pattern(),
        (0..others.len()).prop_map(move |i| others[i].clone())
    ]
}

fn patterns<P: Strategy<Value = Pattern>>(of: P) -> impl Strategy<Value = Patterns> {
    proptest::collection::vec(of, 1..3).prop_map(Patterns)
}

/// Some conditions at random, none at all too.
fn rule() -> impl Strategy<Value = Rule> {
    let maybe = || proptest::option::weighted(0.3, patterns(pattern()));
    let attributes = proptest::collection::vec((select(&KEYS), patterns(value_pattern())), 0..3);
    let kinds = proptest::option::weighted(0.3, proptest::collection::vec(0..5usize, 0..3));
    (maybe(), maybe(), maybe(), kinds, attributes).prop_map(
        |(span_name, route, operation, kinds, attributes)| {
            let mut rule = Rule::new("rule");
            if operation.is_none() {
                (rule.span_name, rule.route) = (span_name, route);
            }
            rule.operation = operation;
            rule.kind = kinds.map(|kinds| kinds.into_iter().map(|n| KINDS[n].clone()).collect());
            attributes
                .into_iter()
                .fold(rule, |rule, (key, patterns)| rule.attribute(key, patterns))
        },
    )
}

fn attribute() -> impl Strategy<Value = KeyValue> {
    let value = prop_oneof![
        3 => select(&TEXTS).prop_map(Value::from),
        1 => select(&[Value::I64(1), Value::F64(1.0), Value::F64(0.5), Value::Bool(true)][..]),
        1 => Just(Value::Array(vec![true].into())),
    ];
    // One that no rule asks for, of the length of one that some do.
    let key = prop_oneof![5 => select(&KEYS), 1 => Just("pork")];
    (key, value).prop_map(|(key, value)| KeyValue::new(key, value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn the_index_finds_what_trying_one_by_one_finds(
        rules in proptest::collection::vec(rule(), 1..70),
        spans in proptest::collection::vec(
            (select(&TEXTS), 0..5usize, proptest::collection::vec(attribute(), 0..5)),
            1..40,
        ),
    ) {
        let index = Index::new(&rules);
        for (name, kind, attributes) in &spans {
            let mut span = SpanStart::root(name);
            span.kind = &KINDS[*kind];
            span.attributes = attributes;
            let naive = rules.iter().position(|rule| rule.matches(&span));
            prop_assert_eq!(index.first(&rules, &span), naive, "{:?}", span);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Else a set of rules that makes sense would be refused.
    #[test]
    fn a_rule_that_takes_all_of_another_matches_what_that_matches(
        rules in proptest::collection::vec(rule(), 2..12),
        spans in proptest::collection::vec(
            (select(&TEXTS), 0..5usize, proptest::collection::vec(attribute(), 0..5)),
            1..20,
        ),
    ) {
        for (name, kind, attributes) in &spans {
            let mut span = SpanStart::root(name);
            span.kind = &KINDS[*kind];
            span.attributes = attributes;
            for other in rules.iter().filter(|rule| rule.matches(&span)) {
                for rule in rules.iter().filter(|rule| rule.takes_all_of(other)) {
                    prop_assert!(rule.matches(&span), "{:?} {:?} {:?}", rule, other, span);
                }
            }
        }
    }
}

#[test]
fn a_rule_waits_for_all_its_attributes() {
    let rules = [
        Rule::new("both")
            .attribute("tier", "gold")
            .attribute("port", 443),
        Rule::new("one").attribute("tier", "gold"),
    ];
    let index = Index::new(&rules);
    let attributes = [KeyValue::new("tier", "gold"), KeyValue::new("port", 443)];
    let mut span = SpanStart::root("job");
    for (given, first) in [(0, None), (1, Some(1)), (2, Some(0))] {
        span.attributes = &attributes[..given];
        assert_eq!(index.first(&rules, &span), first);
    }
}

#[test]
fn the_path_is_the_route_until_there_is_one() {
    let rules = [Rule::new("cart").route("/cart")];
    let index = Index::new(&rules);
    let path = KeyValue::new("url.path", "/cart");
    let first = |attributes: &[KeyValue]| {
        let mut span = SpanStart::root("GET");
        span.attributes = attributes;
        assert_eq!(
            rules[0].matches(&span),
            index.first(&rules, &span).is_some()
        );
        index.first(&rules, &span)
    };
    assert_eq!(first(std::slice::from_ref(&path)), Some(0));
    assert_eq!(
        first(&[KeyValue::new("http.route", "/{page}"), path.clone()]),
        None
    );
    assert_eq!(first(&[path, KeyValue::new("http.route", 1)]), None);
}

#[test]
fn the_most_rules_that_there_can_be_are_told_apart() {
    let rules: Vec<_> = (0..MAX_RULES)
        .map(|n| Rule::new(format!("{n}")).span_name(format!("job {n}")))
        .collect();
    let index = Index::new(&rules);
    for n in [0, 63, 64, 511] {
        assert_eq!(
            index.first(&rules, &SpanStart::root(&format!("job {n}"))),
            Some(n)
        );
    }
    assert_eq!(index.first(&rules, &SpanStart::root("job 512")), None);
}

#[test]
fn spans_that_differ_in_a_value_that_decides_are_told_apart() {
    let rules = [
        Rule::new("gold").attribute("tier", "gold"),
        Rule::new("users").route("/users"),
    ];
    let index = Index::new(&rules);
    let found = |attributes: &[(&'static str, &'static str)]| {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(key, value)| KeyValue::new(*key, *value))
            .collect();
        let mut span = SpanStart::root("GET");
        span.attributes = &attributes;
        index.first(&rules, &span)
    };
    for _ in 0..2 {
        let with_route =
            |tier, route, path| found(&[("url.path", path), ("tier", tier), ("http.route", route)]);
        assert_eq!(with_route("gold", "/", "/users"), Some(0));
        assert_eq!(with_route("lead", "/", "/users"), None);
        assert_eq!(with_route("lead", "/users", "/users"), Some(1));
        assert_eq!(with_route("lead", "/", "/"), None);
        assert_eq!(found(&[("tier", "lead"), ("url.path", "/users")]), Some(1));
        assert_eq!(found(&[("tier", "lead"), ("url.path", "/")]), None);
    }
}
