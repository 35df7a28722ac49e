use super::*;

#[test]
fn a_collection_frees_what_owners_replaced() {
    let registry = Registry::new();
    let block = registry.block().unwrap();
    let owner = registry.enter();
    for len in 1..4 {
        owner
            .with_block(&block, |b| b.replace(len, |_, _| {}))
            .unwrap();
    }
    let collection = registry.lock();
    assert_eq!(registry.retired.len(), 2);
    drop(collection);
    assert_eq!(registry.retired.len(), 0);
}

#[test]
fn a_thread_adopts_the_slab_that_waits() {
    let registry = Registry::new();
    for _ in 0..3 {
        let (first, second) = (registry.enter(), registry.enter());
        drop(first);
        drop(second);
    }
    assert_eq!(registry.slabs().count(), 2);
}

#[test]
fn a_range_is_reused_without_any_collection() {
    let registry = Registry::new();
    let first = registry.words(512).unwrap().extent;
    let second = registry.words(512).unwrap().extent;
    assert_eq!(first, second);
}

#[test]
fn a_range_that_is_dropped_in_a_collection_is_reused_after_it() {
    let registry = Registry::new();
    let collection = registry.lock();
    let first = registry.words(512).unwrap().extent;
    let second = registry.words(512).unwrap();
    assert_ne!(first, second.extent);
    drop(collection);
    assert_eq!(registry.words(512).unwrap().extent, first);
}

#[test]
fn a_slot_is_empty_again_when_it_is_reused() {
    let registry = Registry::new();
    let owner = registry.enter();
    for _ in 0..2 {
        let block = registry.block().unwrap();
        owner
            .with_block(&block, |b| {
                assert!(b.words().is_none());
                b.replace(1, |_, _| {});
            })
            .unwrap();
    }
}
