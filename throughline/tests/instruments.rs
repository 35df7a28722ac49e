//! Typed instruments on the engine, collectors, and operations on a runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use throughline::model::{Number, Snapshot};
use throughline::opentelemetry::KeyValue;
use throughline::{Collector, Instruments, Observable, Observations, Telemetry, TelemetryBuilder};
use throughline_testkit::{CollectingPush, CollectingSpanExporter, ManualClock, NONE, Seen};

const LIMIT: Duration = Duration::from_secs(10);

/// opentelemetry-specification: `metrics/sdk.md` has defaults for milliseconds alone; semantic conventions: `http-metrics.md`
/// has these for seconds.
#[test]
fn a_histogram_of_seconds_has_buckets_for_seconds() {
    let bench = bench(|it| it);
    let histogram = |name| bench.telemetry.histogram::<f64>(name);
    histogram("in.seconds").unit("s").build().record(0.12);
    histogram("in.milliseconds")
        .unit("ms")
        .build()
        .record(120.0);
    let own = histogram("of.its.own").unit("s").boundaries([1.0]).build();
    own.record(0.12);
    let meter = bench.telemetry.meter();
    let bare = meter.f64_histogram("of.the.api").with_unit("s").build();
    bare.record(0.12, &[]);
    let snapshot = bench.snapshot();
    let bounds = |name: &str| snapshot.histogram(name, NONE).bounds.to_vec();
    let seconds = bounds("in.seconds");
    assert_eq!((seconds.len(), seconds[0], seconds[13]), (14, 0.005, 10.0));
    assert_eq!(bounds("of.its.own"), [1.0]);
    for name in ["in.milliseconds", "of.the.api"] {
        assert_eq!(bounds(name)[14], 10_000.0, "{name}");
    }
}

throughline::attributes! {
    struct Order { tier: Tier => "order.tier", express: Option<bool> => "order.express" }
    enum Tier { Gold => "gold", Silver => "silver" }
    struct Customer { id: u32 => "customer.id" }
}

struct Bench {
    telemetry: Telemetry,
    metrics: CollectingPush,
    spans: CollectingSpanExporter,
    clock: ManualClock,
}

fn bench(set_up: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> Bench {
    let (metrics, spans, clock) = (
        CollectingPush::new(),
        CollectingSpanExporter::new(),
        ManualClock::new(),
    );
    let builder = Telemetry::builder("shop")
        .environment(|name| (name == "OTEL_LOGS_EXPORTER").then(|| "none".to_owned()))
        .metric_exporter(metrics.clone())
        .span_exporter(spans.clone())
        .clock(Arc::new(clock.clone()));
    let telemetry = set_up(builder).build().unwrap();
    Bench {
        telemetry,
        metrics,
        spans,
        clock,
    }
}

impl Bench {
    fn snapshot(&self) -> Snapshot {
        self.telemetry.force_flush(LIMIT).unwrap();
        self.metrics.snapshots().pop().unwrap()
    }
}

#[test]
fn each_declared_set_is_a_series() {
    let bench = bench(|it| it);
    let orders = bench
        .telemetry
        .counter::<u64>("orders")
        .unit("{order}")
        .attributes::<Order>()
        .build();
    let gold = Order {
        tier: Tier::Gold,
        express: None,
    };
    let express = Order {
        express: Some(true),
        ..gold
    };
    let silver = Order {
        tier: Tier::Silver,
        ..gold
    };
    orders.with(gold).add(1);
    orders.with(express).add(2);
    orders.with(silver).add(4);
    orders.with(gold).add(8);
    bench
        .telemetry
        .up_down_counter::<i64>("queued")
        .build()
        .add(-3);
    bench
        .telemetry
        .gauge::<f64>("temperature")
        .build()
        .record(21.5);
    let sizes = bench
        .telemetry
        .histogram::<u64>("sizes")
        .unit("By")
        .boundaries([10.0, 100.0])
        .build();
    sizes.record(50);

    let snapshot = bench.snapshot();
    assert_eq!(
        snapshot.number("orders", [("order.tier", "gold")]),
        Number::U64(9)
    );
    let express = [
        KeyValue::new("order.tier", "gold"),
        KeyValue::new("order.express", true),
    ];
    assert_eq!(
        snapshot.number("orders", express.map(throughline_testkit::AttributePair)),
        Number::U64(2)
    );
    assert_eq!(
        snapshot.number("orders", [("order.tier", "silver")]),
        Number::U64(4)
    );
    assert_eq!(snapshot.seen("orders").unit, "{order}");
    assert_eq!(snapshot.number("queued", NONE), Number::I64(-3));
    assert_eq!(snapshot.number("temperature", NONE), Number::F64(21.5));
    let sizes = snapshot.histogram("sizes", NONE);
    assert_eq!(sizes.bounds.to_vec(), [10.0, 100.0]);
    assert_eq!(sizes.counts, [0, 1, 0]);
}

#[test]
fn ten_thousand_sets_keep_the_total_and_a_bound_on_the_series() {
    let bench = bench(|it| it.cardinality_limit(100));
    let calls = bench
        .telemetry
        .counter::<u64>("calls")
        .attributes::<Customer>()
        .build();
    for id in 0..10_000 {
        calls.with(Customer { id }).add(1);
    }
    let snapshot = bench.snapshot();
    let metric = snapshot.seen("calls");
    // As many sets as the limit says, and the overflow.
    assert_eq!(metric.data.len(), 101);
    let throughline::model::Data::Sum(sum) = &metric.data else {
        panic!("{metric:?}")
    };
    let total: f64 = sum.points.iter().map(|it| it.value.as_f64()).sum();
    assert_eq!(total, 10_000.0);
}

const USED: Observable<u64> = Observable::<u64>::gauge("pool.used");
const IDLE: Observable<u64> = Observable::<u64>::gauge("pool.idle");

struct Pool(Arc<AtomicU64>);

impl Collector for Pool {
    fn describe(&self, instruments: &mut Instruments) {
        instruments.add(&USED);
        instruments.add(&IDLE);
    }

    fn collect(&self, observations: &mut Observations<'_>) {
        let look = self.0.fetch_add(1, Ordering::SeqCst);
        observations.observe(&USED, look, &[]);
        observations.observe(&IDLE, 10 - look, &[]);
    }
}

#[test]
fn a_collector_is_looked_at_once_per_collection_until_it_is_unregistered() {
    let bench = bench(|it| it);
    let looks = Arc::new(AtomicU64::new(3));
    let registration = bench.telemetry.register(Pool(Arc::clone(&looks))).unwrap();
    let snapshot = bench.snapshot();
    assert_eq!(snapshot.number("pool.used", NONE), Number::U64(3));
    assert_eq!(snapshot.number("pool.idle", NONE), Number::U64(7));
    assert_eq!(looks.load(Ordering::SeqCst), 4);
    registration.unregister();
    assert!(
        bench
            .snapshot()
            .metric("pool.used")
            .is_none_or(|it| it.data.is_empty())
    );
    assert_eq!(looks.load(Ordering::SeqCst), 4);
    bench.telemetry.shutdown(LIMIT).unwrap();
    assert!(bench.telemetry.register(Pool(looks)).is_err());
}

#[test]
fn a_spawned_operation_that_is_aborted_was_cancelled_and_measured_what_its_span_says() {
    let bench = bench(|it| it);
    let (outer, inner) = (
        bench.telemetry.operation("outer").build(),
        bench.telemetry.operation("inner").build(),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let clock = bench.clock.clone();
        let task = outer.run(|| {
            tokio::spawn(inner.wrap(async move {
                clock.advance(Duration::from_millis(70));
                started.send(()).unwrap();
                std::future::pending::<()>().await;
            }))
        });
        has_started.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    let snapshot = bench.snapshot();
    let cancelled = [("error.type", "cancelled"), ("outcome", "cancelled")];
    assert_eq!(snapshot.number("inner.calls", cancelled), Number::U64(1));
    assert_eq!(snapshot.number("inner.active", NONE), Number::I64(0));
    let histogram = snapshot.histogram("inner.duration", [("error.type", "cancelled")]);
    assert_eq!(histogram.sum, 0.07);

    let spans = bench.spans.spans();
    let find = |name: &str| spans.iter().find(|it| it.name == name).unwrap();
    let (outer, inner) = (find("outer"), find("inner"));
    assert_eq!(
        inner.end_time.duration_since(inner.start_time).unwrap(),
        Duration::from_millis(70)
    );
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    let exemplar = snapshot.exemplars("inner.duration")[0];
    assert_eq!(
        exemplar.span,
        Some((inner.span_context.trace_id(), inner.span_context.span_id()))
    );
    assert_eq!(exemplar.value, Number::F64(0.07));
}
