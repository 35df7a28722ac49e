//! Code that is written against `opentelemetry::global` runs on the engine unchanged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use opentelemetry::{KeyValue, global};
use throughline_engine::{MeterProvider, Reader};
use throughline_model::Number;
use throughline_testkit::{InMemoryReader, Seen};

#[test]
fn a_library_that_knows_the_api_alone_is_measured() {
    let reader = Reader::default();
    let provider = MeterProvider::builder()
        .reader(reader.clone())
        .build()
        .unwrap();
    global::set_meter_provider(provider);

    let meter = global::meter("a-library");
    let counter = meter.u64_counter("requests").build();
    counter.add(2, &[KeyValue::new("route", "/")]);

    let snapshot = InMemoryReader::new(reader).collect();
    assert_eq!(
        snapshot.number("requests", [("route", "/")]),
        Number::U64(2)
    );
    assert_eq!(snapshot.scopes[0].scope.name(), "a-library");
}
