use super::{Ban, Rules};

#[test]
fn the_rules_are_read_from_cargo_denys_format() {
    let text = r#"
        licenses.allow = ["MIT"]
        sources.allow-registry = ["https://example.com/index"]
        bans.deny = [{ crate = "a", reason = "no" }, { crate = "b", deny-multiple-versions = true, reason = "one" }]
    "#;
    let ban = |name: &str, second_version_only, reason: &str| Ban {
        name: name.to_owned(),
        second_version_only,
        reason: reason.to_owned(),
    };

    assert_eq!(
        Rules::parse(text),
        Ok(Rules {
            licences: vec!["MIT".to_owned()],
            registries: vec!["https://example.com/index".to_owned()],
            bans: vec![ban("a", false, "no"), ban("b", true, "one")],
        })
    );
}

#[test]
fn a_rule_that_is_missing_is_named() {
    assert_eq!(
        Rules::parse("licenses.allow = []"),
        Err("`sources.allow-registry` is not there, or no array".to_owned())
    );
}
