use super::*;

fn said(text: &str) -> String {
    parse(None, text).unwrap_err().to_string()
}

/// What is wrong with a table that starts like this in line 3.
fn said_of(rest: &str) -> String {
    said(&format!("[sampler]\nkind = \"priority\"\n{rest}"))
}

/// What is wrong with a rule of these fields, which start in line 5.
fn said_of_rule(fields: &str) -> String {
    said_of(&format!("[[sampler.rules]]\nid = \"a\"\n{fields}\n"))
}

#[test]
fn a_file_says_what_code_can_say() {
    let text = r#"
        [retention]
        unknown = "here"

        [sampler]
        kind = "priority"
        default_budget = 5

        [[sampler.rules]]
        id = "all of it"
        kind = ["server", "consumer"]
        span_name = "GET /cart"
        route = [{ prefix = "/a" }, { contains = "b", ignore_case = true }, { glob = "/*" }]
        attributes = { tier = ["gold", "platinum"], port = 443, "load.factor" = 0.5, debug = true }
        rate = 1
        high_value = true

        [[sampler.rules]]
        id = "anywhere"
        operation = { exact = "cart", ignore_case = true }
        budget = 0.5
    "#;
    let from_code = PriorityRules::new()
        .rule(
            Rule::new("all of it")
                .kind(SpanKind::Server)
                .kind(SpanKind::Consumer)
                .span_name("GET /cart")
                .route([
                    Pattern::prefix("/a"),
                    Pattern::contains("b").ignore_case(),
                    Pattern::glob("/*"),
                ])
                // In the order of their names.
                .attribute("debug", true)
                .attribute("load.factor", 0.5)
                .attribute("port", 443)
                .attribute("tier", ["gold", "platinum"])
                .rate(1.0)
                .high_value(),
        )
        .rule(
            Rule::new("anywhere")
                .operation(Pattern::from("cart").ignore_case())
                .budget(0.5),
        )
        .default_budget(5.0);
    assert_eq!(PriorityRules::from_toml(text), Ok(from_code));
}

#[test]
fn a_bad_rule_names_its_line_and_field() {
    for (fields, expected) in [
        (
            "span_name = \"job\"\nrate = 1.5",
            "line 6: sampler.rules[0].rate is 1.5: expected 0, or 2^-56 to 1",
        ),
        (
            "span_name = \"job\"\nrate = nan",
            "line 6: sampler.rules[0].rate is NaN: expected 0, or 2^-56 to 1",
        ),
        (
            "rate = \"all\"",
            "line 5: sampler.rules[0].rate is \"all\": expected a number",
        ),
        (
            "nme = \"job\"",
            "line 5: sampler.rules[0].nme is unknown: expected one of `id`, `span_name`, `route`, \
             `operation`, `kind`, `attributes`, `rate`, `budget`, `high_value`",
        ),
        (
            "span_name = \"job\"",
            "line 3: sampler.rules[0].rate is missing: expected a rate or a budget",
        ),
        (
            "rate = 1",
            "line 3: sampler.rules[0].operation is missing: expected a condition: operation, \
             span_name, route, kind or attributes",
        ),
        (
            "kind = \"srever\"",
            "line 5: sampler.rules[0].kind is \"srever\": expected one of \"internal\", \"server\", \
             \"client\", \"producer\", \"consumer\"",
        ),
        (
            "kind = 7",
            "line 5: sampler.rules[0].kind is 7: expected a kind of span or a list of them",
        ),
        (
            "route = [\n\"/a\",\n{ suffix = \"b\" },\n]",
            "line 7: sampler.rules[0].route[1].suffix is unknown: expected one of `exact`, `prefix`, \
             `contains`, `glob`, `ignore_case`",
        ),
        (
            "route = { prefix = \"a\", glob = \"b\" }",
            "line 5: sampler.rules[0].route is { prefix = \"a\", glob = \"b\" }: expected one of \
             `exact`, `prefix`, `contains`, `glob`",
        ),
        (
            "rate = 1\nattributes = { port = [1,\n2020-01-01] }",
            "line 7: sampler.rules[0].attributes.port[1]",
        ),
        (
            "rate = 1\nattributes.port = []",
            "line 6: sampler.rules[0].attributes.port is a list of 0: expected 1 to 256 patterns",
        ),
    ] {
        let said = said_of_rule(fields);
        assert!(said.starts_with(expected), "{said}\n{expected}");
    }
    let second =
        "span_name = \"b\"\nrate = 1\n[[sampler.rules]]\nspan_name = \"b\"\nid = \"b\"\nrate = 1";
    assert_eq!(
        said_of_rule(second),
        "line 8: sampler.rules[1].span_name is \"b\": expected something that the earlier rule \"a\" \
         does not match already"
    );
}

#[test]
fn a_bad_table_names_its_line_and_field() {
    for (text, expected) in [
        ("", "line 1: sampler is missing: expected a table"),
        ("\nsampler = 7", "line 2: sampler is 7: expected a table"),
        (
            "[sampler]\n",
            "line 1: sampler.kind is missing: expected \"priority\"",
        ),
        (
            "[sampler]\nkind = \"adaptive\"",
            "line 2: sampler.kind is \"adaptive\": expected \"priority\"",
        ),
        ("a = 1\n[sampler\n", "line 2: TOML is `[sampler`: expected "),
        (
            "a = 1\na = 2",
            "line 2: TOML is `a = 2`: expected duplicate key",
        ),
    ] {
        let said = said(text);
        assert!(said.starts_with(expected), "{said}\n{expected}");
    }
    assert_eq!(
        said_of(""),
        "line 1: sampler.rules is empty: expected 1 to 512 rules"
    );
    assert_eq!(
        said_of("rules = []\ndefault_rate = 2"),
        "line 3: sampler.rules is empty: expected 1 to 512 rules"
    );
    assert_eq!(
        said_of("[[sampler.rules]]\nrate = 1"),
        "line 3: sampler.rules[0].id is missing: expected a value"
    );
    assert!(
        said_of("default = 1").starts_with("line 3: sampler.default is unknown: expected one of")
    );
}

#[test]
fn a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.toml");
    std::fs::write(&path, "[sampler]\nkind = 1").unwrap();
    let said = read(&path).unwrap_err().to_string();
    assert_eq!(
        said,
        format!(
            "{}:2: sampler.kind is 1: expected \"priority\"",
            path.display()
        )
    );
    std::fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    let said = read(&path).unwrap_err().to_string();
    assert!(
        said.ends_with("cannot be read: it is larger than 1 MiB"),
        "{said}"
    );
    std::fs::write(&path, [0xff]).unwrap();
    assert!(matches!(read(&path), Err(Error::Unreadable { .. })));
}
