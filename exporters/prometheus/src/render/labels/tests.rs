use super::*;

/// Points of so many sets of keys, one after the other in turn.
fn forms(key_sets: usize) -> u32 {
    let set = |at: usize| {
        let key = format!("key.{}", at % key_sets);
        Attributes::new([KeyValue::new(key, "a"), KeyValue::new("z", at as i64)])
    };
    let sets: Vec<_> = (0..10 * key_sets).map(set).collect();
    let (mut labels, mut out) = (Labels::default(), String::new());
    for set in &sets {
        labels.point(&mut out, &ScopeLabels::none(), set, true);
    }
    labels.forms
}

#[test]
fn key_sets_that_take_turns_have_one_form_each() {
    for key_sets in 1..=KEY_SETS {
        assert_eq!(forms(key_sets), key_sets as u32);
    }
}

#[test]
fn key_sets_beyond_those_remembered_begin_anew() {
    assert_eq!(forms(KEY_SETS + 1), 10 * (KEY_SETS as u32 + 1));
}
