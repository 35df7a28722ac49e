//! Streams to be tested, each with the parts of a provider.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use opentelemetry::KeyValue;
use throughline_model::Temporality;
use throughline_testkit::{ManualClock, SeededRandom};

use crate::aggregate::Sum;
use crate::number::NumberType;
use crate::parts::Parts;
use crate::pipeline::{Descriptor, StreamConfig};
use crate::stream::Stream;
use crate::view::AttributeFilter;
use crate::{Aggregation, ExemplarFilter, InstrumentKind};

pub(super) type Counter = Stream<Sum<u64>>;

pub(super) fn counter(limit: usize, readers: &[(usize, Temporality)]) -> Arc<Counter> {
    counter_of(&parts(), limit, readers)
}

fn parts() -> Arc<Parts> {
    Arc::new(Parts {
        resource: Arc::default(),
        clock: Arc::new(ManualClock::new()),
        random: Arc::new(SeededRandom::new(7)),
        exemplar_filter: ExemplarFilter::AlwaysOff,
        keeper: None,
        views: vec![],
        outliers: vec![],
        left_out: [].into(),
        readers: vec![],
        tally: crate::self_telemetry::Tally::default(),
        pairs: crate::shared_pairs::SharedPairs::default(),
        shut_down: AtomicBool::new(false),
    })
}

fn counter_of(parts: &Arc<Parts>, limit: usize, readers: &[(usize, Temporality)]) -> Arc<Counter> {
    let descriptor = Descriptor {
        name: "c".into(),
        description: "".into(),
        unit: "".into(),
        kind: InstrumentKind::Counter,
        number: NumberType::U64,
    };
    let config = StreamConfig {
        descriptor: Arc::new(descriptor),
        attributes: AttributeFilter::All,
        limit,
        reservoir: None,
        outliers: None,
        aggregation: Aggregation::Sum,
    };
    let sum = Sum::new(true);
    Stream::new(sum, Arc::new(config), readers, parts)
}

#[test]
fn one_call_has_another_hash_in_each_stream_of_a_provider() {
    let parts = parts();
    let call = [KeyValue::new("method", "GET")];
    let mut places: Vec<u64> = (0..100)
        .map(|_| counter_of(&parts, 10, &[]).call(&call).places)
        .collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 100);
}
