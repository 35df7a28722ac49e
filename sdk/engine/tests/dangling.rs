//! No exemplar dangles: a million measurements against a keeper that is slow, loses spans and changes its mind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use common::bench_with;
use common::keeper::within;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, TraceId};
use throughline_engine::{
    Aggregation, ExemplarFilter, Outliers, Reader, Selector, TemporalityPreference, View,
};
use throughline_model::{Data, Exemplar, Fate, KeepReason, Number, Random, Snapshot, TraceKeeper};
use throughline_testkit::{InMemoryReader, SeededRandom};

/// A buffer of spans, the queue behind it and the collector that acknowledges batches, in short.
#[derive(Debug, Default)]
struct Buffer(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether a span that is open is to be delivered.
    open: HashMap<SpanId, bool>,
    queue: VecDeque<SpanId>,
    lost: HashSet<SpanId>,
    /// What the backend has: this is the truth.
    delivered: HashSet<SpanId>,
    batches: usize,
    /// Of how many spans the first answer was another than the last.
    fickle: HashMap<SpanId, u8>,
}

/// Spans that the queue holds: more are dropped.
const QUEUE: usize = 300;

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn begin(&self, span: u64, sampled: bool) {
        self.lock().open.insert(SpanId::from(span), sampled);
    }

    fn end(&self, span: u64) {
        let mut state = self.lock();
        let span = SpanId::from(span);
        if state.open.remove(&span) != Some(true) || state.queue.len() >= QUEUE {
            state.lost.insert(span);
        } else {
            state.queue.push_back(span);
        }
    }

    /// Sends up to `spans` of the queue: every fourth batch is refused.
    fn deliver(&self, spans: usize) {
        let mut state = self.lock();
        let state = &mut *state;
        state.batches += 1;
        let batch = state.queue.drain(..spans.min(state.queue.len()));
        if state.batches.is_multiple_of(4) {
            state.lost.extend(batch);
        } else {
            state.delivered.extend(batch);
        }
    }

    /// What is still open will never be delivered.
    fn shut_down(&self) {
        let mut state = self.lock();
        let open: Vec<_> = state.open.drain().map(|(span, _)| span).collect();
        state.lost.extend(open);
    }
}

impl TraceKeeper for Buffer {
    fn candidate(&self, span: &SpanContext) -> bool {
        // Of every eighth trace the randomness is too low.
        !number(span.span_id()).is_multiple_of(8)
    }

    fn keep(&self, _: TraceId, span: SpanId, why: KeepReason) {
        assert_eq!(why, KeepReason::Outlier);
        if let Some(kept) = self.lock().open.get_mut(&span) {
            *kept = true;
        }
    }

    fn fate(&self, _: TraceId, span: SpanId) -> Fate {
        let mut state = self.lock();
        let asked = state.fickle.entry(span).or_default();
        *asked = asked.saturating_add(1);
        let first = *asked == 1;
        let known = if state.delivered.contains(&span) {
            Fate::Delivered
        } else if state.lost.contains(&span) {
            Fate::Lost
        } else {
            Fate::Pending
        };
        // It changes its mind: what it calls lost or pending it may call delivered later, and what it called delivered it
        // may have forgotten when the next reader asks. It never calls delivered what is not.
        match number(span) % 10 {
            1 if first => Fate::Lost,
            2 if first => Fate::Pending,
            3 if !first => Fate::Lost,
            _ => known,
        }
    }
}

fn number(span: SpanId) -> u64 {
    u64::from_be_bytes(span.to_bytes())
}

fn exemplars(snapshot: &Snapshot) -> Vec<&Exemplar> {
    let metrics = snapshot.scopes.iter().flat_map(|scope| &scope.metrics);
    metrics
        .flat_map(|metric| -> Vec<&Exemplar> {
            match &metric.data {
                Data::Sum(data) => data.points.iter().flat_map(|p| &p.exemplars).collect(),
                Data::Gauge(data) => data.points.iter().flat_map(|p| &p.exemplars).collect(),
                Data::Histogram(data) => data.points.iter().flat_map(|p| &p.exemplars).collect(),
                Data::ExponentialHistogram(data) => {
                    data.points.iter().flat_map(|p| &p.exemplars).collect()
                }
            }
        })
        .collect()
}

const THREADS: u64 = 4;
const SPANS: u64 = 25_000;
/// Of each span, into each of the instruments below, about.
const EACH: u64 = 10;

#[test]
fn of_a_million_measurements_no_exemplar_dangles() {
    let buffer = Arc::new(Buffer::default());
    let second = Reader::builder()
        .temporality(TemporalityPreference::Delta)
        .default_histogram_aggregation(Aggregation::exponential())
        .build();
    let bench = bench_with(|b| {
        b.self_telemetry(true)
            .reader(second.clone())
            .exemplar_filter(ExemplarFilter::Resolvable)
            .trace_keeper(Arc::clone(&buffer) as _)
            .outliers(Selector::name("work.*"), Outliers::quantile(0.999))
            .view(View::select(Selector::name("work.size")).outliers(Outliers::above(990.0)))
    });
    let second = InMemoryReader::new(second);
    let readers = [&bench.cumulative, &bench.delta, &second];
    let duration = bench.meter.f64_histogram("work.duration").build();
    let size = bench.meter.u64_histogram("work.size").build();
    let calls = bench.meter.u64_counter("calls").build();
    let (mut published, mut dangling) = (0u64, Vec::new());
    let mut check = |reader: &InMemoryReader| {
        let snapshot = reader.collect();
        let state = buffer.lock();
        for exemplar in exemplars(&snapshot) {
            let (_, span) = exemplar.span.expect("made in a span");
            published += 1;
            if !state.delivered.contains(&span) {
                dangling.push(exemplar.clone());
            }
        }
    };
    let work = |thread: u64, mut now_and_then: Option<&mut dyn FnMut()>| {
        let random = SeededRandom::new(thread);
        for at in 0..SPANS {
            let span = 1 + at * THREADS + thread;
            let sampled = random.next_u64().is_multiple_of(50);
            buffer.begin(span, sampled);
            let guard = within(span, sampled);
            for _ in 0..EACH / 2 {
                let value = random.next_u64() % 1_000;
                let set = [KeyValue::new("k", (value % 3) as i64)];
                duration.record(value as f64 / 10.0, &set);
                size.record(value, &set[..(at % 2) as usize]);
            }
            calls.add(1, &[]);
            drop(guard);
            // Some never end.
            if !at.is_multiple_of(100) {
                buffer.end(span);
            }
            if at.is_multiple_of(200)
                && let Some(now_and_then) = &mut now_and_then
            {
                now_and_then();
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 1..THREADS {
            let work = &work;
            scope.spawn(move || work(thread, None));
        }
        let mut round = 0;
        // This one collects and delivers besides, so that it does not depend on the machine how often that is.
        work(
            0,
            Some(&mut || {
                bench.clock.advance(Duration::from_secs(1));
                bench.provider.tick();
                check(readers[round % readers.len()]);
                buffer.deliver(40);
                round += 1;
            }),
        );
    });
    // Shutdown: what is decided is delivered, the rest is lost, then the metrics are collected.
    for _ in 0..4 {
        buffer.deliver(QUEUE);
    }
    buffer.shut_down();
    for _ in 0..3 {
        readers.into_iter().for_each(&mut check);
    }
    assert_eq!(dangling, []);

    // And it was no empty promise: every outcome was met, and every exemplar is accounted for.
    let snapshot = bench.cumulative.collect();
    let total = |name: &str, key: &'static str| -> HashMap<String, u64> {
        let Data::Sum(sum) = &snapshot.metric(name).unwrap().data else {
            panic!("{name}")
        };
        let points = sum.points.iter().map(|point| {
            let Number::U64(count) = point.value else {
                panic!()
            };
            let label = point.attributes.iter().find(|a| a.key.as_str() == key);
            (label.unwrap().value.as_str().into_owned(), count)
        });
        points.collect()
    };
    let outcomes = total(
        "throughline.engine.exemplars",
        "throughline.exemplar.outcome",
    );
    assert_eq!(outcomes["published"], published);
    let outliers = total("throughline.engine.outliers", "throughline.outlier.trace");
    assert!(
        outliers["asked"] > 0 && outliers["lost"] > 0,
        "{outliers:?}"
    );
    assert!(published > 0 && outcomes["withdrawn"] > 0, "{outcomes:?}");
    let measured: u64 = ["work.duration", "work.size"]
        .iter()
        .map(|name| {
            let Data::Histogram(data) = &snapshot.metric(name).unwrap().data else {
                panic!("{name}")
            };
            data.points.iter().map(|point| point.count()).sum::<u64>()
        })
        .sum();
    assert_eq!(measured, THREADS * SPANS * EACH);
    assert_eq!(measured, 1_000_000);
}
