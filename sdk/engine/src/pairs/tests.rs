use opentelemetry::StringValue;

use super::*;

fn kv(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

fn set_of(pairs: &[KeyValue]) -> Attributes {
    Attributes::new(pairs.iter().cloned())
}

fn is_same_all(a: &[KeyValue], b: &[KeyValue]) -> bool {
    let all = &AttributeFilter::All;
    let same = is_same_list(a, all, b);
    assert_eq!(same, is_same_set(&set_of(a), all, b));
    same
}

/// Whether the order of `one` as pairs of `set` is that of `other` too.
fn is_same_call(set: &[KeyValue], one: &[KeyValue], other: &[KeyValue]) -> bool {
    let (set, all) = (&set_of(set), &AttributeFilter::All);
    Order::of(set, all, one).is_some_and(|order| {
        let canonical = Canonical::of(&RandomState::default(), all, one);
        assert_eq!(canonical.order(), Some(order));
        order.is(set, all, other)
    })
}

#[test]
fn a_set_is_itself_in_any_order_and_nothing_else() {
    let all = &AttributeFilter::All;
    let set = [kv("a", 1), kv("b", "x"), kv("c", f64::NAN)];
    let shuffled = [kv("c", f64::NAN), kv("a", 1), kv("b", "x")];
    let state = RandomState::default();
    let attributes = set_of(&set);
    assert!(is_same_set(&attributes, all, &shuffled));
    assert!(!is_same_list(&set, all, &shuffled));
    assert_eq!(hash(&state, &set), hash(&state, &shuffled));
    let places = [&set, &shuffled].map(|pairs| hash_places(&state, all, pairs));
    assert_ne!(places[0], places[1]);
    assert!(!is_same_set(&attributes, all, &set[..2]));
    let twice = [kv("a", 1), kv("a", 1), kv("c", f64::NAN)];
    assert!(!is_same_set(&attributes, all, &twice));
    assert!(is_set(&attributes, &set));
    assert!(!is_set(&attributes, &set[..2]));
    assert!(!is_set(&set_of(&set[..2]), &set));
}

#[test]
fn a_set_is_found_in_the_order_it_was_given_in_and_in_no_other() {
    let set = [kv("a", 1), kv("b", "x"), kv("c", f64::NAN)];
    let shuffled = [kv("c", f64::NAN), kv("a", 1), kv("b", "x")];
    assert!(is_same_call(&set, &set, &set));
    assert!(is_same_call(&set, &shuffled, &shuffled));
    assert!(!is_same_call(&set, &shuffled, &set));
    assert!(!is_same_call(&set, &set, &shuffled));
    assert!(!is_same_call(&set, &set, &set[..2]));
    let longer = [&set[..], &[kv("d", 0)]].concat();
    assert!(!is_same_call(&set, &set, &longer));
}

#[test]
fn what_is_not_the_set_has_no_order_of_it() {
    let all = &AttributeFilter::All;
    let pairs = [kv("a", 1), kv("b", "x")];
    let set = set_of(&pairs);
    assert_eq!(Order::of(&set, all, &pairs[..1]), None);
    assert_eq!(Order::of(&set, all, &[kv("a", 1), kv("a", 1)]), None);
    assert_eq!(Order::of(&set, all, &[kv("a", 1), kv("b", "y")]), None);
    assert_eq!(
        Order::of(&set_of(&pairs[..1]), all, &[kv("a", 1), kv("a", 1)]),
        None
    );
}

#[test]
fn sixteen_pairs_have_an_order_and_seventeen_have_none() {
    let all = &AttributeFilter::All;
    let many: Vec<_> = (0..17i64)
        .map(|n| KeyValue::new(format!("k{n:02}"), n))
        .collect();
    let reversed = |n: usize| -> Vec<_> { many[..n].iter().rev().cloned().collect() };
    assert!(is_same_call(&many[..16], &reversed(16), &reversed(16)));
    assert!(!is_same_call(&many[..16], &reversed(16), &many[..16]));
    let reversed = reversed(17);
    assert_eq!(Order::of(&set_of(&many), all, &reversed), None);
    let canonical = Canonical::of(&RandomState::default(), all, &reversed);
    assert_eq!(canonical.order(), None);
    assert!(canonical.is_distinct());
}

#[test]
fn the_canonical_form_of_a_call_is_the_set_and_its_hash() {
    let filter = &AttributeFilter::Drop(["user".into()].into());
    let given = [kv("b", 1), kv("user", 7), kv("a", "x"), kv("b", 2)];
    let state = RandomState::default();
    let canonical = Canonical::of(&state, filter, &given);
    let set = set_of(&[kv("a", "x"), kv("b", 2)]);
    assert!(is_set(&set, canonical.iter()));
    assert_eq!(canonical.hash(), hash(&state, &set));
    assert!(!canonical.is_distinct());
    assert_eq!(canonical.order(), None);
    let canonical = Canonical::of(&state, filter, &given[..3]);
    assert!(canonical.is_distinct());
    assert_eq!(canonical.order(), Some(Order(0x01)));
}

#[test]
fn values_of_different_types_and_zeros_of_different_signs_differ() {
    let same = |a: &[KeyValue], b: &[KeyValue]| is_same_all(a, b) && is_same_call(a, a, b);
    assert!(same(&[kv("a", f64::NAN)], &[kv("a", f64::NAN)]));
    assert!(!same(&[kv("a", 1)], &[kv("a", "1")]));
    assert!(!same(&[kv("a", 0.0)], &[kv("a", -0.0)]));
}

#[test]
fn texts_are_the_same_wherever_they_stand() {
    let owned = KeyValue::new(String::from("key"), String::from("value"));
    let shared = KeyValue::new(
        "key",
        StringValue::from(std::sync::Arc::<str>::from("value")),
    );
    assert!(is_same_call(
        &[kv("key", "value")],
        std::slice::from_ref(&owned),
        &[shared]
    ));
    // One place, two lengths.
    let text = "value";
    assert!(!is_same_all(&[kv("key", text)], &[kv("key", &text[..4])]));
    assert!(!is_same_all(&[owned], &[kv("key", "valuf")]));
}

#[test]
fn moving_a_letter_from_value_to_value_makes_another_set() {
    let (one, two) = ([kv("k", "ab"), kv("l", "c")], [kv("k", "a"), kv("l", "bc")]);
    let state = RandomState::default();
    assert!(!is_same_all(&one, &two));
    assert_ne!(hash(&state, &one), hash(&state, &two));
}

#[test]
fn what_a_filter_drops_makes_no_difference() {
    let filter = &AttributeFilter::Keep(["a".into(), "b".into()].into());
    let pairs = [kv("a", 1), kv("b", "x")];
    let set = set_of(&pairs);
    let given = [kv("user", 7), kv("b", "x"), kv("user", 8), kv("a", 1)];
    let other = [kv("b", "x"), kv("user", 9), kv("a", 1)];
    let state = RandomState::default();
    let places = [&given[..], &other].map(|pairs| hash_places(&state, filter, pairs));
    assert_eq!(places[0], places[1]);
    assert!(is_same_set(&set, filter, &given));
    assert!(is_same_list(&[kv("b", "x"), kv("a", 1)], filter, &given));
    assert!(!is_same_list(&pairs, filter, &given));
    assert!(!is_same_set(&set, filter, &[kv("a", 1), kv("user", 7)]));
    assert!(!is_same_set(&set, filter, &[kv("a", 1), kv("a", 1)]));
    let order = Order::of(&set, filter, &given).unwrap();
    assert!(order.is(&set, filter, &given));
    assert!(order.is(&set, filter, &other));
    assert!(!order.is(&set, filter, &pairs));
    assert_eq!(Order::of(&set, filter, &[kv("a", 1), kv("user", 7)]), None);
    assert_eq!(Order::of(&set, filter, &[kv("a", 1), kv("a", 1)]), None);
}
