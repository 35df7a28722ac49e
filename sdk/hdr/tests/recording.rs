//! Memory, bounds and threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use throughline_hdr::{Budget, Counts, Error, Range, Recorder};

/// Nanoseconds up to an hour, to three digits: what is 270 KB as one array.
fn nanoseconds() -> Range {
    Range::new(1, 3_600_000_000_000, 3).unwrap()
}

/// Latencies over eight octaves.
fn latencies() -> impl Iterator<Item = u64> {
    (0u64..200_000).map(|n| 1_000_000 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 255_000_000)
}

#[test]
fn twenty_distinct_values_take_a_few_kilobytes() {
    let recorder = Recorder::new(nanoseconds());
    // As far apart as can be: each in an octave of its own.
    for n in 0..100_000u64 {
        recorder.record(37 << (n % 20 + 14));
    }
    assert_eq!(recorder.collect().slots().count(), 20);
    let bytes = recorder.bytes();
    assert!(bytes < 16 << 10, "{bytes} bytes");

    // Near each other, as most are.
    let recorder = Recorder::new(nanoseconds());
    (0..20).for_each(|n| recorder.record(1_000_000 + n * 1000));
    let bytes = recorder.bytes();
    assert!(bytes < 1 << 10, "{bytes} bytes");
}

#[test]
fn memory_is_bounded_by_the_range() {
    let recorder = Recorder::new(nanoseconds());
    for slot in 0..1 << 16 {
        // Every slot of the upper octaves, and more.
        for octave in 0..32 {
            recorder.record((slot << octave) & ((1 << 41) - 1));
        }
    }
    let bytes = recorder.bytes();
    assert!(bytes < (2 * 270) << 10, "{bytes} bytes");
}

#[test]
fn beyond_the_budget_precision_falls_to_two_digits() {
    let budget = Arc::new(Budget::new(16 << 10));
    let recorder = Recorder::with_budget(nanoseconds(), Arc::clone(&budget));
    let free = Recorder::new(nanoseconds());
    for value in latencies() {
        recorder.record(value);
        free.record(value);
    }
    let (counts, exact) = (recorder.collect(), free.collect());
    assert_eq!(counts.len(), exact.len());
    assert_eq!((counts.digits(), exact.digits()), (2, 3));
    assert!(counts.coarse() > 0);
    assert!(budget.is_spent());
    assert!(budget.used() < (16 << 10) + (34 << 10), "{}", budget.used());
    assert!(free.bytes() > 3 * recorder.bytes());
    // The same as if all had been recorded with two digits.
    assert_eq!(counts.histogram().sigfig(), 2);
    let mut coarse = Counts::new(Range::new(1, 3_600_000_000_000, 2).unwrap());
    coarse.merge(&exact).unwrap();
    assert_eq!(counts.histogram(), coarse.histogram());
    for q in [0.5, 0.9, 0.99, 0.999, 0.9999] {
        assert_eq!(counts.quantile(q), coarse.quantile(q));
        let error = counts.quantile(q).unwrap() as f64 / exact.quantile(q).unwrap() as f64 - 1.0;
        assert!(error.abs() < 0.01);
    }
}

#[test]
fn no_slot_loses_a_count_when_precision_falls() {
    let budget = Arc::new(Budget::new(8 << 10));
    let recorder = Recorder::with_budget(nanoseconds(), budget);
    let mut before = Counts::new(nanoseconds());
    for (n, value) in latencies().take(20_000).enumerate() {
        recorder.record(value);
        if n % 500 == 0 {
            let now = recorder.collect();
            let is: HashMap<_, _> = now
                .slots()
                .map(|slot| ((slot.lowest, slot.highest), slot.count))
                .collect();
            for was in before.slots() {
                let is = is.get(&(was.lowest, was.highest)).copied();
                assert!(is >= Some(was.count), "{was:?} became {is:?}");
            }
            before = now;
        }
    }
    assert!(before.coarse() > 0);
}

#[test]
fn two_digits_do_not_ask_the_budget() {
    let recorder =
        Recorder::with_budget(Range::new(1, 1 << 40, 2).unwrap(), Arc::new(Budget::new(0)));
    latencies()
        .take(1000)
        .for_each(|value| recorder.record(value));
    let counts = recorder.collect();
    assert_eq!(
        (counts.len(), counts.coarse(), counts.digits()),
        (1000, 0, 2)
    );
}

#[test]
fn a_budget_gets_its_memory_back() {
    let budget = Arc::new(Budget::new(1 << 20));
    let recorder = Recorder::with_budget(nanoseconds(), Arc::clone(&budget));
    latencies().for_each(|value| recorder.record(value));
    assert_eq!(budget.used(), recorder.bytes());
    assert!(!budget.is_spent());
    drop(recorder);
    assert_eq!(budget.used(), 0);
}

#[test]
fn values_outside_are_clamped_and_counted() {
    let recorder = Recorder::new(Range::floats(1e-3, 10.0, 3).unwrap());
    for value in [-0.5, -1e300, 0.0, 5.0, 10.0, 10.1, 1e300, f64::MAX] {
        recorder.record_f64(value);
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        recorder.record_f64(value);
    }
    recorder.record(u64::MAX);
    let counts = recorder.collect();
    let slots: Vec<_> = counts
        .slots()
        .map(|slot| (slot.lowest, slot.count))
        .collect();
    assert_eq!(
        slots,
        [(0, 3), (5000, 1), (10_000, 5)]
            .map(|(value, n)| (counts.histogram().lowest_equivalent(value), n))
    );
    let outside = recorder.outside();
    assert_eq!((outside.below, outside.above, outside.refused), (2, 4, 3));
}

#[test]
fn an_interval_takes_no_longer_than_there_are_slots() {
    let recorder = Recorder::new(nanoseconds());
    recorder.record_with_expected_interval(3_000_000_000_000, 1);
    assert_eq!(recorder.collect().len(), 3_000_000_000_000);
}

#[test]
fn an_interval_shorter_than_a_slot_ends_at_the_interval() {
    let recorder = Recorder::new(Range::new(1024, 1 << 20, 3).unwrap());
    recorder.record_with_expected_interval(500, 10);
    assert_eq!(recorder.collect().len(), 50);
}

#[test]
fn an_interval_counts_what_it_clamps() {
    let recorder = Recorder::new(Range::new(1, 1000, 3).unwrap());
    recorder.record_with_expected_interval(1500, 100);
    // 1500, 1400, … 1100 are above.
    assert_eq!(
        (recorder.collect().len(), recorder.outside().above),
        (15, 5)
    );
    let seconds = Recorder::new(Range::floats(1e-3, 10.0, 3).unwrap());
    seconds.record_f64_with_expected_interval(0.5, 0.1);
    seconds.record_f64_with_expected_interval(f64::NAN, 0.1);
    seconds.record_f64_with_expected_interval(0.5, f64::NAN);
    assert_eq!((seconds.collect().len(), seconds.outside().refused), (6, 1));
}

#[test]
fn counts_of_different_units_do_not_merge() {
    let [seconds, millis] =
        [1e-9, 1e-6].map(|low| Counts::new(Range::floats(low, 60.0, 3).unwrap()));
    let mut seconds = seconds;
    let error = seconds.merge(&millis).unwrap_err();
    assert_eq!(
        error,
        Error::Units {
            ours: 1e-9,
            theirs: 1e-6
        }
    );
    assert_eq!(
        error.to_string(),
        "the unit of the counts is 1e-6, expected 1e-9, as those they are added to"
    );
}

#[test]
fn a_range_names_what_is_wrong_with_it() {
    let field = |range: Result<Range, Error>| match range {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(Range::new(0, 10, 3)), "range.low");
    assert_eq!(field(Range::new(6, 11, 3)), "range.high");
    assert_eq!(field(Range::new(1, 10, 0)), "range.digits");
    assert_eq!(field(Range::new(1, 10, 6)), "range.digits");
    assert_eq!(field(Range::new(1 << 53, u64::MAX, 3)), "range.low");
    assert_eq!(field(Range::floats(0.0, 1.0, 3)), "range.low");
    assert_eq!(field(Range::floats(f64::NAN, 1.0, 3)), "range.low");
    assert_eq!(field(Range::floats(1e-9, f64::INFINITY, 3)), "range.high");
    assert_eq!(field(Range::floats(1.0, 1.0, 3)), "range.high");
}

#[test]
fn a_range_may_go_up_to_every_integer() {
    let recorder = Recorder::new(Range::new(1, u64::MAX, 3).unwrap());
    [0, 1, u64::MAX / 2, u64::MAX]
        .into_iter()
        .for_each(|value| recorder.record(value));
    recorder.record_f64(1e18);
    recorder.record_f64(1e19);
    let counts = recorder.collect();
    assert_eq!(counts.len(), 6);
    assert_eq!(counts.quantile(1.0), Some(u64::MAX));
    assert_eq!(recorder.outside().above, 0);
}

#[test]
fn threads_that_ended_keep_their_counts_and_leave_their_memory() {
    let recorder = &Recorder::new(nanoseconds());
    for n in 1..=100 {
        std::thread::scope(|s| {
            s.spawn(move || {
                latencies()
                    .take(1000)
                    .for_each(|value| recorder.record(value));
            });
        });
        assert_eq!(recorder.collect().len(), n * 1000);
    }
    // A thread of another test may take over the memory in between, but there are never fifty at once.
    let one = Recorder::new(nanoseconds());
    latencies().take(1000).for_each(|value| one.record(value));
    assert!(
        recorder.bytes() < 50 * one.bytes(),
        "{} and {}",
        recorder.bytes(),
        one.bytes()
    );
}

#[test]
fn a_destructor_at_the_end_of_a_thread_still_records() {
    struct Last(Arc<Recorder>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.record(7);
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let recorder = Arc::new(Recorder::new(nanoseconds()));
    let theirs = Arc::clone(&recorder);
    std::thread::spawn(move || {
        // Registered before the thread's own words, and so destroyed after them.
        LAST.with(|last| *last.borrow_mut() = Some(Last(Arc::clone(&theirs))));
        theirs.record(5);
    })
    .join()
    .unwrap();
    let slots: Vec<_> = recorder
        .collect()
        .slots()
        .map(|slot| (slot.lowest, slot.count))
        .collect();
    assert_eq!(slots, [(5, 1), (7, 1)]);
}

#[test]
fn collections_beside_writers_never_step_back() {
    let recorder = &Recorder::with_budget(nanoseconds(), Arc::new(Budget::new(64 << 10)));
    let done = &AtomicBool::new(false);
    std::thread::scope(|s| {
        let writers = [0, 1, 2].map(|offset| {
            s.spawn(move || {
                latencies()
                    .take(20_000)
                    .for_each(|value| recorder.record(value << offset));
            })
        });
        s.spawn(move || {
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                let now = recorder.collect().len();
                assert!(now >= before);
                before = now;
            }
        });
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(recorder.collect().len(), 60_000);
}
