use std::time::SystemTime;

use throughline_model::Attributes;

use crate::pairs::Canonical;
use crate::view::AttributeFilter;

use super::*;

fn placed(hash: u64, stream: u64) -> Placed {
    let attributes = Attributes::default();
    let series = Series::new(stream, attributes, SystemTime::UNIX_EPOCH, None, None, None);
    let none = Canonical::of(&Default::default(), &AttributeFilter::All, &[]);
    Placed {
        hash,
        order: none.order().unwrap(),
        series: Arc::new(series),
    }
}

fn has(places: &Places, hash: u64, stream: u64) -> bool {
    places
        .find(hash, |placed| placed.series.is_of(stream))
        .is_some()
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let places = Places::default();
    assert!(!has(&places, 0, 0));
    assert!(!has(&places, u64::MAX, 0));
}

#[test]
fn calls_of_one_hash_and_of_one_slot_are_told_apart() {
    let mut places = Places::default();
    // All begin at the last slot, whatever the size.
    let hash = |high: u64| high << 32 | 0xffff_ffff;
    for stream in 0..100 {
        places.insert(placed(hash(stream / 2), stream));
    }
    assert_eq!(places.len(), 100);
    for stream in 0..100 {
        assert!(has(&places, hash(stream / 2), stream));
        assert!(!has(&places, hash(stream / 2 + 1), stream));
        assert!(!has(&places, hash(stream / 2), 100 + stream));
    }
}

#[test]
fn of_one_hash_only_a_few_are_kept() {
    let mut places = Places::default();
    for stream in 0..100 {
        places.insert(placed(7, stream));
        places.insert(placed(8 + stream, stream));
    }
    let kept = (0..100).filter(|stream| has(&places, 7, *stream)).count();
    assert_eq!(kept, ALIKE);
    assert_eq!(places.len(), 100 + ALIKE);
    assert!((0..100).all(|stream| has(&places, 8 + stream, stream)));
}

#[test]
fn what_is_not_kept_is_gone_and_the_rest_is_found() {
    let mut places = Places::default();
    for stream in 0..100 {
        places.insert(placed(stream / 3, stream));
    }
    places.retain(|placed| !(10..90).any(|stream| placed.series.is_of(stream)));
    assert_eq!(places.len(), 20);
    for stream in 0..100 {
        let stays = !(10..90).contains(&stream);
        assert_eq!(has(&places, stream / 3, stream), stays);
    }
}

#[test]
fn a_quarter_is_free_always() {
    let mut places = Places::default();
    for stream in 0..1000 {
        places.insert(placed(stream * 31, stream));
        let free = places.slots.iter().filter(|slot| slot.is_none()).count();
        assert!(free >= places.slots.len() / 4, "{free} at {stream}");
        assert_eq!(places.slots.len() - free, places.len());
    }
}
