use proptest::prelude::*;

use super::*;

fn state(header: &str) -> TraceState {
    header.parse().unwrap()
}

fn th(th: &str) -> Option<Threshold> {
    Some(th.parse().unwrap())
}

/// What becomes of `ot=…` when its threshold goes.
fn dropped(ot: &str) -> String {
    let state = TraceState::from_key_value([("ot", ot)]).unwrap();
    OtelTraceState::of(&state).with_threshold(None).header()
}

fn read(ot: &str) -> (Option<String>, Option<String>) {
    let state = TraceState::from_key_value([("ot", ot)]).unwrap();
    let ot = OtelTraceState::of(&state);
    (
        ot.threshold().map(|th| th.to_string()),
        ot.randomness().map(|rv| rv.to_string()),
    )
}

#[test]
fn threshold_and_randomness_are_read_wherever_they_stand() {
    const RV: &str = "22222222222222";
    let of = |th: &str, rv: &str| {
        let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        (some(th), some(rv))
    };
    for (ot, expected) in [
        ("th:2", of("2", "")),
        ("th:ab", of("ab", "")),
        ("th:abcdefabcdefab", of("abcdefabcdefab", "")),
        ("th:1000", of("1", "")),
        ("rv:22222222222222;extra:stuff", of("", RV)),
        ("extra:stuff;rv:22222222222222", of("", RV)),
        ("rv:22222222222222;th:0;a:b;c:d", of("0", RV)),
        ("e100:100;th:1;e101:101", of("1", "")),
        ("x1y2z3:1-2-3;y1:y_1;xy:-;th:50", of("5", "")),
        ("x:0X1FFF;y:.-_-.;z:", of("", "")),
        // Malformed: not there.
        ("th:", of("", "")),
        ("th:C", of("", "")),
        ("th:0x8", of("", "")),
        ("th:-1", of("", "")),
        ("th:1.5", of("", "")),
        ("th:100000000000000", of("", "")),
        ("rv:3;p:2", of("", "")),
        ("rv:2222222222222A", of("", "")),
        ("rv:222222222222222", of("", "")),
        ("TH:8;Rv:22222222222222", of("", "")),
        (" th:8; rv:22222222222222", of("", "")),
        ("th", of("", "")),
        ("", of("", "")),
        (";", of("", "")),
        (":", of("", "")),
        (":;:", of("", "")),
        // What stands beside it does not spoil it.
        ("th:8;", of("8", "")),
        (";;th:8;:;1:1", of("8", "")),
        ("th:8;$;rv:22222222222222", of("8", RV)),
        // The last one counts, good or bad.
        ("th:8;th:c", of("c", "")),
        ("th:8;th:x", of("", "")),
        ("rv:11111111111111;rv:22222222222222", of("", RV)),
    ] {
        assert_eq!(read(ot), expected, "{ot:?}");
    }
}

#[test]
fn a_dropped_span_leaves_nothing_but_a_well_formed_rest() {
    for (ot, expected) in [
        ("th:8", ""),
        ("th:0;rv:1234567890abcd", "ot=rv:1234567890abcd"),
        ("animal:bear;food:pizza", "ot=animal:bear;food:pizza"),
        ("a:b;th:8;c:D.-_", "ot=a:b;c:D.-_"),
        // A threshold that we cannot read may still be read by someone else.
        ("th:C", ""),
        ("th:8;th:x", ""),
        ("x:1;th:;y:2", "ot=x:1;y:2"),
        // Malformed members go.
        ("a", ""),
        ("#", ""),
        (";", ""),
        ("a:1;", "ot=a:1"),
        ("a:1;;b:2", "ot=a:1;b:2"),
        ("1:1;u:V", "ot=u:V"),
        ("X:1;u:V", "ot=u:V"),
        ("x:1 ;u:V", "ot=u:V"),
        ("x:é;u:V", "ot=u:V"),
        ("rv:x;p:2", "ot=p:2"),
        ("rv:1000000000000", ""),
        // Keys are unique: the last one stays.
        ("a:1;b:2;a:3", "ot=b:2;a:3"),
        (
            "rv:11111111111111;rv:22222222222222;a:1",
            "ot=rv:22222222222222;a:1",
        ),
    ] {
        assert_eq!(dropped(ot), expected, "{ot:?}");
    }
}

#[test]
fn an_updated_entry_moves_to_the_front_and_the_others_keep_their_order() {
    let state = state("a=1,ot=k1:7;rv:1234567890abcd;th:8;k2:13,b=2");
    let ot = OtelTraceState::of(&state);
    assert_eq!(
        ot.with_threshold(th("c")).header(),
        "ot=th:c;k1:7;rv:1234567890abcd;k2:13,a=1,b=2"
    );
    assert_eq!(
        ot.with_threshold(None).header(),
        "ot=k1:7;rv:1234567890abcd;k2:13,a=1,b=2"
    );
}

#[test]
fn an_entry_that_needs_no_change_stays_where_and_as_it_is() {
    for header in [
        "a=1,ot=rv:1234567890abcd;th:8000,b=2",
        "a=1,b=2",
        "ot=th:8",
        "",
    ] {
        let state = state(header);
        let ot = OtelTraceState::of(&state);
        assert_eq!(ot.with_threshold(ot.threshold()), state);
    }
}

#[test]
fn a_new_entry_comes_first() {
    let given = state("a=1,b=2");
    let sampled = OtelTraceState::of(&given).with_threshold(th("8"));
    assert_eq!(sampled.header(), "ot=th:8,a=1,b=2");
    let sampled = OtelTraceState::of(&TraceState::NONE).with_threshold(th("0"));
    assert_eq!(sampled.header(), "ot=th:0");
}

#[test]
fn a_second_entry_does_not_keep_a_threshold_alive() {
    let state = state("ot=th:8,a=1,ot=th:c");
    let ot = OtelTraceState::of(&state);
    assert_eq!(ot.threshold(), th("8"));
    assert_eq!(ot.with_threshold(None).header(), "a=1");
    assert_eq!(ot.with_threshold(th("8")).header(), "ot=th:8,a=1");
}

#[test]
fn another_tenant_is_another_vendor() {
    let state = state("tenant@ot=th:8,ot=th:c");
    let ot = OtelTraceState::of(&state);
    assert_eq!(ot.threshold(), th("c"));
    assert_eq!(ot.with_threshold(None).header(), "tenant@ot=th:8");
}

#[test]
fn a_full_list_gives_up_its_last_entry_for_a_new_one() {
    let full = (0..32).map(|i| (format!("v{i}"), "1".to_owned()));
    let full = TraceState::from_key_value(full).unwrap();
    let sampled = OtelTraceState::of(&full).with_threshold(th("8"));
    assert_eq!((&sampled).into_iter().len(), 32);
    assert_eq!(sampled.get("ot"), Some("th:8"));
    assert_eq!((sampled.get("v30"), sampled.get("v31")), (Some("1"), None));
    assert_eq!(OtelTraceState::of(&full).with_threshold(None), full);
}

#[test]
fn what_does_not_fit_is_left_out_and_nothing_stale_stays() {
    let of_length = |length: usize| format!("x:{}", "y".repeat(length - 2));
    // `th:fd70a;` and 247 characters make 256.
    let fits = TraceState::from_key_value([("ot", of_length(247))]).unwrap();
    let written = OtelTraceState::of(&fits).with_threshold(th("fd70a"));
    assert_eq!(written.get("ot").unwrap().len(), 256);
    assert_eq!(OtelTraceState::of(&written).threshold(), th("fd70a"));

    let tight = TraceState::from_key_value([("ot", format!("{};th:8", of_length(248)))]).unwrap();
    let written = OtelTraceState::of(&tight).with_threshold(th("fd70a"));
    assert_eq!(written.get("ot"), Some(of_length(248).as_str()));

    // The longest there is.
    let full = TraceState::from_key_value([("ot", of_length(256))]).unwrap();
    assert_eq!(OtelTraceState::of(&full).with_threshold(th("0")), full);
}

#[test]
fn the_entry_is_put_in_place_of_another_one() {
    let parent = state("a=1,ot=rv:1234567890abcd;th:8");
    let ot = OtelTraceState::of(&parent);
    // Someone added an entry of their own and tampered with ours.
    let updated = state("b=2,ot=rv:ffffffffffffff;th:0,a=1");
    assert_eq!(
        ot.written_to(&updated, th("8")).header(),
        "ot=rv:1234567890abcd;th:8,b=2,a=1"
    );
    assert_eq!(
        ot.written_to(&updated, None).header(),
        "ot=rv:1234567890abcd,b=2,a=1"
    );
    // Someone added an entry of their own, that is all.
    let added = state("b=2,a=1,ot=rv:1234567890abcd;th:8");
    assert_eq!(ot.written_to(&added, th("8")), added);
}

/// Anything that `TraceState` lets in as the value of an entry.
fn value() -> impl Strategy<Value = String> {
    let members = proptest::collection::vec(
        prop_oneof![
            "th:[0-9a-fA-F]{0,15}",
            "rv:[0-9a-f]{14}",
            "rv:[0-9a-g]{12,16}",
            "[a-z][a-z0-9]{0,3}:[a-zA-Z0-9._-]{0,9}",
            "[^,=]{0,8}",
        ],
        0..12,
    );
    members
        .prop_map(|members| members.join(";"))
        .prop_filter("too long for an entry", |value| value.len() <= 256)
}

fn threshold() -> impl Strategy<Value = Option<Threshold>> {
    proptest::option::of((0..1u64 << 56, 0..14u32).prop_map(|(bits, zeros)| {
        Threshold::from_bits(bits >> (4 * zeros) << (4 * zeros)).unwrap()
    }))
}

fn is_well_formed(ot: &str) -> bool {
    let members: Vec<_> = ot.split(';').map(member).collect();
    let mut keys: Vec<_> = members.iter().flatten().map(|(key, _)| *key).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    members.iter().all(Option::is_some) && keys.len() == count && ot.len() <= 256
}

proptest! {
    #[test]
    fn what_leaves_is_well_formed_and_says_what_it_should(
        ot in value(), threshold in threshold(), at in 0..3usize,
    ) {
        let mut entries = vec![("a", "x:1"), ("tenant@ot", "th:0")];
        entries.insert(at, ("ot", ot.as_str()));
        let state = TraceState::from_key_value(entries).unwrap();
        let came = OtelTraceState::of(&state);
        let left = came.with_threshold(threshold);

        let again = OtelTraceState::of(&left);
        prop_assert_eq!(again.randomness(), came.randomness());
        let others = |ot: &OtelTraceState<'_>| -> Vec<String> {
            let others = ot.members().enumerate().filter(|(at, (key, _))| {
                !matches!(*key, "th" | "rv") && ot.is_last_of_its_key(*at, key)
            });
            others.map(|(_, (key, value))| format!("{key}:{value}")).collect()
        };
        prop_assert_eq!(others(&again), others(&came));
        match left.get("ot") {
            Some(ot) => prop_assert!(is_well_formed(ot), "{ot}"),
            None => prop_assert_eq!(threshold, None),
        }
        // It is there unless it does not fit.
        if again.threshold() != threshold {
            let rest = left.get("ot").unwrap().len();
            prop_assert_eq!(again.threshold(), None);
            prop_assert!(rest + threshold.unwrap().to_string().len() + 4 > 256);
        }
        prop_assert_eq!((left.get("a"), left.get("tenant@ot")), (Some("x:1"), Some("th:0")));
        prop_assert_eq!(again.with_threshold(again.threshold()), left.clone());
    }

    #[test]
    fn no_header_makes_it_panic(header in any::<String>(), threshold in threshold()) {
        if let Ok(state) = header.parse::<TraceState>() {
            let ot = OtelTraceState::of(&state);
            let left = ot.with_threshold(threshold);
            let others = |state: &TraceState| -> Vec<_> {
                let pairs = state.into_iter().filter(|(key, _)| *key != "ot");
                pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
            };
            prop_assert!(others(&state).starts_with(&others(&left)));
        }
    }
}
