use opentelemetry::KeyValue;

use super::*;

crate::attributes! {
    struct Nothing {}

    /// Documented, with attributes, in any order, with a trailing comma or without.
    #[derive(PartialOrd)]
    pub(crate) struct Everything {
        kind: Kind => "kind",
        /// Documented.
        pub(crate) flag: bool => "flag",
        number: u32 => "number",
        text: &'static str => "text",
        absent: Option<i64> => "absent",
        present: Option<Kind> => "present",
    }

    #[derive(PartialOrd)]
    enum Kind { One => "the first", Two => "the second" }
}

#[test]
fn every_declared_type_becomes_the_value_it_says() {
    let everything = Everything {
        kind: Kind::One,
        flag: true,
        number: u32::MAX,
        text: "as it is",
        absent: None,
        present: Some(Kind::Two),
    };
    let expected = [
        KeyValue::new("kind", "the first"),
        KeyValue::new("flag", true),
        KeyValue::new("number", i64::from(u32::MAX)),
        KeyValue::new("text", "as it is"),
        KeyValue::new("present", "the second"),
    ];
    assert_eq!(everything.key_values(), expected);
}

#[test]
fn an_empty_set_has_no_attributes() {
    assert_eq!(Nothing {}.key_values(), []);
    assert_eq!(().key_values(), []);
}
