//! Shutting down from anywhere, whatever the collector does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use collector::Collector;
use throughline::{Collector as ReadsState, Error, Instruments, Observable, Observations};
use throughline::{Otlp, Telemetry};
use throughline_testkit::otlp_sink::{Fault, Nobody};
use tokio::runtime::{Builder, Runtime};

/// What the collector does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    Up,
    Refusing,
    Hanging,
}

/// Where the shutdown is called from.
#[derive(Clone, Copy, Debug)]
enum From {
    NoRuntime,
    CurrentThread,
    CurrentThreadAsync,
    OneWorker,
    OneWorkerTask,
    OneWorkerAsync,
    Drop,
    DropInTask,
}

impl From {
    fn is_drop(&self) -> bool {
        matches!(self, Self::Drop | Self::DropInTask)
    }
}

/// Longer than any machine takes, shorter than anyone would call it hanging.
const PATIENCE: Duration = Duration::from_secs(60);

fn telemetry(url: String) -> Telemetry {
    Telemetry::builder("shop")
        .environment(|_| None)
        .otlp(Otlp::grpc(url))
        .build()
        .unwrap()
}

fn one_worker() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Records in every signal that needs no subscriber, then shuts down; `None` where nobody hears the result.
fn record_and_shut_down(
    telemetry: Telemetry,
    from: From,
    limit: Duration,
) -> Option<Result<(), Error>> {
    let work = telemetry.operation("work").build();
    match from {
        From::NoRuntime => {
            work.run(|| ());
            Some(telemetry.shutdown(limit))
        }
        From::CurrentThread => Some(current_thread().block_on(async {
            work.wrap(async {}).await;
            telemetry.shutdown(limit)
        })),
        From::CurrentThreadAsync => Some(current_thread().block_on(async {
            work.wrap(async {}).await;
            telemetry.shutdown_async(limit).await
        })),
        From::OneWorker => Some(one_worker().block_on(async {
            work.wrap(async {}).await;
            telemetry.shutdown(limit)
        })),
        From::OneWorkerTask => Some(one_worker().block_on(async {
            let task = tokio::spawn(async move {
                work.wrap(async {}).await;
                telemetry.shutdown(limit)
            });
            task.await.unwrap()
        })),
        From::OneWorkerAsync => Some(one_worker().block_on(async {
            let task = tokio::spawn(async move {
                work.wrap(async {}).await;
                telemetry.shutdown_async(limit).await
            });
            task.await.unwrap()
        })),
        From::Drop => {
            work.run(|| ());
            drop(telemetry);
            None
        }
        From::DropInTask => {
            one_worker().block_on(async {
                let task = tokio::spawn(async move {
                    work.wrap(async {}).await;
                    drop(telemetry);
                });
                task.await.unwrap();
            });
            None
        }
    }
}

#[test]
fn from_anywhere_with_the_collector_up_refusing_or_hanging() {
    use Behaviour::{Hanging, Refusing, Up};
    let everywhere = [
        From::NoRuntime,
        From::CurrentThread,
        From::CurrentThreadAsync,
        From::OneWorker,
        From::OneWorkerTask,
        From::OneWorkerAsync,
        From::Drop,
        From::DropInTask,
    ];
    // At the same time, since hanging takes as long as it may.
    std::thread::scope(|scope| {
        for from in everywhere {
            for behaviour in [Up, Refusing, Hanging] {
                if behaviour != Up || !from.is_drop() {
                    scope.spawn(move || one_shutdown(from, behaviour));
                }
            }
        }
    });
    // Their limit is none of ours: alone, so that it is enough on any machine.
    for from in everywhere.into_iter().filter(From::is_drop) {
        one_shutdown(from, Up);
    }
}

fn one_shutdown(from: From, behaviour: Behaviour) {
    let collector = Collector::start();
    let nobody = Nobody::listens().unwrap();
    let url = match behaviour {
        Behaviour::Up => collector.url(),
        Behaviour::Hanging => {
            collector.sink.always(Some(Fault::Hang));
            collector.url()
        }
        Behaviour::Refusing => nobody.url(),
    };
    let limit = match behaviour {
        Behaviour::Up => PATIENCE,
        _ => Duration::from_secs(1),
    };
    let begun = Instant::now();
    let result = record_and_shut_down(telemetry(url), from, limit);
    let took = begun.elapsed();
    assert!(took < PATIENCE, "{from:?} {behaviour:?} took {took:?}");
    if behaviour == Behaviour::Up {
        result.map(Result::unwrap);
        collector.span("work");
        assert_eq!(collector.numbers("work.calls")["outcome=success"], 1.0);
    } else if let Some(result) = result {
        let error = result.unwrap_err();
        assert!(
            error.is_undelivered() || error.is_timeout(),
            "{from:?} {behaviour:?}: {error}"
        );
    }
}

#[test]
fn a_second_shutdown_says_the_same_and_a_flush_after_it_is_nothing() {
    let collector = Collector::start();
    let up = telemetry(collector.url());
    up.shutdown(PATIENCE).unwrap();
    let requests = collector.sink.received().len();
    up.shutdown(PATIENCE).unwrap();
    up.force_flush(PATIENCE).unwrap();
    let work = up.operation("work").build();
    assert_eq!(work.run(|| 42), 42);
    drop(up);
    assert_eq!(collector.sink.received().len(), requests);

    collector.sink.always(Some(Fault::Http {
        status: 400,
        retry_after: None,
    }));
    let down = Telemetry::builder("shop")
        .environment(|_| None)
        .otlp(Otlp::http(collector.url()))
        .build()
        .unwrap();
    down.operation("work").build().run(|| ());
    let said = down.shutdown(PATIENCE).unwrap_err().to_string();
    assert!(said.contains("spans") && said.contains("metrics"), "{said}");
    assert_eq!(down.shutdown(PATIENCE).unwrap_err().to_string(), said);
}

#[test]
fn no_time_at_all_and_all_the_time_there_is_are_times() {
    let collector = Collector::start();
    for limit in [Duration::ZERO, Duration::MAX] {
        let telemetry = Telemetry::builder("shop")
            .environment(|name| (name == "OTEL_METRIC_EXPORT_TIMEOUT").then(|| "0".to_owned()))
            .metric_interval(Duration::MAX)
            .otlp(Otlp::grpc(collector.url()).timeout(Duration::ZERO))
            .build()
            .unwrap();
        telemetry.operation("work").build().run(|| ());
        let (flushed, ended) = (telemetry.force_flush(limit), telemetry.shutdown(limit));
        if limit.is_zero() {
            // The delivery thread may be done before the caller looks: with all of it, or with what it had no time for.
            for error in [flushed, ended].into_iter().filter_map(Result::err) {
                assert!(error.is_timeout() || error.is_undelivered(), "{error}");
            }
        } else {
            flushed.and(ended).unwrap();
        }
    }
    assert!(!collector.spans().is_empty());
}

#[test]
fn those_who_shut_down_at_the_same_time_wait_for_one() {
    let collector = Collector::start();
    let telemetry = telemetry(collector.url());
    telemetry.operation("work").build().run(|| ());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| telemetry.shutdown(PATIENCE).unwrap());
        }
    });
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn the_final_metrics_say_what_became_of_the_spans() {
    let collector = Collector::start();
    let telemetry = telemetry(collector.url());
    let work = telemetry.operation("work").build();
    for _ in 0..3 {
        work.run(|| ());
    }
    telemetry.shutdown(PATIENCE).unwrap();
    let processed = collector.numbers("otel.sdk.processor.span.processed");
    assert_eq!(processed.values().sum::<f64>(), 3.0, "{processed:?}");
}

#[test]
fn a_flush_delivers_and_leaves_everything_running() {
    let collector = Collector::start();
    let telemetry = telemetry(collector.url());
    let work = telemetry.operation("work").build();
    for round in 1..=3 {
        work.run(|| ());
        if round == 2 {
            current_thread()
                .block_on(telemetry.force_flush_async(PATIENCE))
                .unwrap();
        } else {
            telemetry.force_flush(PATIENCE).unwrap();
        }
        assert_eq!(collector.spans().len(), round);
        assert_eq!(
            collector.numbers("work.calls")["outcome=success"],
            round as f64
        );
    }
}

const DEPTH: Observable<u64> = Observable::<u64>::gauge("depth");

struct Hangs(std::sync::Mutex<mpsc::Receiver<()>>);

impl ReadsState for Hangs {
    fn describe(&self, instruments: &mut Instruments) {
        instruments.add(&DEPTH);
    }

    fn collect(&self, observations: &mut Observations<'_>) {
        // Until the test lets go.
        let _ = self.0.lock().unwrap().recv();
        observations.observe(&DEPTH, 1, &[]);
    }
}

#[test]
fn a_callback_that_hangs_holds_up_neither_spans_nor_the_shutdown() {
    let collector = Collector::start();
    let telemetry = telemetry(collector.url());
    let (let_go, hangs) = mpsc::channel();
    let _ = telemetry
        .register(Hangs(std::sync::Mutex::new(hangs)))
        .unwrap();
    telemetry.operation("work").build().run(|| ());
    let begun = Instant::now();
    let error = telemetry.shutdown(Duration::from_secs(10)).unwrap_err();
    assert!(begun.elapsed() < PATIENCE);
    assert!(error.to_string().contains("metrics"), "{error}");
    collector.span("work");
    drop(let_go);
}

#[test]
fn a_callback_that_shuts_down_does_not_wait_for_itself() {
    struct ShutsDown(std::sync::Mutex<Option<Telemetry>>);
    impl ReadsState for ShutsDown {
        fn describe(&self, instruments: &mut Instruments) {
            instruments.add(&DEPTH);
        }

        fn collect(&self, _: &mut Observations<'_>) {
            if let Some(telemetry) = self.0.lock().unwrap().take() {
                let _ = telemetry.shutdown(Duration::from_millis(300));
            }
        }
    }
    let collector = Collector::start();
    let telemetry = telemetry(collector.url());
    let registered = ShutsDown(std::sync::Mutex::new(Some(telemetry.clone())));
    let _ = telemetry.register(registered).unwrap();
    let begun = Instant::now();
    let _ = telemetry.force_flush(Duration::from_secs(5));
    let _ = telemetry.shutdown(Duration::from_secs(5));
    assert!(begun.elapsed() < PATIENCE);
}
