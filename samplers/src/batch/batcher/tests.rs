use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> BatchSettings {
    BatchSettings {
        max_queue_size: 8,
        max_export_batch_size: 3,
        max_queue_bytes: 100,
        max_export_batch_bytes: 50,
        ..BatchSettings::spans()
    }
}

fn batcher() -> Batcher<u32> {
    Batcher::new(settings())
}

#[track_caller]
fn exported(step: Step<u32>) -> Vec<u32> {
    match step {
        Step::Export(batch) => batch,
        _ => panic!("no batch"),
    }
}

/// What a waiter was told.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Option<Result<(), Error>>>>);

impl Heard {
    fn waiter(&self) -> Waiter {
        let heard = Arc::clone(&self.0);
        Box::new(move |result| *heard.lock().unwrap() = Some(result))
    }

    fn get(&self) -> Option<Result<(), Error>> {
        self.0.lock().unwrap().clone()
    }
}

fn tell(told: impl IntoIterator<Item = Told>) {
    told.into_iter().for_each(|told| told.tell(Ok(())));
}

#[test]
fn a_batch_leaves_when_its_delay_is_over() {
    let mut batcher = batcher();
    assert!(matches!(batcher.next(SECOND), Step::Idle));
    assert_eq!(batcher.push(1, 1).ok(), Some(true));
    // The delay runs from when the worker saw the item.
    assert!(matches!(batcher.next(SECOND), Step::WaitUntil(at) if at == 6 * SECOND));
    assert_eq!(batcher.push(2, 1).ok(), Some(false));
    assert!(matches!(batcher.next(2 * SECOND), Step::WaitUntil(at) if at == 6 * SECOND));
    assert_eq!(exported(batcher.next(6 * SECOND)), [1, 2]);
    batcher.finish(Ok(()));
    assert!(matches!(batcher.next(6 * SECOND), Step::Idle));
}

#[test]
fn a_full_batch_leaves_at_once_and_wakes_the_worker() {
    let mut batcher = batcher();
    let woke: Vec<bool> = (1..=7).map(|i| batcher.push(i, 1).ok().unwrap()).collect();
    assert_eq!(woke, [true, false, true, false, false, true, false]);
    assert_eq!(exported(batcher.next(Duration::ZERO)), [1, 2, 3]);
    batcher.finish(Ok(()));
    assert_eq!(exported(batcher.next(Duration::ZERO)), [4, 5, 6]);
    batcher.finish(Ok(()));
    // The seventh waits for company.
    assert!(matches!(batcher.next(Duration::ZERO), Step::WaitUntil(at) if at == 5 * SECOND));
}

#[test]
fn a_full_queue_drops_with_a_count() {
    let mut batcher = batcher();
    for item in 0..8 {
        assert!(batcher.push(item, 1).is_ok());
    }
    assert!(matches!(batcher.push(8, 1), Err((8, DropCause::QueueFull))));
    // What is in flight makes room.
    exported(batcher.next(Duration::ZERO));
    assert!(batcher.push(9, 1).is_ok());
    let counts = batcher.counts();
    assert_eq!(
        (counts.queued, counts.in_flight, counts.queue_full),
        (6, 3, 1)
    );
    assert_eq!(counts.offered(), 10);
}

#[test]
fn a_queue_is_full_when_its_bytes_are_used_up() {
    let mut batcher = batcher();
    assert!(matches!(
        batcher.push(0, 101),
        Err((0, DropCause::QueueFull))
    ));
    assert!(batcher.push(1, 60).is_ok());
    assert!(batcher.push(2, 40).is_ok());
    assert!(matches!(batcher.push(3, 1), Err((3, DropCause::QueueFull))));
    // Larger than a batch may be, it goes alone.
    assert_eq!(exported(batcher.next(Duration::ZERO)), [1]);
    batcher.finish(Ok(()));
    assert!(batcher.push(4, 60).is_ok());
    assert_eq!(exported(batcher.next(Duration::ZERO)), [2]);
    batcher.finish(Ok(()));
    assert!(matches!(
        batcher.push(5, usize::MAX),
        Err((5, DropCause::QueueFull))
    ));
}

#[test]
fn a_flush_delivers_what_came_before_it_and_no_more_is_waited_for() {
    let (mut batcher, heard) = (batcher(), Heard::default());
    for item in 1..=4 {
        assert!(batcher.push(item, 1).is_ok());
    }
    assert!(batcher.flush(SECOND, heard.waiter()).is_none());
    assert_eq!(exported(batcher.next(Duration::ZERO)), [1, 2, 3]);
    batcher.finish(Ok(()));
    assert!(batcher.push(5, 1).is_ok());
    // The rest does not wait for its delay.
    assert_eq!(exported(batcher.next(Duration::ZERO)), [4, 5]);
    assert_eq!(heard.get(), None);
    batcher.finish(Ok(()));
    assert!(batcher.push(6, 1).is_ok());
    match batcher.next(Duration::ZERO) {
        Step::Flushed(told) => tell(told),
        _ => panic!("the flush is done"),
    }
    assert_eq!(heard.get(), Some(Ok(())));
    assert!(matches!(batcher.next(Duration::ZERO), Step::WaitUntil(_)));
}

#[test]
fn a_flush_of_nothing_is_done_at_once() {
    let (mut batcher, heard) = (batcher(), Heard::default());
    assert!(batcher.flush(SECOND, heard.waiter()).is_none());
    assert!(matches!(batcher.next(Duration::ZERO), Step::Flushed(told) if told.len() == 1));
}

#[test]
fn a_flush_reports_what_failed_while_it_waited_and_nothing_older() {
    let (mut batcher, heard) = (batcher(), Heard::default());
    assert!(batcher.push(0, 1).is_ok());
    exported(batcher.next(9 * SECOND).or_later(&mut batcher));
    batcher.finish(Err(Failure::new("old", "")));
    for item in 1..=3 {
        assert!(batcher.push(item, 1).is_ok());
    }
    assert!(batcher.flush(SECOND, heard.waiter()).is_none());
    exported(batcher.next(Duration::ZERO));
    batcher.finish(Err(Failure::partial(2, "no room")));
    match batcher.next(Duration::ZERO) {
        Step::Flushed(told) => tell(told),
        _ => panic!("the flush is done"),
    }
    assert_eq!(
        heard.get(),
        Some(Err(Error::Failed {
            items: 2,
            error_type: "rejected".into(),
            message: "no room".into()
        }))
    );
    let counts = batcher.counts();
    assert_eq!((counts.delivered, counts.failed), (1, 3));
}

impl Step<u32> {
    /// The step after the delay it asked for.
    fn or_later(self, batcher: &mut Batcher<u32>) -> Self {
        match self {
            Step::WaitUntil(at) => batcher.next(at),
            step => step,
        }
    }
}

#[test]
fn a_partial_failure_never_counts_more_than_the_batch() {
    let mut batcher = batcher();
    for item in 1..=3 {
        assert!(batcher.push(item, 1).is_ok());
    }
    exported(batcher.next(Duration::ZERO));
    batcher.finish(Err(Failure::partial(99, "")));
    let counts = batcher.counts();
    assert_eq!((counts.delivered, counts.failed), (0, 3));
}

#[test]
fn a_shutdown_sends_what_is_queued_and_accepts_nothing() {
    let (mut batcher, heard) = (batcher(), Heard::default());
    assert!(batcher.push(1, 1).is_ok());
    assert!(batcher.close(10 * SECOND, heard.waiter()).is_none());
    assert!(matches!(
        batcher.push(2, 1),
        Err((2, DropCause::AlreadyShutdown))
    ));
    assert_eq!(exported(batcher.next(SECOND)), [1]);
    batcher.finish(Ok(()));
    // The exporter has what is left of the time.
    assert!(
        matches!(batcher.next(3 * SECOND), Step::Stop(left, time) if left.is_empty() && time == 8 * SECOND)
    );
    tell(batcher.stop(Ok(())));
    assert_eq!(heard.get(), Some(Ok(())));
}

#[test]
fn a_shutdown_that_takes_too_long_drops_the_rest_with_a_count() {
    let (mut batcher, heard) = (batcher(), Heard::default());
    for item in 1..=5 {
        assert!(batcher.push(item, 1).is_ok());
    }
    let flushed = Heard::default();
    assert!(batcher.flush(99 * SECOND, flushed.waiter()).is_none());
    assert!(batcher.close(2 * SECOND, heard.waiter()).is_none());
    exported(batcher.next(SECOND));
    let watch = batcher.watch(SECOND, SECOND);
    assert_eq!((watch.until, watch.over), (3 * SECOND, false));
    assert!(batcher.watch(3 * SECOND, SECOND).over);
    batcher.finish(Err(Failure::new("timeout", "")));
    assert!(
        matches!(batcher.next(3 * SECOND), Step::Stop(left, Duration::ZERO) if left.concat() == [4, 5])
    );
    tell(batcher.stop(Ok(())));
    assert_eq!(heard.get(), Some(Err(Error::Timeout(2 * SECOND))));
    assert_eq!(flushed.get(), Some(Err(Error::AlreadyShutdown)));
    let counts = batcher.counts();
    assert_eq!((counts.failed, counts.abandoned), (3, 2));
    assert_eq!(counts.offered(), 5);
}

#[test]
fn a_second_shutdown_hears_what_the_first_heard() {
    let (mut batcher, first, second, third) = (
        batcher(),
        Heard::default(),
        Heard::default(),
        Heard::default(),
    );
    assert!(batcher.close(SECOND, first.waiter()).is_none());
    assert!(batcher.close(SECOND, second.waiter()).is_none());
    assert!(matches!(batcher.next(Duration::ZERO), Step::Stop(..)));
    let exporter = Error::Exporter {
        message: "still here".into(),
    };
    tell(batcher.stop(Err(exporter.clone())));
    tell(batcher.close(SECOND, third.waiter()));
    for heard in [first, second, third] {
        assert_eq!(heard.get(), Some(Err(exporter.clone())));
    }
    let flushed = Heard::default();
    tell(batcher.flush(SECOND, flushed.waiter()));
    assert_eq!(flushed.get(), Some(Err(Error::AlreadyShutdown)));
}

#[test]
fn a_flush_gives_up_while_a_batch_hangs_and_the_batch_goes_on() {
    let (mut batcher, heard) = (batcher(), Heard::default());
    for item in 1..=3 {
        assert!(batcher.push(item, 1).is_ok());
    }
    assert!(batcher.flush(SECOND, heard.waiter()).is_none());
    exported(batcher.next(Duration::ZERO));
    let watch = batcher.watch(Duration::ZERO, Duration::ZERO);
    assert_eq!(watch.until, SECOND);
    let watch = batcher.watch(SECOND, Duration::ZERO);
    tell(watch.expired);
    assert_eq!(heard.get(), Some(Err(Error::Timeout(SECOND))));
    assert!(!watch.over);
    assert_eq!(watch.until, 30 * SECOND);
}

#[test]
fn whoever_waits_hears_that_the_worker_is_gone() {
    let (mut batcher, flushed, closed) = (batcher(), Heard::default(), Heard::default());
    for item in 1..=4 {
        assert!(batcher.push(item, 1).is_ok());
    }
    exported(batcher.next(Duration::ZERO));
    assert!(batcher.flush(SECOND, flushed.waiter()).is_none());
    assert!(batcher.close(SECOND, closed.waiter()).is_none());
    let (left, told) = batcher.worker_gone();
    assert_eq!(left.concat(), [4]);
    tell(told);
    assert_eq!(flushed.get(), Some(Err(Error::WorkerGone)));
    assert_eq!(closed.get(), Some(Err(Error::WorkerGone)));
    let counts = batcher.counts();
    assert_eq!((counts.failed, counts.abandoned), (3, 1));
    assert!(batcher.push(5, 1).is_err());
}

#[test]
fn the_longest_times_do_not_overflow() {
    let mut batcher = Batcher::new(BatchSettings {
        schedule_delay: Duration::MAX,
        export_timeout: Duration::MAX,
        ..settings()
    });
    assert!(batcher.push(1, 1).is_ok());
    assert!(matches!(
        batcher.next(SECOND),
        Step::WaitUntil(Duration::MAX)
    ));
    assert!(
        batcher
            .flush(Duration::MAX, Heard::default().waiter())
            .is_none()
    );
    assert!(
        batcher
            .close(Duration::MAX, Heard::default().waiter())
            .is_none()
    );
    exported(batcher.next(SECOND));
    assert_eq!(batcher.watch(SECOND, SECOND).until, Duration::MAX);
}

#[derive(Clone, Debug)]
enum Act {
    Push(usize),
    Step,
    Fail(u64),
    Later(u64),
    Flush,
    Close,
    Gone,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (0usize..60).prop_map(Act::Push),
        6 => Just(Act::Step),
        2 => (0u64..5).prop_map(Act::Fail),
        2 => (0u64..4).prop_map(Act::Later),
        1 => Just(Act::Flush),
        1 => Just(Act::Close),
        1 => Just(Act::Gone),
    ]
}

proptest! {
    /// Whatever happens in whatever order, each item is counted once, items leave in order, no bound is
    /// passed, and whoever waited hears exactly one answer.
    #[test]
    fn nothing_is_lost_without_a_count(acts in prop::collection::vec(act(), 0..120)) {
        let mut batcher = batcher();
        let (mut offered, mut now) = (0u32, Duration::ZERO);
        let (mut sent, mut waiting) = (Vec::new(), Vec::new());
        let mut stopped = false;
        let bounds = settings();
        for act in acts {
            match act {
                Act::Push(bytes) => {
                    let _ = batcher.push(offered, bytes);
                    offered += 1;
                }
                Act::Flush | Act::Close => {
                    let heard = Heard::default();
                    let told = match act {
                        Act::Flush => batcher.flush(SECOND, heard.waiter()),
                        _ => batcher.close(SECOND, heard.waiter()),
                    };
                    tell(told);
                    waiting.push(heard);
                }
                Act::Later(seconds) => now += Duration::from_secs(seconds),
                Act::Step | Act::Fail(_) if stopped => {}
                Act::Step | Act::Fail(_) => match batcher.next(now) {
                    Step::Export(batch) => {
                        prop_assert!((1..=bounds.max_export_batch_size).contains(&batch.len()));
                        sent.extend(batch);
                        let watch = batcher.watch(now, now);
                        tell(watch.expired);
                        batcher.finish(match act {
                            Act::Fail(items) => Err(Failure::partial(items, "")),
                            _ => Ok(()),
                        });
                    }
                    Step::Flushed(told) => tell(told),
                    Step::Stop(..) => {
                        tell(batcher.stop(Ok(())));
                        stopped = true;
                    }
                    Step::WaitUntil(time) => prop_assert!(time > now),
                    Step::Idle => {}
                },
                Act::Gone => {
                    let (_, told) = batcher.worker_gone();
                    tell(told);
                    stopped = true;
                }
            }
            let counts = batcher.counts();
            prop_assert_eq!(counts.offered(), u64::from(offered));
            prop_assert!(counts.queued <= bounds.max_queue_size as u64);
            prop_assert!(batcher.queued_bytes <= bounds.max_queue_bytes);
            prop_assert_eq!(counts.submitted(), sent.len() as u64);
        }
        let (_, told) = batcher.worker_gone();
        tell(told);
        prop_assert!(waiting.iter().all(|heard| heard.get().is_some()));
        prop_assert!(sent.is_sorted());
        let counts = batcher.counts();
        prop_assert_eq!(counts.queued + counts.in_flight, 0);
        prop_assert_eq!(counts.delivered + counts.lost(), u64::from(offered));
    }
}
