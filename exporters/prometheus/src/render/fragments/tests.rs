use super::*;

fn pairs(count: usize) -> Vec<KeyValue> {
    (0..count)
        .map(|at| KeyValue::new("key", at as i64))
        .collect()
}

/// What a form makes of a pair.
fn expected(form: u32, pair: &KeyValue) -> String {
    format!("{form}: {pair:?}")
}

fn text<'a, 'f>(fragments: &'f mut Fragments<'a>, form: u32, pair: &'a KeyValue) -> &'f str {
    let write = |text: &mut String| {
        text.push_str(&expected(form, pair));
        Some(u64::from(form))
    };
    let (text, hash) = fragments.of(form, pair, write).unwrap();
    assert_eq!(hash, u64::from(form));
    text
}

#[test]
fn pairs_that_take_a_place_from_each_other_have_their_own_texts() {
    let pairs = pairs(4 * SLOTS);
    let mut fragments = Fragments::default();
    for form in [1, 2, 1] {
        for pair in pairs.iter().chain(&pairs) {
            assert_eq!(text(&mut fragments, form, pair), expected(form, pair));
        }
    }
}

#[test]
fn a_pair_is_written_once_in_each_form() {
    let pairs = pairs(1);
    let mut fragments = Fragments::default();
    let mut written = Vec::new();
    for form in [1, 1, 2, 2, 1] {
        let write = |_: &mut String| {
            written.push(form);
            Some(0)
        };
        fragments.of(form, &pairs[0], write);
    }
    assert_eq!(written, [1, 2]);
}

#[test]
fn what_could_not_be_written_is_not_there_the_next_time() {
    let pairs = pairs(1);
    let mut fragments = Fragments::default();
    assert_eq!(text(&mut fragments, 1, &pairs[0]), expected(1, &pairs[0]));
    for _ in 0..2 {
        let half = |text: &mut String| {
            text.push_str("half");
            None
        };
        assert_eq!(fragments.of(2, &pairs[0], half), None);
    }
    assert_eq!(text(&mut fragments, 1, &pairs[0]), expected(1, &pairs[0]));
}
