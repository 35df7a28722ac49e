use opentelemetry::trace::SpanKind;

use super::*;

/// What the check says of a rule.
fn refused(rule: Rule) -> String {
    PriorityRules::new()
        .rule(rule)
        .check()
        .unwrap_err()
        .to_string()
}

fn jobs() -> Rule {
    Rule::new("jobs").span_name("job")
}

#[test]
fn the_preset_makes_sense() {
    PriorityRules::preset().check().unwrap();
}

#[test]
fn rates_out_of_range_are_named() {
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY, 1e-17] {
        let rate = refused(jobs().rate(bad));
        assert_eq!(
            rate,
            format!(r#"rule "jobs": rate is {bad}: expected 0, or 2^-56 to 1"#)
        );
        let default = PriorityRules::preset()
            .default_rate(bad)
            .check()
            .unwrap_err();
        assert!(
            default.to_string().starts_with("default_rate is "),
            "{default}"
        );
    }
    for bad in [0.0, -1.0, f64::NAN, 1e7] {
        let budget = refused(jobs().budget(bad));
        let expected = "expected 0.000001 to 1000000 spans per second";
        assert_eq!(
            budget,
            format!(r#"rule "jobs": budget is {bad}: {expected}"#)
        );
        let default = PriorityRules::preset()
            .default_budget(bad)
            .check()
            .unwrap_err();
        assert!(
            default.to_string().starts_with("default_budget is "),
            "{default}"
        );
    }
    for good in [0.0, f64::powi(2.0, -56), 1.0] {
        PriorityRules::new()
            .rule(jobs().rate(good))
            .default_rate(good)
            .check()
            .unwrap();
    }
}

#[test]
fn a_rule_has_a_rate_or_a_budget() {
    assert_eq!(
        refused(jobs()),
        r#"rule "jobs": rate is missing: expected a rate or a budget"#
    );
    assert_eq!(
        refused(jobs().rate(0.5).budget(2.0)),
        r#"rule "jobs": budget is 2 beside a rate of 0.5: expected a rate or a budget, not both"#
    );
    let both = PriorityRules::preset()
        .default_rate(0.5)
        .default_budget(2.0);
    assert_eq!(
        both.check().unwrap_err().to_string(),
        "default_budget is 2 beside a rate of 0.5: expected a rate or a budget, not both"
    );
}

#[test]
fn there_are_rules_and_not_too_many() {
    let many = |count: usize| {
        let rules = (0..count).map(|n| {
            Rule::new(format!("{n}"))
                .span_name(format!("{n}"))
                .rate(1.0)
        });
        rules
            .fold(PriorityRules::new(), PriorityRules::rule)
            .check()
    };
    assert_eq!(
        many(0).unwrap_err().to_string(),
        "rules is empty: expected 1 to 512 rules"
    );
    many(512).unwrap();
    assert_eq!(
        many(513).unwrap_err().to_string(),
        "rules is 513 rules: expected 1 to 512 rules"
    );
}

#[test]
fn ids_are_there_short_and_used_once() {
    let with = |id: &str| Rule::new(id).span_name("job").rate(1.0);
    for bad in ["", "a\nb", &"x".repeat(65)] {
        assert!(refused(with(bad)).ends_with("expected 1 to 64 printable characters"));
    }
    assert!(refused(with("default")).contains("it stands for spans that no rule is for"));
    PriorityRules::new()
        .rule(with(&"é".repeat(64)))
        .check()
        .unwrap();
    let twice = PriorityRules::new()
        .rule(with("a"))
        .rule(Rule::new("a").span_name("other").rate(1.0));
    assert_eq!(
        twice.check().unwrap_err().to_string(),
        r#"rule "a": id is "a": expected an id that no earlier rule has"#
    );
}

#[test]
fn a_rule_has_conditions_that_can_hold() {
    assert_eq!(
        refused(Rule::new("all").rate(1.0)),
        r#"rule "all": operation is missing: expected a condition: operation, span_name, route, kind or attributes"#
    );
    let none: Vec<Pattern> = Vec::new();
    let rule = Rule::new("none").rate(1.0);
    for (rule, said) in [
        (
            rule.clone().span_name(Patterns::from_iter(none)),
            "span_name is a list of 0: expected 1 to 256 patterns",
        ),
        (
            rule.clone().route(Pattern::prefix("")),
            r#"route is { prefix = "" }: expected some text in it"#,
        ),
        (rule.clone().operation(7), "operation is 7: expected a text"),
        (
            rule.clone().attribute("tier", Pattern::contains("")),
            r#"attributes.tier is { contains = "" }: expected some text in it"#,
        ),
        (
            rule.clone().attribute("port", f64::NAN),
            "attributes.port is NaN: expected a number",
        ),
        (
            rule.clone().attribute("", 1),
            "attributes is : expected attributes whose names have 1 to 256 bytes",
        ),
        (
            rule.clone().operation("job").route("/job"),
            r#"operation is "job": expected either operation, which is the name or the route, or these themselves"#,
        ),
    ] {
        assert_eq!(refused(rule), format!(r#"rule "none": {said}"#));
    }
    let long = refused(rule.clone().span_name("x".repeat(257)));
    assert!(long.ends_with("…: expected at most 256 bytes"), "{long}");
    let many = (0..65).fold(rule.clone(), |rule, n| {
        rule.attribute(format!("key {n}"), 1)
    });
    assert_eq!(
        refused(many),
        r#"rule "none": attributes is 65 of them: expected at most 64"#
    );
    PriorityRules::new()
        .rule(rule.span_name(""))
        .check()
        .unwrap();
}

#[test]
fn a_rule_that_no_span_comes_to_is_named() {
    let unreachable = |first: Rule, second: Rule| {
        let (mut first, mut second) = (first.rate(1.0), second.rate(0.5));
        (first.id, second.id) = ("first".into(), "second".into());
        PriorityRules::new()
            .rule(first)
            .rule(second)
            .check()
            .is_err()
    };
    let new = || Rule::new("");
    let get = || new().span_name(Pattern::prefix("GET "));
    for (first, second) in [
        (jobs(), jobs()),
        (get(), new().span_name("GET /cart")),
        (
            get(),
            new()
                .span_name(["GET /cart", "GET /"])
                .kind(SpanKind::Server),
        ),
        (
            new().operation(Pattern::contains("cart")),
            new().route("/cart"),
        ),
        (
            new().operation(Pattern::contains("cart")),
            new().span_name("cart"),
        ),
        (
            new().attribute("a", [1, 2]),
            new().attribute("b", true).attribute("a", 1),
        ),
        (
            new().kind(SpanKind::Server).kind(SpanKind::Client),
            new().kind(SpanKind::Client).span_name("job"),
        ),
    ] {
        assert!(
            unreachable(first.clone(), second.clone()),
            "{first:?} {second:?}"
        );
    }
    for (first, second) in [
        (get(), new().span_name(["GET /cart", "PUT /cart"])),
        (get().kind(SpanKind::Server), get()),
        (
            get().kind(SpanKind::Server),
            get().kind(SpanKind::Server).kind(SpanKind::Client),
        ),
        (new().route("/cart"), new().operation("/cart")),
        (new().attribute("a", 1), new().attribute("b", 1)),
        (
            new().attribute("a", 1).attribute("b", 1),
            new().attribute("a", 1),
        ),
    ] {
        assert!(
            !unreachable(first.clone(), second.clone()),
            "{first:?} {second:?}"
        );
    }
}
