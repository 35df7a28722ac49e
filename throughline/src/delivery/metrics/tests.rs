use std::sync::Mutex;

use opentelemetry::InstrumentationScope;
use throughline_model::{Attributes, Data, Gauge, Metric, NumberPoint, PushFuture, ScopeMetrics};

use super::*;

/// Something to send, with this name.
fn snapshot(name: &'static str) -> Snapshot {
    let point = NumberPoint {
        attributes: Attributes::default(),
        start: std::time::SystemTime::UNIX_EPOCH,
        time: std::time::SystemTime::UNIX_EPOCH,
        value: throughline_model::Number::I64(1),
        exemplars: vec![],
    };
    let metric = Metric {
        name: name.into(),
        description: "".into(),
        unit: "".into(),
        data: Data::Gauge(Gauge {
            points: vec![point],
        }),
    };
    let scope = ScopeMetrics {
        scope: InstrumentationScope::builder("test").build(),
        metrics: vec![metric],
    };
    Snapshot {
        scopes: vec![scope],
        ..Snapshot::default()
    }
}

#[derive(Debug)]
struct Fresh;

impl Collect for Fresh {
    fn collect(&self, _: Duration) -> Result<Snapshot, CollectError> {
        Ok(snapshot("fresh"))
    }
}

/// Takes all but what is named `refused`.
#[derive(Clone, Debug, Default)]
struct Taken(Arc<Mutex<Vec<String>>>);

impl Push for Taken {
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
        let name = snapshot.metrics().next().unwrap().1.name.clone();
        self.0.lock().unwrap().push(name.clone().into_owned());
        Box::pin(async move {
            match &*name {
                "refused" => Err(throughline_model::PushError::Shutdown),
                _ => Ok(()),
            }
        })
    }
}

/// What is pushed where this collection was late the last time.
async fn after_late(collected: Result<Snapshot, CollectError>) -> Vec<String> {
    let taken = Taken::default();
    let pusher = Pusher {
        collect: Arc::new(Fresh),
        sink: MetricSink::new(Box::new(taken.clone()), "test", &SelfMeter::new()),
        interval: Duration::from_secs(3600),
        timeout: Duration::from_secs(3600),
    };
    let mut late = Some(tokio::task::spawn_blocking(|| collected));
    let deadline = after(pusher.timeout);
    pusher.collect_and_push(&mut late, deadline).await.unwrap();
    assert!(late.is_none());
    std::mem::take(&mut *taken.0.lock().unwrap())
}

#[tokio::test]
async fn what_was_late_is_pushed_before_what_is_new() {
    assert_eq!(after_late(Ok(snapshot("late"))).await, ["late", "fresh"]);
}

#[tokio::test]
async fn a_late_collection_that_came_to_nothing_costs_no_second_turn() {
    let timeout = CollectError::Timeout(Duration::from_secs(1));
    assert_eq!(after_late(Err(timeout)).await, ["fresh"]);
    assert_eq!(
        after_late(Ok(snapshot("refused"))).await,
        ["refused", "fresh"]
    );
}
