use proptest::prelude::*;

use super::super::pattern::{Pattern, Wanted};
use super::*;

fn text_pattern() -> impl Strategy<Value = TextPattern> {
    let form = prop_oneof![
        "[abAB/]{0,4}".prop_map(Pattern::from),
        "[abAB/]{1,3}".prop_map(Pattern::prefix),
        "[abAB/]{1,3}".prop_map(Pattern::contains),
        "[abA/?*]{1,5}".prop_map(Pattern::glob),
    ];
    (form, any::<bool>()).prop_filter_map("a text", |(pattern, ignore_case)| {
        let pattern = if ignore_case {
            pattern.ignore_case()
        } else {
            pattern
        };
        match pattern.0 {
            Wanted::Text(text) => Some(text),
            _ => None,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn one_pass_finds_what_each_pattern_matches(
        patterns in proptest::collection::vec(text_pattern(), 0..40),
        texts in proptest::collection::vec("[abAB/é]{0,8}", 1..20),
    ) {
        let index = TextIndex::<8>::new(patterns.iter().zip(0..));
        for text in texts {
            let found = index.of(&text);
            for (rule, pattern) in patterns.iter().enumerate() {
                prop_assert_eq!(found.contains(rule), pattern.matches(&text), "{:?} {}", pattern, text);
            }
        }
    }
}

#[test]
fn more_than_a_table_can_hold_is_found_too() {
    let wanted: Vec<_> = (0..300)
        .map(|n| Pattern::contains(format!("needle number {n:03}!")))
        .collect();
    let texts = wanted.iter().filter_map(|pattern| match &pattern.0 {
        Wanted::Text(text) => Some(text),
        _ => None,
    });
    let index = TextIndex::<8>::new(texts.zip(0..));
    assert!(matches!(
        index.needles,
        Some(Needles {
            automaton: Either::Compact(_),
            ..
        })
    ));
    for rule in [0, 123, 299] {
        let found = index.of(&format!("a needle number {rule:03}! in hay"));
        assert_eq!(found.lowest(), Some(rule));
    }
    assert_eq!(index.of("needle number 300!"), Bits::NONE);
}
