//! The worker with its exporter, in tokio's paused time or with real threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use throughline_model::SelfMeter;
use throughline_samplers::Error;
use throughline_samplers::batch::{
    self, BatchSettings, DropCause, Export, Failure, Items, Queue, Worker,
};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> BatchSettings {
    BatchSettings {
        max_queue_size: 100,
        max_export_batch_size: 10,
        ..BatchSettings::spans()
    }
}

fn queue(settings: BatchSettings) -> (Queue<u64>, Worker<u64>) {
    batch::queue(Items::Spans, settings, |_| 1, &SelfMeter::new()).unwrap()
}

/// Runs `export` for each batch, and keeps what arrived.
#[derive(Clone)]
struct Exporter<F> {
    export: F,
    seen: Arc<Mutex<Vec<u64>>>,
    shutdowns: Arc<AtomicUsize>,
}

fn exporter<F>(export: F) -> Exporter<F> {
    Exporter {
        export,
        seen: Arc::default(),
        shutdowns: Arc::default(),
    }
}

impl<F> Exporter<F> {
    fn seen(&self) -> Vec<u64> {
        self.seen.lock().unwrap().clone()
    }
}

impl<F, R> Export<u64> for Exporter<F>
where
    F: FnMut(Vec<u64>) -> R + Send,
    R: Future<Output = Result<(), Failure>> + Send,
{
    async fn export(&mut self, batch: Vec<u64>) -> Result<(), Failure> {
        self.seen.lock().unwrap().extend(&batch);
        (self.export)(batch).await
    }

    fn shutdown(&mut self, _timeout: Duration) -> Result<(), String> {
        self.shutdowns.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn accept(_batch: Vec<u64>) -> Result<(), Failure> {
    Ok(())
}

/// Delivers on a thread of its own, as the face does.
fn deliver(worker: Worker<u64>, exporter: impl Export<u64> + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(worker.run(exporter));
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_leaves_after_its_delay() {
    let (queue, worker) = queue(settings());
    let exporter = exporter(accept);
    tokio::spawn(worker.run(exporter.clone()));
    queue.push(1).unwrap();
    sleep(4 * SECOND).await;
    assert_eq!(exporter.seen(), []);
    sleep(2 * SECOND).await;
    assert_eq!(exporter.seen(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_wait() {
    let (queue, worker) = queue(settings());
    let exporter = exporter(accept);
    tokio::spawn(worker.run(exporter.clone()));
    for item in 0..25 {
        queue.push(item).unwrap();
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(exporter.seen(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_flush_delivers_everything_that_was_pushed_before_it() {
    let (queue, worker) = queue(settings());
    let slow = exporter(|_| async {
        sleep(SECOND).await;
        Ok(())
    });
    tokio::spawn(worker.run(slow.clone()));
    for item in 0..25 {
        queue.push(item).unwrap();
    }
    let started = Instant::now();
    queue.force_flush_async(10 * SECOND).await.unwrap();
    // Three batches, one at a time.
    assert_eq!(started.elapsed(), 3 * SECOND);
    assert_eq!(slow.seen(), (0..25).collect::<Vec<_>>());
    assert_eq!(queue.counts().delivered, 25);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_with_an_exporter_that_hangs_returns_within_its_limit() {
    let (queue, worker) = queue(settings());
    let hanging = exporter(|_| pending());
    let running = tokio::spawn(worker.run(hanging.clone()));
    for item in 0..25 {
        queue.push(item).unwrap();
    }
    let started = Instant::now();
    assert_eq!(
        queue.shutdown_async(3 * SECOND).await,
        Err(Error::Timeout(3 * SECOND))
    );
    assert_eq!(started.elapsed(), 3 * SECOND);
    // The worker is gone too, whatever hangs.
    running.await.unwrap();
    let counts = queue.counts();
    assert_eq!((counts.failed, counts.abandoned), (10, 15));
    assert_eq!(hanging.shutdowns.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_cuts_off_a_batch_that_hung_before_it() {
    let (queue, worker) = queue(settings());
    tokio::spawn(worker.run(exporter(|_| pending())));
    queue.push(1).unwrap();
    // The batch has 25 of its 30 seconds left.
    sleep(10 * SECOND).await;
    assert_eq!(queue.counts().in_flight, 1);
    let started = Instant::now();
    let error = queue.shutdown_async(SECOND).await.unwrap_err();
    assert_eq!(started.elapsed(), SECOND);
    assert!(
        matches!(&error, Error::Failed { items: 1, error_type, .. } if error_type == "timeout")
    );
}

#[tokio::test(start_paused = true)]
async fn a_flush_with_an_exporter_that_hangs_returns_within_its_limit() {
    let (queue, worker) = queue(settings());
    tokio::spawn(worker.run(exporter(|_| pending())));
    queue.push(1).unwrap();
    let started = Instant::now();
    assert_eq!(
        queue.force_flush_async(2 * SECOND).await,
        Err(Error::Timeout(2 * SECOND))
    );
    assert_eq!(started.elapsed(), 2 * SECOND);
    // A flush that comes while the batch hangs keeps its own limit.
    assert_eq!(
        queue.force_flush_async(SECOND).await,
        Err(Error::Timeout(SECOND))
    );
    assert_eq!(started.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_takes_too_long_fails_and_the_next_one_is_sent() {
    let (queue, worker) = queue(settings());
    let mut calls = 0;
    let first_hangs = exporter(move |_| {
        calls += 1;
        let hang = calls == 1;
        async move {
            if hang {
                pending::<()>().await;
            }
            Ok(())
        }
    });
    tokio::spawn(worker.run(first_hangs));
    for item in 0..20 {
        queue.push(item).unwrap();
    }
    let error = queue.force_flush_async(60 * SECOND).await.unwrap_err();
    assert!(
        matches!(&error, Error::Failed { items: 10, error_type, .. } if error_type == "timeout"),
        "{error}"
    );
    let counts = queue.counts();
    assert_eq!((counts.delivered, counts.failed), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_exporter_fails_its_batch_alone() {
    for panics_when_polled in [false, true] {
        let (queue, worker) = queue(settings());
        let panics = exporter(move |batch: Vec<u64>| {
            let bad = batch.contains(&7);
            assert!(!bad || panics_when_polled, "the exporter fell over");
            async move {
                tokio::task::yield_now().await;
                assert!(!bad, "the exporter fell over");
                Ok(())
            }
        });
        tokio::spawn(worker.run(panics));
        for item in 0..20 {
            queue.push(item).unwrap();
        }
        assert_eq!(
            queue.force_flush_async(SECOND).await,
            Err(Error::Failed {
                items: 10,
                error_type: "panic".into(),
                message: "the exporter panicked: the exporter fell over".into()
            })
        );
        let counts = queue.counts();
        assert_eq!((counts.delivered, counts.failed), (10, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exporter_is_told_to_flush_and_may_panic_at_its_end() {
    struct Sulky;
    impl Export<u64> for Sulky {
        async fn export(&mut self, _batch: Vec<u64>) -> Result<(), Failure> {
            Ok(())
        }
        fn flush(&mut self) -> Result<(), String> {
            Err("the disk is full".to_owned())
        }
        fn shutdown(&mut self, _timeout: Duration) -> Result<(), String> {
            panic!("no")
        }
    }
    let (queue, worker) = queue(settings());
    tokio::spawn(worker.run(Sulky));
    let said = |message: &str| {
        Err(Error::Exporter {
            message: message.to_owned(),
        })
    };
    assert_eq!(
        queue.force_flush_async(SECOND).await,
        said("the disk is full")
    );
    assert_eq!(
        queue.shutdown_async(SECOND).await,
        said("the exporter panicked: no")
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_can_be_asked_for_again_and_items_after_it_are_counted() {
    let (queue, worker) = queue(settings());
    let exporter = exporter(accept);
    let running = tokio::spawn(worker.run(exporter.clone()));
    queue.push(1).unwrap();
    let (first, second) = tokio::join!(queue.shutdown_async(SECOND), queue.shutdown_async(SECOND));
    assert_eq!((first, second), (Ok(()), Ok(())));
    running.await.unwrap();
    assert_eq!(queue.shutdown(SECOND), Ok(()));
    assert_eq!(queue.shutdown_async(SECOND).await, Ok(()));
    assert_eq!(queue.force_flush(SECOND), Err(Error::AlreadyShutdown));
    assert_eq!(queue.push(2), Err(DropCause::AlreadyShutdown));
    assert_eq!(exporter.seen(), [1]);
    assert_eq!(exporter.shutdowns.load(Ordering::Relaxed), 1);
    assert_eq!(queue.counts().already_shutdown, 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_delivers_and_ends_the_worker() {
    let (queue, worker) = queue(settings());
    let exporter = exporter(accept);
    let running = tokio::spawn(worker.run(exporter.clone()));
    let other = queue.clone();
    queue.push(1).unwrap();
    drop(queue);
    other.push(2).unwrap();
    drop(other);
    timeout(60 * SECOND, running).await.unwrap().unwrap();
    assert_eq!(exporter.seen(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_dropped_tells_whoever_waits() {
    let (queue, worker) = queue(settings());
    let running = tokio::spawn(worker.run(exporter(|_| pending())));
    for item in 0..25 {
        queue.push(item).unwrap();
    }
    tokio::task::yield_now().await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.shutdown_async(60 * SECOND).await }
    });
    tokio::task::yield_now().await;
    running.abort();
    assert_eq!(waiting.await.unwrap(), Err(Error::WorkerGone));
    assert_eq!(queue.force_flush(SECOND), Err(Error::WorkerGone));
    let counts = queue.counts();
    assert_eq!((counts.failed, counts.abandoned), (10, 15));
    assert_eq!(queue.push(26), Err(DropCause::AlreadyShutdown));
}

/// An idle queue, a waiting batch and a hanging exporter are woken by nothing but their causes.
#[tokio::test(start_paused = true)]
async fn the_worker_does_not_wait_busily() {
    let (queue, worker) = queue(settings());
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    tokio::spawn(async move {
        let mut run = pin!(worker.run(exporter(|_| pending())));
        std::future::poll_fn(|context| {
            counted.fetch_add(1, Ordering::Relaxed);
            run.as_mut().poll(context)
        })
        .await;
    });
    sleep(3600 * SECOND).await;
    assert_eq!(polls.swap(0, Ordering::Relaxed), 1, "idle");
    queue.push(1).unwrap();
    queue.push(2).unwrap();
    sleep(4 * SECOND).await;
    assert_eq!(polls.swap(0, Ordering::Relaxed), 1, "a batch that waits");
    sleep(20 * SECOND).await;
    assert_eq!(
        polls.swap(0, Ordering::Relaxed),
        1,
        "an exporter that hangs"
    );
    sleep(3600 * SECOND).await;
    // The export's time is up, and the worker gives its neighbours a turn.
    assert_eq!(polls.swap(0, Ordering::Relaxed), 2, "the end of it");
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_zero_sends_at_once_and_idles_between() {
    let (queue, worker) = queue(BatchSettings {
        schedule_delay: Duration::ZERO,
        ..settings()
    });
    let exporter = exporter(accept);
    tokio::spawn(worker.run(exporter.clone()));
    queue.push(1).unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(exporter.seen(), [1]);
}

/// What the exporter does is not itself reported on (opentelemetry-rust 761, 2877).
#[tokio::test(start_paused = true)]
async fn the_exporter_runs_with_telemetry_suppressed() {
    use opentelemetry::Context;
    let (queue, worker) = queue(settings());
    let suppressed = exporter(|_| {
        let called = Context::is_current_telemetry_suppressed();
        async move {
            tokio::task::yield_now().await;
            assert!(called && Context::is_current_telemetry_suppressed());
            Ok(())
        }
    });
    tokio::spawn(worker.run(suppressed));
    queue.push(1).unwrap();
    queue.force_flush_async(SECOND).await.unwrap();
    assert!(!Context::is_current_telemetry_suppressed());
}

/// opentelemetry-rust 2583, 868: shutdown and flush from a current-thread runtime hang.
#[tokio::test(flavor = "current_thread")]
async fn a_current_thread_runtime_may_flush_and_shut_down() {
    flush_and_shut_down().await;
}

/// opentelemetry-rust 2715: shutdown and flush from a runtime with one worker thread hang.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_runtime_with_one_worker_may_flush_and_shut_down() {
    tokio::spawn(flush_and_shut_down()).await.unwrap();
}

async fn flush_and_shut_down() {
    let (queue, worker) = queue(settings());
    let exporter = exporter(accept);
    let delivery = deliver(worker, exporter.clone());
    queue.push(1).unwrap();
    queue.force_flush(60 * SECOND).unwrap();
    queue.push(2).unwrap();
    queue.force_flush_async(60 * SECOND).await.unwrap();
    queue.push(3).unwrap();
    queue.shutdown(60 * SECOND).unwrap();
    delivery.join().unwrap();
    assert_eq!(exporter.seen(), [1, 2, 3]);
}

#[test]
fn no_runtime_is_needed_to_flush_and_shut_down() {
    let (queue, worker) = queue(settings());
    let delivery = deliver(worker, exporter(accept));
    queue.push(1).unwrap();
    queue.force_flush(60 * SECOND).unwrap();
    queue.shutdown(60 * SECOND).unwrap();
    delivery.join().unwrap();
    assert_eq!(queue.counts().delivered, 1);
}

#[test]
fn the_delivery_thread_is_told_that_it_cannot_wait_for_itself() {
    let (queue, worker) = queue(settings());
    let (inner, said) = (queue.clone(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&said);
    let delivery = deliver(
        worker,
        exporter(move |_| {
            let mut heard = heard.lock().unwrap();
            heard.push(inner.force_flush(60 * SECOND));
            heard.push(inner.shutdown(60 * SECOND));
            async { Ok(()) }
        }),
    );
    queue.push(1).unwrap();
    queue.force_flush(60 * SECOND).unwrap();
    let error = || Err(Error::DeliveryThread);
    assert_eq!(*said.lock().unwrap(), [error(), error()]);
    // The shutdown took place all the same.
    assert_eq!(queue.push(2), Err(DropCause::AlreadyShutdown));
    delivery.join().unwrap();
}

#[test]
fn without_a_worker_the_wait_ends_at_its_limit() {
    let (queue, worker) = queue(settings());
    let limit = Duration::from_millis(20);
    queue.push(1).unwrap();
    assert_eq!(queue.force_flush(limit), Err(Error::Timeout(limit)));
    assert_eq!(queue.shutdown(limit), Err(Error::Timeout(limit)));
    drop(worker);
    assert_eq!(queue.shutdown(limit), Err(Error::WorkerGone));
}

/// The only wait on the clock of the wall: an exporter that blocks its thread, which nothing can cut off.
#[test]
fn an_exporter_that_blocks_its_thread_does_not_hold_the_caller() {
    let (queue, worker) = queue(settings());
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = std::sync::mpsc::channel();
    let blocked = Mutex::new(blocked);
    let delivery = deliver(
        worker,
        exporter(move |_| {
            begin.send(()).unwrap();
            let _ = blocked.lock().unwrap().recv();
            async { Ok(()) }
        }),
    );
    queue.push(1).unwrap();
    let flush = queue.clone();
    let flushing = thread::spawn(move || flush.force_flush(60 * SECOND));
    begun.recv().unwrap();
    let limit = Duration::from_millis(20);
    assert_eq!(queue.shutdown(limit), Err(Error::Timeout(limit)));
    drop(release);
    flushing.join().unwrap().unwrap();
    delivery.join().unwrap();
    assert_eq!(queue.counts().delivered, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However many threads push, whatever the exporter does and whenever someone flushes:
    /// offered = delivered + failed + dropped by cause, and the exporter saw each item once.
    #[test]
    fn every_item_is_accounted_for_under_many_threads(
        threads in 1usize..6,
        each in 0u64..400,
        max_queue_size in 1usize..200,
        batch in 1usize..64,
        fails_every in 1usize..5,
        shuts_down_early: bool,
    ) {
        let (queue, worker) = queue(BatchSettings {
            max_queue_size,
            max_export_batch_size: batch.min(max_queue_size),
            schedule_delay: Duration::from_millis(1),
            ..BatchSettings::spans()
        });
        let mut calls = 0;
        let exporter = exporter(move |batch: Vec<u64>| {
            calls += 1;
            let outcome = match calls % fails_every {
                0 if fails_every > 1 => Err(Failure::partial(batch.len() as u64 / 2, "no room")),
                _ => Ok(()),
            };
            async move {
                tokio::task::yield_now().await;
                outcome
            }
        });
        let delivery = deliver(worker, exporter.clone());
        let dropped = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..threads as u64 {
                let (queue, dropped) = (queue.clone(), &dropped);
                scope.spawn(move || {
                    for item in 0..each {
                        if queue.push(thread * each + item).is_err() {
                            dropped.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            let _ = queue.force_flush(60 * SECOND);
            if shuts_down_early {
                let _ = queue.shutdown(60 * SECOND);
            }
        });
        let _ = queue.shutdown(60 * SECOND);
        delivery.join().unwrap();
        let counts = queue.counts();
        prop_assert_eq!(counts.offered(), threads as u64 * each);
        prop_assert_eq!(counts.queue_full + counts.already_shutdown, dropped.into_inner() as u64);
        prop_assert_eq!(counts.delivered + counts.lost(), counts.offered());
        prop_assert_eq!((counts.abandoned, counts.queued, counts.in_flight), (0, 0, 0));
        let mut seen = exporter.seen();
        prop_assert_eq!(seen.len() as u64, counts.delivered + counts.failed);
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len() as u64, counts.delivered + counts.failed);
    }
}
