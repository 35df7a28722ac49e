use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn one_key_is_made_once() {
    let series = Series::new();
    let made = AtomicUsize::new(0);
    for _ in 0..3 {
        let it = series.get_or_make("a", |_| made.fetch_add(1, Ordering::Relaxed));
        assert_eq!(*it, 0);
    }
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn keys_that_share_a_bucket_keep_apart() {
    let series = Series::new();
    for key in 0..500 {
        assert_eq!(*series.get_or_make(key, |key| key * 2), key * 2);
    }
    for key in 0..500 {
        assert_eq!(*series.get_or_make(key, |_| -1), key * 2);
    }
}

#[test]
fn beyond_the_limit_nothing_is_kept() {
    let series = Series::new();
    for key in 0..LIMIT {
        series.get_or_make(key, |_| ());
    }
    assert!(matches!(series.get_or_make(0, |_| ()), Made::Kept(())));
    assert!(matches!(series.get_or_make(LIMIT, |_| ()), Made::Own(())));
    assert_eq!(series.len.load(Ordering::Relaxed), LIMIT);
}

#[test]
fn threads_that_race_agree() {
    let series = Series::new();
    let start = Barrier::new(4);
    let seen: Vec<Vec<usize>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (series, start) = (&series, &start);
                scope.spawn(move || {
                    start.wait();
                    (0..200usize)
                        .map(|key| *series.get_or_make(key, |_| thread * 1000 + key))
                        .collect()
                })
            })
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(seen.iter().all(|of_thread| *of_thread == seen[0]));
}
