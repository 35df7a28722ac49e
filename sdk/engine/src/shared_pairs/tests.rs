use std::slice;

use crate::view::AttributeFilter;

use super::*;

fn set(shared: &SharedPairs, pairs: &[KeyValue]) -> Attributes {
    let all = &AttributeFilter::All;
    shared.set(&Canonical::of(shared.hasher(), all, pairs))
}

fn only(shared: &SharedPairs, pair: &KeyValue) -> *const KeyValue {
    std::ptr::from_ref(set(shared, slice::from_ref(pair)).at(0).unwrap())
}

#[test]
fn sets_share_what_they_have_in_common() {
    let shared = SharedPairs::default();
    let get = || KeyValue::new("method", "GET");
    let [a, b] = ["/a", "/b"].map(|at| KeyValue::new("route", at.to_owned()));
    let sets = [&a, &b].map(|route| set(&shared, &[get(), route.clone()]));
    assert!(std::ptr::eq(sets[0].at(0).unwrap(), sets[1].at(0).unwrap()));
    assert_eq!(sets[0].at(1), Some(&a));
    assert_eq!(sets[1].at(1), Some(&b));
}

#[test]
fn a_text_that_is_made_for_each_call_is_the_same_from_every_place() {
    let shared = SharedPairs::default();
    let [one, two] = [(); 2].map(|()| KeyValue::new("route", "/orders".to_owned()));
    let kept = set(&shared, slice::from_ref(&one));
    assert_eq!(only(&shared, &two), std::ptr::from_ref(kept.at(0).unwrap()));
}

#[test]
fn a_literal_is_the_same_at_its_own_place_alone() {
    let shared = SharedPairs::default();
    let texts: &'static str = "GETGET";
    let [one, two] = [&texts[..3], &texts[3..]].map(|text| KeyValue::new("method", text));
    let kept = [
        set(&shared, slice::from_ref(&one)),
        set(&shared, slice::from_ref(&two)),
    ];
    assert_eq!(kept[0], kept[1]);
    for (kept, pair) in kept.iter().zip([&one, &two]) {
        assert_eq!(only(&shared, pair), std::ptr::from_ref(kept.at(0).unwrap()));
    }
    assert!(!std::ptr::eq(
        kept[0].at(0).unwrap(),
        kept[1].at(0).unwrap()
    ));
}

#[test]
fn numbers_are_the_same_by_type_and_bits() {
    let shared = SharedPairs::default();
    let pairs = [
        KeyValue::new("a", 1),
        KeyValue::new("a", 1.0),
        KeyValue::new("a", "1"),
        KeyValue::new("a", 0.0),
        KeyValue::new("a", -0.0),
        KeyValue::new("a", f64::NAN),
    ];
    let kept: Vec<_> = pairs
        .iter()
        .map(|pair| set(&shared, slice::from_ref(pair)))
        .collect();
    let places = pairs.iter().map(|pair| only(&shared, pair));
    let places: std::collections::BTreeSet<_> = places.collect();
    assert_eq!(places.len(), kept.len());
}

#[test]
fn pairs_that_nobody_has_are_forgotten_when_room_is_needed() {
    let shared = SharedPairs::default();
    let kept = set(&shared, &[KeyValue::new("kept", 0)]);
    for at in 0..1000 {
        let _ = set(&shared, &[KeyValue::new("gone", at)]);
    }
    let known = shared.known.lock().unwrap();
    assert!(
        known.capacity() < 16,
        "{} of {}",
        known.len(),
        known.capacity()
    );
    assert!(known.iter().any(|pair| Some(&**pair) == kept.at(0)));
}
