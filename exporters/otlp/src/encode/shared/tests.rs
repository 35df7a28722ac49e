use std::sync::Arc;

use super::*;

/// Sets of pairs that they share, in an order that comes back to each of them.
fn sets(pairs: usize, length: usize) -> Vec<Attributes> {
    let pair = |at: usize| Arc::new(KeyValue::new(format!("key.{at}"), "v".repeat(length)));
    let pairs: Vec<_> = (0..pairs).map(pair).collect();
    let some =
        |at: usize| [0, 1, at, at / 2, 7 * at].map(|at| Arc::clone(&pairs[at % pairs.len()]));
    (0..2 * pairs.len())
        .map(|at| Attributes::new(some(at)))
        .collect()
}

fn assert_written_as_each_alone(sets: &[Attributes]) {
    let mut shared = Shared::default();
    let mut longest = 0;
    for (at, set) in sets.iter().enumerate() {
        let field = [7, 9][at % 2];
        let (mut out, mut alone) = (vec![1], vec![1]);
        shared.attributes(&mut out, field, set);
        set.iter()
            .for_each(|pair| key_value(&mut alone, field, pair));
        assert_eq!(out, alone, "{set:?}");
        longest = longest.max(out.len());
    }
    assert!(shared.pairs.bytes.len() <= MAX_BYTES + longest);
}

#[test]
fn pairs_that_take_a_place_from_each_other_are_written_right() {
    assert_written_as_each_alone(&sets(4 * SLOTS, 3));
}

#[test]
fn pairs_beyond_what_is_kept_are_written_right() {
    assert_written_as_each_alone(&sets(40, MAX_BYTES / 10));
    assert_written_as_each_alone(&sets(3, 2 * MAX_BYTES));
}

#[test]
fn a_pair_is_written_once_however_many_points_share_it() {
    let sets = sets(3, 10);
    let mut shared = Shared::default();
    let mut write = |set| shared.attributes(&mut Vec::new(), 7, set);
    sets.iter().for_each(&mut write);
    sets.iter().for_each(&mut write);
    let mut once = Vec::new();
    let distinct = Attributes::new(sets.iter().flatten().cloned());
    distinct
        .iter()
        .for_each(|pair| key_value(&mut once, 7, pair));
    assert_eq!(shared.pairs.bytes.len(), once.len());
}

#[test]
fn a_time_is_not_taken_for_the_last_one() {
    let mut of = Nanos::default();
    let at = |secs| UNIX_EPOCH + std::time::Duration::from_secs(secs);
    let seconds = [0, 5, 5, 0, 7].map(|secs| of.of(at(secs)) / 1_000_000_000);
    assert_eq!(seconds, [0, 5, 5, 0, 7]);
}
