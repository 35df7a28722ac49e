//! Any interleaving of threads and collections: totals are exact, deltas add up to them, nothing is lost when a thread ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use common::{Bench, bench_with};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use proptest::prelude::*;
use throughline_engine::{Aggregation, ExemplarFilter, Selector, View};
use throughline_model::{Data, Number, Snapshot};
use throughline_testkit::{NONE, Seen};

/// One step of an interleaving.
#[derive(Clone, Debug)]
enum Step {
    /// A worker measures under set `k`.
    Measure {
        worker: usize,
        k: i64,
        value: u16,
    },
    /// A worker ends, and another one takes its place at the next measurement.
    End {
        worker: usize,
    },
    CollectDelta,
    CollectTotal,
}

const WORKERS: usize = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..WORKERS, 0..4i64, any::<u16>())
            .prop_map(|(worker, k, value)| Step::Measure { worker, k, value }),
        1 => (0..WORKERS).prop_map(|worker| Step::End { worker }),
        1 => Just(Step::CollectDelta),
        1 => Just(Step::CollectTotal),
    ];
    prop::collection::vec(step, 1..120)
}

/// A thread that does as it is told, one thing at a time.
struct Worker {
    orders: Option<Sender<(i64, u16)>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Instruments {
    counter: Counter<u64>,
    floats: Counter<f64>,
    up_down: UpDownCounter<i64>,
    histogram: Histogram<f64>,
    exponential: Histogram<f64>,
}

impl Instruments {
    fn measure(&self, k: i64, value: u16) {
        let set = [
            KeyValue::new("k", k),
            KeyValue::new("dropped", i64::from(value)),
        ];
        let number = f64::from(value);
        self.counter.add(value.into(), &set[..1]);
        // Sums of 1/8 are exact.
        self.floats.add(number / 8.0, &set);
        self.up_down.bind(&set[..1]).add(i64::from(value) - 30_000);
        self.histogram.record(number, &set);
        self.exponential.record(number - 1000.0, &set[..1]);
    }
}

impl Worker {
    fn new(instruments: Instruments) -> Self {
        let (orders, work) = channel::<(i64, u16)>();
        let (told, done) = channel();
        let thread = std::thread::spawn(move || {
            for (k, value) in work {
                instruments.measure(k, value);
                told.send(()).unwrap();
            }
        });
        Self {
            orders: Some(orders),
            done,
            thread: Some(thread),
        }
    }

    fn measure(&self, k: i64, value: u16) {
        self.orders.as_ref().unwrap().send((k, value)).unwrap();
        self.done.recv().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        self.thread.take().unwrap().join().unwrap();
    }
}

/// What a point must say, from the values themselves.
#[derive(Clone, Debug, Default, PartialEq)]
struct Expected {
    values: Vec<u16>,
}

const BOUNDS: [f64; 3] = [10.0, 1000.0, 50_000.0];

fn assert_points(snapshot: &Snapshot, expected: &BTreeMap<i64, Expected>) {
    let count = |name: &str| snapshot.metric(name).map_or(0, |metric| metric.data.len());
    for name in ["counter", "floats", "histogram", "exponential"] {
        assert_eq!(count(name), expected.len(), "{name} {expected:?}");
    }
    for (k, Expected { values }) in expected {
        let set = [("k", *k)];
        let sum: u64 = values.iter().map(|v| u64::from(*v)).sum();
        assert_eq!(snapshot.number("counter", set), Number::U64(sum));
        assert_eq!(
            snapshot.number("floats", set),
            Number::F64(sum as f64 / 8.0)
        );
        let point = snapshot.histogram("histogram", set);
        let mut counts = vec![0; BOUNDS.len() + 1];
        for value in values {
            counts[BOUNDS.partition_point(|bound| *bound < f64::from(*value))] += 1;
        }
        assert_eq!((&point.counts, point.sum), (&counts, sum as f64));
        let (min, max) = (values.iter().min().unwrap(), values.iter().max().unwrap());
        assert_eq!(point.min, Some(f64::from(*min)));
        assert_eq!(point.max, Some(f64::from(*max)));
        assert!(point.exemplars.len() <= counts.len());
        for exemplar in &point.exemplars {
            assert!(
                values
                    .iter()
                    .any(|v| Number::F64(f64::from(*v)) == exemplar.value)
            );
            assert!((point.start..=point.time).contains(&exemplar.time));
            let dropped = KeyValue::new("dropped", exemplar.value.as_f64() as i64);
            assert_eq!(exemplar.filtered_attributes, [dropped]);
        }
        let point = snapshot.exponential("exponential", set);
        let shifted: Vec<f64> = values.iter().map(|v| f64::from(*v) - 1000.0).collect();
        assert_eq!(point.count(), values.len() as u64);
        assert_eq!(
            point.zero_count,
            shifted.iter().filter(|v| **v == 0.0).count() as u64
        );
        assert_eq!(point.sum, shifted.iter().sum::<f64>());
        assert_eq!(point.min, shifted.iter().copied().reduce(f64::min));
        assert_eq!(point.max, shifted.iter().copied().reduce(f64::max));
    }
}

fn run(steps: &[Step]) {
    let bench: Bench = bench_with(|builder| {
        builder
            .exemplar_filter(ExemplarFilter::AlwaysOn)
            .view(View::select(Selector::name("floats")).keep(["k"]))
            .view(View::select(Selector::name("histogram")).keep(["k"]))
            .view(
                View::select(Selector::name("exponential")).aggregation(Aggregation::exponential()),
            )
    });
    let meter = &bench.meter;
    let instruments = Instruments {
        counter: meter.u64_counter("counter").build(),
        floats: meter.f64_counter("floats").build(),
        up_down: meter.i64_up_down_counter("up_down").build(),
        histogram: meter
            .f64_histogram("histogram")
            .with_boundaries(BOUNDS.to_vec())
            .build(),
        exponential: meter.f64_histogram("exponential").build(),
    };
    let mut workers: [Option<Worker>; WORKERS] = Default::default();
    let mut total: BTreeMap<i64, Expected> = BTreeMap::new();
    let mut delta = total.clone();
    let last = [Step::CollectDelta, Step::CollectTotal];
    for step in steps.iter().chain(&last) {
        match *step {
            Step::Measure { worker, k, value } => {
                let worker =
                    workers[worker].get_or_insert_with(|| Worker::new(instruments.clone()));
                worker.measure(k, value);
                total.entry(k).or_default().values.push(value);
                delta.entry(k).or_default().values.push(value);
            }
            Step::End { worker } => workers[worker] = None,
            Step::CollectDelta => {
                assert_points(&bench.delta.collect(), &delta);
                delta.clear();
            }
            Step::CollectTotal => {
                let snapshot = bench.cumulative.collect();
                assert_points(&snapshot, &total);
                for (k, Expected { values }) in &total {
                    let sum: i64 = values.iter().map(|v| i64::from(*v) - 30_000).sum();
                    assert_eq!(snapshot.number("up_down", [("k", *k)]), Number::I64(sum));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_interleaving_totals_are_exact_and_deltas_add_up(steps in steps()) {
        run(&steps);
    }
}

/// An exponential histogram computed from all values at once, by the definition of its buckets.
fn naive(values: &[f64], max_size: usize) -> (i32, BTreeMap<i32, u64>, BTreeMap<i32, u64>) {
    let index = |value: f64, scale: i32| -> i32 {
        // Exact for the values used here: the logarithm is never within rounding of a bound but at powers of two, where
        // it is exact.
        let log = value.abs().log2() * f64::from(scale).exp2();
        log.ceil() as i32 - 1
    };
    for scale in (-10..=20).rev() {
        let mut sides = [BTreeMap::new(), BTreeMap::new()];
        for value in values.iter().filter(|value| **value != 0.0) {
            let side = &mut sides[usize::from(*value < 0.0)];
            *side.entry(index(*value, scale)).or_insert(0) += 1;
        }
        let fits = |side: &BTreeMap<i32, u64>| match (side.first_key_value(), side.last_key_value())
        {
            (Some((low, _)), Some((high, _))) => (high - low + 1) as usize <= max_size,
            _ => true,
        };
        if sides.iter().all(fits) {
            let [positive, negative] = sides;
            return (scale, positive, negative);
        }
    }
    panic!("scale -10 fits everything");
}

fn counts(buckets: &throughline_model::ExponentialBuckets) -> BTreeMap<i32, u64> {
    (buckets.offset..)
        .zip(buckets.counts.iter().copied())
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn values() -> impl Strategy<Value = f64> {
    let exponent = prop_oneof![4 => -8..8i32, 1 => -300..300i32];
    let mantissa = prop_oneof![
        3 => (1..64u32).prop_map(|m| 1.0 + f64::from(m) / 64.0 - 1.0 / 128.0),
        1 => Just(1.0),
    ];
    (exponent, mantissa, any::<bool>(), 0..12u8).prop_map(|(exponent, mantissa, negative, zero)| {
        let value = mantissa * f64::from(exponent).exp2();
        match (zero, negative) {
            (0, _) => 0.0,
            (_, true) => -value,
            _ => value,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Specification: "Maintain the ideal scale", also when threads with scales of their own are merged.
    #[test]
    fn exponential_histograms_are_what_all_values_at_once_would_give(
        threads in prop::collection::vec(prop::collection::vec(values(), 0..40), 1..4),
        max_size in prop_oneof![Just(160usize), 2..20usize],
    ) {
        let bench = bench_with(|builder| {
            builder.view(View::select(Selector::any()).aggregation(Aggregation::Exponential {
                max_size,
                max_scale: 20,
                record_min_max: true,
            }))
        });
        let histogram = bench.meter.f64_histogram("h").build();
        let (mut before, mut seen_deltas) = (0, 0);
        for part in [0, 1] {
            std::thread::scope(|scope| {
                for values in &threads {
                    let histogram = &histogram;
                    let half = values.len() / 2;
                    let values = if part == 0 { &values[..half] } else { &values[half..] };
                    scope.spawn(move || values.iter().for_each(|value| histogram.record(*value, &[])));
                }
            });
            let all: Vec<f64> = threads
                .iter()
                .flat_map(|values| if part == 0 { &values[..values.len() / 2] } else { &values[..] })
                .copied()
                .collect();
            let snapshot = bench.cumulative.collect();
            if all.is_empty() {
                prop_assert!(snapshot.is_empty());
                continue;
            }
            let point = snapshot.exponential("h", NONE);
            let (scale, positive, negative) = naive(&all, max_size);
            prop_assert_eq!(point.scale, scale);
            prop_assert_eq!(counts(&point.positive), positive);
            prop_assert_eq!(counts(&point.negative), negative);
            prop_assert_eq!(point.zero_count, all.iter().filter(|v| **v == 0.0).count() as u64);
            prop_assert_eq!(point.min, all.iter().copied().reduce(f64::min));
            prop_assert_eq!(point.max, all.iter().copied().reduce(f64::max));
            prop_assert!(point.positive.counts.len() <= max_size);
            // The delta: what is new, at the scale of the total.
            let snapshot = bench.delta.collect();
            if let Some(Data::ExponentialHistogram(data)) = snapshot.metric("h").map(|m| &m.data) {
                let delta = &data.points[0];
                prop_assert_eq!(delta.scale, scale);
                seen_deltas += delta.count();
                prop_assert_eq!(seen_deltas, all.len() as u64);
                prop_assert_eq!(delta.count(), all.len() as u64 - before);
            } else {
                prop_assert_eq!(before, all.len() as u64);
            }
            before = all.len() as u64;
        }
    }
}

/// One interleaving that a reviewer can follow.
#[test]
fn a_worker_that_ends_between_two_collections_is_in_the_second() {
    let measure = |worker, value| Step::Measure {
        worker,
        k: 0,
        value,
    };
    run(&[
        measure(0, 1),
        measure(1, 2),
        Step::CollectDelta,
        measure(0, 4),
        Step::End { worker: 0 },
        Step::CollectTotal,
        measure(0, 8),
        Step::CollectDelta,
        Step::CollectDelta,
    ]);
}
