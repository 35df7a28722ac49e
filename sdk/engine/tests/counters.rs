//! Counters: what is added up arrives, whatever the order of the attributes and the threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use throughline_engine::{MeterProvider, Reader, TemporalityPreference};
use throughline_model::Number;
use throughline_testkit::InMemoryReader;

fn provider() -> (MeterProvider, InMemoryReader) {
    let reader = Reader::builder()
        .temporality(TemporalityPreference::Cumulative)
        .build();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .build()
        .unwrap();
    (provider, InMemoryReader::new(reader))
}

#[test]
fn additions_of_all_threads_and_orders_arrive_in_one_series() {
    let (provider, reader) = provider();
    let counter = provider.meter("test").u64_counter("orders").build();
    let (a, b) = (KeyValue::new("a", 1), KeyValue::new("b", "x"));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..100 {
                    counter.add(1, &[a.clone(), b.clone()]);
                    counter.add(1, &[b.clone(), a.clone()]);
                }
            });
        }
    });
    counter.bind(&[b, a]).add(5);
    counter.add(1, &[]);
    let snapshot = reader.collect();
    let metric = snapshot.metric("orders").unwrap();
    let throughline_model::Data::Sum(sum) = &metric.data else {
        panic!("{metric:?}");
    };
    let values: Vec<_> = sum.points.iter().map(|p| p.value).collect();
    assert_eq!(values, [Number::U64(605), Number::U64(1)]);
    assert!(sum.monotonic);
}
