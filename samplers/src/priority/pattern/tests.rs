use super::*;

fn matches(pattern: impl Into<Pattern>, text: &str) -> bool {
    pattern.into().matches_text(text)
}

#[test]
fn texts_match_whole_from_their_start_or_anywhere() {
    assert!(matches("GET /cart", "GET /cart"));
    assert!(!matches("GET /cart", "GET /cart/"));
    assert!(matches(Pattern::prefix("GET /"), "GET /cart"));
    assert!(!matches(Pattern::prefix("/cart"), "GET /cart"));
    assert!(!matches(Pattern::prefix("GET /cart"), "GET"));
    assert!(matches(Pattern::contains("/ca"), "GET /cart"));
    assert!(!matches(Pattern::contains("/car/"), "GET /cart"));
    assert!(!matches(Pattern::contains("longer than it"), "short"));
}

#[test]
fn globs_match_by_shape() {
    for (shape, yes, no) in [
        ("/users/*/cart", "/users/42/cart", "/users/42/carts"),
        ("*", "", "\u{0}never"),
        ("a*b*c", "a-b-b-c", "a-b-b-d"),
        ("*ab", "aab", "aba"),
        ("*aab*", "aaab", "abab"),
        ("?", "é", "ab"),
        ("a??", "aéb", "aé"),
        ("?*?", "ab", "é"),
        ("*é?", "aéz", "é"),
        ("no signs", "no signs", "no signs at all"),
    ] {
        assert!(matches(Pattern::glob(shape), yes), "{shape} {yes}");
        let no = matches(Pattern::glob(shape), no);
        assert_eq!(no, shape == "*", "{shape}");
    }
}

#[test]
fn case_counts_unless_it_is_ignored() {
    for pattern in [
        Pattern::from("GET /Cart"),
        Pattern::prefix("GET /c"),
        Pattern::contains("CART"),
        Pattern::glob("*/caRt"),
    ] {
        assert!(!pattern.matches_text("get /cArt"), "{pattern}");
        assert!(pattern.ignore_case().matches_text("get /cArt"));
    }
    assert!(
        !matches(Pattern::from("É").ignore_case(), "é"),
        "ASCII alone"
    );
}

#[test]
fn numbers_match_whatever_their_type_and_texts_match_no_numbers() {
    let matches = |pattern: Pattern, value: Value| pattern.matches_value(&value);
    assert!(matches(443.into(), 443.into()));
    assert!(matches(443.into(), 443.0.into()));
    assert!(matches(443.0.into(), 443.into()));
    assert!(matches(0.5.into(), 0.5.into()));
    assert!(matches((-0.0).into(), 0.into()));
    assert!(matches(f64::INFINITY.into(), f64::INFINITY.into()));
    assert!(matches(true.into(), true.into()));
    for (pattern, value) in [
        (443.into(), "443".into()),
        ("443".into(), 443.into()),
        (443.into(), 443.5.into()),
        (1.into(), true.into()),
        (true.into(), false.into()),
        (i64::MAX.into(), (i64::MAX as f64).into()),
        (f64::NAN.into(), f64::NAN.into()),
        (
            "a".into(),
            Value::Array(vec![opentelemetry::StringValue::from("a")].into()),
        ),
    ] {
        assert!(!matches(pattern, value));
    }
}

#[test]
fn a_pattern_is_written_as_in_a_file() {
    for (pattern, written) in [
        (Pattern::from("a \"b\""), r#""a \"b\"""#),
        (
            Pattern::from("a").ignore_case(),
            r#"{ exact = "a", ignore_case = true }"#,
        ),
        (Pattern::prefix("a"), r#"{ prefix = "a" }"#),
        (
            Pattern::contains("a").ignore_case(),
            r#"{ contains = "a", ignore_case = true }"#,
        ),
        (Pattern::glob("a*"), r#"{ glob = "a*" }"#),
        (443.into(), "443"),
        (0.5.into(), "0.5"),
        (true.into(), "true"),
    ] {
        assert_eq!(pattern.to_string(), written);
    }
}

#[test]
fn what_implies_another_pattern_matches_no_more() {
    let (prefix, contains) = (Pattern::prefix, Pattern::contains);
    let exact = Pattern::from("GET /cart");
    assert!(exact.implies(&exact));
    assert!(exact.implies(&prefix("GET")));
    assert!(exact.implies(&Pattern::glob("G*t")));
    assert!(prefix("GET /").implies(&prefix("GET")));
    assert!(!prefix("GET").implies(&prefix("GET /")));
    assert!(prefix("GET /cart").implies(&contains("/ca")));
    assert!(contains("/cart").implies(&contains("cart")));
    assert!(!contains("cart").implies(&prefix("cart")));
    assert!(contains("cart").implies(&contains("CA").ignore_case()));
    assert!(!contains("cart").ignore_case().implies(&contains("cart")));
    assert!(Pattern::from(1).implies(&1.0.into()));
    assert!(!Pattern::from(1).implies(&"1".into()));
}
